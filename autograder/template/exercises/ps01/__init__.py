"""Problem set 1: sums."""

from autograder.definition import ProblemSet, Written

from . import horner, trapezoid

PROBLEM_SET = ProblemSet(
    "ps01-sums",
    title="Sums",
    exercises=(trapezoid.EXERCISE, horner.EXERCISE),
    written=(Written("halved_step", 3),),
)
