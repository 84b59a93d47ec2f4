"""Problem set 10: dropout, weight penalties, early stopping, ensembles and augmentation."""

from autograder.definition import ProblemSet, Written

from . import (
    dropout_test,
    dropout_train,
    early_stopping,
    ensemble_predict,
    inverted_dropout_backward,
    inverted_dropout_forward,
    l1_step,
    l2_step,
    random_crop_flip,
)

PROBLEM_SET = ProblemSet(
    "ps10-regularization",
    title="Regularization",
    exercises=(
        dropout_train.EXERCISE,
        dropout_test.EXERCISE,
        inverted_dropout_forward.EXERCISE,
        inverted_dropout_backward.EXERCISE,
        l2_step.EXERCISE,
        l1_step.EXERCISE,
        early_stopping.EXERCISE,
        ensemble_predict.EXERCISE,
        random_crop_flip.EXERCISE,
    ),
    written=(Written("two_kinds_of_scaling", 4),),
)
