"""Problem set 1: gradients, the step of SGD, its rate and its limits."""

from autograder.definition import ProblemSet, Written

from . import (
    clip_by_norm,
    condition_number,
    linear_decay,
    minibatch_gradient,
    sgd_step,
    softmax_cross_entropy,
)

PROBLEM_SET = ProblemSet(
    "ps01-sgd",
    title="Gradient descent and SGD",
    exercises=(
        softmax_cross_entropy.EXERCISE,
        minibatch_gradient.EXERCISE,
        sgd_step.EXERCISE,
        linear_decay.EXERCISE,
        clip_by_norm.EXERCISE,
        condition_number.EXERCISE,
    ),
    written=(Written("batch_size_and_rate", 4),),
)
