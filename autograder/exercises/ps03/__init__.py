"""Problem set 3: a step size for each weight, by Rprop and by AdaGrad."""

from autograder.definition import ProblemSet, Written

from . import adagrad_step, manhattan_step, net_update, rprop_step

PROBLEM_SET = ProblemSet(
    "ps03-rprop-adagrad",
    title="Rprop and AdaGrad",
    exercises=(
        rprop_step.EXERCISE,
        manhattan_step.EXERCISE,
        adagrad_step.EXERCISE,
        net_update.EXERCISE,
    ),
    written=(Written("nine_against_one", 4),),
)
