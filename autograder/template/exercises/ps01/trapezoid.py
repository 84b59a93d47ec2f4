"""The trapezoidal rule."""

from reference import rules

from autograder.definition import Check, Exercise, edit
from autograder.definition.cases import case_maker

case = case_maker("y", "h")

EXERCISE = Exercise(
    "trapezoid",
    title="The trapezoidal rule",
    minutes=10,
    section="rules.md#the-trapezoidal-rule",
    parameters=("y", "h"),
    returns=("area",),
    reference=rules.trapezoid,
    checks={
        "a few values": Check(
            points=2,
            public=[
                case("a straight line", [0, 1, 2, 3], 1.0),
                case("values of both signs", [1, -2, 4, 0.5], 0.25),
                case("values that are not round", [0.1, 0.2, -0.7], 1 / 3),
            ],
            held_out=lambda rng: [case("twelve values", rng.normal(size=12), rng.uniform(0.1, 1))],
        ),
        "two values": Check(
            points=1,
            public=[case("one trapezoid", [2, 5], 0.5)],
            held_out=lambda rng: [case("one trapezoid", rng.normal(size=2), rng.uniform(0.1, 1))],
        ),
    },
    # known mistakes: the answer in solutions/ with a change, and what to tell the student
    mistakes={
        "ends-count-whole": edit(
            "Your sum counts the two ends as much as the values between them: each end belongs to "
            "one trapezoid only, so it counts half.",
            ("y[0] / 2", "y[0]"),
            ("y[-1] / 2", "y[-1]"),
        ),
        "step-forgotten": edit(
            "Your sum is not multiplied by the distance `h` between the values.",
            ("h * ", ""),
        ),
        "one-end-left-out": edit(
            "Your sum lacks the last value: it counts half, as the first one does.",
            (" + y[-1] / 2", ""),
        ),
        "ends-only": edit(
            "Your sum has the two ends only: the values between them count whole.",
            (" + y[1:-1].sum()", ""),
        ),
    },
)
