"""Initial weights by Glorot's recipe and by He's."""

from autograder import reference
from autograder.definition import Check, Exercise, edit
from autograder.definition.cases import (
    Array,
    Rng,
    case_maker,
    column_major,
    floats,
    readonly,
    strided,
)

case = case_maker("draws", "recipe", "slope")

SQUARE = floats([[0.9, -0.3, 0.2], [-0.7, 0.5, -0.1], [0.4, 0.8, -0.6]])
# more inputs than units, and more units than inputs
WIDE = floats([[0.3, -1.2, 0.8, 0.1, -0.5], [-0.7, 0.4, 1.6, -0.2, 0.9]])
TALL = floats([[0.6, -0.4], [0.2, 0.9], [-0.8, 0.1], [0.5, -0.3], [-0.1, 0.7], [0.3, -0.9]])
ONE_UNIT = floats([[0.5, -0.25, 0.75, 0.1, -0.9, 0.3, -0.6]])


def uniform(rng: Rng, n_out: int, n_in: int) -> Array:
    return rng.uniform(-1, 1, (n_out, n_in))


def few_and_many(rng: Rng) -> tuple[int, int]:
    return int(rng.integers(3, 6)), int(rng.integers(8, 20))


EXERCISE = Exercise(
    "initial_weights",
    title="Initial weights",
    minutes=15,
    section="initialization.md#the-rule",
    parameters=("draws", "recipe", "slope"),
    returns=("weights",),
    reference=reference.initial_weights,
    checks={
        "Glorot, as many units as inputs": Check(
            points=1,
            public=[
                case("three and three", SQUARE, "glorot", 0.0),
                case("two and two, before a leaky ReLU", SQUARE[1:, 1:].copy(), "glorot", 0.5),
            ],
            held_out=lambda rng: [
                case("a narrow layer", uniform(rng, 4, 4), "glorot", 0.0),
                case("a wider layer", uniform(rng, 16, 16), "glorot", rng.uniform(0.1, 0.9)),
            ],
        ),
        "Glorot, other layers": Check(
            points=2,
            public=[
                case("many inputs, few units", WIDE, "glorot", 0.0),
                case("few inputs, many units", TALL, "glorot", 0.0),
                case("one unit", ONE_UNIT, "glorot", 0.25),
                case("a draw exactly 0", WIDE * [[0], [1]], "glorot", 0.0),
                case("draws that skip memory", strided(TALL), "glorot", 0.0),
                case("read-only draws", readonly(WIDE), "glorot", 0.0),
            ],
            held_out=lambda rng: [
                case("many inputs, few units", uniform(rng, *few_and_many(rng)), "glorot", 0.0),
                case(
                    "few inputs, many units", uniform(rng, *few_and_many(rng)[::-1]), "glorot", 0.0
                ),
                case("one unit", uniform(rng, 1, 9), "glorot", rng.uniform(0.1, 0.9)),
                case("draws that skip memory", strided(uniform(rng, 5, 3)), "glorot", 0.0),
                case("read-only draws", readonly(uniform(rng, 3, 5)), "glorot", 0.0),
            ],
        ),
        "He, before a ReLU": Check(
            points=1,
            public=[
                case("many inputs, few units", WIDE, "he", 0.0),
                case("few inputs, many units", TALL, "he", 0.0),
                case("one unit", ONE_UNIT, "he", 0.0),
                case("draws stored by columns", column_major(WIDE), "he", 0.0),
            ],
            held_out=lambda rng: [
                case("many inputs, few units", rng.normal(size=few_and_many(rng)), "he", 0.0),
                case("few inputs, many units", rng.normal(size=few_and_many(rng)[::-1]), "he", 0.0),
                case("one unit", rng.normal(size=(1, 9)), "he", 0.0),
                case("draws stored by columns", column_major(rng.normal(size=(3, 5))), "he", 0.0),
            ],
        ),
        "He, before a leaky ReLU": Check(
            points=1,
            public=[
                case("slope 0.01", WIDE, "he", 0.01),
                case("slope 0.25", TALL, "he", 0.25),
                case("slope 0.7", WIDE, "he", 0.7),
                case("read-only draws", readonly(TALL), "he", 0.4),
            ],
            held_out=lambda rng: [
                case("a small slope", rng.normal(size=(3, 8)), "he", rng.uniform(0.01, 0.05)),
                case("a middling slope", rng.normal(size=(7, 4)), "he", rng.uniform(0.2, 0.4)),
                case("a large slope", rng.normal(size=(3, 5)), "he", rng.uniform(0.6, 0.8)),
                case("read-only draws", readonly(rng.normal(size=(4, 3))), "he", 0.3),
            ],
        ),
    },
    mistakes={
        "standard-deviation": edit(
            "Your scale √(2/(n_in + n_out)) is the standard deviation of Glorot's weights: the "
            "bound of a uniform distribution is √3 times its standard deviation.",
            ("6", "2"),
        ),
        "variance": edit(
            "Your scale 2/(n_in + n_out) is the variance of Glorot's weights: a uniform "
            "distribution on (−a, a) has variance a²/3, so a = √(6/(n_in + n_out)).",
            ("np.sqrt(6", "(2"),
        ),
        "no-root": edit(
            "Your scale is the square of Glorot's bound: take its root.", ("np.sqrt(6", "(6")
        ),
        "root-of-the-six-only": edit(
            "Your root covers the 6 only: it goes over the whole fraction, √(6/(n_in + n_out)).",
            ("np.sqrt(6 / (n_in + n_out))", "np.sqrt(6) / (n_in + n_out)"),
        ),
        "one-over-root": edit(
            "Your bound is 1/√n_in, an older rule of thumb (torch.nn.Linear's default): Glorot's "
            "is √(6/(n_in + n_out)).",
            ("np.sqrt(6 / (n_in + n_out))", "1 / np.sqrt(n_in)"),
        ),
        "only-the-way-forward": edit(
            "Your bound √(3/n_in) keeps the size of signals on the way forward only: Glorot's "
            "takes the mean of both fans, √(6/(n_in + n_out)).",
            ("6 / (n_in + n_out)", "3 / n_in"),
        ),
        "only-the-way-back": edit(
            "Your bound √(3/n_out) keeps the size of gradients on the way back only: Glorot's "
            "takes the mean of both fans, √(6/(n_in + n_out)).",
            ("6 / (n_in + n_out)", "3 / n_out"),
        ),
        "mean-of-fans": edit(
            "Your bound divides 6 by the mean of the fans and is √2 times too large: divide by "
            "their sum.",
            ("(n_in + n_out)", "((n_in + n_out) / 2)"),
        ),
        "product-of-fans": edit(
            "Your bound divides by the product of the fans, the number of weights: divide by "
            "their sum.",
            ("n_in + n_out", "n_in * n_out"),
        ),
        "whole-width": edit(
            "Your scale is the width of the interval from −a to a: the draws lie in (−1, 1), so "
            "the bound a itself is the factor.",
            ("np.sqrt(6", "2 * np.sqrt(6"),
        ),
        "he-variance": edit(
            "Your scale is the variance of He's weights: take its root.", ("np.sqrt(2", "(2")
        ),
        "linear-gain": edit(
            "Your scale 1/√n_in suits linear units: a rectifier throws away about half of the "
            "mean square, which the 2 makes up for.",
            ("2 / ((1 + slope**2) * n_in)", "1 / n_in"),
        ),
        "slope-ignored": edit(
            "Your function ignores the slope: what passes left of 0 counts, too, so divide by "
            "1 + a² inside the root.",
            ("2 / ((1 + slope**2) * n_in)", "2 / n_in"),
        ),
        "slope-not-squared": edit(
            "Your function has 1 + a: the mean *square* is multiplied by a² left of 0, so it is "
            "1 + a².",
            ("slope**2", "slope"),
        ),
        "slope-subtracted": edit(
            "Your function has 1 − a²: the two sides of a leaky ReLU add up, 1 + a².",
            ("1 + slope", "1 - slope"),
        ),
        "slope-outside-the-root": edit(
            "Your function divides by 1 + a² outside the root: it belongs inside, to the variance.",
            ("np.sqrt(2 / ((1 + slope**2) * n_in))", "np.sqrt(2 / n_in) / (1 + slope**2)"),
        ),
        "slope-multiplied": edit(
            "Your function multiplies by 1 + a²: a leaky ReLU lets more through, so the weights "
            "must be smaller, and 1 + a² divides.",
            ("2 / ((1 + slope**2) * n_in)", "2 * (1 + slope**2) / n_in"),
        ),
        "bound-for-deviation": edit(
            "Your scale for He's recipe is the bound of a uniform distribution, √3 times too "
            "large: its draws are normal, so the factor is the standard deviation.",
            ("2 /", "6 /"),
        ),
        "fan-not-rooted": edit(
            "Your function divides by n_in outside the root: the root goes over the whole "
            "fraction.",
            ("((1 + slope**2) * n_in))", "(1 + slope**2)) / n_in"),
        ),
        "gain-alone": edit(
            "Your scale is the gain √(2/(1 + a²)) and forgets the number of inputs: divide by "
            "√n_in.",
            (" * n_in", ""),
        ),
        "fan-of-the-way-back": edit(
            "Your scale for He's recipe divides by n_out: a unit adds up n_in inputs, one a "
            "*column* of `draws`.",
            (" * n_in", " * n_out"),
        ),
        "recipes-swapped": edit(
            "Your function takes He's recipe for Glorot's, and the other way round.",
            ('recipe == "glorot"', 'recipe == "he"'),
        ),
        "scale-alone": edit(
            "Your function returns the scale alone: multiply the draws by it, which gives one "
            "weight for each.",
            ("scale * draws", "scale"),
        ),
        "in-place": edit(
            "Your function changes `draws` in place: compute a new array.",
            ("return scale * draws", "draws *= scale\n    return draws"),
        ),
    },
)
