# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Problem set 1: sums
#
# Replace the lines that raise `NotImplementedError`, and run the `check(...)` cell below each
# exercise as often as you like. To hand in: *Restart & Run All*, save, hand in this notebook.

# %%
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## The trapezoidal rule
#
# Of a function only the values $y_0, \dots, y_n$ are known, at places that are $h$ apart. Its
# integral is about $h\,(\tfrac12 y_0 + y_1 + \dots + y_{n-1} + \tfrac12 y_n)$.


# %% exercise="trapezoid"
def trapezoid(y, h):
    """The area below the line through values y that are h apart.

    Arguments:
        y: two values or more, array of shape (n + 1,).
        h: the distance between neighbours, a number.

    Returns:
        area: a number.
    """
    ### BEGIN SOLUTION
    return h * (y[0] / 2 + y[1:-1].sum() + y[-1] / 2)
    ### END SOLUTION


# %% check="trapezoid"
check(trapezoid)

# %% [markdown]
# ## Horner's rule
#
# $c_0 + c_1 x + c_2 x^2 = c_0 + x\,(c_1 + x\,c_2)$, and so on: no power is needed.


# %% exercise="horner"
def horner(c, x):
    """A polynomial at many places.

    Arguments:
        c: its coefficients, the constant first, array of shape (n + 1,).
        x: the places, an array of any shape.

    Returns:
        value: the polynomial at each place, an array of the same shape.
    """
    ### BEGIN SOLUTION
    result = np.zeros_like(x)
    for coefficient in c[::-1]:
        result = result * x + coefficient
    return result
    ### END SOLUTION


# %% check="horner"
check(horner)

# %% [markdown]
# ## In your own words
#
# The distance $h$ is halved. By what factor does the error of the trapezoidal rule fall, for a
# smooth function, and why?

# %% [markdown] written="halved_step"
# **A model answer.** By 4: on each interval the error is about $-h^3 f''/12$, and there are $1/h$
# times as many intervals, so the error of the sum goes with $h^2$.
#
# **Marking scheme** (3 points): 1 for the factor, 2 for the reason.

# %% [markdown]
# ## Points so far

# %%
check_all()
