"""He's standard deviation."""

from autograder import reference
from autograder.definition import Check, Exercise, edit
from autograder.definition.cases import case_maker

case = case_maker("fan_in", "slope")


EXERCISE = Exercise(
    "he_std",
    title="He's standard deviation",
    minutes=5,
    section="initialization.md#the-rule",
    parameters=("fan_in", "slope"),
    returns=("std",),
    reference=reference.he_std,
    checks={
        "before a ReLU": Check(
            points=1,
            public=[case("three inputs", 3, 0.0), case("784 inputs", 784, 0.0)],
            held_out=lambda rng: [
                case("a narrow layer", int(rng.integers(3, 12)), 0.0),
                case("a wide layer", int(rng.integers(50, 5000)), 0.0),
            ],
        ),
        "before a leaky ReLU": Check(
            points=1,
            public=[
                case("slope 0.01", 200, 0.01),
                case("slope 0.25", 50, 0.25),
                case("slope 0.7", 32, 0.7),
            ],
            held_out=lambda rng: [
                case("a small slope", int(rng.integers(10, 500)), rng.uniform(0.01, 0.05)),
                case("a middling slope", int(rng.integers(10, 500)), rng.uniform(0.2, 0.4)),
                case("a large slope", int(rng.integers(10, 500)), rng.uniform(0.6, 0.8)),
            ],
        ),
    },
    mistakes={
        "variance": edit(
            "Your result is the variance of the weights: take its root.", ("np.sqrt", "")
        ),
        "linear-gain": edit(
            "Your result 1/√n_in suits linear units: a rectifier throws away about half of the "
            "mean square, which the 2 makes up for.",
            ("2 / ((1 + slope**2) * fan_in)", "1 / fan_in"),
        ),
        "slope-ignored": edit(
            "Your function ignores the slope: what passes left of 0 counts, too, so divide by "
            "1 + a² inside the root.",
            ("2 / ((1 + slope**2) * fan_in)", "2 / fan_in"),
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
            ("np.sqrt(2 / ((1 + slope**2) * fan_in))", "np.sqrt(2 / fan_in) / (1 + slope**2)"),
        ),
        "slope-multiplied": edit(
            "Your function multiplies by 1 + a²: a leaky ReLU lets more through, so the weights "
            "must be smaller, and 1 + a² divides.",
            ("2 / ((1 + slope**2) * fan_in)", "2 * (1 + slope**2) / fan_in"),
        ),
        "bound-for-deviation": edit(
            "Your result is the bound of a uniform distribution, √3 times too large: this "
            "exercise asks for the standard deviation.",
            ("2 /", "6 /"),
        ),
        "fan-not-rooted": edit(
            "Your function divides by n_in outside the root: the root goes over the whole "
            "fraction.",
            ("((1 + slope**2) * fan_in))", "(1 + slope**2)) / fan_in"),
        ),
        "gain-alone": edit(
            "Your function returns the gain √(2/(1 + a²)) and forgets the number of inputs: "
            "divide by √n_in.",
            (" * fan_in", ""),
        ),
    },
)
