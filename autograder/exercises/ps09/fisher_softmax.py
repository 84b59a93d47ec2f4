"""The Fisher matrix of softmax regression."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker, floats, layouts

case = case_maker("W", "X")

W, X = floats([[0.5, -1], [0, 0.25], [-0.5, 1.5]]), [[1, 2], [-1, 0.5], [0, -3], [2, 1]]
SIZES = floats([1e-3, 1, 10])


def drawn(
    rng: Rng, k: int, d: int, n: int, of_w: float = 0.7, of_x: float = 1.5
) -> tuple[Array, Array]:
    """Weights of k classes and d features, and n inputs, of these standard deviations."""
    return rng.normal(0, of_w, (k, d)), rng.normal(0, of_x, (n, d))


def different(W: Array, X: Array) -> Case:
    return case("features of very different size", W / SIZES, X * SIZES)


def in_64ths(rng: Rng, *shape: int) -> Array:
    return np.asarray(np.round(64 * rng.normal(size=shape)) / 64)


def extreme(rng: Rng) -> list[Case]:
    def high(level: float) -> tuple[Array, Array]:
        # multiples of 1/64: logits of this size are then exact in any order of operations
        W = np.column_stack([np.full(3, level), np.zeros(3)]) + in_64ths(rng, 3, 2)
        return W, np.column_stack([np.ones(4), in_64ths(rng, 4)])

    certain = floats([[9000, 0], [0, 0], [0, 0]]) + rng.normal(size=(3, 2))
    mixed = np.column_stack([[1.0, 0, 0, -1], rng.normal(size=4)])
    return [
        case("all logits very large", *high(9000.0)),
        case("all logits very negative", *high(-9000.0)),
        case("certain of some inputs", certain, mixed),
    ]


@mistake
def factored(W, X):
    """Your F is the Kronecker product of two means, which is the approximation of K-FAC: the exact
    F is the mean of the Kronecker products of each input."""
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    spread = sum(np.diag(q) - np.outer(q, q) for q in p) / len(X)
    return np.kron(spread, X.T @ X / len(X))


@mistake
def likeliest_label(W, X):
    """Your F uses the likeliest class of each input as if it were the label: take the expectation
    over all classes, each with its probability p_y."""
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    scores = np.eye(len(W))[p.argmax(axis=1)] - p
    g = (scores[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    return g.T @ g / len(X)


@mistake
def classes_unweighted(W, X):
    """Your F averages over the classes as if they were equally likely: weight the class y with its
    probability p_y under the model."""
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    F = np.zeros((W.size, W.size))
    for q, x in zip(p, X, strict=True):
        for y in range(len(W)):
            g = np.outer(np.eye(len(W))[y] - q, x).ravel()
            F = F + np.outer(g, g) / len(W)
    return F / len(X)


EXERCISE = Exercise(
    "fisher_softmax",
    title="The Fisher matrix of softmax regression",
    minutes=25,
    section="natural-gradient.md#the-fisher-matrix-of-softmax-regression",
    parameters=("W", "X"),
    returns=("F",),
    reference=reference.fisher_softmax,
    checks={
        "a single input": Check(
            points=1,
            public=[
                case("two classes, equally likely", np.zeros((2, 2)), [[1, 2]]),
                case("three classes", W, [[1, -0.5]]),
                case("one feature", [[1], [0], [-2]], [[1.5]]),
            ],
            held_out=lambda rng: [
                case("three classes", *drawn(rng, 3, 2, 1, 1, 1)),
                case("two classes, three features", *drawn(rng, 2, 3, 1, 1, 1)),
            ],
        ),
        "a batch of inputs": Check(
            points=2,
            public=[
                case("three classes", W, X),
                case("two classes, three features", W.T.copy(), [[1, 0, 2], [3, -1, 1]]),
                case("weights zero", np.zeros((3, 2)), X),
                *layouts(case, readonly=(W, X), strided=(W, X)),
            ],
            held_out=lambda rng: [
                case("three classes", *drawn(rng, 3, 2, 6)),
                case("more classes than features", *drawn(rng, 5, 2, 4)),
                different(*drawn(rng, 2, 3, 5)),
                case("weights zero", np.zeros((3, 2)), rng.normal(0, 1.5, (5, 2))),
                *layouts(
                    case,
                    readonly=drawn(rng, 3, 2, 4),
                    strided=drawn(rng, 2, 3, 4),
                    column_major=drawn(rng, 3, 2, 4),
                ),
            ],
        ),
        "extreme logits": Check(
            points=1,
            public=[
                case(
                    "all logits very large",
                    [[9000, 1], [9001, -1], [9000.5, 0]],
                    [[1, 2], [1, -1], [1, 0.5]],
                ),
                case("all logits very negative", [[-9000, 1], [-9001, -1]], [[1, 2], [1, -1]]),
                case(
                    "certain of some inputs",
                    [[9000, 1], [0, -1], [1, 0.5]],
                    [[1, 2], [0, 1], [-1, 0.5]],
                ),
            ],
            held_out=extreme,
        ),
        "symmetric, and blind to what all classes share": Check(
            points=1,
            public=[case("four classes", [[1, 0], [0, 2], [-1, 1], [0.5, 0]], X)],
            held_out=lambda rng: [
                case("three classes", *drawn(rng, 3, 2, 6, 1, 1)),
                case("four classes", *drawn(rng, 4, 3, 3, 1, 1)),
            ],
            relation="is_a_softmax_fisher_matrix",
        ),
    },
    mistakes={
        "sum-not-mean": edit(
            "Your F is the sum over the inputs: the course takes the mean, so that it does not "
            "grow with the size of the batch.",
            ("F / len(X)", "F"),
        ),
        "without-outer-product": edit(
            "Your F has diag(p) where diag(p) − p pᵀ belongs: the score of class y is "
            "(one-hot − p), and its second moment is diag(p) − p pᵀ.",
            (" - np.outer(q, q)", ""),
        ),
        "column-order": edit(
            "Your F numbers the parameters column by column: the course takes rows, W[a, i] has "
            "the number a·d + i, and the class is the outer index of F.",
            (
                "np.diag(q) - np.outer(q, q), np.outer(x, x)",
                "np.outer(x, x), np.diag(q) - np.outer(q, q)",
            ),
        ),
        "factored": factored,
        "likeliest-label": likeliest_label,
        "classes-unweighted": classes_unweighted,
        "no-max-subtracted": edit(
            "Your softmax takes exp() of the logits as they are, which overflows above 709: "
            "subtract the largest logit of each input first.",
            (" - z.max(axis=1, keepdims=True)", ""),
        ),
        "diagonal-only": edit(
            "Your F keeps the diagonal only, an approximation that forgets how parameters act "
            "together: return the whole matrix.",
            ("F / len(X)", "np.diag(np.diag(F)) / len(X)"),
        ),
        "opposite-sign": edit(
            "Your F has the opposite sign, that of the Hessian of log p: F = E[∇log p ∇log pᵀ] "
            "is positive semidefinite, diag(p) − p pᵀ.",
            ("np.diag(q) - np.outer(q, q)", "np.outer(q, q) - np.diag(q)"),
        ),
        "softmax-over-inputs": edit(
            "Your softmax normalizes each class over the inputs (axis 0): probabilities sum to "
            "one over the classes of an input (axis 1).",
            ("z.max(axis=1, keepdims=True)", "z.max(axis=0)"),
            ("e.sum(axis=1, keepdims=True)", "e.sum(axis=0)"),
        ),
        "four-axes": edit(
            "Your F has the right numbers on four axes (k, d, k, d): flatten both pairs to one "
            "matrix of kd rows.",
            ("F / len(X)", "(F / len(X)).reshape(*W.shape, *W.shape)"),
        ),
    },
)
