"""Problem set 2: momentum and Nesterov's accelerated gradient."""

from autograder.definition import ProblemSet, Written

from . import effective_lr, minimize_quadratic, momentum_step, nag_lookahead, nag_step

PROBLEM_SET = ProblemSet(
    "ps02-momentum",
    title="Momentum and Nesterov's gradient",
    exercises=(
        momentum_step.EXERCISE,
        nag_lookahead.EXERCISE,
        nag_step.EXERCISE,
        minimize_quadratic.EXERCISE,
        effective_lr.EXERCISE,
    ),
    written=(Written("missing_term", 4),),
)
