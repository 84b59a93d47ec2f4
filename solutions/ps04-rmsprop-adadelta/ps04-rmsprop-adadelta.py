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
# # Problem set 4: RMSProp and AdaDelta
#
# AdaGrad never forgets: its sum of squares only grows, and its steps only shrink. The methods of
# this problem set replace the sum by a **running mean**, in which old gradients fade. You will
# write RMSProp, look at its memory, add Nesterov's momentum, and write AdaDelta, whose step even
# has the right units. The last cell draws what your functions do. There is one question to answer
# in words.
#
# **Time:** about an hour and a quarter. The exercises do not depend on each other.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. State, such as a running mean, comes in as an argument and goes out as a result. A
# decay rate is the weight of the **old** value, everywhere in the course.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## One step of RMSProp
#
# *About 10 minutes. Chapter: [RMSProp](../rmsprop.md).*
#
# Each weight's gradient is divided by its root mean square over the recent past:
#
# $$
# r \leftarrow \gamma r + (1 - \gamma)\, g^2, \qquad
# \theta \leftarrow \theta - \frac{\alpha\, g}{\sqrt r + \varepsilon}.
# $$
#
# Two conventions exist for $\varepsilon$. L3 has it inside the root; this course, the textbook's
# AdaGrad and torch have it outside. And two for the start: L4 begins with $r = g^2$, everybody else
# with $r = 0$. The check tells you if you have one of the others.
#
# **By hand.** $\theta = 1$, $r = 14$, $g = 6$, $\alpha = 0.1$, $\gamma = 0.5$, $\varepsilon = 0$:
# the new $r$ is $7 + 18 = 25$, the step $0.1 \cdot 6/5 = 0.12$, the new $\theta$ is 0.88.


# %% exercise="rmsprop_step"
def rmsprop_step(theta, r, grad, lr, gamma, eps):
    """One step of RMSProp.

        r ← γ r + (1 − γ) g²
        θ ← θ − α g / (√r + ε)

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        r: running mean of squared gradients, same shape, zeros at the start; not to be changed in
            place.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0, a number.
        gamma: decay rate γ, a number in [0, 1), the weight of the old value.
        eps: ε ≥ 0, a number.

    Returns:
        theta: the new parameters.
        r: the new running mean; in this order, as a tuple.

    Lectures: L1, L3 (with ε inside the root), L4 (with another start), L5. torch.optim.RMSprop
    calls γ `alpha`.
    """
    ### BEGIN SOLUTION
    r = gamma * r + (1 - gamma) * grad**2
    return theta - lr * grad / (np.sqrt(r) + eps), r
    ### END SOLUTION


# %% check="rmsprop_step"
check(rmsprop_step)

# %% [markdown]
# **Next.** From $r = 0$, how long is the very first step? Compare it with the steps of a gradient
# that has been the same for a long time. The next exercise has the reason.
#
# <details><summary>An answer</summary>
#
# The first step has $r = (1 - \gamma) g^2$, so it is $\alpha/\sqrt{1 - \gamma}$ long: $3.2\,\alpha$
# for $\gamma = 0.9$. After a long time with the same gradient $r = g^2$, and the steps are $\alpha$
# long.
#
# </details>

# %% [markdown]
# ## How far back a running mean remembers
#
# *About 10 minutes. Chapter: [RMSProp](../rmsprop.md), on the window.*
#
# Write $r \leftarrow \gamma r + (1-\gamma) g^2$ out for $t$ updates from $r = 0$ and you find a
# weighted sum of all squares so far, $r_t = w_1 g_1^2 + \dots + w_t g_t^2$. Derive the weights,
# and return them as an array, the oldest first.
#
# <details><summary>A hint</summary>
#
# Write $r_1$, $r_2$ and $r_3$ out. With which factor does $g_1^2$ enter each of them?
#
# </details>
#
# <details><summary>Another hint</summary>
#
# The newest square comes in with $1 - \gamma$. Each update after that multiplies it by $\gamma$.
#
# </details>
#
# <details><summary>The formula</summary>
#
# $w_i = (1 - \gamma)\,\gamma^{\,t - i}$ for $i = 1, \dots, t$
#
# </details>
#
# **By hand.** $\gamma = 0.5$, $t = 3$: the weights are $\tfrac18, \tfrac14, \tfrac12$. They sum to
# $\tfrac78 = 1 - \gamma^3$, not to 1: the missing $\gamma^t$ is the weight of the zero at the
# start.


# %% exercise="decay_weights"
def decay_weights(gamma, t):
    """Weights with which t values enter a running mean that started from zero.

    Arguments:
        gamma: decay rate γ, a number in [0, 1), the weight of the old value.
        t: number of updates so far, an integer, 1 or more.

    Returns:
        The weights, float array of shape (t,), the oldest first.

    Lectures: none prints the weights; L1 and L4 speak of the decay. They come back with Adam.
    """
    ### BEGIN SOLUTION
    return (1 - gamma) * gamma ** np.arange(t - 1, -1, -1)
    ### END SOLUTION


# %% check="decay_weights"
check(decay_weights)

# %% [markdown]
# **Next.** For $\gamma = 0.9$, how many of the newest gradients hold two thirds of the weight? A
# rule of thumb says $1/(1-\gamma)$.
#
# <details><summary>An answer</summary>
#
# The newest $k$ have the weight $1 - \gamma^k$. Ten have 0.65 of it, as the rule of thumb says.
#
# </details>

# %% [markdown]
# ## RMSProp with Nesterov's momentum
#
# *About 15 minutes. Chapter: [RMSProp](../rmsprop.md), with Nesterov momentum.*
#
# Somebody has taken the gradient $g = f'(y)$ at the lookahead $y = \theta - \mu v$ for you. Divide
# it as RMSProp does, and let it join a velocity as NAG does:
#
# $$
# r \leftarrow \gamma r + (1 - \gamma)\, g^2, \qquad
# v \leftarrow \mu v + \frac{\alpha\, g}{\sqrt r + \varepsilon}, \qquad
# \theta \leftarrow \theta - v.
# $$
#
# Only the new gradient is divided, and the step starts at $\theta$. The textbook adds a velocity of
# opposite sign and has no $\varepsilon$; torch has the rate outside, as in its momentum.
#
# **By hand.** As before $\theta = 1$, $r = 14$, $g = 6$, $\alpha = 0.1$, $\gamma = 0.5$,
# $\varepsilon = 0$, and now $v = 0.5$, $\mu = 0.8$: $r = 25$, $v = 0.4 + 0.12 = 0.52$,
# $\theta = 0.48$.


# %% exercise="rmsprop_nesterov_step"
def rmsprop_nesterov_step(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    """One step of RMSProp with Nesterov momentum, given the gradient at the lookahead.

        r ← γ r + (1 − γ) g²            where g = f'(y), y = θ − μ v
        v ← μ v + α g / (√r + ε)
        θ ← θ − v

    Arguments:
        theta: parameters θ (not y), float array of any shape; not to be changed in place.
        v: velocity of the step before, same shape, zeros at the start; not to be changed in place.
        r: running mean of squared gradients, same shape, zeros at the start; not to be changed in
            place.
        grad_at_lookahead: gradient g = f'(y) at the lookahead y, same shape.
        lr: learning rate α ≥ 0, a number.
        mu: momentum μ, a number in [0, 1).
        gamma: decay rate γ, a number in [0, 1), the weight of the old value.
        eps: ε ≥ 0, a number.

    Returns:
        theta: the new parameters.
        v: the new velocity.
        r: the new running mean; in this order, as a tuple.

    Lectures: L5 (with a velocity of opposite sign, two minus signs, and without ε).
    """
    ### BEGIN SOLUTION
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - v, v, r
    ### END SOLUTION


# %% check="rmsprop_nesterov_step"
check(rmsprop_nesterov_step)

# %% [markdown]
# **Next.** With momentum $\mu = 0.9$ and a gradient that stays the same, how long does the step
# become? Should $\alpha$ be the one that worked without momentum?
#
# <details><summary>An answer</summary>
#
# Ten times as long: the steps tend to $\alpha/(1 - \mu)$ in place of $\alpha$. Start with a tenth
# of the rate.
#
# </details>

# %% [markdown]
# ## One step of AdaDelta
#
# *About 15 minutes. Chapter: [AdaDelta](../adadelta.md).*
#
# If $\theta$ is a length in meters, a Newton step is in meters. An RMSProp step is not: the units
# of $g$ cancel, and $\alpha$ must bring the meters. AdaDelta takes them from its own past steps,
# with a second running mean $p$, of squared steps:
#
# $$
# r \leftarrow \gamma_1 r + (1-\gamma_1)\, g^2, \qquad
# v = \alpha\, \frac{\sqrt{p + \varepsilon}}{\sqrt{r + \varepsilon}}\; g,
# $$
#
# $$
# \theta \leftarrow \theta - v, \qquad
# p \leftarrow \gamma_2\, p + (1 - \gamma_2)\, v^2.
# $$
#
# Mind the order: $r$ before the step, $p$ after it. Here $\varepsilon$ stands **inside** both
# roots: it is what makes the first step possible at all, while $p$ is zero. The paper has
# $\alpha = 1$ and one decay rate for both. (The slide in L1 misprints the last formula. The check
# knows that variant.)
#
# **By hand.** $\theta = 1$, $r = 14$, $p = 0.04$, $g = 6$, $\alpha = 1$, $\gamma_1 = 0.5$,
# $\gamma_2 = 0.75$, $\varepsilon = 0$: $r = 25$, $v = \tfrac{0.2}{5} \cdot 6 = 0.24$,
# $\theta = 0.76$, $p = 0.03 + 0.25 \cdot 0.0576 = 0.0444$.


# %% exercise="adadelta_step"
def adadelta_step(theta, r, p, grad, lr, gamma1, gamma2, eps):
    """One step of AdaDelta.

        r ← γ₁ r + (1 − γ₁) g²
        v = α √(p + ε) / √(r + ε) · g
        θ ← θ − v
        p ← γ₂ p + (1 − γ₂) v²

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        r: running mean of squared gradients, same shape, zeros at the start; not to be changed in
            place.
        p: running mean of squared steps, same shape, zeros at the start; not to be changed in
            place.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0, a number, usually 1.
        gamma1: decay rate γ₁ of r, a number in [0, 1), the weight of the old value.
        gamma2: decay rate γ₂ of p, likewise.
        eps: ε ≥ 0, a number.

    Returns:
        theta: the new parameters.
        r: the new running mean of squared gradients.
        p: the new running mean of squared steps; in this order, as a tuple.

    Lectures: L1 (AdaDelta, with a misprint in the last line, and without ε).
    """
    ### BEGIN SOLUTION
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    p = gamma2 * p + (1 - gamma2) * v**2
    return theta - v, r, p
    ### END SOLUTION


# %% check="adadelta_step"
check(adadelta_step)

# %% [markdown]
# **Next.** Multiply all gradients by 1000. Which of your functions in this problem set take nearly
# the same steps as before, and where does the small difference come from?
#
# <details><summary>An answer</summary>
#
# All three steps do: from zero state, the roots grow by 1000 as well, and the factor cancels. The
# difference is $\varepsilon$, which stays as it was while $r$ grows.
#
# </details>

# %% [markdown]
# ## What your functions do
#
# A valley that is 100 times steeper in one direction than in the other, and the distance to its
# minimum. RMSProp strides along and in the end jumps to and fro, about as far as $\alpha$ is long;
# with momentum it gets there sooner. AdaDelta has no rate to choose, begins with tiny steps and
# takes its time. Change `scale`, which multiplies the loss, and `lr`, and see who notices.

# %%
curvature, start, steps = np.array([1.0, 100.0]), np.array([-3.0, 2.0]), 400
scale, lr, mu, gamma = 1.0, 0.02, 0.8, 0.9


def distances(method):
    theta, v, r, p = start, np.zeros(2), np.zeros(2), np.zeros(2)
    path = [np.linalg.norm(theta)]
    for _ in range(steps):
        y = theta - mu * v if method == "with momentum" else theta
        grad = scale * curvature * y
        if method == "RMSProp":
            theta, r = rmsprop_step(theta, r, grad, lr, gamma, 1e-8)
        elif method == "with momentum":
            theta, v, r = rmsprop_nesterov_step(theta, v, r, grad, lr, mu, gamma, 1e-8)
        else:
            theta, r, p = adadelta_step(theta, r, p, grad, 1.0, 0.95, 0.95, 1e-6)
        path.append(np.linalg.norm(theta))
    return path


try:
    curves = {m: distances(m) for m in ("RMSProp", "with momentum", "AdaDelta")}
except NotImplementedError:
    print("No picture yet: answer the three step functions, then run this cell again.")
except (TypeError, ValueError):
    print("No picture yet: one of the step functions returns something else than it should.")
else:
    figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for (name, curve), line in zip(curves.items(), ("--", ":", "-"), strict=True):
        ax.semilogy(np.maximum(curve, 1e-7), line, label=name)
    ax.set(xlabel="step", ylabel="distance to the minimum", title=f"A valley, loss times {scale:g}")
    ax.legend()
    plt.show()

# %% [markdown]
# ## In your own words: units
#
# *About 15 minutes, eight to twelve sentences.*
#
# Let $\theta$ be a length in meters and the loss an amount of money, in dollars. Forget
# $\varepsilon$ in the first two parts.
#
# 1. Give the units of $g$ and of $r$. Which unit must $\alpha$ have for SGD, for RMSProp and for
#    AdaDelta, so that the step is in meters? What does that mean for a rate that was tuned on
#    another problem?
# 2. The slide in L1 prints $p_{t+1} = (1-\gamma_2)\,v_t^2 + \gamma_2\, v_t$. Find the error with
#    units alone, and say what the printed $p$ can become that a mean of squares never does.
# 3. With $\varepsilon = 0$ and $p = 0$ at the start, what does AdaDelta do? With
#    $\varepsilon = 10^{-6}$ and $\gamma_1 = 0.95$, about how long is the first step of a weight
#    with gradient 1, and with gradient 1000?

# %% [markdown] written="units"
# **A model answer.** (1) $g$ is in dollars per meter, $r$ in dollars² per meter². SGD's $\alpha$
# must be in meters² per dollar, which depends on the loss and on the parameters. RMSProp's
# $g/\sqrt r$ has no unit, so $\alpha$ is in meters: it is about the length of a step, and another
# scale of the loss does not matter, but another scale of the parameters does. AdaDelta's
# $\sqrt p$ is in meters already and $\alpha$ is a pure number, so as far as units go 1 will do
# everywhere; what brings a scale back in is $\varepsilon$, see (3). (2) $v^2$ is in meters², $v$ in
# meters: they cannot be added. What is kept must be $p$. As printed $p$ can
# become negative, since steps have a sign, and then its root is NaN. (3) It never moves: the step
# is 0 times $g/\sqrt r$, so $p$ stays 0. With $\varepsilon$ the first step is
#
# $$\frac{\sqrt{10^{-6}}}{\sqrt{0.05\,g^2 + 10^{-6}}}\, g \approx \frac{10^{-3}}{\sqrt{0.05}}
# \approx 0.0045,$$
#
# for the gradient 1 and for 1000 alike.
#
# **Marking scheme** (4 points)
#
# - 1 point: dollars/meter and its square; meters²/dollar, meters, no unit.
# - 1 point: a tuned rate carries over as far as its unit does (not with the loss's scale for SGD;
#   with it, but not with the parameters', for RMSProp; with both for AdaDelta).
# - 1 point: $v$ and $v^2$ have different units, so $\gamma_2 p$ is meant; the printed $p$ can be
#   negative.
# - 1 point: without $\varepsilon$ it never starts; about 0.0045 for both gradients.

# %% [markdown]
# ## Points so far

# %%
check_all()
