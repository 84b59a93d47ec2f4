"""Inverted dropout, forward."""

from autograder import reference
from autograder.definition import Exercise, edit
from autograder.definition.cases import case_maker

from .dropout import checks, mean_over_masks

case = case_maker("x", "mask", "keep")


EXERCISE = Exercise(
    "inverted_dropout_forward",
    title="Inverted dropout, forward",
    minutes=5,
    section="dropout.md#two-conventions-one-expectation",
    parameters=("x", "mask", "keep"),
    returns=("y",),
    reference=reference.inverted_dropout_forward,
    checks={
        **checks(case),
        "the mean over all masks": mean_over_masks(case, "mean_over_masks_is_input"),
    },
    mistakes={
        "not-rescaled": edit(
            "Your function does not rescale what is kept: that is the lecture's form, which "
            "scales the weights in testing. Inverted dropout divides by `keep` here.",
            (" / keep", ""),
        ),
        "multiplied-by-keep": edit(
            "Your function multiplies by the keep rate: fewer units have to carry the same sum, "
            "so what is kept has to grow.",
            ("/ keep", "* keep"),
        ),
        "divided-by-drop-rate": edit(
            "Your function divides by 1 − keep: `keep` is the probability to KEEP a unit "
            "(torch's p is that to drop it), so divide by `keep`.",
            ("/ keep", "/ (1 - keep)"),
        ),
        "mask-swapped": edit(
            "Your function drops what the mask keeps: the mask is 1 where a unit is kept.",
            ("mask", "(1 - mask)"),
        ),
        "keep-and-drop-swapped": edit(
            "Your function takes keep for drop throughout: the mask is 1 where a unit is kept, "
            "and `keep` is the probability of that.",
            ("mask / keep", "(1 - mask) / (1 - keep)"),
        ),
        "counted-share": edit(
            "Your function divides by the share that this mask happens to keep: divide by the "
            "probability `keep`, or the mean over masks is wrong (and an empty mask divides by 0).",
            ("/ keep", "/ mask.mean()"),
        ),
        "nothing-dropped": edit(
            "Your function scales but ignores the mask: a unit that is dropped gives zero.",
            ("x * mask", "x"),
        ),
        "root-of-keep": edit(
            "Your function divides by the root of the keep rate: dropout keeps the mean, not the "
            "variance, so divide by `keep`.",
            ("/ keep", "/ np.sqrt(keep)"),
        ),
        "in-place": edit(
            "Your function changes `x` in place (`*=` does that to arrays): compute a new array.",
            ("return x * mask / keep", "x *= mask / keep\n    return x"),
        ),
    },
)
