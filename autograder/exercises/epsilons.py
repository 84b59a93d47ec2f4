"""Known mistakes of rules that divide by something with an ε."""

from autograder.definition import Mistake, edit

_SIZES = ("1e-8", "1e-7", "1e-6", "1e-5", "1e-10")
_TOLD = (
    "Your function has an ε of its own and leaves the argument `eps` unused: who calls it says how "
    "large ε is."
)


def own_epsilon(divisor: str, *forms: str) -> Mistake:
    """The mistake for a rule whose divisor this is, with ε in each of the forms and sizes."""
    first, *others = [((divisor, form.format(size)),) for form in forms for size in _SIZES]
    return edit(_TOLD, *first, others=others)


# of rules that return theta - lr * grad / (np.sqrt(r) + eps), r
ROOT_AND_EPSILON = {
    "no-epsilon": edit(
        "Your function leaves ε out, so a gradient that has always been zero gives 0/0: divide "
        "by √r + ε.",
        ("(np.sqrt(r) + eps)", "np.sqrt(r)"),
    ),
    "parentheses-missing": edit(
        "Your ε is added to θ instead of the divisor: put parentheses around √r + ε.",
        ("(np.sqrt(r) + eps)", "np.sqrt(r) + eps"),
    ),
    "no-root": edit(
        "Your function divides by r without the root: divide by √r + ε, so that the units of "
        "the gradient cancel.",
        ("np.sqrt(r)", "r"),
    ),
    "no-root-and-no-epsilon": edit(
        "Your function divides by r itself, with neither root nor ε: the smaller "
        "the gradients, the longer are your steps, and one that has always been zero "
        "gives 0/0; divide by √r + ε.",
        ("(np.sqrt(r) + eps)", "r"),
    ),
    "epsilon-as-a-floor": edit(
        "Your divisor is the larger of √r and ε: it is their sum, √r + ε.",
        ("(np.sqrt(r) + eps)", "np.maximum(np.sqrt(r), eps)"),
    ),
    "own-epsilon": own_epsilon("(np.sqrt(r) + eps)", "(np.sqrt(r) + {})", "np.sqrt(r + {})"),
    "other-order": edit(
        "Your function returns (r, theta): the order is (theta, r), that of the arguments.",
        (
            "theta - lr * grad / (np.sqrt(r) + eps), r",
            "r, theta - lr * grad / (np.sqrt(r) + eps)",
        ),
    ),
}
