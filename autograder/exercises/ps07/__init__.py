"""Problem set 7: how large weights start, rectifiers and maxout, and gradients through depth."""

from autograder.definition import ProblemSet, Written

from . import (
    gradient_norms,
    initial_weights,
    maxout_backward,
    maxout_forward,
    rectifier_backward,
    rectifier_forward,
)

PROBLEM_SET = ProblemSet(
    "ps07-initialization",
    title="Initialization and activations",
    exercises=(
        initial_weights.EXERCISE,
        rectifier_forward.EXERCISE,
        rectifier_backward.EXERCISE,
        maxout_forward.EXERCISE,
        maxout_backward.EXERCISE,
        gradient_norms.EXERCISE,
    ),
    written=(Written("thirty_layers", 4),),
)
