"""Problem set 11: what layers cost, and training on several machines."""

from autograder.definition import ProblemSet, Written

from . import conv_cost, data_parallel_gradient, inception_cost, local_matmul, stale_sgd

PROBLEM_SET = ProblemSet(
    "ps11-at-scale",
    title="Large networks and many machines",
    exercises=(
        conv_cost.EXERCISE,
        inception_cost.EXERCISE,
        local_matmul.EXERCISE,
        data_parallel_gradient.EXERCISE,
        stale_sgd.EXERCISE,
    ),
    written=(Written("more_workers", 4),),
)
