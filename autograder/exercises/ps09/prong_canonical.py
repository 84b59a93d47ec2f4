"""PRONG: back to the usual form."""

from autograder import reference
from autograder.definition import Exercise, edit
from autograder.definition.cases import case_maker

from .layers import checks, same_function

case = case_maker("V", "d", "c", "U")


EXERCISE = Exercise(
    "prong_canonical",
    title="PRONG: back to the usual form",
    minutes=10,
    section="prong.md#the-rule",
    parameters=("V", "d", "c", "U"),
    returns=("W", "b"),
    reference=reference.prong_canonical,
    checks={**checks(case), "the function stays the same": same_function(case)},
    mistakes={
        "sign-of-the-mean": edit(
            "Your b is d + Wc, as the lecture's slide prints: V U (h − c) + d = W h + (d − Wc), so "
            "b = d − Wc.",
            ("d - ", "d + "),
        ),
        "mean-through-V": edit(
            "Your b is d − Vc: the mean passes through U, too, so b = d − VUc = d − Wc.",
            ("W @ c", "V @ c"),
        ),
        "inverse-of-U": edit(
            "Your W is VU⁻¹, which is the way into whitened coordinates: the way back is W = VU.",
            ("V @ U", "V @ np.linalg.inv(U)"),
        ),
        "U-transposed": edit(
            "Your W is VUᵀ: the layer computes V U (h − c), so W = VU.", ("V @ U", "V @ U.T")
        ),
        "U-on-the-left": edit(
            "Your W is UV: U acts on the inputs first and V on what it returns, so W = VU.",
            ("V @ U", "U @ V"),
        ),
        "bias-left-alone": edit(
            "Your b is d: the layer subtracts c from its inputs, which moves the outputs by −Wc, "
            "so b = d − Wc.",
            ("d - W @ c", "d"),
        ),
        "weights-left-alone": edit(
            "Your W is V: V reads inputs that are multiplied by U, so W = VU.",
            ("return W", "return V"),
        ),
        "mean-whitened-twice": edit(
            "Your b is d − WUc: W = VU holds U already, so b = d − Wc.", ("W @ c", "W @ (U @ c)")
        ),
        "swapped": edit(
            "Your function returns b first: return W, then b.", ("W, d - W @ c", "d - W @ c, W")
        ),
        "d-changed": edit(
            "Your function changes `d` in place (`-=` does that to arrays): compute a new array.",
            ("return W, d - W @ c", "d -= W @ c\n    return W, d"),
        ),
    },
)
