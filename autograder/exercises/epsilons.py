"""A known mistake of all rules with an ε: one of the student's own instead of the argument."""

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
