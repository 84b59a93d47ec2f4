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
# # Problem set 3: Rprop and AdaGrad
#
# One learning rate for all weights is a compromise: too long for the steep directions, too short
# for the flat ones. In this problem set each weight gets a step size of its own, first from the
# signs of its gradients (Rprop), then from their sizes (AdaGrad). The last exercise computes why
# the first of these two ideas does not survive minibatches. The last cell draws what your
# functions do. There is one question to answer in words.
#
# **Time:** about an hour and a quarter. Only the last exercise builds on an earlier one.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. State, such as step sizes, comes in as an argument and goes out as a result.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## One step of Rprop
#
# *About 20 minutes. Chapter: [Rprop](../rprop.md).*
#
# The size of a gradient can mislead: it is tiny on a plateau, where long steps would be right, and
# huge at a cliff. Rprop looks at its **sign** only. Each weight has a step size $\Delta$ of its
# own, which grows while the sign stays the same and shrinks when it changes, for then the
# weight has jumped over a minimum. With $g_-$ for the gradient stored in the step before and
# $s = g\,g_-$, for each weight by itself:
#
# $$
# \Delta \leftarrow \begin{cases} \eta^+ \Delta & s > 0 \\ \eta^- \Delta & s < 0 \\
# \Delta & s = 0 \end{cases}
# \quad \text{limited to } [\Delta_{\min}, \Delta_{\max}],
# \qquad g \leftarrow 0 \text{ where } s < 0,
# $$
#
# $$\theta \leftarrow \theta - \operatorname{sign}(g)\,\Delta, \qquad g_- \leftarrow g.$$
#
# Setting $g$ to zero does two things. The weight pauses for one step after a change of sign, and
# because the zero is what is stored, $\Delta$ is left alone in the step after that. This variant
# is called iRprop−. Others move at once, or take the last step back; the check tells you if you
# have one of those. (The slide in L1 leaves something out of the step. The check knows that, too.)
#
# **By hand.** $\theta = 1$, $\Delta = 0.5$, $g_- = 3$, with the usual factors 0.5 and 1.2. The
# gradient 2 agrees with $g_-$: $\Delta = 0.6$, $\theta = 0.4$, and 2 is stored. The next gradient
# is −1, of the other sign: $\Delta = 0.3$, $\theta$ stays at 0.4, and 0 is stored. The
# next is −1 again: $s = 0$, so $\Delta$ stays 0.3, and $\theta = 0.7$.


# %% exercise="rprop_step"
def rprop_step(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    """One step of Rprop (the variant iRprop−), for each weight by itself.

        s = g g₋
        Δ ← η⁺ Δ if s > 0,   η⁻ Δ if s < 0,   Δ if s = 0;   then limited to [Δmin, Δmax]
        g ← 0 where s < 0
        θ ← θ − sign(g) Δ
        g₋ ← g

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        delta: step sizes Δ, between Δmin and Δmax, same shape; not to be changed in place.
        grad: gradient g at θ, same shape; not to be changed in place.
        prev_grad: g₋, the gradient stored in the step before, same shape; zeros at the start.
        eta_minus: factor η⁻, a number in (0, 1).
        eta_plus: factor η⁺, a number above 1.
        delta_min: smallest step size Δmin, a number.
        delta_max: largest step size Δmax, a number.

    Returns:
        theta: the new parameters.
        delta: the new step sizes.
        prev_grad: the gradient to store, with zeros where its sign changed; in this order, as a
            tuple.

    Lectures: L1 (Rprop, with the sign missing on the slide). torch.optim.Rprop is the same.
    """
    ### BEGIN SOLUTION
    s = grad * prev_grad
    factor = np.where(s > 0, eta_plus, np.where(s < 0, eta_minus, 1.0))
    delta = np.clip(factor * delta, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, grad
    ### END SOLUTION


# %% check="rprop_step"
check(rprop_step)

# %% [markdown]
# **Next.** How many steps does Rprop need to make $\Delta$ a thousand times longer? And what
# happens to its path if you multiply the loss by a million?
#
# <details><summary>An answer</summary>
#
# 38 steps that agree with the one before, for $1.2^{38} \approx 1021$. The path stays as it is:
# only signs of gradients count.
#
# </details>

# %% [markdown]
# ## One step of the Manhattan rule
#
# *About 5 minutes. Chapter: [Rprop](../rprop.md), on the sign.*
#
# Take the adaptation away, and what is left of Rprop is a step of the same length, always, against
# the sign of the gradient:
#
# $$\theta \leftarrow \theta - \operatorname{sign}(g)\,\Delta, \qquad \operatorname{sign}(0) = 0.$$
#
# In two dimensions it walks along the diagonals of a grid, whatever the gradient's direction. It
# has no pause, since no gradient is stored.
#
# **By hand.** $\theta = (1, 2, 3)$, $\Delta = 0.1$, $g = (1000, -10^{-8}, 0)$: the new $\theta$ is
# $(0.9, 2.1, 3)$.


# %% exercise="manhattan_step"
def manhattan_step(theta, delta, grad):
    """One step of the Manhattan rule: as far as ever, against the sign of the gradient.

        θ ← θ − sign(g) Δ      with sign(0) = 0

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        delta: step size Δ ≥ 0, a number, or an array of the same shape.
        grad: gradient g at θ, same shape.

    Returns:
        The new parameters, a new array of the same shape.

    Lectures: L1 (Rprop with η⁻ = η⁺ = 1).
    """
    ### BEGIN SOLUTION
    return theta - np.sign(grad) * delta
    ### END SOLUTION


# %% check="manhattan_step"
check(manhattan_step)

# %% [markdown]
# **Next.** How close to a minimum can this rule come, and stay? Rprop's shrinking $\Delta$ is there
# for a reason.
#
# <details><summary>An answer</summary>
#
# It jumps to and fro between two points that are $\Delta$ apart, one on each side of the minimum.
# It stays only where the gradient is exactly zero.
#
# </details>

# %% [markdown]
# ## One step of AdaGrad
#
# *About 10 minutes. Chapter: [AdaGrad](../adagrad.md).*
#
# AdaGrad adds up the squares of each weight's gradients and divides by the root of the sum. A
# weight that has seen large gradients gets short steps, one that has seen few gets long ones:
#
# $$
# r \leftarrow r + g^2, \qquad
# \theta \leftarrow \theta - \frac{\alpha\, g}{\sqrt r + \varepsilon},
# $$
#
# everything for each weight by itself. The small $\varepsilon$ keeps a gradient that has always
# been zero from giving 0/0. It stands **outside** the root in this course; inside, it would be felt
# much earlier. (The slides in L1 square the wrong thing. The check knows that variant.)
#
# **Find the errors.** Somebody wrote the step as below. It runs, and it even goes downhill. It has
# three errors, one of them in an array that is not its own. Find them before you write yours.
#
# ```python
# def adagrad_step(theta, r, grad, lr, eps):
#     r += theta**2
#     return theta - lr / np.sqrt(r + eps) * grad, r
# ```
#
# <details><summary>A hint</summary>
#
# Compare it with the formulas symbol by symbol; then call it twice with the same `r` and look at
# `r` in between.
#
# </details>
#
# <details><summary>The errors</summary>
#
# It squares $\theta$ where it should be $g$. The $\varepsilon$ is inside the root. And `r += …`
# changes the caller's array.
#
# </details>
#
# **By hand.** $\theta = 1$, $r = 9$, $g = 4$, $\alpha = 0.1$, $\varepsilon = 0$: the new $r$ is
# $9 + 16 = 25$, the step $0.1 \cdot 4 / 5 = 0.08$, the new $\theta$ is 0.92.


# %% exercise="adagrad_step"
def adagrad_step(theta, r, grad, lr, eps):
    """One step of AdaGrad.

        r ← r + g²
        θ ← θ − α g / (√r + ε)

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        r: sum of squared gradients so far, same shape, zeros at the start; not to be changed in
            place.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0, a number.
        eps: ε ≥ 0, a number.

    Returns:
        theta: the new parameters.
        r: the new sum; in this order, as a tuple.

    Lectures: L1 (AdaGrad, with θ² for g² on the slides), L3, L4, L5.
    """
    ### BEGIN SOLUTION
    r = r + grad**2
    return theta - lr * grad / (np.sqrt(r) + eps), r
    ### END SOLUTION


# %% check="adagrad_step"
check(adagrad_step)

# %% [markdown]
# **Next.** With a gradient that never changes, how long is AdaGrad's step number $t$? What does
# that mean late in a long training?
#
# <details><summary>An answer</summary>
#
# After $t$ steps $r = t g^2$, so the step is $\alpha/\sqrt t$ long: a tenth of the first one in
# step 100, a hundredth in step 10,000. Late in training AdaGrad hardly moves, whether or not it has
# arrived.
#
# </details>

# %% [markdown]
# ## Nine against one
#
# *About 20 minutes. Chapter: [Rprop](../rprop.md), on nine against one.*
#
# Hinton's lecture has a weight whose gradient is $0.1$ on nine minibatches and $-0.9$ on the
# tenth. The gradients add up to zero, so the weight should end where it was. Does it? Compute
# the **net change** of a weight, $\theta_{\text{end}} - \theta_{\text{start}}$, after any sequence
# of gradients $g_1, \dots, g_n$, under four rules:
#
# - `"sgd"`: $-\sum \alpha\, g_i$.
# - `"manhattan"`: $-\sum \alpha \operatorname{sign}(g_i)$.
# - `"rprop"`: what Rprop does, from $\Delta = \alpha$ and $g_- = 0$, with $\eta^- = 0.5$,
#   $\eta^+ = 1.2$, $\Delta_{\min} = 10^{-6}$, $\Delta_{\max} = 50$.
# - `"rmsprop"`: $-\sum \alpha\, g_i / (\sqrt r + \varepsilon)$, where $r = \frac1n \sum g_i^2$ and
#   $\varepsilon = 10^{-8}$.
#
# RMSProp, which is the next problem set, really divides by a *running* mean. It changes slowly, so
# that neighboring minibatches are divided by nearly the same number; here it is exactly the same.
#
# Call your functions from above where you like; then an error in them counts here, too.
#
# **By hand.** $g = (1, 1, -2)$ and $\alpha = 0.1$. SGD: $-0.1 \cdot (1 + 1 - 2) = 0$. Manhattan:
# $-0.1 \cdot (1 + 1 - 1) = -0.1$. Rprop: $\Delta = 0.1$, then $0.12$, then the sign changes and the
# weight pauses, together $-0.22$. RMSProp: $r = (1 + 1 + 4)/3 = 2$, and $0/\sqrt 2 = 0$.


# %% exercise="net_update"
def net_update(grads, rule, lr):
    """Change θ_end − θ_start of one weight after a sequence of given gradients.

        "sgd":        −Σ α g_i
        "manhattan":  −Σ α sign(g_i)
        "rprop":      Rprop from Δ = α and g₋ = 0, with η⁻ = 0.5, η⁺ = 1.2, Δmin = 1e-6, Δmax = 50
        "rmsprop":    −Σ α g_i / (√r + ε)      where r = (1/n) Σ g_i², ε = 1e-8

    Arguments:
        grads: gradients g_1, …, g_n of the weight, float array of shape (n,), n ≥ 1; not to be
            changed in place.
        rule: "sgd", "manhattan", "rprop" or "rmsprop".
        lr: learning rate, or first step size, α > 0, a number.

    Returns:
        The change of the weight, a number.

    Lectures: L1 (problems with Rprop), after Hinton's lecture 6e.
    """
    ### BEGIN SOLUTION
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    theta, delta, prev_grad = 0.0, lr, 0.0
    for g in grads:
        s = g * prev_grad
        factor = 1.2 if s > 0 else 0.5 if s < 0 else 1.0
        delta = min(max(factor * delta, 1e-6), 50.0)
        prev_grad = 0.0 if s < 0 else g
        theta = theta - np.sign(prev_grad) * delta
    return theta
    ### END SOLUTION


# %% check="net_update"
check(net_update)

# %% [markdown]
# **Next.** Try nine minibatches with 0.1 and one with −0.9 under all four rules, in this order and
# in others, before you answer the question at the end.

# %% [markdown]
# ## What your functions do
#
# A valley that is 100 times steeper in one direction than in the other, with exact gradients, and
# the distance to its minimum. Plain gradient descent has nearly the largest rate that the steep
# direction allows. Manhattan comes as close as its step is long. Rprop and AdaGrad are not
# impressed by the valley. Then change `noise` from 0 to 5, which adds a random part to each
# gradient, as a minibatch does, and see which method no longer gets anywhere.

# %%
curvature, start, steps, noise = np.array([1.0, 100.0]), np.array([-3.0, 2.0]), 150, 0.0


def distances(method):
    rng = np.random.default_rng(0)
    theta, state, path = start, None, [np.linalg.norm(start)]
    for _ in range(steps):
        grad = curvature * theta + noise * rng.normal(size=2)
        if method == "gradient descent":
            theta = theta - 0.019 * grad
        elif method == "Manhattan":
            theta = manhattan_step(theta, 0.07, grad)
        elif method == "AdaGrad":
            theta, state = adagrad_step(
                theta, np.zeros(2) if state is None else state, grad, 1.0, 1e-10
            )
        else:
            delta, prev_grad = (np.full(2, 0.05), np.zeros(2)) if state is None else state
            theta, *state = rprop_step(theta, delta, grad, prev_grad, 0.5, 1.2, 1e-6, 50.0)
        path.append(np.linalg.norm(theta))
    return path


try:
    curves = {m: distances(m) for m in ("gradient descent", "Manhattan", "AdaGrad", "Rprop")}
except NotImplementedError:
    print("No picture yet: answer the first three exercises, then run this cell again.")
except (TypeError, ValueError):
    print("No picture yet: one of the first three functions returns something else than it should.")
else:
    figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for (name, curve), line in zip(curves.items(), ("--", ":", "-.", "-"), strict=True):
        ax.semilogy(np.maximum(curve, 1e-7), line, label=name)
    ax.set(
        xlabel="step", ylabel="distance to the minimum", title=f"A valley, κ = 100, noise {noise}"
    )
    ax.legend()
    plt.show()

# %% [markdown]
# ## In your own words: nine against one
#
# *About 15 minutes, eight to twelve sentences.*
#
# A weight has the gradient $0.1$ on nine minibatches and $-0.9$ on a tenth, and $\alpha = 0.1$.
#
# 1. Give its net change under each of the four rules. What should it be, and why?
# 2. Manhattan and Rprop find their way with full-batch gradients. Explain with this weight what
#    minibatches take away from them. Why is Rprop even further off than Manhattan?
# 3. RMSProp divides the gradient by its size, too. What is different about its divisor, so that it
#    does not fail here?

# %% [markdown] written="nine_against_one"
# **A model answer.** (1) SGD 0, Manhattan −0.8, Rprop −2.08, RMSProp 0 (up to rounding). The mean
# of the ten gradients is zero, so on the whole data this weight is where it should be; a
# method that goes downhill on average must leave it there. (2) Over a full batch the gradient is
# that average, and its sign says truly where downhill is. A minibatch's gradient is the average
# plus noise, and the sign throws away how large each one was: nine small votes outweigh one large
# one, though together they are just as large. Rprop makes it worse, for its step grows by 1.2 with
# each of the nine votes that agree, and the one that does not agree only makes the weight pause.
# (3) RMSProp divides all ten gradients by (nearly) the same number, the root of the mean square
# over many minibatches. A common divisor changes the scale of the sum but not its balance. Rprop
# divides, in effect, each gradient by its own size, a different number each time.
#
# **Marking scheme** (4 points)
#
# - 1 point: the four numbers 0, −0.8, −2.08, 0, and that it should be 0 because the gradients
#   cancel on average.
# - 1 point: the sign drops the sizes, so gradients that cancel in size do not cancel in number.
# - 1 point: Rprop's step grows while the nine agree (and pauses at the tenth).
# - 1 point: RMSProp's divisor is shared by neighboring minibatches, Rprop's is each gradient's own.

# %% [markdown]
# ## Points so far

# %%
check_all()
