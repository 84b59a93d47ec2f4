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
    section="notation.md#how-code-is-written",
    parameters=("x", "mask", "keep"),
    returns=("y",),
    reference=reference.dropout_train,
    checks=(*checks(case), mean_over_masks(case, "mean_over_masks_is_kept_share")),
    mistakes=(
        edit(
            "scaled-up-already",
            "Your function divides by the keep rate: that is the frameworks' convention, inverted "
            "dropout. In the lecture's form training scales nothing, and testing scales the "
            "weights.",
            ("mask", "mask / keep"),
        ),
        edit(
            "keep-and-drop-swapped",
            "Your function drops what the mask keeps: the mask is 1 where a unit is kept.",
            ("mask", "(1 - mask)"),
        ),
        edit(
            "scaled-down",
            "Your function multiplies by the keep rate in training: in the lecture's form that "
            "happens in testing, and only there.",
            ("mask", "mask * keep"),
        ),
        edit(
            "nothing-dropped", "Your function ignores the mask: multiply by it.", ("x * mask", "x")
        ),
        edit(
            "mean-instead-of-mask",
            "Your function returns keep · x, the mean over all masks: that is for testing; "
            "training uses the mask.",
            ("mask", "keep"),
        ),
        edit(
            "units-removed",
            "Your function takes the dropped units out of the array: set them to zero and keep "
            "the shape.",
            ("x * mask", "x[mask == 1]"),
        ),
        edit(
            "mask-added",
            "Your function adds the mask: multiply by it, so that dropped units are zero.",
            ("x * mask", "x + mask"),
        ),
        edit(
            "in-place",
            "Your function changes `x` in place (`*=` does that to arrays): write `x * mask`, "
            "which makes a new array.",
            ("return x * mask", "x *= mask\n    return x"),
        ),
    ),
)
