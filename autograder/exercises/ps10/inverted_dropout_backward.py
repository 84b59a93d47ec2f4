"""Inverted dropout, backward."""

from autograder import reference
from autograder.definition import Exercise, edit
from autograder.definition.cases import case_maker

from .dropout import checks

case = case_maker("grad_y", "mask", "keep")


EXERCISE = Exercise(
    "inverted_dropout_backward",
    title="Inverted dropout, backward",
    minutes=5,
    section="dropout.md#the-rule",
    parameters=("grad_y", "mask", "keep"),
    returns=("grad_x",),
    reference=reference.inverted_dropout_backward,
    checks=checks(case),
    mistakes={
        "not-scaled": edit(
            "Your gradient lacks the factor 1/keep: the forward pass magnifies what it keeps, so a "
            "change of the input counts that much more.",
            (" / keep", ""),
        ),
        "mask-forgotten": edit(
            "Your gradient ignores the mask: a dropped unit had no influence on the output, so "
            "its gradient is zero.",
            ("grad_y * mask", "grad_y"),
        ),
        "passed-on": edit(
            "Your function passes the gradient on as it is: the chain rule multiplies it by what "
            "the forward pass multiplied the input by.",
            ("grad_y * mask / keep", "grad_y"),
        ),
        "multiplied-by-keep": edit(
            "Your gradient is multiplied by the keep rate: the forward pass divides by it, and so "
            "does its derivative.",
            ("/ keep", "* keep"),
        ),
        "forward-undone": edit(
            "Your function undoes the forward pass, multiplying by `keep`: a backward pass is no "
            "inverse but the chain rule, with the factors of the forward pass.",
            ("mask / keep", "keep"),
        ),
        "mask-swapped": edit(
            "Your gradient flows where the mask drops: it flows where the mask is 1.",
            ("mask", "(1 - mask)"),
        ),
        "keep-and-drop-swapped": edit(
            "Your gradient takes keep for drop throughout: it flows where the mask is 1, and "
            "`keep` is the probability of that.",
            ("mask / keep", "(1 - mask) / (1 - keep)"),
        ),
        "divided-by-drop-rate": edit(
            "Your function divides by 1 − keep: `keep` is the probability to KEEP a unit, so "
            "divide by `keep`.",
            ("/ keep", "/ (1 - keep)"),
        ),
        "scaled-twice": edit(
            "Your gradient is divided by `keep` twice: the forward pass divides once.",
            ("/ keep", "/ keep**2"),
        ),
        "in-place": edit(
            "Your function changes `grad_y` in place (`*=` does that to arrays): "
            "compute a new array.",
            ("return grad_y * mask / keep", "grad_y *= mask / keep\n    return grad_y"),
        ),
    },
)
