"""Glorot's bound."""

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import case_maker

case = case_maker("fan_in", "fan_out")


def square(label: str, fans: int) -> Case:
    return case(label, fans, fans)


def other(few: int, many: int) -> list[Case]:
    return [
        case("many inputs, few units", many, few),
        case("few inputs, many units", few, many),
        case("one unit", many, 1),
    ]


EXERCISE = Exercise(
    "xavier_bound",
    title="Glorot's bound",
    minutes=5,
    section="initialization.md#the-rule",
    parameters=("fan_in", "fan_out"),
    returns=("bound",),
    reference=reference.xavier_bound,
    checks={
        "as many units as inputs": Check(
            points=1,
            public=[square("three and three", 3), square("a wide layer", 512)],
            held_out=lambda rng: [
                square("a narrow layer", int(rng.integers(3, 12))),
                square("a wide layer", int(rng.integers(50, 2000))),
            ],
        ),
        "other layers": Check(
            points=2,
            public=[
                case("many inputs, few units", 784, 10),
                case("few inputs, many units", 5, 100),
                case("one unit", 100, 1),
            ],
            held_out=lambda rng: other(int(rng.integers(3, 12)), int(rng.integers(50, 2000))),
        ),
    },
    mistakes={
        "standard-deviation": edit(
            "Your result √(2/(n_in + n_out)) is the standard deviation of Glorot's weights: the "
            "bound of a uniform distribution is √3 times its standard deviation.",
            ("6", "2"),
        ),
        "variance": edit(
            "Your result 2/(n_in + n_out) is the variance of Glorot's weights: a uniform "
            "distribution on (−a, a) has variance a²/3, so a = √(6/(n_in + n_out)).",
            ("np.sqrt(6", "(2"),
        ),
        "no-root": edit("Your result is the square of the bound: take its root.", ("np.sqrt", "")),
        "root-of-the-six-only": edit(
            "Your root covers the 6 only: it goes over the whole fraction, √(6/(n_in + n_out)).",
            ("np.sqrt(6 / (fan_in + fan_out))", "np.sqrt(6) / (fan_in + fan_out)"),
        ),
        "one-over-root": edit(
            "Your bound is 1/√n_in, an older rule of thumb (torch.nn.Linear's default): Glorot's "
            "is √(6/(n_in + n_out)).",
            ("np.sqrt(6 / (fan_in + fan_out))", "1 / np.sqrt(fan_in)"),
        ),
        "only-the-way-forward": edit(
            "Your bound √(3/n_in) keeps the size of signals on the way forward only: Glorot's "
            "takes the mean of both fans, √(6/(n_in + n_out)).",
            ("6 / (fan_in + fan_out)", "3 / fan_in"),
        ),
        "only-the-way-back": edit(
            "Your bound √(3/n_out) keeps the size of gradients on the way back only: Glorot's "
            "takes the mean of both fans, √(6/(n_in + n_out)).",
            ("6 / (fan_in + fan_out)", "3 / fan_out"),
        ),
        "mean-of-fans": edit(
            "Your bound divides 6 by the mean of the fans and is √2 times too large: divide by "
            "their sum.",
            ("(fan_in + fan_out)", "((fan_in + fan_out) / 2)"),
        ),
        "product-of-fans": edit(
            "Your bound divides by the product of the fans, the number of weights: divide by "
            "their sum.",
            ("fan_in + fan_out", "fan_in * fan_out"),
        ),
        "whole-width": edit(
            "Your result is the width of the interval from −a to a: the bound is a itself.",
            ("np.sqrt", "2 * np.sqrt"),
        ),
    },
)
