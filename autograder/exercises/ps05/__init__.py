"""Problem set 5: Adam and AdaMax."""

from autograder.definition import ProblemSet, Written

from . import adam_step, adam_trajectory, adamax_step, bias_correction

PROBLEM_SET = ProblemSet(
    "ps05-adam",
    title="Adam and AdaMax",
    exercises=(
        bias_correction.EXERCISE,
        adam_step.EXERCISE,
        adamax_step.EXERCISE,
        adam_trajectory.EXERCISE,
    ),
    written=(Written("two_conventions", 4),),
)
