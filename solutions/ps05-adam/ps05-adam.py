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
# # Problem set 5: Adam and AdaMax
#
# You will write Adam, the method most networks are trained with: first the correction of a mean
# that starts from zero, then one step, then its sibling AdaMax, and at last a loop around the
# step, where most of the errors found in the wild sit. The last cell draws what your functions do.
# There is one question to answer in words.
#
# **Time:** a little over an hour. The exercises do not depend on each other.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. State, such as a running mean, comes in as an argument and goes out as a result.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## A mean that starts from zero
#
# *About 5 minutes. Chapter: [Adam](../adam.md), on the correction.*
#
# A **running mean** $x \leftarrow \gamma x + (1 - \gamma)\,\text{new}$ keeps the fraction $\gamma$
# of the old value. It has to start somewhere, and it starts from zero. After $t$ updates the
# values that came in have the weights $(1-\gamma), (1-\gamma)\gamma, (1-\gamma)\gamma^2, \dots$,
# which add up to $1 - \gamma^t$ only; the rest is the weight of the zero. So divide by it:
#
# $$\hat x = \frac{x}{1 - \gamma^t}.$$
#
# The number $t$ counts the updates that $x$ has seen: 1 after the first.
#
# (A slide in L1 has $1 - (1 - \gamma)^t$ here. The check knows that variant.)
#
# **By hand.** $\gamma = 0.9$ and all values are 5. After one update $x = 0.5$ and
# $\hat x = 0.5 / 0.1 = 5$. After two, $x = 0.95$ and $\hat x = 0.95 / 0.19 = 5$.


# %% exercise="bias_correction"
def bias_correction(x, gamma, t):
    """A running mean that started from zero, freed from its pull towards zero.

        x̂ = x / (1 − γᵗ)

    Arguments:
        x: running mean after t updates, float array of any shape; not to be changed in place.
        gamma: decay rate γ, a number in [0, 1): the weight of the OLD value.
        t: number of updates that x has seen, an integer ≥ 1.

    Returns:
        The corrected mean, a new array of the same shape.

    Lectures: L1 (Adam, where the slide mixes two conventions), L2 to L5.
    """
    ### BEGIN SOLUTION
    return x / (1 - gamma**t)
    ### END SOLUTION


# %% check="bias_correction"
check(bias_correction)

# %% [markdown]
# **Next.** After how many updates does the correction change less than one percent, for
# $\gamma = 0.9$ and for $\gamma = 0.999$?
#
# <details><summary>An answer</summary>
#
# When $\gamma^t$ is below 0.0099: after 44 updates for $\gamma = 0.9$, and after about 4,600 for
# $\gamma = 0.999$.
#
# </details>

# %% [markdown]
# ## One step of Adam
#
# *About 20 minutes. Chapter: [Adam](../adam.md). The [notation](../notation.md) lists the names
# that the paper and torch use.*
#
# Adam keeps two running means, of gradients ($r$) and of their squares ($p$), corrects both, and
# divides one by the root of the other:
#
# $$\begin{aligned}
# r &\leftarrow \gamma_1 r + (1 - \gamma_1)\, g, & \hat r &= \frac{r}{1 - \gamma_1^t},\\
# p &\leftarrow \gamma_2 p + (1 - \gamma_2)\, g^2, & \hat p &= \frac{p}{1 - \gamma_2^t},\\
# v &= \frac{\alpha\, \hat r}{\sqrt{\hat p} + \varepsilon}, & \theta &\leftarrow \theta - v,
# \end{aligned}$$
#
# all of it elementwise. Three details are got wrong most often. The state that is handed on is
# $r$ and $p$, not $\hat r$ and $\hat p$. The small $\varepsilon$ stands beside the root. And $t$
# is 1, not 0, in the first step.
#
# **By hand.** From $\theta = 1$, $r = p = 0$, with $g = 4$, $t = 1$, $\alpha = 0.1$,
# $\gamma_1 = 0.9$, $\gamma_2 = 0.999$ and a negligible $\varepsilon$: $r = 0.4$, $p = 0.016$,
# $\hat r = 4$, $\hat p = 16$, $v = 0.1$ and $\theta = 0.9$. With $g = 400$ it is 0.9 again: the
# first step has the length $\alpha$, whatever the gradient.


# %% exercise="adam_step"
def adam_step(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    """One step of Adam, elementwise.

        r ← γ₁ r + (1 − γ₁) g          r̂ = r / (1 − γ₁ᵗ)
        p ← γ₂ p + (1 − γ₂) g²         p̂ = p / (1 − γ₂ᵗ)
        v = α r̂ / (√p̂ + ε)
        θ ← θ − v

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        r: running mean of gradients, same shape; zeros before the first step.
        p: running mean of squared gradients, same shape; zeros before the first step.
        grad: gradient g at θ, same shape.
        t: number of this step, an integer ≥ 1.
        lr: learning rate α ≥ 0, a number.
        gamma1: decay rate γ₁ of r, a number in [0, 1).
        gamma2: decay rate γ₂ of p, a number in [0, 1).
        eps: small constant ε > 0, a number.

    Returns:
        theta: the new parameters.
        r: the new mean of gradients, not corrected.
        p: the new mean of squares, not corrected; in this order, as a tuple.

    Lectures: L1 (Adam, with another correction on the slide), L2 to L5. Kingma and Ba 2015.
    """
    ### BEGIN SOLUTION
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat = r / (1 - gamma1**t)
    p_hat = p / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p
    ### END SOLUTION


# %% check="adam_step"
check(adam_step)

# %% [markdown]
# **Next.** Multiply all gradients by 1,000. What changes in Adam's steps, and what in those of
# [momentum](../momentum.md)?
#
# <details><summary>An answer</summary>
#
# Adam's steps stay as they are, but for $\varepsilon$, since $\hat r$ and $\sqrt{\hat p}$ both grow
# by 1,000. Those of momentum become 1,000 times as long.
#
# </details>

# %% [markdown]
# ## One step of AdaMax
#
# *About 15 minutes. Chapter: [Adam](../adam.md), on AdaMax.*
#
# Instead of the root of a mean of squares, AdaMax divides by the largest absolute gradient, with
# old ones fading away:
#
# $$r \leftarrow \gamma_1 r + (1 - \gamma_1)\, g, \qquad
# p \leftarrow \max(\gamma_2\, p,\; |g| + \varepsilon), \qquad
# v = \frac{\alpha\, r}{(1 - \gamma_1^t)\, p}, \qquad \theta \leftarrow \theta - v.$$
#
# A maximum is not pulled towards its start, so $p$ needs no correction. The maximum is taken
# elementwise: every parameter has its own.
#
# **By hand.** From $\theta = 1$, $r = 0.2$, $p = 5$, with $g = 2$, $t = 2$, $\alpha = 0.1$,
# $\gamma_1 = 0.9$, $\gamma_2 = 0.8$ and a negligible $\varepsilon$: $r = 0.38$,
# $p = \max(4, 2) = 4$, $v = 0.1 \cdot 0.38 / (0.19 \cdot 4) = 0.05$ and $\theta = 0.95$.


# %% exercise="adamax_step"
def adamax_step(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    """One step of AdaMax, elementwise.

        r ← γ₁ r + (1 − γ₁) g
        p ← max(γ₂ p, |g| + ε)
        v = α r / ((1 − γ₁ᵗ) p)
        θ ← θ − v

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        r: running mean of gradients, same shape; zeros before the first step.
        p: decaying maximum of absolute gradients, same shape; zeros before the first step.
        grad: gradient g at θ, same shape.
        t: number of this step, an integer ≥ 1.
        lr: learning rate α ≥ 0, a number.
        gamma1: decay rate γ₁ of r, a number in [0, 1).
        gamma2: decay rate γ₂ of p, a number in [0, 1).
        eps: small constant ε > 0, a number.

    Returns:
        theta: the new parameters.
        r: the new mean of gradients, not corrected.
        p: the new maximum; in this order, as a tuple.

    Lectures: L1 (AdaMax, with another correction on the slide). Kingma and Ba 2015.
    """
    ### BEGIN SOLUTION
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad) + eps)
    r_hat = r / (1 - gamma1**t)
    return theta - lr * r_hat / p, r, p
    ### END SOLUTION


# %% check="adamax_step"
check(adamax_step)

# %% [markdown]
# **Next.** One gradient in a million is 1,000 times as large as the others. How long do Adam and
# AdaMax remember it, with $\gamma_2 = 0.999$?
#
# <details><summary>An answer</summary>
#
# Both for about 6,900 steps, for $0.999^{6900} \approx 1/1000$. At first AdaMax is hit harder:
# its divisor jumps to 1,000 times what it was. Adam's $p$ also grows about a thousandfold, but the
# divisor is its root, and grows by 32.
#
# </details>

# %% [markdown]
# ## Adam from the start
#
# *About 15 minutes. Chapter: [Adam](../adam.md).*
#
# Now put the step into a loop. The gradients are given, one row a step, so that all that is left
# is bookkeeping: both means start from zero, $t$ counts from 1, and every $\theta$ is kept. Return
# them as the rows of one array, the start first.
#
# **Find the errors.** A friend wrote it as below, with a right `adam_step`. It has three errors.
# Find them before you write yours.
#
# ```python
# def adam_trajectory(theta0, grads, lr, gamma1, gamma2, eps):
#     r = p = np.zeros_like(theta0)
#     points = []
#     for t, grad in enumerate(grads):
#         theta, r, p = adam_step(theta0, r, p, grad, t, lr, gamma1, gamma2, eps)
#         points.append(theta)
#     return np.array(points)
# ```
#
# <details><summary>A hint</summary>
#
# Follow the example below through it by hand: how many rows come out, what is divided by what in
# the first step, and where does the second step start?
#
# </details>
#
# <details><summary>The errors</summary>
#
# The start is missing from the result. `enumerate` counts $t$ from 0, so the first correction
# divides by $1 - \gamma^0 = 0$. And every step starts from `theta0`.
#
# </details>
#
# Write the rule out in the loop, or call your `adam_step`; then an error in it counts here, too.
#
# **By hand.** $\theta_0 = 1$, two gradients of 3, $\alpha = 0.1$, any decay rates and a negligible
# $\varepsilon$: with a constant gradient $\hat r = 3$ and $\hat p = 9$ in every step, so $\theta$
# goes 1, 0.9, 0.8.


# %% exercise="adam_trajectory"
def adam_trajectory(theta0, grads, lr, gamma1, gamma2, eps):
    """Iterates of Adam on gradients that are given in advance.

        r = p = 0;   for t = 1, 2, …: one step of Adam with the gradient number t

    Arguments:
        theta0: where to start, float array of any shape S; not to be changed in place.
        grads: the gradients in order, float array of shape (steps, *S); there may be none.
        lr: learning rate α ≥ 0, a number.
        gamma1: decay rate γ₁ of the mean of gradients, a number in [0, 1).
        gamma2: decay rate γ₂ of the mean of squares, a number in [0, 1).
        eps: small constant ε > 0, a number.

    Returns:
        The trajectory, float array of shape (steps + 1, *S); the first entry is theta0.

    Lectures: L2 to L5 (Adam, as an algorithm with its loop).
    """
    ### BEGIN SOLUTION
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, grad in enumerate(grads, start=1):
        r = gamma1 * r + (1 - gamma1) * grad
        p = gamma2 * p + (1 - gamma2) * grad**2
        r_hat = r / (1 - gamma1**t)
        p_hat = p / (1 - gamma2**t)
        theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)
    ### END SOLUTION


# %% check="adam_trajectory"
check(adam_trajectory)

# %% [markdown]
# **Next.** The picture below feeds your function with a thousand noisy gradients.

# %% [markdown]
# ## What your functions do
#
# The true gradient is 1; each one you see has noise on it that is three times as large. With a
# mean over about ten gradients ($\gamma_1 = 0.9$) the steps are rough, with one over a hundred
# smooth. How fast do both move, in units of $\alpha$ a step? Change `noise` and see.

# %%
lr, noise, steps = 0.01, 3.0, 1000
gradients = 1 + noise * np.random.default_rng(0).normal(size=(steps, 1))

try:
    paths = {
        gamma1: adam_trajectory(np.zeros(1), gradients, lr, gamma1, 0.999, 1e-8)
        for gamma1 in (0.0, 0.9, 0.99)
    }
except NotImplementedError:
    paths = {}

if any(np.shape(path) != (steps + 1, 1) for path in paths.values()):
    print("No picture yet: adam_trajectory should return an array of shape (steps + 1, 1).")
elif not paths:
    print("No picture yet: answer adam_trajectory, then run this cell again.")
else:
    figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
    for gamma1, path in paths.items():
        speed = -float(path[-1][0] - path[0][0]) / steps / lr
        ax.plot(path, linewidth=1, label=f"$\\gamma_1 = {gamma1}$: {speed:.2f} α a step")
    ax.set(xlabel="step", ylabel="θ", title="Adam on a constant gradient with noise")
    ax.legend()
    plt.show()

# %% [markdown]
# ## In your own words: two conventions
#
# *About 10 minutes, five to ten sentences.*
#
# A slide in lecture L1 has $r \leftarrow \gamma_1 r + (1 - \gamma_1) g$, as you do, and then
# corrects with $\hat r = r / (1 - (1 - \gamma_1)^t)$, and $p$ likewise.
#
# 1. What are $\hat r$ and $\hat p$ in the first step, as printed and as they should be? By which
#    factor is Adam's first step wrong with $\gamma_1 = 0.9$ and $\gamma_2 = 0.999$?
# 2. How could the slide's author have come to this formula, and in which convention would it be
#    right?
# 3. A friend ran the printed version for 100,000 steps and found the same final loss as with the
#    right one. Explain why, and say which trainings would notice the error.

# %% [markdown] written="two_conventions"
# **A model answer.** (1) After one step from zero $r = (1 - \gamma_1) g$ and
# $p = (1 - \gamma_2) g^2$. Right corrections give $\hat r = g$ and $\hat p = g^2$. As printed the
# divisors are $1 - (1 - \gamma) = \gamma$: $\hat r = g \cdot 0.1/0.9 = 0.111\,g$ and
# $\hat p = g^2 \cdot 0.001/0.999 = 0.001\,g^2$, with the root $0.0316\,|g|$. The step is
# $0.111/0.0316 = 3.5$ times too large. (2) If $\gamma$ is the weight of the new value,
# $r \leftarrow (1 - \gamma) r + \gamma g$, the weights add up to $1 - (1 - \gamma)^t$, and the
# printed formula is right; one draft of the paper has it so. The slide took the means from one
# convention and the correction from the other. (3) Both corrections tend to 1: as printed within
# very few steps, the right ones after some thousands ($0.999^t$ is small then). From there on the
# methods are the same, and what the early steps did is forgotten if they did no lasting harm. A
# training notices that is short, or in which early steps that are too large do damage: a large
# learning rate, a start that was chosen with care, fine-tuning of trained weights.
#
# **Marking scheme** (4 points)
#
# - 1 point: the first step's $\hat r$ and $\hat p$, right and as printed.
# - 1 point: the factor 3.5 (3.51), with the root taken.
# - 1 point: the printed formula belongs to γ as the weight of the new value.
# - 1 point: both corrections tend to 1, and one sound case in which the early steps matter.
# - An answer with a slip in the arithmetic of (1) that is carried on consistently loses one point
#   only.

# %% [markdown]
# ## Points so far

# %%
check_all()
