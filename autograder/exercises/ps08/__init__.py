"""Problem set 8: batch normalization in training, backward, at inference, and folded away."""

from autograder.definition import ProblemSet, Written

from . import (
    batchnorm_backward,
    batchnorm_forward,
    batchnorm_inference,
    fold_into_linear,
    update_running,
)

PROBLEM_SET = ProblemSet(
    "ps08-batchnorm",
    title="Batch normalization",
    exercises=(
        batchnorm_forward.EXERCISE,
        batchnorm_backward.EXERCISE,
        batchnorm_inference.EXERCISE,
        update_running.EXERCISE,
        fold_into_linear.EXERCISE,
    ),
    written=(Written("one_at_a_time", 4),),
)
