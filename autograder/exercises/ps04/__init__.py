"""Problem set 4: running means of squared gradients, in RMSProp and in AdaDelta."""

from autograder.definition import ProblemSet, Written

from . import adadelta_step, decay_weights, rmsprop_nesterov_step, rmsprop_step

PROBLEM_SET = ProblemSet(
    "ps04-rmsprop-adadelta",
    title="RMSProp and AdaDelta",
    exercises=(
        rmsprop_step.EXERCISE,
        decay_weights.EXERCISE,
        rmsprop_nesterov_step.EXERCISE,
        adadelta_step.EXERCISE,
    ),
    written=(Written("units", 4),),
)
