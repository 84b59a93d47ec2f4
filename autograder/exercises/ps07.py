"""Problem set 7: how large weights start, rectifiers and maxout, and gradients through depth."""

# mypy: disable-error-code="no-untyped-def"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

from itertools import pairwise

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, Mistake, ProblemSet, Written
from autograder.definition.cases import (
    Array,
    case_maker,
    column_major,
    floats,
    readonly,
    spread,
    strided,
)
from autograder.selfcheck.spec import Case

_SECTION = "learning-as-optimization.md#plateaus-exploding-and-vanishing-gradients"


def _signed(rng: np.random.Generator, *signs: int) -> Array:
    """Numbers of sizes 0.5 to 3 with the given signs: what a mistake does may hang on them."""
    return np.asarray(rng.uniform(0.5, 3, len(signs)) * floats(signs))


# all combinations of an input's and a gradient's sign
_X_SIGNS = (1, 1, -1, -1, 1, -1)
_G_SIGNS = (1, -1, 1, -1, -1, 1)

# --- xavier_bound ----------------------------------------------------------------------------

_xavier = case_maker("fan_in", "fan_out")


def _xavier_square_cases(rng: np.random.Generator) -> list[Case]:
    narrow, wide = int(rng.integers(3, 12)), int(rng.integers(50, 2000))
    return [_xavier("a narrow layer", narrow, narrow), _xavier("a wide layer", wide, wide)]


def _xavier_cases(rng: np.random.Generator) -> list[Case]:
    few, many = int(rng.integers(3, 12)), int(rng.integers(50, 2000))
    return [
        _xavier("many inputs, few units", many, few),
        _xavier("few inputs, many units", few, many),
        _xavier("one unit", many, 1),
    ]


def _standard_deviation(fan_in, fan_out):
    return np.sqrt(2 / (fan_in + fan_out))


def _variance_of_the_weights(fan_in, fan_out):
    return 2 / (fan_in + fan_out)


def _no_root(fan_in, fan_out):
    return 6 / (fan_in + fan_out)


def _root_of_the_six(fan_in, fan_out):
    return np.sqrt(6) / (fan_in + fan_out)


def _one_over_root(fan_in, fan_out):
    return 1 / np.sqrt(fan_in)


def _only_the_way_forward(fan_in, fan_out):
    return np.sqrt(3 / fan_in)


def _only_the_way_back(fan_in, fan_out):
    return np.sqrt(3 / fan_out)


def _mean_of_fans(fan_in, fan_out):
    return np.sqrt(6 / ((fan_in + fan_out) / 2))


def _product_of_fans(fan_in, fan_out):
    return np.sqrt(6 / (fan_in * fan_out))


def _whole_width(fan_in, fan_out):
    return 2 * np.sqrt(6 / (fan_in + fan_out))


_XAVIER_BOUND = Exercise(
    "xavier_bound",
    title="Glorot's bound",
    minutes=5,
    section=_SECTION,
    parameters=("fan_in", "fan_out"),
    returns=("bound",),
    reference=reference.xavier_bound,
    checks=(
        Check(
            "as many units as inputs",
            1,
            [_xavier("three and three", 3, 3), _xavier("a wide layer", 512, 512)],
            _xavier_square_cases,
        ),
        Check(
            "other layers",
            2,
            [
                _xavier("many inputs, few units", 784, 10),
                _xavier("few inputs, many units", 5, 100),
                _xavier("one unit", 100, 1),
            ],
            _xavier_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "standard-deviation",
            "Your result √(2/(n_in + n_out)) is the standard deviation of Glorot's weights: the "
            "bound of a uniform distribution is √3 times its standard deviation.",
            _standard_deviation,
        ),
        Mistake(
            "variance",
            "Your result 2/(n_in + n_out) is the variance of Glorot's weights: a uniform "
            "distribution on (−a, a) has variance a²/3, so a = √(6/(n_in + n_out)).",
            _variance_of_the_weights,
        ),
        Mistake(
            "no-root",
            "Your result is the square of the bound: take its root.",
            _no_root,
        ),
        Mistake(
            "root-of-the-six-only",
            "Your root covers the 6 only: it goes over the whole fraction, √(6/(n_in + n_out)).",
            _root_of_the_six,
        ),
        Mistake(
            "one-over-root",
            "Your bound is 1/√n_in, an older rule of thumb (torch.nn.Linear's default): Glorot's "
            "is √(6/(n_in + n_out)).",
            _one_over_root,
        ),
        Mistake(
            "only-the-way-forward",
            "Your bound √(3/n_in) keeps the size of signals on the way forward only: Glorot's "
            "takes the mean of both fans, √(6/(n_in + n_out)).",
            _only_the_way_forward,
        ),
        Mistake(
            "only-the-way-back",
            "Your bound √(3/n_out) keeps the size of gradients on the way back only: Glorot's "
            "takes the mean of both fans, √(6/(n_in + n_out)).",
            _only_the_way_back,
        ),
        Mistake(
            "mean-of-fans",
            "Your bound divides 6 by the mean of the fans and is √2 times too large: divide by "
            "their sum.",
            _mean_of_fans,
        ),
        Mistake(
            "product-of-fans",
            "Your bound divides by the product of the fans, the number of weights: divide by "
            "their sum.",
            _product_of_fans,
        ),
        Mistake(
            "whole-width",
            "Your result is the width of the interval from −a to a: the bound is a itself.",
            _whole_width,
        ),
    ),
)

# --- he_std ----------------------------------------------------------------------------------

_he = case_maker("fan_in", "slope")


def _he_relu_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _he("a narrow layer", int(rng.integers(3, 12)), 0.0),
        _he("a wide layer", int(rng.integers(50, 5000)), 0.0),
    ]


def _he_leaky_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _he("a small slope", int(rng.integers(10, 500)), float(rng.uniform(0.01, 0.05))),
        _he("a middling slope", int(rng.integers(10, 500)), float(rng.uniform(0.2, 0.4))),
        _he("a large slope", int(rng.integers(10, 500)), float(rng.uniform(0.6, 0.8))),
    ]


def _he_variance(fan_in, slope):
    return 2 / ((1 + slope**2) * fan_in)


def _linear_gain(fan_in, slope):
    return np.sqrt(1 / fan_in)


def _slope_ignored(fan_in, slope):
    return np.sqrt(2 / fan_in)


def _slope_not_squared(fan_in, slope):
    return np.sqrt(2 / ((1 + slope) * fan_in))


def _slope_subtracted(fan_in, slope):
    return np.sqrt(2 / ((1 - slope**2) * fan_in))


def _slope_outside(fan_in, slope):
    return np.sqrt(2 / fan_in) / (1 + slope**2)


def _slope_multiplied(fan_in, slope):
    return np.sqrt(2 * (1 + slope**2) / fan_in)


def _he_bound(fan_in, slope):
    return np.sqrt(6 / ((1 + slope**2) * fan_in))


def _fan_not_rooted(fan_in, slope):
    return np.sqrt(2 / (1 + slope**2)) / fan_in


def _gain_alone(fan_in, slope):
    return np.sqrt(2 / (1 + slope**2))


_HE_STD = Exercise(
    "he_std",
    title="He's standard deviation",
    minutes=5,
    section=_SECTION,
    parameters=("fan_in", "slope"),
    returns=("std",),
    reference=reference.he_std,
    checks=(
        Check(
            "before a ReLU",
            1,
            [_he("three inputs", 3, 0.0), _he("784 inputs", 784, 0.0)],
            _he_relu_cases,
        ),
        Check(
            "before a leaky ReLU",
            1,
            [
                _he("slope 0.01", 200, 0.01),
                _he("slope 0.25", 50, 0.25),
                _he("slope 0.7", 32, 0.7),
            ],
            _he_leaky_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "variance",
            "Your result is the variance of the weights: take its root.",
            _he_variance,
        ),
        Mistake(
            "linear-gain",
            "Your result 1/√n_in suits linear units: a rectifier throws away about half of the "
            "mean square, which the 2 makes up for.",
            _linear_gain,
        ),
        Mistake(
            "slope-ignored",
            "Your function ignores the slope: what passes left of 0 counts, too, so divide by "
            "1 + a² inside the root.",
            _slope_ignored,
        ),
        Mistake(
            "slope-not-squared",
            "Your function has 1 + a: the mean *square* is multiplied by a² left of 0, so it is "
            "1 + a².",
            _slope_not_squared,
        ),
        Mistake(
            "slope-subtracted",
            "Your function has 1 − a²: the two sides of a leaky ReLU add up, 1 + a².",
            _slope_subtracted,
        ),
        Mistake(
            "slope-outside-the-root",
            "Your function divides by 1 + a² outside the root: it belongs inside, to the variance.",
            _slope_outside,
        ),
        Mistake(
            "slope-multiplied",
            "Your function multiplies by 1 + a²: a leaky ReLU lets more through, so the weights "
            "must be smaller, and 1 + a² divides.",
            _slope_multiplied,
        ),
        Mistake(
            "bound-for-deviation",
            "Your result is the bound of a uniform distribution, √3 times too large: this "
            "exercise asks for the standard deviation.",
            _he_bound,
        ),
        Mistake(
            "fan-not-rooted",
            "Your function divides by n_in outside the root: the root goes over the whole "
            "fraction.",
            _fan_not_rooted,
        ),
        Mistake(
            "gain-alone",
            "Your function returns the gain √(2/(1 + a²)) and forgets the number of inputs: "
            "divide by √n_in.",
            _gain_alone,
        ),
    ),
)

# --- relu_forward ----------------------------------------------------------------------------

_relu = case_maker("x")


def _relu_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _relu("both signs", _signed(rng, *_X_SIGNS)),
        _relu("sizes from 1e-8 to 1e3", spread(rng, 12)),
        _relu("all negative", _signed(rng, -1, -1, -1)),
        _relu("all positive", _signed(rng, 1, 1, 1)),
    ]


def _relu_layout_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _relu("a single number (0-d)", floats(-rng.uniform(1, 2))),
        _relu("a 2-d array", _signed(rng, *_X_SIGNS).reshape(2, 3)),
        _relu("a 3-d array", rng.normal(size=(2, 3, 2))),
        _relu("an array that skips memory", strided(rng.normal(size=(2, 3)))),
        _relu("an array stored by columns", column_major(rng.normal(size=(2, 3)))),
        _relu("a read-only array", readonly(_signed(rng, *_X_SIGNS))),
    ]


def _relu_absolute(x):
    return np.abs(x)


def _relu_other_side(x):
    return np.minimum(0, x)


def _relu_step(x):
    return (x > 0) * 1.0


def _relu_leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def _relu_softplus(x):
    return np.logaddexp(0, x)


def _relu_one_number(x):
    return np.max(np.append(x, 0))


def _relu_selected(x):
    return x[x > 0]


def _relu_in_place(x):
    x[x < 0] = 0
    return x


_RELU_FORWARD = Exercise(
    "relu_forward",
    title="ReLU",
    minutes=3,
    section=_SECTION,
    parameters=("x",),
    returns=("y",),
    reference=reference.relu_forward,
    checks=(
        Check(
            "values",
            1,
            [
                _relu("both signs and zero", floats([2, -3, 0, 0.5, -0.25])),
                _relu("sizes from 1e-8 to 1000", floats([1e-8, -1e-8, 1e3, -1e3, -0.0])),
                _relu("all negative", floats([-1, -2, -3])),
                _relu("all positive", floats([1, 2, 3])),
            ],
            _relu_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _relu("a single number (0-d)", floats(-4)),
                _relu("a 2-d array", floats([[1, -2], [-3, 4]])),
                _relu("a 3-d array", floats([[[1, -2]], [[-3, 4]]])),
                _relu("an array that skips memory", strided([[1, -2, 3], [-4, 5, -6]])),
                _relu("a read-only array", readonly([1, -2])),
            ],
            _relu_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "absolute-value",
            "Your function takes the absolute value: ReLU sets negative inputs to 0.",
            _relu_absolute,
        ),
        Mistake(
            "other-side",
            "Your function keeps the negative inputs: ReLU keeps the positive ones, max(0, x).",
            _relu_other_side,
        ),
        Mistake(
            "step",
            "Your function returns 0 or 1, which is the derivative of ReLU: positive inputs pass "
            "as they are.",
            _relu_step,
        ),
        Mistake(
            "leaky",
            "Your function lets 0.01 x through left of 0: that is the leaky ReLU, which comes "
            "later; ReLU gives 0.",
            _relu_leaky,
        ),
        Mistake(
            "softplus",
            "Your function is the softplus log(1 + eˣ), a smooth relative: ReLU is max(0, x).",
            _relu_softplus,
        ),
        Mistake(
            "one-number",
            "Your function returns the one largest number: ReLU compares each entry with 0 "
            "(np.maximum, not np.max).",
            _relu_one_number,
        ),
        Mistake(
            "positive-ones-selected",
            "Your function drops the negative entries: they become 0 and stay in their place.",
            _relu_selected,
        ),
        Mistake(
            "in-place",
            "Your function changes `x` in place, which the backward pass still needs: compute a "
            "new array.",
            _relu_in_place,
        ),
    ),
)

# --- relu_backward ---------------------------------------------------------------------------

_relu_back = case_maker("x", "grad_out")


def _relu_back_cases(rng: np.random.Generator) -> list[Case]:
    x, g = _signed(rng, *_X_SIGNS), _signed(rng, *_G_SIGNS)
    sizes = 10.0 ** rng.uniform(-8, 3, 6)
    return [
        _relu_back("all signs", x, g),
        _relu_back("gradients from 1e-8 to 1e3", x, sizes * floats(_G_SIGNS)),
        _relu_back("inputs from 1e-8 to 1e3", sizes * floats(_X_SIGNS), g),
        _relu_back("gradient zero", x, np.zeros(6)),
    ]


def _relu_back_zero_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _relu_back("inputs exactly 0", np.zeros(4), _signed(rng, 1, -1, -1, 1)),
        _relu_back("a negative zero", floats([-0.0, -0.0]), _signed(rng, -1, 1)),
        _relu_back("inputs next to 0", floats([5e-324, -5e-324, 0]), _signed(rng, 1, 1, 1)),
    ]


def _relu_back_layout_cases(rng: np.random.Generator) -> list[Case]:
    x, g = _signed(rng, *_X_SIGNS), _signed(rng, *_G_SIGNS)
    return [
        _relu_back("a single number (0-d)", floats(-rng.uniform(1, 2)), floats(rng.uniform(1, 2))),
        _relu_back("2-d arrays", x.reshape(2, 3), g.reshape(2, 3)),
        _relu_back("3-d arrays", x.reshape(3, 1, 2), g.reshape(3, 1, 2)),
        _relu_back("arrays that skip memory", strided(x), strided(g)),
        _relu_back("arrays stored by columns", *map(column_major, (x.reshape(2, 3),) * 2)),
        _relu_back("read-only arrays", readonly(x), readonly(g)),
    ]


def _one_at_zero(x, grad_out):
    return grad_out * (x >= 0)


def _half_at_zero(x, grad_out):
    return grad_out * np.heaviside(x, 0.5)


def _derivative_alone(x, grad_out):
    return (x > 0) * 1.0


def _relu_of_the_gradient(x, grad_out):
    return np.maximum(0, grad_out)


def _nothing_blocked(x, grad_out):
    return grad_out.copy()


def _value_for_slope(x, grad_out):
    return grad_out * np.maximum(0, x)


def _gradient_of_other_side(x, grad_out):
    return grad_out * (x < 0)


def _gradient_of_leaky(x, grad_out):
    return np.where(x > 0, grad_out, 0.01 * grad_out)


def _both_positive(x, grad_out):
    return grad_out * (x > 0) * (grad_out > 0)


def _gradient_in_place(x, grad_out):
    grad_out[x <= 0] = 0
    return grad_out


_RELU_BACKWARD = Exercise(
    "relu_backward",
    title="The gradient of ReLU",
    minutes=5,
    section=_SECTION,
    parameters=("x", "grad_out"),
    returns=("grad_x",),
    reference=reference.relu_backward,
    checks=(
        Check(
            "on both sides of zero",
            2,
            [
                _relu_back("all signs", floats([2, 3, -1, -4]), floats([5, -6, 7, -8])),
                _relu_back(
                    "gradients from 1e-8 to 1000",
                    floats([2, 3, 0.5, -1, -4]),
                    floats([1e-8, -1e3, 30, 1e3, -1e-8]),
                ),
                _relu_back(
                    "inputs from 1e-8 to 1000",
                    floats([1e-8, -1e-8, 1e3, -1e3]),
                    floats([5, 6, -7, -8]),
                ),
                _relu_back("gradient zero", floats([1, -1]), np.zeros(2)),
            ],
            _relu_back_cases,
        ),
        Check(
            "at zero",
            1,
            [
                _relu_back("inputs exactly 0", np.zeros(3), floats([3, -2, 0.5])),
                _relu_back("a negative zero", floats([-0.0, -0.0]), floats([-1, 4])),
                _relu_back("inputs next to 0", floats([5e-324, -5e-324, 0]), floats([3, 2, 4])),
            ],
            _relu_back_zero_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _relu_back("a single number (0-d)", floats(-4), floats(2)),
                _relu_back(
                    "2-d arrays", floats([[2, 3], [-1, -4]]), floats([[0.5, -0.6], [0.7, -0.8]])
                ),
                _relu_back("3-d arrays", floats([[[2, -3]]]), floats([[[-4, 5]]])),
                _relu_back("arrays that skip memory", strided([1, -2, 3]), strided([-4, 5, 6])),
                _relu_back("read-only arrays", readonly([1, -2]), readonly([3, 4])),
            ],
            _relu_back_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "one-at-zero",
            "Your derivative at x = 0 is 1: there every slope from 0 to 1 would do, and the "
            "course takes 0, as torch does (x > 0, not x ≥ 0).",
            _one_at_zero,
        ),
        Mistake(
            "half-at-zero",
            "Your derivative at x = 0 is ½: there every slope from 0 to 1 would do, and the "
            "course takes 0, as torch does.",
            _half_at_zero,
        ),
        Mistake(
            "derivative-alone",
            "Your function returns the derivative of ReLU alone: by the chain rule it multiplies "
            "`grad_out`.",
            _derivative_alone,
        ),
        Mistake(
            "relu-of-the-gradient",
            "Your function applies ReLU to the gradient: what decides is the sign of the input x; "
            "negative gradients pass where x > 0.",
            _relu_of_the_gradient,
        ),
        Mistake(
            "nothing-blocked",
            "Your function passes the gradient everywhere: where x ≤ 0 the output is constant, so "
            "the gradient is 0.",
            _nothing_blocked,
        ),
        Mistake(
            "value-for-slope",
            "Your function multiplies by the value max(0, x): multiply by the slope, which is 1 "
            "where x > 0.",
            _value_for_slope,
        ),
        Mistake(
            "other-side",
            "Your function passes the gradient where x < 0: it passes where x > 0.",
            _gradient_of_other_side,
        ),
        Mistake(
            "leaky",
            "Your function lets 0.01 of the gradient through left of 0: that is the leaky ReLU; "
            "ReLU blocks all of it.",
            _gradient_of_leaky,
        ),
        Mistake(
            "negative-gradients-blocked",
            "Your function also blocks negative gradients: only the sign of x decides.",
            _both_positive,
        ),
        Mistake(
            "in-place",
            "Your function changes `grad_out` in place: compute a new array.",
            _gradient_in_place,
        ),
    ),
)

# --- leaky_relu_forward ----------------------------------------------------------------------

_leaky = case_maker("x", "slope")


def _leaky_cases(rng: np.random.Generator) -> list[Case]:
    slope = float(rng.uniform(0.1, 0.4))
    return [
        _leaky("both signs", _signed(rng, *_X_SIGNS), slope),
        _leaky("sizes from 1e-8 to 1e3", spread(rng, 12), slope),
        _leaky("slope 0.01", _signed(rng, *_X_SIGNS), 0.01),
        _leaky("slope zero", _signed(rng, *_X_SIGNS), 0.0),
    ]


def _leaky_layout_cases(rng: np.random.Generator) -> list[Case]:
    slope = float(rng.uniform(0.1, 0.4))
    return [
        _leaky("a single number (0-d)", floats(-rng.uniform(1, 2)), slope),
        _leaky("a 2-d array", _signed(rng, *_X_SIGNS).reshape(2, 3), slope),
        _leaky("a 3-d array", rng.normal(size=(2, 3, 2)), slope),
        _leaky("an array that skips memory", strided(rng.normal(size=(2, 3))), slope),
        _leaky("an array stored by columns", column_major(rng.normal(size=(2, 3))), slope),
        _leaky("a read-only array", readonly(_signed(rng, *_X_SIGNS)), slope),
    ]


def _leaky_plain(x, slope):
    return np.maximum(0, x)


def _leaky_fixed(x, slope):
    return np.where(x > 0, x, 0.01 * x)


def _leaky_minimum(x, slope):
    return np.minimum(x, slope * x)


def _leaky_everywhere(x, slope):
    return slope * x


def _leaky_reflected(x, slope):
    return np.where(x > 0, x, -slope * x)


def _leaky_constant(x, slope):
    return np.where(x > 0, x, slope)


def _leaky_sum(x, slope):
    return np.maximum(0, x) + slope * x


def _leaky_exponential(x, slope):
    return np.where(x > 0, x, slope * (np.exp(np.minimum(x, 0)) - 1))


def _leaky_in_place(x, slope):
    x[x < 0] *= slope
    return x


_LEAKY_RELU_FORWARD = Exercise(
    "leaky_relu_forward",
    title="Leaky ReLU",
    minutes=3,
    section=_SECTION,
    parameters=("x", "slope"),
    returns=("y",),
    reference=reference.leaky_relu_forward,
    checks=(
        Check(
            "values",
            1,
            [
                _leaky("both signs and zero", floats([2, -3, 0, 0.5, -0.25]), 0.2),
                _leaky("sizes from 1e-8 to 1000", floats([1e-8, -1e-8, 1e3, -1e3]), 0.1),
                _leaky("slope 0.01", floats([3, -5]), 0.01),
                _leaky("slope zero", floats([3, -5]), 0.0),
            ],
            _leaky_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _leaky("a single number (0-d)", floats(-4), 0.25),
                _leaky("a 2-d array", floats([[1, -2], [-3, 4]]), 0.25),
                _leaky("a 3-d array", floats([[[1, -2]], [[-3, 4]]]), 0.25),
                _leaky("an array that skips memory", strided([[1, -2, 3], [-4, 5, -6]]), 0.25),
                _leaky("a read-only array", readonly([1, -2]), 0.25),
            ],
            _leaky_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "plain-relu",
            "Your function gives 0 left of 0, which is the plain ReLU: the leaky one gives a x.",
            _leaky_plain,
        ),
        Mistake(
            "fixed-slope",
            "Your function always has slope 0.01 and ignores `slope`.",
            _leaky_fixed,
        ),
        Mistake(
            "minimum",
            "Your function has the slope on the positive side (the smaller of x and a x): "
            "positive inputs pass as they are, negative ones are multiplied by a.",
            _leaky_minimum,
        ),
        Mistake(
            "slope-on-both-sides",
            "Your function multiplies positive inputs by the slope, too: they pass as they are.",
            _leaky_everywhere,
        ),
        Mistake(
            "reflected",
            "Your function gives −a x left of 0, which is positive: it should be a x, negative "
            "like x.",
            _leaky_reflected,
        ),
        Mistake(
            "slope-as-value",
            "Your function returns the slope itself where x is negative: multiply it by x.",
            _leaky_constant,
        ),
        Mistake(
            "slope-added",
            "Your function adds a x on both sides, so positive inputs grow to (1 + a) x: a x "
            "belongs to the left side only.",
            _leaky_sum,
        ),
        Mistake(
            "exponential",
            "Your function is the exponential linear unit (ELU), a(eˣ − 1) left of 0: the leaky "
            "ReLU has the straight line a x.",
            _leaky_exponential,
        ),
        Mistake(
            "in-place",
            "Your function changes `x` in place, which the backward pass still needs: compute a "
            "new array.",
            _leaky_in_place,
        ),
    ),
)

# --- leaky_relu_backward ---------------------------------------------------------------------

_leaky_back = case_maker("x", "slope", "grad_out")


def _leaky_back_cases(rng: np.random.Generator) -> list[Case]:
    slope = float(rng.uniform(0.1, 0.4))
    x, g = _signed(rng, *_X_SIGNS), _signed(rng, *_G_SIGNS)
    sizes = 10.0 ** rng.uniform(-8, 3, 6)
    return [
        _leaky_back("all signs", x, slope, g),
        _leaky_back("gradients from 1e-8 to 1e3", x, slope, sizes * floats(_G_SIGNS)),
        _leaky_back("inputs from 1e-8 to 1e3", sizes * floats(_X_SIGNS), slope, g),
        _leaky_back("slope 0.01", x, 0.01, g),
        _leaky_back("slope zero", x, 0.0, g),
        _leaky_back("gradient zero", x, slope, np.zeros(6)),
    ]


def _leaky_back_zero_cases(rng: np.random.Generator) -> list[Case]:
    slope = float(rng.uniform(0.1, 0.4))
    return [
        _leaky_back("inputs exactly 0", np.zeros(4), slope, _signed(rng, 1, -1, -1, 1)),
        _leaky_back("a negative zero", floats([-0.0, -0.0]), slope, _signed(rng, -1, 1)),
        _leaky_back("inputs next to 0", floats([5e-324, -5e-324, 0]), slope, _signed(rng, 1, 1, 1)),
    ]


def _leaky_back_layout_cases(rng: np.random.Generator) -> list[Case]:
    a = float(rng.uniform(0.1, 0.4))
    x, g = _signed(rng, *_X_SIGNS), _signed(rng, *_G_SIGNS)
    square = x.reshape(2, 3), g.reshape(2, 3)
    return [
        _leaky_back("a single number (0-d)", floats(-rng.uniform(1, 2)), a, floats(1.5)),
        _leaky_back("2-d arrays", square[0], a, square[1]),
        _leaky_back("3-d arrays", x.reshape(3, 1, 2), a, g.reshape(3, 1, 2)),
        _leaky_back("arrays that skip memory", strided(x), a, strided(g)),
        _leaky_back("arrays stored by columns", column_major(square[0]), a, square[1]),
        _leaky_back("read-only arrays", readonly(x), a, readonly(g)),
    ]


def _leaky_one_at_zero(x, slope, grad_out):
    return np.where(x >= 0, grad_out, slope * grad_out)


def _leaky_mean_at_zero(x, slope, grad_out):
    return grad_out * np.where(x > 0, 1, np.where(x == 0, (1 + slope) / 2, slope))


def _leaky_zero_at_zero(x, slope, grad_out):
    return grad_out * ((x > 0) + slope * (x < 0))


def _leaky_blocked(x, slope, grad_out):
    return np.where(x > 0, grad_out, 0)


def _leaky_gradient_fixed(x, slope, grad_out):
    return np.where(x > 0, grad_out, 0.01 * grad_out)


def _leaky_derivative_alone(x, slope, grad_out):
    return np.where(x > 0, 1.0, slope)


def _leaky_slope_alone(x, slope, grad_out):
    return np.where(x > 0, grad_out, slope)


def _leaky_sides_swapped(x, slope, grad_out):
    return np.where(x > 0, slope * grad_out, grad_out)


def _leaky_negative_slope(x, slope, grad_out):
    return np.where(x > 0, grad_out, -slope * grad_out)


def _leaky_value(x, slope, grad_out):
    return np.where(x > 0, x, slope * x) * grad_out


def _leaky_sign_of_gradient(x, slope, grad_out):
    return np.where(grad_out > 0, grad_out, slope * grad_out)


def _leaky_gradient_in_place(x, slope, grad_out):
    grad_out[x <= 0] *= slope
    return grad_out


_LEAKY_RELU_BACKWARD = Exercise(
    "leaky_relu_backward",
    title="The gradient of leaky ReLU",
    minutes=5,
    section=_SECTION,
    parameters=("x", "slope", "grad_out"),
    returns=("grad_x",),
    reference=reference.leaky_relu_backward,
    checks=(
        Check(
            "on both sides of zero",
            2,
            [
                _leaky_back("all signs", floats([2, 3, -1, -4]), 0.2, floats([5, -6, 7, -8])),
                _leaky_back(
                    "gradients from 1e-8 to 1000",
                    floats([2, 3, 0.5, -1, -4]),
                    0.1,
                    floats([1e-8, -1e3, 30, 1e3, -1e-8]),
                ),
                _leaky_back(
                    "inputs from 1e-8 to 1000",
                    floats([1e-8, -1e-8, 1e3, -1e3]),
                    0.1,
                    floats([5, 6, -7, -8]),
                ),
                _leaky_back("slope 0.01", floats([1, -1]), 0.01, floats([2, 3])),
                _leaky_back("slope zero", floats([1, -1]), 0.0, floats([2, 3])),
                _leaky_back("gradient zero", floats([1, -1]), 0.1, np.zeros(2)),
            ],
            _leaky_back_cases,
        ),
        Check(
            "at zero",
            1,
            [
                _leaky_back("inputs exactly 0", np.zeros(3), 0.2, floats([3, -2, 0.5])),
                _leaky_back("a negative zero", floats([-0.0, -0.0]), 0.2, floats([-1, 4])),
                _leaky_back(
                    "inputs next to 0", floats([5e-324, -5e-324, 0]), 0.2, floats([1, 2, 3])
                ),
            ],
            _leaky_back_zero_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _leaky_back("a single number (0-d)", floats(-4), 0.3, floats(2)),
                _leaky_back(
                    "2-d arrays",
                    floats([[2, 3], [-1, -4]]),
                    0.3,
                    floats([[0.5, -0.6], [0.7, -0.8]]),
                ),
                _leaky_back("3-d arrays", floats([[[2, -3]]]), 0.3, floats([[[-4, 5]]])),
                _leaky_back(
                    "arrays that skip memory", strided([1, -2, 3]), 0.3, strided([-4, 5, 6])
                ),
                _leaky_back("read-only arrays", readonly([1, -2]), 0.3, readonly([3, 4])),
            ],
            _leaky_back_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "one-at-zero",
            "Your derivative at x = 0 is 1: the course takes the left one there, the slope a, as "
            "torch does (x > 0, not x ≥ 0).",
            _leaky_one_at_zero,
        ),
        Mistake(
            "mean-at-zero",
            "Your derivative at x = 0 is the mean of both sides: the course takes the left one "
            "there, the slope a, as torch does.",
            _leaky_mean_at_zero,
        ),
        Mistake(
            "zero-at-zero",
            "Your derivative at x = 0 is 0: both sides of a leaky ReLU have a slope, and the "
            "course takes the left one there, a, as torch does.",
            _leaky_zero_at_zero,
        ),
        Mistake(
            "blocked",
            "Your function blocks the gradient left of 0, as the plain ReLU does: multiply it by "
            "the slope there.",
            _leaky_blocked,
        ),
        Mistake(
            "fixed-slope",
            "Your function always has slope 0.01 and ignores `slope`.",
            _leaky_gradient_fixed,
        ),
        Mistake(
            "derivative-alone",
            "Your function returns the derivative alone: by the chain rule it multiplies "
            "`grad_out`.",
            _leaky_derivative_alone,
        ),
        Mistake(
            "slope-alone",
            "Your function returns the slope itself where x ≤ 0: multiply it by `grad_out`.",
            _leaky_slope_alone,
        ),
        Mistake(
            "sides-swapped",
            "Your function has the slope on the positive side: it belongs to x ≤ 0.",
            _leaky_sides_swapped,
        ),
        Mistake(
            "negative-slope",
            "Your function multiplies by −a left of 0: the function rises there, too, so the "
            "slope is +a.",
            _leaky_negative_slope,
        ),
        Mistake(
            "value-for-slope",
            "Your function multiplies the gradient by the value of the leaky ReLU: multiply by "
            "its slope, 1 or a.",
            _leaky_value,
        ),
        Mistake(
            "sign-of-the-gradient",
            "Your function looks at the sign of the gradient: what decides is the sign of the "
            "input x.",
            _leaky_sign_of_gradient,
        ),
        Mistake(
            "in-place",
            "Your function changes `grad_out` in place: compute a new array.",
            _leaky_gradient_in_place,
        ),
    ),
)

# --- prelu_forward ---------------------------------------------------------------------------

_prelu = case_maker("x", "slope")

_PX = floats([[2, -1, 0.5], [-3, -0.5, -2], [1, 4, -1], [-0.25, 3, -4]])
_PG = floats([[1, -2, 0.5], [3, 1, -1], [-2, 0.25, 4], [1.5, -1, 2]])


def _table(rng: np.random.Generator, n: int, d: int) -> Array:
    """Sizes 0.5 to 3, signs so that every column has both (for n ≥ 2)."""
    signs = rng.choice([-1.0, 1.0], (n, d))
    if n > 1:
        signs[0], signs[1] = 1, -1
    return np.asarray(rng.uniform(0.5, 3, (n, d)) * signs)


def _prelu_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _prelu("slopes from 0 to 1", _table(rng, 5, 3), rng.uniform(0.1, 0.9, 3)),
        _prelu("as many examples as units", _table(rng, 3, 3), rng.uniform(0.1, 0.9, 3)),
        _prelu("inputs from 1e-8 to 1e3", spread(rng, 6, 4), rng.uniform(0.1, 0.9, 4)),
        _prelu("slopes zero", _table(rng, 4, 2), np.zeros(2)),
    ]


def _prelu_slope_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _prelu("slopes above 1", _table(rng, 4, 3), rng.uniform(1.2, 3, 3)),
        _prelu("negative slopes", _table(rng, 4, 3), -rng.uniform(0.2, 2, 3)),
        _prelu("slopes of all kinds", _table(rng, 4, 3), _signed(rng, 1, -1, 1)),
    ]


def _prelu_layout_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _prelu("one unit", _table(rng, 5, 1), rng.uniform(0.1, 0.9, 1)),
        _prelu("arrays that skip memory", strided(_table(rng, 4, 3)), strided([0.1, 0.4, 0.7])),
        _prelu("an array stored by columns", column_major(_table(rng, 4, 3)), floats([0.2, 1, 0])),
        _prelu("read-only arrays", readonly(_table(rng, 4, 2)), readonly([0.3, 0.6])),
    ]


def _prelu_maximum(x, slope):
    return np.maximum(x, slope * x)


def _prelu_positive_part(x, slope):
    return np.where(x > 0, x, np.maximum(0, slope) * x)


def _prelu_slope_per_example(x, slope):
    return np.where(x > 0, x, slope[:, None] * x)


def _prelu_mean_slope(x, slope):
    return np.where(x > 0, x, slope.mean() * x)


def _prelu_first_slope(x, slope):
    return np.where(x > 0, x, slope[0] * x)


def _prelu_plain(x, slope):
    return np.maximum(0, x)


def _prelu_sides_swapped(x, slope):
    return np.where(x > 0, slope * x, x)


def _prelu_everywhere(x, slope):
    return slope * x


def _prelu_reflected(x, slope):
    return np.where(x > 0, x, -slope * x)


def _prelu_in_place(x, slope):
    x[x < 0] = (slope * x)[x < 0]
    return x


_PRELU_FORWARD = Exercise(
    "prelu_forward",
    title="Parametric ReLU",
    minutes=5,
    section=_SECTION,
    parameters=("x", "slope"),
    returns=("y",),
    reference=reference.prelu_forward,
    checks=(
        Check(
            "one slope a unit",
            1,
            [
                _prelu("four examples, three units", _PX, floats([0.1, 0.5, 0.25])),
                _prelu("as many examples as units", _PX[:3], floats([0.1, 0.5, 0.25])),
                _prelu(
                    "inputs from 1e-8 to 1000",
                    floats([[1e-8, -1e3], [-1e-8, 1e3], [-30, 0]]),
                    floats([0.2, 0.4]),
                ),
                _prelu("slopes zero", _PX, np.zeros(3)),
            ],
            _prelu_cases,
        ),
        Check(
            "slopes that learning may reach",
            1,
            [
                _prelu("slopes above 1", _PX, floats([2, 1.5, 3])),
                _prelu("negative slopes", _PX, floats([-0.5, -2, -0.1])),
                _prelu("slopes of all kinds", _PX, floats([-0.5, 0.5, 2])),
            ],
            _prelu_slope_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _prelu("one unit", floats([[1], [-2], [3]]), floats([0.5])),
                _prelu("arrays that skip memory", strided(_PX), strided([0.1, 0.5, 0.25])),
                _prelu("an array stored by columns", column_major(_PX), floats([0.1, 0.5, 0.25])),
                _prelu("read-only arrays", readonly(_PX), readonly([0.1, 0.5, 0.25])),
            ],
            _prelu_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "maximum-trick",
            "Your function takes the larger of x and a x, which is right only while a ≤ 1: slopes "
            "are learned here and may leave that range. Decide by the sign of x.",
            _prelu_maximum,
        ),
        Mistake(
            "slopes-clipped",
            "Your function replaces negative slopes by 0: they are learned, and taken as they are.",
            _prelu_positive_part,
        ),
        Mistake(
            "slope-per-example",
            "Your function gives each example (row) its slope: each unit (column) has one, so "
            "slope[j] goes with x[:, j].",
            _prelu_slope_per_example,
        ),
        Mistake(
            "mean-slope",
            "Your function uses the mean of the slopes for all units: each unit has its own.",
            _prelu_mean_slope,
        ),
        Mistake(
            "first-slope",
            "Your function uses the first slope for all units: each unit has its own.",
            _prelu_first_slope,
        ),
        Mistake(
            "plain-relu",
            "Your function gives 0 left of 0 and ignores the slopes: there y = a x.",
            _prelu_plain,
        ),
        Mistake(
            "sides-swapped",
            "Your function has the slope on the positive side: it belongs to x ≤ 0.",
            _prelu_sides_swapped,
        ),
        Mistake(
            "slope-on-both-sides",
            "Your function multiplies positive inputs by the slope, too: they pass as they are.",
            _prelu_everywhere,
        ),
        Mistake(
            "reflected",
            "Your function gives −a x left of 0: it should be a x.",
            _prelu_reflected,
        ),
        Mistake(
            "in-place",
            "Your function changes `x` in place, which the backward pass still needs: compute a "
            "new array.",
            _prelu_in_place,
        ),
    ),
)

# --- prelu_backward --------------------------------------------------------------------------

_prelu_back = case_maker("x", "slope", "grad_out")


def _prelu_back_one_cases(rng: np.random.Generator) -> list[Case]:
    def one(signs: tuple[int, ...]) -> Array:
        return _signed(rng, *signs).reshape(1, -1)

    slope = rng.uniform(0.1, 0.9, 6)
    return [
        _prelu_back("all signs", one(_X_SIGNS), slope, one(_G_SIGNS)),
        _prelu_back("all inputs negative", one((-1, -1, -1)), slope[:3].copy(), one((1, -1, 1))),
        _prelu_back("all inputs positive", one((1, 1, 1)), slope[:3].copy(), one((1, -1, 1))),
    ]


def _prelu_back_batch_cases(rng: np.random.Generator) -> list[Case]:
    sizes = 10.0 ** rng.uniform(-8, 3, (6, 3))
    return [
        _prelu_back(
            "five examples, three units",
            _table(rng, 5, 3),
            rng.uniform(0.1, 0.9, 3),
            _table(rng, 5, 3),
        ),
        _prelu_back(
            "as many examples as units",
            _table(rng, 4, 4),
            rng.uniform(0.1, 0.9, 4),
            _table(rng, 4, 4),
        ),
        _prelu_back(
            "gradients from 1e-8 to 1e3",
            _table(rng, 6, 3),
            rng.uniform(0.1, 0.9, 3),
            sizes * _table(rng, 6, 3),
        ),
        _prelu_back("slopes zero", _table(rng, 5, 2), np.zeros(2), _table(rng, 5, 2)),
        _prelu_back("gradient zero", _table(rng, 5, 2), rng.uniform(0.1, 0.9, 2), np.zeros((5, 2))),
    ]


def _prelu_back_zero_cases(rng: np.random.Generator) -> list[Case]:
    x = _table(rng, 4, 3)
    x[2], x[3, 0] = 0, 0
    return [
        _prelu_back("some inputs exactly 0", x, rng.uniform(0.1, 0.9, 3), _table(rng, 4, 3)),
        _prelu_back(
            "all inputs exactly 0", np.zeros((3, 2)), rng.uniform(0.1, 0.9, 2), _table(rng, 3, 2)
        ),
    ]


def _prelu_back_layout_cases(rng: np.random.Generator) -> list[Case]:
    def three(n: int, d: int) -> tuple[Array, Array, Array]:
        return _table(rng, n, d), _signed(rng, *(1, -1, 1)[:d]), _table(rng, n, d)

    return [
        _prelu_back("slopes above 1 and below 0", *three(4, 3)),
        _prelu_back("one unit", *three(4, 1)),
        _prelu_back("arrays that skip memory", *map(strided, three(4, 3))),
        _prelu_back("arrays stored by columns", *map(column_major, three(4, 2))),
        _prelu_back("read-only arrays", *map(readonly, three(4, 3))),
    ]


def _slope_mean(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, (grad_out * np.minimum(0, x)).mean(axis=0)


def _slope_not_summed(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, grad_out * np.minimum(0, x)


def _slope_summed_over_units(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, (grad_out * np.minimum(0, x)).sum(axis=1)


def _slope_summed_over_all(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, np.sum(grad_out * np.minimum(0, x))


def _slope_from_all_inputs(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, (grad_out * x).sum(axis=0)


def _slope_from_positive_inputs(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, (grad_out * np.maximum(0, x)).sum(axis=0)


def _slope_without_gradient(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, np.minimum(0, x).sum(axis=0)


def _slope_without_input(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, (grad_out * (x <= 0)).sum(axis=0)


def _slope_of_opposite_sign(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, (grad_out * np.maximum(0, -x)).sum(axis=0)


def _slope_times_slope(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, (slope * grad_out * np.minimum(0, x)).sum(axis=0)


def _slope_from_new_gradient(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return grad_x, (grad_x * x).sum(axis=0)


def _input_gradient_blocked(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, 0)
    return grad_x, (grad_out * np.minimum(0, x)).sum(axis=0)


def _input_gradient_swapped(x, slope, grad_out):
    grad_x = np.where(x > 0, slope * grad_out, grad_out)
    return grad_x, (grad_out * np.minimum(0, x)).sum(axis=0)


def _prelu_one_at_zero(x, slope, grad_out):
    grad_x = np.where(x >= 0, grad_out, slope * grad_out)
    return grad_x, (grad_out * np.minimum(0, x)).sum(axis=0)


def _prelu_outputs_swapped(x, slope, grad_out):
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    return (grad_out * np.minimum(0, x)).sum(axis=0), grad_x


def _slope_gradient_missing(x, slope, grad_out):
    return np.where(x > 0, grad_out, slope * grad_out)


def _prelu_gradient_in_place(x, slope, grad_out):
    grad_slope = (grad_out * np.minimum(0, x)).sum(axis=0)
    grad_out[x <= 0] = (slope * grad_out)[x <= 0]
    return grad_out, grad_slope


_PRELU_BACKWARD = Exercise(
    "prelu_backward",
    title="The gradients of parametric ReLU",
    minutes=15,
    section=_SECTION,
    parameters=("x", "slope", "grad_out"),
    returns=("grad_x", "grad_slope"),
    reference=reference.prelu_backward,
    checks=(
        Check(
            "one example",
            1,
            [
                _prelu_back(
                    "all signs",
                    floats([[2, 3, -1, -4]]),
                    floats([0.1, 0.2, 0.3, 0.4]),
                    floats([[5, -6, 7, -8]]),
                ),
                _prelu_back(
                    "all inputs negative", floats([[-1, -2]]), floats([0.1, 0.2]), floats([[3, -4]])
                ),
                _prelu_back(
                    "all inputs positive", floats([[1, 2]]), floats([0.1, 0.2]), floats([[3, -4]])
                ),
            ],
            _prelu_back_one_cases,
        ),
        Check(
            "a batch",
            2,
            [
                _prelu_back("four examples, three units", _PX, floats([0.1, 0.5, 0.25]), _PG),
                _prelu_back(
                    "as many examples as units", _PX[:3], floats([0.1, 0.5, 0.25]), _PG[:3]
                ),
                _prelu_back(
                    "gradients from 1e-8 to 1000",
                    _PX,
                    floats([0.1, 0.5, 0.25]),
                    _PG * floats([[1e-8], [1e3], [1], [1e-3]]),
                ),
                _prelu_back("slopes zero", _PX, np.zeros(3), _PG),
                _prelu_back("gradient zero", _PX, floats([0.1, 0.5, 0.25]), np.zeros((4, 3))),
            ],
            _prelu_back_batch_cases,
        ),
        Check(
            "at zero",
            1,
            [
                _prelu_back(
                    "some inputs exactly 0",
                    floats([[1, -1], [0, 0], [-2, 2], [0, 3], [0, 0]]),
                    floats([0.5, 0.2]),
                    floats([[3, 1], [2, -1], [-1, 5], [4, 2], [-3, 6]]),
                ),
                _prelu_back(
                    "all inputs exactly 0",
                    np.zeros((2, 2)),
                    floats([0.5, 0.2]),
                    floats([[1, 2], [3, 5]]),
                ),
            ],
            _prelu_back_zero_cases,
        ),
        Check(
            "unusual slopes and memory layouts",
            1,
            [
                _prelu_back("slopes above 1 and below 0", _PX, floats([2, -0.5, 1.5]), _PG),
                _prelu_back(
                    "one unit",
                    floats([[1], [-2], [-3]]),
                    floats([0.5]),
                    floats([[2], [1], [4]]),
                ),
                _prelu_back(
                    "arrays that skip memory",
                    strided(_PX),
                    strided([0.1, 0.5, 0.25]),
                    strided(_PG),
                ),
                _prelu_back(
                    "arrays stored by columns",
                    column_major(_PX),
                    floats([0.1, 0.5, 0.25]),
                    column_major(_PG),
                ),
                _prelu_back(
                    "read-only arrays", readonly(_PX), readonly([0.1, 0.5, 0.25]), readonly(_PG)
                ),
            ],
            _prelu_back_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "slope-mean-over-batch",
            "Your gradient of the slopes is a mean over the batch: it is the sum, for a slope is "
            "shared by all examples and their gradients add up.",
            _slope_mean,
        ),
        Mistake(
            "slope-not-summed",
            "Your gradient of the slopes has one row an example: a slope is shared by all "
            "examples, so sum over them (axis 0).",
            _slope_not_summed,
        ),
        Mistake(
            "slope-summed-over-units",
            "Your gradient of the slopes sums over the units (axis 1): sum over the examples "
            "(axis 0), which leaves one number a unit.",
            _slope_summed_over_units,
        ),
        Mistake(
            "slope-summed-over-all",
            "Your gradient of the slopes is one number: each unit has its own slope, so sum over "
            "the examples only (axis 0).",
            _slope_summed_over_all,
        ),
        Mistake(
            "slope-from-all-inputs",
            "Your gradient of the slopes counts positive inputs, too: the output depends on the "
            "slope only where x < 0.",
            _slope_from_all_inputs,
        ),
        Mistake(
            "slope-from-positive-inputs",
            "Your gradient of the slopes comes from the positive inputs: the output depends on "
            "the slope only where x < 0.",
            _slope_from_positive_inputs,
        ),
        Mistake(
            "slope-without-gradient",
            "Your gradient of the slopes forgets `grad_out`: by the chain rule it multiplies "
            "min(0, x).",
            _slope_without_gradient,
        ),
        Mistake(
            "slope-without-input",
            "Your gradient of the slopes adds up `grad_out` alone: the derivative of a x with "
            "respect to a is x.",
            _slope_without_input,
        ),
        Mistake(
            "slope-of-opposite-sign",
            "Your gradient of the slopes has the opposite sign: the derivative of a x with respect "
            "to a is x, which is negative there.",
            _slope_of_opposite_sign,
        ),
        Mistake(
            "slope-times-slope",
            "Your gradient of the slopes is multiplied by the slope: the derivative of a x with "
            "respect to a is x alone.",
            _slope_times_slope,
        ),
        Mistake(
            "slope-from-grad-x",
            "Your gradient of the slopes is computed from the gradient of x: use `grad_out`, and "
            "only where x < 0.",
            _slope_from_new_gradient,
        ),
        Mistake(
            "blocked",
            "Your gradient of x is 0 left of 0, as with the plain ReLU: there it is a times "
            "`grad_out`.",
            _input_gradient_blocked,
        ),
        Mistake(
            "sides-swapped",
            "Your gradient of x has the slope on the positive side: it belongs to x ≤ 0.",
            _input_gradient_swapped,
        ),
        Mistake(
            "one-at-zero",
            "Your derivative at x = 0 is 1: the course takes the left one there, the slope a, as "
            "torch does.",
            _prelu_one_at_zero,
        ),
        Mistake(
            "outputs-swapped",
            "Your function returns the two gradients in the other order: (grad_x, grad_slope).",
            _prelu_outputs_swapped,
        ),
        Mistake(
            "slope-gradient-missing",
            "Your function returns the gradient of x alone: without that of the slopes they "
            "cannot be learned. Return both, (grad_x, grad_slope).",
            _slope_gradient_missing,
        ),
        Mistake(
            "in-place",
            "Your function changes `grad_out` in place: compute new arrays.",
            _prelu_gradient_in_place,
        ),
    ),
)

# --- maxout_forward --------------------------------------------------------------------------

_maxout = case_maker("x", "pieces")

_MX = floats([[1, 5, 2, -7, 0.5, 3], [-2, -1, -6, -4, 8, -9], [4, 3, -1, 2, 6, -5]])


def _maxout_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _maxout("groups of two", rng.normal(size=(4, 6)), 2),
        _maxout("groups of three", rng.normal(size=(4, 6)), 3),
        _maxout("all negative", -rng.uniform(1, 3, (3, 8)), 4),
        _maxout("sizes from 1e-8 to 1e3", rng.normal(size=(3, 8)) * 10.0 ** rng.uniform(-8, 3), 2),
        _maxout("one piece a unit", rng.normal(size=(3, 4)), 1),
    ]


def _maxout_tie_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _maxout("all inputs the same", np.full((2, 4), rng.uniform(1, 2)), 2),
        _maxout("whole numbers, with ties", floats(rng.permutation([3, 3, 3, 1, 1, 1])[None]), 3),
        _maxout("the last two are equal", floats([[-1, 4, 4, -2, -3, -3]]) * rng.uniform(1, 2), 3),
    ]


def _maxout_layout_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _maxout("a 1-d array", rng.normal(size=6), 2),
        _maxout("a 3-d array", rng.normal(size=(2, 3, 6)), 3),
        _maxout("a 3-d array, all negative", -rng.uniform(1, 3, (2, 2, 8)), 2),
        _maxout("an array that skips memory", strided(rng.normal(size=(3, 6))), 2),
        _maxout("an array stored by columns", column_major(rng.normal(size=(3, 6))), 2),
        _maxout("a read-only array", readonly(rng.normal(size=(3, 6))), 3),
    ]


def _distant_groups(x, pieces):
    groups = x.reshape(*x.shape[:-1], pieces, -1)
    return groups.max(axis=-2), groups.argmax(axis=-2)


def _pieces_as_groups(x, pieces):
    groups = x.reshape(*x.shape[:-1], pieces, -1)
    return groups.max(axis=-1), groups.argmax(axis=-1)


def _one_group(x, pieces):
    return x.max(axis=-1), x.argmax(axis=-1)


def _position_in_x(x, pieces):
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    start = pieces * np.arange(groups.shape[-2])
    return groups.max(axis=-1), start + groups.argmax(axis=-1)


def _last_of_equals(x, pieces):
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    return groups.max(axis=-1), pieces - 1 - groups[..., ::-1].argmax(axis=-1)


def _counted_from_one(x, pieces):
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    return groups.max(axis=-1), 1 + groups.argmax(axis=-1)


def _largest_size(x, pieces):
    groups = np.abs(x).reshape(*x.shape[:-1], -1, pieces)
    return groups.max(axis=-1), groups.argmax(axis=-1)


def _smallest(x, pieces):
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    return groups.min(axis=-1), groups.argmin(axis=-1)


def _mean_of_group(x, pieces):
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    return groups.mean(axis=-1), groups.argmax(axis=-1)


def _rectified_too(x, pieces):
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    return np.maximum(0, groups.max(axis=-1)), groups.argmax(axis=-1)


def _winner_missing(x, pieces):
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    return groups.max(axis=-1)


def _winner_first(x, pieces):
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    return groups.argmax(axis=-1), groups.max(axis=-1)


def _mask_for_winner(x, pieces):
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    y = groups.max(axis=-1)
    return y, (groups == y[..., None]) * 1


_MAXOUT_FORWARD = Exercise(
    "maxout_forward",
    title="Maxout",
    minutes=10,
    section=_SECTION,
    parameters=("x", "pieces"),
    returns=("y", "winner"),
    reference=reference.maxout_forward,
    checks=(
        Check(
            "groups",
            2,
            [
                _maxout("groups of two", _MX, 2),
                _maxout("groups of three", _MX, 3),
                _maxout("all negative", floats([[-1, -2, -4, -3], [-8, -7, -5, -6]]), 2),
                _maxout("sizes from 1e-8 to 1000", floats([[1e-8, -1e3, 1e3, 30, -1e-8, -30]]), 2),
                _maxout("one piece a unit", _MX, 1),
            ],
            _maxout_cases,
        ),
        Check(
            "the first of equals",
            1,
            [
                _maxout("all inputs the same", np.ones((2, 4)), 2),
                _maxout("whole numbers, with ties", floats([[1, 3, 3, 2, 2, 0]]), 3),
                _maxout("the last two are equal", floats([[-1, 4, 4, -2, -3, -3]]), 3),
            ],
            _maxout_tie_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _maxout("a 1-d array", _MX[0], 2),
                _maxout("a 3-d array", _MX[:, None], 3),
                _maxout("a 3-d array, all negative", -(np.arange(16.0).reshape(2, 2, 4) + 1), 2),
                _maxout("an array that skips memory", strided(_MX), 2),
                _maxout("an array stored by columns", column_major(_MX), 2),
                _maxout("a read-only array", readonly(_MX), 3),
            ],
            _maxout_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "distant-groups",
            "Your groups take inputs that lie far apart (0, u, 2u, …), a convention found "
            "elsewhere: in the course a group is `pieces` neighbours, jk … jk + k − 1.",
            _distant_groups,
        ),
        Mistake(
            "pieces-as-number-of-groups",
            "Your function makes `pieces` groups: `pieces` is how many inputs a group has, so "
            "there are d / pieces groups.",
            _pieces_as_groups,
        ),
        Mistake(
            "one-group",
            "Your function takes the largest of all inputs: take the largest of each group of "
            "`pieces`.",
            _one_group,
        ),
        Mistake(
            "position-in-x",
            "Your winner counts positions in the whole of x: count within the group, "
            "0 … pieces − 1.",
            _position_in_x,
        ),
        Mistake(
            "last-of-equals",
            "Your winner is the last of equal pieces: the course takes the first, as argmax does.",
            _last_of_equals,
        ),
        Mistake(
            "counted-from-one",
            "Your winner counts from 1: count from 0.",
            _counted_from_one,
        ),
        Mistake(
            "largest-size",
            "Your function takes the largest absolute value: maxout takes the largest value, "
            "which may be negative.",
            _largest_size,
        ),
        Mistake(
            "smallest",
            "Your function takes the smallest of each group: maxout takes the largest.",
            _smallest,
        ),
        Mistake(
            "mean-of-group",
            "Your function averages each group: maxout takes its largest entry.",
            _mean_of_group,
        ),
        Mistake(
            "rectified-too",
            "Your function sets negative results to 0: maxout is no ReLU; the largest of a group "
            "may be negative.",
            _rectified_too,
        ),
        Mistake(
            "winner-missing",
            "Your function returns y alone: the backward pass needs the winners, too. Return "
            "(y, winner).",
            _winner_missing,
        ),
        Mistake(
            "outputs-swapped",
            "Your function returns the winners first: the order is (y, winner).",
            _winner_first,
        ),
        Mistake(
            "mask-for-winner",
            "Your second output is a mask over all pieces: return the number of the winning "
            "piece, one integer a unit (argmax).",
            _mask_for_winner,
        ),
    ),
)

# --- maxout_backward -------------------------------------------------------------------------

_maxout_back = case_maker("winner", "pieces", "grad_out")


def _winners(rng: np.random.Generator, pieces: int, *shape: int) -> Array:
    """Random winners; every piece wins somewhere if there is room for it."""
    size = int(np.prod(shape))
    return np.asarray(rng.permutation(np.arange(size) % pieces).reshape(shape))


def _maxout_back_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _maxout_back("groups of two", _winners(rng, 2, 3, 4), 2, _table(rng, 3, 4)),
        _maxout_back("groups of three", _winners(rng, 3, 4, 2), 3, _table(rng, 4, 2)),
        _maxout_back("gradients from 1e-8 to 1e3", _winners(rng, 2, 3, 4), 2, spread(rng, 3, 4)),
        _maxout_back("gradient zero", _winners(rng, 2, 3, 2), 2, np.zeros((3, 2))),
        _maxout_back("one piece a unit", np.zeros((2, 3), dtype=np.int64), 1, _table(rng, 2, 3)),
    ]


def _maxout_back_layout_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _maxout_back("1-d arrays", _winners(rng, 2, 4), 2, rng.uniform(1, 2, 4)),
        _maxout_back("3-d arrays", _winners(rng, 3, 2, 2, 3), 3, rng.uniform(1, 2, (2, 2, 3))),
        _maxout_back(
            "a gradient that skips memory", _winners(rng, 3, 3, 4), 3, strided([[1, 2, 3, 4]] * 3)
        ),
        _maxout_back(
            "a gradient stored by columns",
            _winners(rng, 2, 3, 4),
            2,
            column_major(_table(rng, 3, 4)),
        ),
        _maxout_back(
            "a read-only gradient", _winners(rng, 2, 3, 4), 2, readonly(_table(rng, 3, 4))
        ),
    ]


def _to_all_pieces(winner, pieces, grad_out):
    return np.repeat(grad_out, pieces, axis=-1)


def _shared_out(winner, pieces, grad_out):
    return np.repeat(grad_out, pieces, axis=-1) / pieces


def _to_the_losers(winner, pieces, grad_out):
    grads = np.where(winner[..., None] == np.arange(pieces), 0.0, grad_out[..., None])
    return grads.reshape(*grad_out.shape[:-1], -1)


def _to_the_first(winner, pieces, grad_out):
    grads = np.zeros((*grad_out.shape, pieces))
    grads[..., 0] = grad_out
    return grads.reshape(*grad_out.shape[:-1], -1)


def _to_distant_pieces(winner, pieces, grad_out):
    won = winner[..., None, :] == np.arange(pieces)[:, None]
    return (won * grad_out[..., None, :]).reshape(*grad_out.shape[:-1], -1)


def _winner_counted_from_one(winner, pieces, grad_out):
    grads = np.where(winner[..., None] == np.arange(pieces) + 1, grad_out[..., None], 0.0)
    return grads.reshape(*grad_out.shape[:-1], -1)


def _winner_as_position(winner, pieces, grad_out):
    grads = np.zeros((*grad_out.shape[:-1], grad_out.shape[-1] * pieces))
    np.put_along_axis(grads, winner, grad_out, axis=-1)
    return grads


def _groups_kept(winner, pieces, grad_out):
    return np.where(winner[..., None] == np.arange(pieces), grad_out[..., None], 0.0)


def _mask_alone(winner, pieces, grad_out):
    mask = (winner[..., None] == np.arange(pieces)) * 1.0
    return mask.reshape(*grad_out.shape[:-1], -1)


def _times_winner(winner, pieces, grad_out):
    grads = np.where(winner[..., None] == np.arange(pieces), (winner * grad_out)[..., None], 0.0)
    return grads.reshape(*grad_out.shape[:-1], -1)


_MAXOUT_BACKWARD = Exercise(
    "maxout_backward",
    title="The gradient of maxout",
    minutes=10,
    section=_SECTION,
    parameters=("winner", "pieces", "grad_out"),
    returns=("grad_x",),
    reference=reference.maxout_backward,
    checks=(
        Check(
            "the winner takes it all",
            2,
            [
                _maxout_back(
                    "groups of two",
                    np.array([[1, 0, 1], [0, 0, 1]]),
                    2,
                    floats([[5, -6, 7], [-8, 9, 10]]),
                ),
                _maxout_back(
                    "groups of three", np.array([[2, 0], [1, 2]]), 3, floats([[5, -6], [7, -8]])
                ),
                _maxout_back(
                    "gradients from 1e-8 to 1000",
                    np.array([[1, 0, 1, 0]]),
                    2,
                    floats([[1e-8, -1e3, 30, -1e-8]]),
                ),
                _maxout_back("gradient zero", np.array([[1, 0]]), 2, np.zeros((1, 2))),
                _maxout_back("one piece a unit", np.array([[0, 0]]), 1, floats([[3, -4]])),
            ],
            _maxout_back_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _maxout_back("1-d arrays", np.array([1, 0, 1]), 2, floats([5, -6, 7])),
                _maxout_back(
                    "3-d arrays",
                    np.array([[[2, 0]], [[1, 2]]]),
                    3,
                    floats([[[5, -6]], [[7, -8]]]),
                ),
                _maxout_back(
                    "a gradient that skips memory",
                    np.array([[2, 0], [1, 2]]),
                    3,
                    strided([[5, -6], [7, -8]]),
                ),
                _maxout_back(
                    "a gradient stored by columns",
                    np.array([[1, 0], [1, 1]]),
                    2,
                    column_major([[5, -6], [7, -8]]),
                ),
                _maxout_back("a read-only gradient", np.array([[1, 0]]), 2, readonly([[5, -6]])),
            ],
            _maxout_back_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "to-all-pieces",
            "Your function gives the gradient to all pieces of a unit: only the winner moved the "
            "output, the others get 0.",
            _to_all_pieces,
        ),
        Mistake(
            "shared-out",
            "Your function shares the gradient out among the pieces, as an average would: the "
            "winner gets all of it.",
            _shared_out,
        ),
        Mistake(
            "to-the-losers",
            "Your function gives the gradient to the pieces that lost: the winner gets all of it.",
            _to_the_losers,
        ),
        Mistake(
            "to-the-first",
            "Your function gives the gradient to the first piece always: give it to the winner.",
            _to_the_first,
        ),
        Mistake(
            "to-distant-pieces",
            "Your function lays the pieces of a unit far apart (0, u, 2u, …): in the course they "
            "are neighbours, unit j has jk … jk + k − 1.",
            _to_distant_pieces,
        ),
        Mistake(
            "winner-counted-from-one",
            "Your function takes winners to count from 1: they count from 0.",
            _winner_counted_from_one,
        ),
        Mistake(
            "winner-as-position",
            "Your function takes the winner for a position in x: it counts within its group, so "
            "the position is j·pieces + winner.",
            _winner_as_position,
        ),
        Mistake(
            "groups-kept",
            "Your result has an axis for the pieces: x had them side by side in its last axis, so "
            "reshape to (…, u·pieces).",
            _groups_kept,
        ),
        Mistake(
            "mask-alone",
            "Your function returns 1 for the winner and 0 elsewhere: by the chain rule that "
            "multiplies `grad_out`.",
            _mask_alone,
        ),
        Mistake(
            "times-winner",
            "Your function multiplies the gradient by the number of the winner: the number says "
            "where it goes, not how large it is.",
            _times_winner,
        ),
    ),
)

# --- gradient_norms --------------------------------------------------------------------------

_norms = case_maker("weights", "x", "activation")

_W1 = floats([[0.5, -1], [1, 0.25], [-0.75, 0.5]])
_W2 = floats([[1, -0.5, 0.5], [0.25, 1, -1]])
_W3 = floats([[0.5, 1], [-1, 0.75]])
_NX = floats([[1, 2], [-0.5, 1], [2, -1], [0.25, -2]])


def _network(rng: np.random.Generator, scale: float, *sizes: int) -> list[Array]:
    return [np.asarray(rng.normal(0, scale / np.sqrt(a), (b, a))) for a, b in pairwise(sizes)]


def _norms_linear_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _norms("two layers", _network(rng, 1, 3, 4, 2), rng.normal(size=(5, 3)), "linear"),
        _norms(
            "layers of one width", _network(rng, 1, 3, 3, 3, 3), rng.normal(size=(4, 3)), "linear"
        ),
    ]


def _norms_smooth_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _norms(
            f"{activation}, {label}",
            _network(rng, 1.2, *sizes),
            rng.normal(size=(5, 3)),
            activation,
        )
        for activation in ("tanh", "sigmoid")
        for label, sizes in (("two layers", (3, 4, 2)), ("layers of one width", (3, 3, 3, 3)))
    ]


def _norms_relu_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _norms("two layers", _network(rng, 1.4, 3, 6, 4), rng.normal(size=(6, 3)), "relu"),
        _norms(
            "layers of one width", _network(rng, 1.4, 4, 4, 4, 4), rng.normal(size=(6, 4)), "relu"
        ),
    ]


def _norms_edge_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _norms(
            "vanishing: eight sigmoid layers",
            _network(rng, 1, *[4] * 9),
            rng.normal(size=(5, 4)),
            "sigmoid",
        ),
        _norms(
            "exploding: eight linear layers",
            _network(rng, 5, *[4] * 9),
            rng.normal(size=(5, 4)),
            "linear",
        ),
        _norms("a single layer", _network(rng, 1, 3, 4), rng.normal(size=(6, 3)), "tanh"),
        _norms("one example", _network(rng, 1, 3, 4, 3), rng.normal(size=(1, 3)), "tanh"),
        _norms(
            "read-only and strided data",
            [readonly(W) for W in _network(rng, 1, 3, 4)]
            + [strided(W) for W in _network(rng, 1, 4, 3)],
            readonly(rng.normal(size=(5, 3))),
            "relu",
        ),
    ]


def _norms_last_layer_linear(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = np.ones_like(hs[-1]) / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        if k > 0:
            delta = (delta @ weights[k]) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_slopes_forgotten(weights, x, activation):
    hs = [x]
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        hs.append(h)
    delta = np.ones_like(hs[-1]) / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        delta = delta @ weights[k]
    return np.array(norms[::-1])


def _norms_hidden_slopes_forgotten(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        delta = delta @ weights[k]
    return np.array(norms[::-1])


def _norms_slope_at_output(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        s, t = 1 / (1 + np.exp(-h)), np.tanh(h)
        d = {"linear": h**0, "sigmoid": s * (1 - s), "tanh": 1 - t**2, "relu": h > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        if k > 0:
            delta = (delta @ weights[k]) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_tanh_square_missing(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        if k > 0:
            delta = (delta @ weights[k]) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_sigmoid_factor_missing(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": 1 - s, "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        if k > 0:
            delta = (delta @ weights[k]) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_sum_over_batch(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] * 1.0
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        if k > 0:
            delta = (delta @ weights[k]) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_last_layer_first(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        if k > 0:
            delta = (delta @ weights[k]) * slopes[k - 1]
    return np.array(norms)


def _norms_squared(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.sum((delta.T @ hs[k]) ** 2))
        if k > 0:
            delta = (delta @ weights[k]) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_spectral(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k], 2))
        if k > 0:
            delta = (delta @ weights[k]) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_of_signals(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta))
        if k > 0:
            delta = (delta @ weights[k]) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_of_weights(weights, x, activation):
    return np.array([np.linalg.norm(W) for W in weights])


def _norms_weights_not_transposed(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        if k > 0:
            delta = (delta @ weights[k].T) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_transposed_on_the_way_back(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    delta = slopes[-1] / len(x)
    norms = []
    for k in range(len(weights) - 1, -1, -1):
        norms.append(np.linalg.norm(delta.T @ hs[k]))
        if k > 0:
            delta = (delta @ weights[k].T) * slopes[k - 1]
    return np.array(norms[::-1])


def _norms_list_reversed(weights, x, activation):
    hs, slopes = [x], []
    for W in weights:
        a = hs[-1] @ W.T
        s = 1 / (1 + np.exp(-a))
        h = {"linear": a, "sigmoid": s, "tanh": np.tanh(a), "relu": np.maximum(0, a)}[activation]
        d = {"linear": a**0, "sigmoid": s * (1 - s), "tanh": 1 - h**2, "relu": a > 0}[activation]
        hs.append(h)
        slopes.append(d)
    weights.reverse()
    delta = slopes.pop() / len(x)
    norms = []
    for W, h in zip(weights, hs[-2::-1], strict=True):
        norms.append(np.linalg.norm(delta.T @ h))
        if slopes:
            delta = (delta @ W) * slopes.pop()
    return np.array(norms[::-1])


_GRADIENT_NORMS = Exercise(
    "gradient_norms",
    title="Gradients through depth",
    minutes=30,
    section=_SECTION,
    parameters=("weights", "x", "activation"),
    returns=("norms",),
    reference=reference.gradient_norms,
    checks=(
        Check(
            "linear layers",
            1,
            [
                _norms("two layers", [_W1, _W2], _NX, "linear"),
                _norms("layers of one width", [_W3, _W3.T @ _W3, _W3], _NX, "linear"),
            ],
            _norms_linear_cases,
        ),
        Check(
            "tanh and sigmoid layers",
            2,
            [
                _norms("tanh, two layers", [_W1, _W2], _NX, "tanh"),
                _norms("tanh, layers of one width", [_W3, -_W3, _W3], _NX, "tanh"),
                _norms("sigmoid, two layers", [_W1, _W2], _NX, "sigmoid"),
                _norms("sigmoid, layers of one width", [_W3, -_W3, _W3], _NX, "sigmoid"),
            ],
            _norms_smooth_cases,
        ),
        Check(
            "rectified layers",
            1,
            [
                _norms("two layers", [_W1, _W2], _NX, "relu"),
                _norms("layers of one width", [_W3, -_W3, _W3], _NX, "relu"),
            ],
            _norms_relu_cases,
        ),
        Check(
            "depth, special cases, memory layouts",
            1,
            [
                _norms("vanishing: six sigmoid layers", [_W3] * 6, _NX, "sigmoid"),
                _norms("exploding: six linear layers", [3 * _W3] * 6, _NX, "linear"),
                _norms("a single layer", [_W1], _NX, "tanh"),
                _norms("one example", [_W1, _W2], _NX[:1], "tanh"),
                _norms(
                    "read-only and strided data",
                    [readonly(_W1), strided(_W2)],
                    readonly(_NX),
                    "relu",
                ),
            ],
            _norms_edge_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "last-layer-linear",
            "Your function leaves out the derivative of the last activation: h_L = φ(a_L) as in "
            "the other layers, so Δ_L = φ'(a_L)/n.",
            _norms_last_layer_linear,
        ),
        Mistake(
            "slopes-forgotten",
            "Your way back multiplies by the weights only: each layer also multiplies by the "
            "derivative φ'(a_l) of its activation.",
            _norms_slopes_forgotten,
        ),
        Mistake(
            "hidden-slopes-forgotten",
            "Your way back has the derivative φ' at the last layer only: every layer that is "
            "passed multiplies by its own φ'(a_l).",
            _norms_hidden_slopes_forgotten,
        ),
        Mistake(
            "slope-at-the-output",
            "Your function takes the derivative φ' at the outputs h_l: take it at a_l, before the "
            "activation. (For tanh that is 1 − h², with h = tanh(a).)",
            _norms_slope_at_output,
        ),
        Mistake(
            "tanh-square-missing",
            "Your derivative of tanh is 1 − h: it is 1 − h².",
            _norms_tanh_square_missing,
        ),
        Mistake(
            "sigmoid-factor-missing",
            "Your derivative of the sigmoid is 1 − h: it is h(1 − h).",
            _norms_sigmoid_factor_missing,
        ),
        Mistake(
            "sum-over-batch",
            "Your function sums over the examples: f is the mean over them, so divide by n.",
            _norms_sum_over_batch,
        ),
        Mistake(
            "last-layer-first",
            "Your norms are in the order of the way back: return that of the first layer first.",
            _norms_last_layer_first,
        ),
        Mistake(
            "squared",
            "Your function returns sums of squares: the norm is their root.",
            _norms_squared,
        ),
        Mistake(
            "spectral-norm",
            "Your function takes np.linalg.norm(…, 2), the largest singular value: the norm here "
            "is the root of the sum of all squares, np.linalg.norm(…).",
            _norms_spectral,
        ),
        Mistake(
            "gradient-of-the-signal",
            "Your function returns the norms of Δ_l, the gradient of a_l: the gradient of the "
            "weights is Δ_lᵀ h_(l−1).",
            _norms_of_signals,
        ),
        Mistake(
            "norms-of-the-weights",
            "Your function returns the norms of the weights themselves: return those of their "
            "gradients.",
            _norms_of_weights,
        ),
        Mistake(
            "weights-not-transposed",
            "Your layers compute h W: rows of W belong to outputs here, so the way forward is "
            "h Wᵀ and the way back Δ W.",
            _norms_weights_not_transposed,
        ),
        Mistake(
            "transposed-on-the-way-back",
            "Your way back multiplies by Wᵀ: forward is h Wᵀ, so back is Δ W.",
            _norms_transposed_on_the_way_back,
        ),
        Mistake(
            "list-reversed",
            "Your function reverses the list `weights` in place, for the caller as well: use "
            "reversed(weights) or weights[::-1], which leave it alone.",
            _norms_list_reversed,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps07-initialization",
    title="Initialization and activations",
    exercises=(
        _XAVIER_BOUND,
        _HE_STD,
        _RELU_FORWARD,
        _RELU_BACKWARD,
        _LEAKY_RELU_FORWARD,
        _LEAKY_RELU_BACKWARD,
        _PRELU_FORWARD,
        _PRELU_BACKWARD,
        _MAXOUT_FORWARD,
        _MAXOUT_BACKWARD,
        _GRADIENT_NORMS,
    ),
    written=(Written("thirty_layers", 4),),
)
