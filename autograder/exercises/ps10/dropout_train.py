"""Dropout in training, the lecture's form."""

from autograder import reference
from autograder.definition import Exercise, edit
from autograder.definition.cases import case_maker

from .dropout import checks, mean_over_masks

case = case_maker("x", "mask", "keep")


EXERCISE = Exercise(
    "dropout_train",
    title="Dropout in training, the lecture's form",
    minutes=5,
    section="dropout.md#the-rule",
    parameters=("x", "mask", "keep"),
    returns=("y",),
    reference=reference.dropout_train,
    checks={
        **checks(case),
        "the mean over all masks": mean_over_masks(case, "mean_over_masks_is_kept_share"),
    },
    mistakes={
        "scaled-up-already": edit(
            "Your function divides by the keep rate: that is the frameworks' convention, inverted "
            "dropout. In the lecture's form training scales nothing, and testing scales the "
            "weights.",
            ("mask", "mask / keep"),
        ),
        "keep-and-drop-swapped": edit(
            "Your function drops what the mask keeps: the mask is 1 where a unit is kept.",
            ("mask", "(1 - mask)"),
        ),
        "scaled-down": edit(
            "Your function multiplies by the keep rate in training: in the lecture's form that "
            "happens in testing, and only there.",
            ("mask", "mask * keep"),
        ),
        "nothing-dropped": edit(
            "Your function ignores the mask: multiply by it.", ("x * mask", "x")
        ),
        "mean-instead-of-mask": edit(
            "Your function returns keep · x, the mean over all masks: that is for testing; "
            "training uses the mask.",
            ("mask", "keep"),
        ),
        "units-removed": edit(
            "Your function takes the dropped units out of the array: set them to zero and keep "
            "the shape.",
            ("x * mask", "x[mask == 1]"),
        ),
        "mask-added": edit(
            "Your function adds the mask: multiply by it, so that dropped units are zero.",
            ("x * mask", "x + mask"),
        ),
        "in-place": edit(
            "Your function changes `x` in place (`*=` does that to arrays): compute a new array.",
            ("return x * mask", "x *= mask\n    return x"),
        ),
    },
)
