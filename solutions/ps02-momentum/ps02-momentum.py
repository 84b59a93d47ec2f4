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
# # Problem set 2: momentum and Nesterov's gradient
#
# You will write one step of momentum, one step of Nesterov's accelerated gradient (NAG), and a
# small program that runs both down a quadratic valley. The last cell draws what your functions
# do. There is one question to answer in words.
#
# **Time:** about an hour. The exercises do not depend on each other.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. State, such as a velocity, comes in as an argument and goes out as a result.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## One step with momentum
#
# *About 10 minutes. Chapter: [Momentum](../momentum.md).*
#
# The parameters get a **velocity** $v$, as a ball has. Each step keeps the fraction $\mu$ of it,
# adds the gradient, and subtracts the result:
#
# $$v \leftarrow \mu v + \alpha g, \qquad \theta \leftarrow \theta - v.$$
#
# You will meet other conventions. In torch the rate stands outside, $v \leftarrow \mu v + g$ and
# $\theta \leftarrow \theta - \alpha v$, which is the same as long as $\alpha$ is constant. The
# textbook adds a velocity of opposite sign. Some average, with $(1-\mu)\alpha g$. This course
# uses the rule above throughout, and the check tells you if you have one of the others.
#
# **By hand.** $\theta = 1$, $v = 0.5$, $g = 2$, $\alpha = 0.1$, $\mu = 0.8$: the new velocity is
# $0.8 \cdot 0.5 + 0.1 \cdot 2 = 0.6$, the new $\theta$ is $0.4$.


# %% exercise="momentum_step"
def momentum_step(theta, v, grad, lr, mu):
    """One step of gradient descent with momentum.

        v ← μ v + α g
        θ ← θ − v

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        v: velocity of the step before, same shape; not to be changed in place.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0, a number.
        mu: momentum μ, a number in [0, 1).

    Returns:
        theta: the new parameters.
        v: the new velocity; in this order, as a tuple.

    Lectures: L1; L2 with the rate outside; L3, L4, L5 add a velocity of opposite sign.
    """
    ### BEGIN SOLUTION
    v = mu * v + lr * grad
    return theta - v, v
    ### END SOLUTION


# %% check="momentum_step"
check(momentum_step)

# %% [markdown]
# **Next.** What does the velocity tend to when the gradient is the same at each step? You will need
# the answer in the last exercise.
#
# <details><summary>An answer</summary>
#
# To the $v$ that a step does not change: $v = \mu v + \alpha g$. Solve it for $v$.
#
# </details>

# %% [markdown]
# ## Where NAG looks
#
# *About 5 minutes. Chapter: [Momentum](../momentum.md), on Nesterov's jump.*
#
# With momentum, most of the next step is known before the gradient is: $\mu v$ of it is carried
# over. So look there first, and take the gradient at the point
#
# $$y = \theta - \mu v.$$
#
# **By hand.** $\theta = 1$, $v = 0.5$, $\mu = 0.8$: $y = 0.6$.


# %% exercise="nag_lookahead"
def nag_lookahead(theta, v, mu):
    """The point at which Nesterov's accelerated gradient takes the gradient.

        y = θ − μ v

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        v: velocity of the step before, same shape.
        mu: momentum μ, a number in [0, 1).

    Returns:
        The lookahead y, a new array of the same shape.

    Lectures: L1 (NAG, where it is θ with the index t + ½), L3, L5.
    """
    ### BEGIN SOLUTION
    return theta - mu * v
    ### END SOLUTION


# %% check="nag_lookahead"
check(nag_lookahead)

# %% [markdown]
# **Next.** The look ahead is only a look. Where does the step itself start, at $y$ or at $\theta$?
#
# <details><summary>An answer</summary>
#
# At $\theta$. The gradient is taken at $y$, but what is subtracted from $\theta$ is all of $\mu v +
# \alpha f'(y)$. Started at $y$, it would count $\mu v$ twice.
#
# </details>

# %% [markdown]
# ## One step of NAG
#
# *About 10 minutes. Chapter: [Momentum](../momentum.md).*
#
# Somebody has taken the gradient $f'(y)$ at the lookahead for you. The step is
#
# $$v \leftarrow \mu v + \alpha f'(y), \qquad \theta \leftarrow \theta - v,$$
#
# and it starts at $\theta$. The only difference from momentum is the point where the gradient was
# taken. (The slide in L1 leaves a term out of the first formula. The check knows that variant.)
#
# **By hand.** $f(\theta) = \theta^2$, $\theta = 1$, $v = 0.5$, $\alpha = 0.1$, $\mu = 0.8$: the
# lookahead is $0.6$ and the gradient there $1.2$, so $v = 0.4 + 0.12 = 0.52$ and $\theta = 0.48$.
# Momentum, with the gradient $2$ at $\theta$, goes to $0.4$: it brakes later.


# %% exercise="nag_step"
def nag_step(theta, v, grad_at_lookahead, lr, mu):
    """One step of Nesterov's accelerated gradient, given the gradient at the lookahead.

        v ← μ v + α f'(y)      where y = θ − μ v
        θ ← θ − v

    Arguments:
        theta: parameters θ (not y), float array of any shape; not to be changed in place.
        v: velocity of the step before, same shape; not to be changed in place.
        grad_at_lookahead: gradient f'(y) at the lookahead y, same shape.
        lr: learning rate α ≥ 0, a number.
        mu: momentum μ, a number in [0, 1).

    Returns:
        theta: the new parameters.
        v: the new velocity; in this order, as a tuple.

    Lectures: L1 (NAG, with a term missing on the slide), L3, L5. torch.optim.SGD with
    nesterov=True holds y instead of θ.
    """
    ### BEGIN SOLUTION
    v = mu * v + lr * grad_at_lookahead
    return theta - v, v
    ### END SOLUTION


# %% check="nag_step"
check(nag_step)

# %% [markdown]
# **Next.** Write out two steps on $f(\theta) = \tfrac12 \lambda \theta^2$ and you will find NAG
# to be momentum with $\mu(1 - \alpha\lambda)$ for $\mu$: it brakes most where the valley is
# steepest.

# %% [markdown]
# ## Down a quadratic valley
#
# *About 20 minutes. Chapter: [Momentum](../momentum.md), on one direction.*
#
# Now let them run. The function is
#
# $$f(\theta) = \tfrac12\, \theta^\top A\, \theta - b^\top \theta,
# \qquad f'(\theta) = A\theta - b,$$
#
# with a symmetric matrix $A$. Start at `theta0` with velocity zero, take `steps` steps of momentum
# or of NAG, and return **all** points as the rows of one array, the start first.
#
# Write the two rules out, or call your functions from above; then an error in them counts here,
# too.
#
# **By hand.** $A = (2)$, $b = (0)$, $\theta_0 = (1)$, $\alpha = 0.1$, $\mu = 0.5$, two steps of
# momentum: $v = 0.2$, $\theta = 0.8$; then $v = 0.1 + 0.16 = 0.26$, $\theta = 0.54$. The
# trajectory is the 3 × 1 array with rows 1, 0.8, 0.54.


# %% exercise="minimize_quadratic"
def minimize_quadratic(A, b, theta0, lr, mu, steps, nesterov):
    """Iterates of momentum, or of NAG, on f(θ) = ½ θᵀAθ − bᵀθ.

        v ← μ v + α (A y − b)      where y = θ − μ v for NAG, y = θ for momentum
        θ ← θ − v                  starting with v = 0

    Arguments:
        A: symmetric matrix, float array of shape (n, n).
        b: vector, float array of shape (n,).
        theta0: where to start, float array of shape (n,); not to be changed in place.
        lr: learning rate α ≥ 0, a number.
        mu: momentum μ, a number in [0, 1).
        steps: number of steps, an integer ≥ 0.
        nesterov: True for NAG, False for momentum.

    Returns:
        The trajectory, float array of shape (steps + 1, n); row 0 is theta0.

    Lectures: L1 to L5 (momentum), L1, L3, L5 (NAG); none runs them on a quadratic.
    """
    ### BEGIN SOLUTION
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)
    ### END SOLUTION


# %% check="minimize_quadratic"
check(minimize_quadratic)

# %% [markdown]
# **Next.** The picture at the end of this notebook uses this function. One more number first.

# %% [markdown]
# ## How fast momentum really moves
#
# *About 5 minutes. Chapter: [Momentum](../momentum.md), on the sum of past gradients.*
#
# If the gradient stays the same, the steps add up. In the end momentum moves as fast as plain
# gradient descent would with a larger rate, the **effective learning rate**
# $\alpha_{\text{eff}}$. Derive it from $\alpha$ and $\mu$.
#
# <details><summary>A hint</summary>
#
# Start with $v = 0$ and write $v$ out after one, two and three steps with the same $g$.
#
# </details>
#
# <details><summary>Another hint</summary>
#
# $v = \alpha g\,(1 + \mu + \mu^2 + \dots)$. What does the sum in brackets tend to?
#
# </details>
#
# <details><summary>The formula</summary>
#
# $\alpha_{\text{eff}} = \frac{\alpha}{1 - \mu}$
#
# </details>
#
# **By hand.** $\alpha = 0.1$ and $\mu = 0.75$ move like $\alpha = 0.4$ without momentum.


# %% exercise="effective_lr"
def effective_lr(lr, mu):
    """Learning rate of plain gradient descent that is as fast as momentum on a constant gradient.

    Arguments:
        lr: learning rate α ≥ 0, a number.
        mu: momentum μ, a number in [0, 1).

    Returns:
        The effective rate, a number.

    Lectures: L1 and L2 (momentum).
    """
    ### BEGIN SOLUTION
    return lr / (1 - mu)
    ### END SOLUTION


# %% check="effective_lr"
check(effective_lr)

# %% [markdown]
# **Next.** If you switch on momentum 0.9 in a training that worked, what should happen to the
# learning rate?
#
# <details><summary>An answer</summary>
#
# Divide it by ten, to begin with: with $\mu = 0.9$ momentum moves like plain gradient descent at
# ten times the rate.
#
# </details>

# %% [markdown]
# ## What your functions do
#
# A valley that is 50 times steeper in one direction than in the other, the same start, the same
# rate. Gradient descent creeps along the floor. Momentum is fast and overshoots. NAG is as fast
# and brakes earlier. Change `lr` and `mu` and see.

# %%
A, b = np.diag([1.0, 50.0]), np.zeros(2)
start, lr, mu, steps = np.array([-10.0, 1.5]), 0.015, 0.9, 60

try:
    paths = {
        "gradient descent": minimize_quadratic(A, b, start, lr, 0.0, steps, False),
        "momentum": minimize_quadratic(A, b, start, lr, mu, steps, False),
        "NAG": minimize_quadratic(A, b, start, lr, mu, steps, True),
    }
except NotImplementedError:
    paths = {}

if any(np.shape(path) != (steps + 1, 2) for path in paths.values()):
    print("No picture yet: minimize_quadratic should return an array of shape (steps + 1, 2).")
elif not paths:
    print("No picture yet: answer minimize_quadratic, then run this cell again.")
else:
    figure, axes = plt.subplots(
        3, 1, figsize=(8, 8), sharex=True, sharey=True, layout="constrained"
    )
    x, y = np.meshgrid(np.linspace(-11, 8, 200), np.linspace(-2, 2, 100))
    f = 0.5 * (A[0, 0] * x**2 + A[1, 1] * y**2)
    for ax, (name, path) in zip(axes, paths.items(), strict=True):
        ax.contour(x, y, f, levels=np.geomspace(0.5, 150, 9), colors="0.8", linewidths=1)
        ax.plot(*np.transpose(path), "o-", markersize=3, linewidth=1)
        ax.plot(0, 0, "k+", markersize=12)
        ax.set(title=f"{name}: distance {np.linalg.norm(path[-1]):.2g} after {steps} steps")
        ax.set(ylabel="steep direction", ylim=(-2, 2))
    axes[-1].set(xlabel="flat direction")
    plt.show()

# %% [markdown]
# ## In your own words: a missing term
#
# *About 10 minutes, five to ten sentences.*
#
# The slide on NAG in lecture L1 prints $v_{t+1} = \alpha f'(\theta_{t+\tfrac12})$ and
# $\theta_{t+1} = \theta_t - v_{t+1}$, with $\theta_{t+\tfrac12} = \theta_t - \mu v_t$.
#
# 1. The gradient is $g$ at every point. How long does the velocity become as printed, and how long
#    with the right rule and $\mu = 0.9$? What does that say about the rule as printed?
# 2. Why does a test of the first step alone, from velocity zero, not find the error?
# 3. Momentum and NAG are about to overshoot the minimum of a valley. Explain with the point at
#    which each takes its gradient why NAG brakes earlier.

# %% [markdown] written="missing_term"
# **A model answer.** (1) As printed the velocity is $\alpha g$ in every step: nothing of the step
# before is kept, so it is gradient descent with a gradient taken elsewhere. With the right rule
# the velocity tends to $\alpha g / (1 - \mu) = 10\,\alpha g$, ten times as long; the
# acceleration, for which the method is named, is gone. (2) From $v = 0$ the missing term $\mu v$
# is zero, so both rules take the same first step; a test needs a later state, or several steps.
# (3) Momentum takes the gradient at $\theta$, still on this side of the minimum: it points on,
# and adds speed. NAG takes it at $y = \theta - \mu v$, where the carried-over step will have led,
# on the far side already: that gradient points back, and is subtracted from the speed one step
# sooner.
#
# **Marking scheme** (4 points)
#
# - 1 point: $\alpha g$ as printed, against $\alpha g/(1-\mu) = 10\,\alpha g$ in the limit.
# - 1 point: so nothing accumulates as printed (gradient descent, no momentum).
# - 1 point: the term is $\mu v$, which is zero in the first step.
# - 1 point: NAG's gradient is taken ahead, where it points back already; momentum's is taken at θ
#   before the minimum.
# - In (1), a sum up to a finite number of steps that is right counts like the limit.

# %% [markdown]
# ## Points so far

# %%
check_all()
