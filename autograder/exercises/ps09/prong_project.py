"""PRONG: into whitened coordinates."""

from autograder import reference
from autograder.definition import Exercise, edit
from autograder.definition.cases import case_maker

from .layers import checks, same_function

case = case_maker("W", "b", "c", "U")

# where the mistake is in d, the inverse is mostly written out
INVERTED = ("np.linalg.solve(U.T, W.T).T", "W @ np.linalg.inv(U)")


EXERCISE = Exercise(
    "prong_project",
    title="PRONG: into whitened coordinates",
    minutes=10,
    section="prong.md#the-rule",
    parameters=("W", "b", "c", "U"),
    returns=("V", "d"),
    reference=reference.prong_project,
    checks={**checks(case), "the function stays the same": same_function(case)},
    mistakes={
        "sign-of-the-mean": edit(
            "Your d is b − Wc, the sign of the lecture's slide: the layer subtracts c from its "
            "input, so the bias has to add it again, d = b + Wc.",
            INVERTED,
            ("b + ", "b - "),
        ),
        "mean-through-V": edit(
            "Your d is b + Vc: the mean passes through VU = W, so d = b + Wc.",
            INVERTED,
            ("W @ c", "V @ c"),
        ),
        "last-line-of-the-slide": edit(
            "Your d is b − Vc, as line 10 of the lecture's algorithm has it: that changes "
            "the function. d = b + VUc = b + Wc.",
            INVERTED,
            ("b + W @ c", "b - V @ c"),
        ),
        "multiplied-by-U": edit(
            "Your V is WU: the whitened inputs come multiplied by U already, so V must undo it, "
            "V = WU⁻¹.",
            ("np.linalg.solve(U.T, W.T).T", "W @ U"),
        ),
        "transpose-for-inverse": edit(
            "Your V is WUᵀ: the transpose is the inverse of orthogonal matrices only, and U also "
            "scales; V = WU⁻¹.",
            ("np.linalg.solve(U.T, W.T).T", "W @ U.T"),
        ),
        "inverse-transposed": edit(
            "Your V is W(U⁻¹)ᵀ: there is one transposition too many, V = WU⁻¹.",
            ("np.linalg.solve(U.T, W.T).T", "W @ np.linalg.inv(U).T"),
        ),
        "inverse-on-the-left": edit(
            "Your V is U⁻¹W: U acts on the inputs of the layer, so its inverse stands right of W, "
            "V = WU⁻¹.",
            ("np.linalg.solve(U.T, W.T).T", "np.linalg.inv(U) @ W"),
        ),
        "bias-left-alone": edit(
            "Your d is b: subtracting c from the inputs moves the outputs by −Wc, so d = b + Wc.",
            INVERTED,
            ("b + W @ c", "b"),
        ),
        "weights-left-alone": edit(
            "Your V is W: the layer now reads inputs multiplied by U, so V = WU⁻¹.",
            ("np.linalg.solve(U.T, W.T).T", "W"),
        ),
        "mean-whitened": edit(
            "Your d is b + WUc: W reads inputs that are not whitened, so d = b + Wc.",
            INVERTED,
            ("W @ c", "W @ (U @ c)"),
        ),
        "swapped": edit(
            "Your function returns d first: return V, then d.",
            INVERTED,
            ("V, b + W @ c", "b + W @ c, V"),
        ),
        "b-changed": edit(
            "Your function changes `b` in place (`+=` does that to arrays): compute a new array.",
            INVERTED,
            ("return V, b + W @ c", "b += W @ c\n    return V, b"),
        ),
    },
)
