"""Problem set 9: the Fisher matrix, the natural gradient, and PRONG."""

from autograder.definition import ProblemSet, Written

from . import (
    fisher_softmax,
    natural_gradient_step,
    prong_canonical,
    prong_gradient,
    prong_project,
    prong_step,
    whitening,
)

PROBLEM_SET = ProblemSet(
    "ps09-natural-gradient",
    title="Natural gradient and PRONG",
    exercises=(
        fisher_softmax.EXERCISE,
        natural_gradient_step.EXERCISE,
        whitening.EXERCISE,
        prong_project.EXERCISE,
        prong_canonical.EXERCISE,
        prong_gradient.EXERCISE,
        prong_step.EXERCISE,
    ),
    written=(Written("whitening_and_signs", 4),),
)
