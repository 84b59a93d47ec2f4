"""Problem set 7: how large weights start, rectifiers and maxout, and gradients through depth."""

from autograder.definition import ProblemSet, Written

from . import (
    gradient_norms,
    he_std,
    leaky_relu_backward,
    leaky_relu_forward,
    maxout_backward,
    maxout_forward,
    prelu_backward,
    prelu_forward,
    relu_backward,
    relu_forward,
    xavier_bound,
)

PROBLEM_SET = ProblemSet(
    "ps07-initialization",
    title="Initialization and activations",
    exercises=(
        xavier_bound.EXERCISE,
        he_std.EXERCISE,
        relu_forward.EXERCISE,
        relu_backward.EXERCISE,
        leaky_relu_forward.EXERCISE,
        leaky_relu_backward.EXERCISE,
        prelu_forward.EXERCISE,
        prelu_backward.EXERCISE,
        maxout_forward.EXERCISE,
        maxout_backward.EXERCISE,
        gradient_norms.EXERCISE,
    ),
    written=(Written("thirty_layers", 4),),
)
