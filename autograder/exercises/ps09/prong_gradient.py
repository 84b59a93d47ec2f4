"""PRONG: the gradient in whitened coordinates."""

from autograder import reference
from autograder.definition import Exercise, edit
from autograder.definition.cases import case_maker

from .layers import checks

case = case_maker("grad_W", "grad_b", "c", "U")

# where the mistake is in grad_V, grad_b is mostly handed on as it came
NOT_COPIED = ("grad_b.copy()", "grad_b")


EXERCISE = Exercise(
    "prong_gradient",
    title="PRONG: the gradient in whitened coordinates",
    minutes=15,
    section="prong.md#the-rule",
    parameters=("grad_W", "grad_b", "c", "U"),
    returns=("grad_V", "grad_d"),
    reference=reference.prong_gradient,
    checks=checks(case),
    mistakes={
        "projected-like-weights": edit(
            "Your gradient is multiplied by U⁻¹, as the weights are: the chain rule through "
            "W = VU multiplies gradients by Uᵀ.",
            ("U.T", "np.linalg.inv(U)"),
            NOT_COPIED,
        ),
        "not-transposed": edit(
            "Your gradient is multiplied by U: the chain rule through W = VU gives Uᵀ, on the "
            "right.",
            ("U.T", "U"),
            NOT_COPIED,
        ),
        "mean-forgotten": edit(
            "Your gradient in V is g_W Uᵀ: V also acts through the bias b = d − VUc, which adds "
            "−g_b cᵀUᵀ.",
            ("(grad_W - np.outer(grad_b, c))", "grad_W"),
            NOT_COPIED,
        ),
        "sign-of-the-mean": edit(
            "Your gradient in V is (g_W + g_b cᵀ)Uᵀ, which fits the lecture's slip b = d + Wc: "
            "with b = d − Wc it is (g_W − g_b cᵀ)Uᵀ.",
            ("grad_W - ", "grad_W + "),
            NOT_COPIED,
        ),
        "mean-not-whitened": edit(
            "Your gradient in V is g_W Uᵀ − g_b cᵀ: the bias holds VUc, so the second term needs "
            "Uᵀ as well.",
            ("(grad_W - np.outer(grad_b, c)) @ U.T", "grad_W @ U.T - np.outer(grad_b, c)"),
            NOT_COPIED,
        ),
        "unchanged": edit(
            "Your function returns the gradients in W and b: V and d are other coordinates, so "
            "the gradient in V is (g_W − g_b cᵀ)Uᵀ.",
            ("grad_V, grad_b.copy()", "grad_W, grad_b"),
        ),
        "already-in-W": edit(
            "Your gradient is multiplied by UᵀU: that is how W moves in the end; V itself has "
            "the gradient (g_W − g_b cᵀ)Uᵀ.",
            ("U.T", "U.T @ U"),
            NOT_COPIED,
        ),
        "bias-gradient-shifted": edit(
            "Your gradient in d has an extra term: d appears in b = d − Wc only, with factor one, "
            "so g_d = g_b.",
            ("grad_b.copy()", "grad_b + grad_W @ c"),
        ),
        "swapped": edit(
            "Your function returns the gradient in d first: return that in V, then that in d.",
            ("grad_V, grad_b.copy()", "grad_b, grad_V"),
        ),
        "gradient-changed": edit(
            "Your function changes `grad_W` in place (`-=` does that to arrays): "
            "compute a new array.",
            (
                "grad_V = (grad_W - np.outer(grad_b, c))",
                "grad_W -= np.outer(grad_b, c)\n    grad_V = grad_W",
            ),
            NOT_COPIED,
        ),
    },
)
