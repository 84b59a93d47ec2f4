"""The capstone: Adam as a torch.optim.Optimizer, and a network trained to a stated accuracy."""

from autograder.definition import ProblemSet, Written

from . import course_adam, train_and_predict

PROBLEM_SET = ProblemSet(
    "capstone-optimizer",
    title="Capstone: an optimizer, and a network trained with it",
    exercises=(course_adam.EXERCISE, train_and_predict.EXERCISE),
    written=(Written("your_choice", 6),),
    torch=True,
)
