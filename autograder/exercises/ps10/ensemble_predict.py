"""The prediction of an ensemble."""

from typing import Any

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker, floats, layouts

case = case_maker("probs")

# two models lean to the first class, one is sure of the second: the mean follows the sure one
SPLIT = floats([[0.5, 0.3, 0.2], [0.5, 0.4, 0.1], [0.02, 0.9, 0.08]])
FOUR_CLASSES = [
    np.column_stack([SPLIT, np.zeros(3)]),
    [[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0, 0, 0, 1]],
    [[0.7, 0.1, 0.1, 0.1], [0.6, 0.2, 0, 0.2], [0.1, 0.2, 0.7, 0]],
]


def examples(*probs: Any) -> Array:
    """The models' probabilities for several examples, of one example each."""
    return np.stack(probs, axis=1)


def models(rng: Rng, n: int, k: int) -> Array:
    """Three models, k ≥ 3 classes; the first example splits them, the labels all differ enough."""
    probs = rng.dirichlet(np.ones(k), size=(3, n))
    split = np.zeros((3, k))
    split[:, :3] = SPLIT
    shift = rng.uniform(-0.02, 0.02, 3)
    split[:, 0] += shift
    split[:, 1] -= shift
    probs[:, 0] = split
    return np.asarray(probs)


@mistake
def majority_vote(probs):
    """Your labels are a majority vote: two models that hardly lean outvote one that is sure; take
    the argmax of the mean probabilities."""
    votes = probs.argmax(axis=2)
    k = probs.shape[2]
    counts = np.stack([(votes == label).sum(axis=0) for label in range(k)], axis=1)
    return probs.mean(axis=0), counts.argmax(axis=1)


@mistake
def geometric_mean(probs):
    """Your probabilities are the normalized geometric mean, which is what dropout's test rule
    approximates: the course averages the probabilities themselves."""
    p = np.exp(np.log(probs).mean(axis=0))
    p = p / p.sum(axis=1, keepdims=True)
    return p, p.argmax(axis=1)


@mistake
def softmax_again(probs):
    """Your function applies softmax to probabilities: they are probabilities already, and so is
    their mean."""
    p = np.exp(probs.mean(axis=0))
    p = p / p.sum(axis=1, keepdims=True)
    return p, p.argmax(axis=1)


EXERCISE = Exercise(
    "ensemble_predict",
    title="The prediction of an ensemble",
    minutes=5,
    section="regularization.md#ensembles-the-error-less-the-disagreement",
    parameters=("probs",),
    returns=("p", "labels"),
    reference=reference.ensemble_predict,
    checks={
        "several models": Check(
            points=2,
            public=[
                case("three models, two examples", examples(SPLIT, SPLIT[:, ::-1])),
                case("three models, four classes", examples(*FOUR_CLASSES)),
            ],
            held_out=lambda rng: [
                case("four examples", models(rng, 4, 3)),
                case("many classes", models(rng, 5, 8)),
                case("eight examples", models(rng, 8, 4)),
            ],
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("a single model", [[[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]]]),
                case("a single example", examples(SPLIT)),
                *layouts(
                    case,
                    noun="probabilities",
                    readonly=[examples(SPLIT, SPLIT[:, ::-1])],
                    strided=[examples(SPLIT[:, ::-1], SPLIT)],
                ),
            ],
            held_out=lambda rng: [
                case("a single model", rng.dirichlet(np.ones(3), size=(1, 5))),
                case("a single example", models(rng, 1, 4)),
                *layouts(
                    case,
                    noun="probabilities",
                    readonly=[models(rng, 4, 3)],
                    strided=[models(rng, 4, 3)],
                    column_major=[models(rng, 4, 3)],
                ),
            ],
        ),
    },
    mistakes={
        "majority-vote": majority_vote,
        "geometric-mean": geometric_mean,
        "product": edit(
            "Your function multiplies the models' probabilities: take their mean.", ("mean", "prod")
        ),
        "sum-not-mean": edit(
            "Your function adds the probabilities up: divide by the number of models, so that "
            "they sum to one.",
            ("mean", "sum"),
        ),
        "surest-model": edit(
            "Your function takes the largest probability that a model gives: take the mean over "
            "the models.",
            ("mean", "max"),
        ),
        "median": edit(
            "Your function takes the median over the models, whose probabilities need not sum to "
            "one: take the mean.",
            ("probs.mean(", "np.median(probs, "),
        ),
        "averaged-over-examples": edit(
            "Your function averages over the examples (axis 1): the models are axis 0.",
            ("axis=0", "axis=1"),
        ),
        "argmax-over-examples": edit(
            "Your labels are an argmax over the examples: each example gets the class with the "
            "largest probability, along the last axis.",
            ("axis=1", "axis=0"),
        ),
        "softmax-again": softmax_again,
        "first-model-only": edit(
            "Your function uses the first model only: average over all of them.",
            ("probs.mean(axis=0)", "probs[0]"),
        ),
        "largest-probability": edit(
            "Your second value is the largest probability: return the class that has it, argmax.",
            ("argmax", "max"),
        ),
        "labels-only": edit(
            "Your function returns the labels only: return the mean probabilities and the labels.",
            ("p, p.argmax", "p.argmax"),
        ),
        "swapped": edit(
            "Your function returns the labels first: return the mean probabilities, then the "
            "labels.",
            ("p, p.argmax(axis=1)", "p.argmax(axis=1), p"),
        ),
        "labels-from-one": edit(
            "Your labels count classes from 1: the first class has the number 0.",
            ("p.argmax(axis=1)", "p.argmax(axis=1) + 1"),
        ),
    },
    equivalents={"labels in int32": "A class has no number that int32 does not hold."},
)
