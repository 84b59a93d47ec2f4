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
# # Problem set 6: methods that use curvature
#
# A gradient says which way is down. Curvature says how far. You will write Newton's method and
# three ways to have some of its speed without its price (conjugate gradients, BFGS and L-BFGS), a
# form of SGD that reads its learning rate off the curvature (vSGD), and two useful relatives:
# averaging the iterates, and going along one axis at a time. A cell near the end draws what your
# functions do. There is one question to answer in words.
#
# **Time:** about two hours, in any number of sittings. The exercises do not depend on each other;
# skip what you are stuck on.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. State, such as an estimate of a Hessian, comes in as an argument and goes out as a
# result.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## One step of Newton's method
#
# *About 10 minutes. Chapter: [Curvature](../curvature.md), on Newton's method.*
#
# Near $\theta$ the loss looks like a quadratic with the Hessian $H$. Newton's method goes to the
# point where that quadratic is flat. The **damped** form adds $\lambda$ to every curvature first,
# which keeps the step short where $H$ is small or even negative:
#
# $$\theta \leftarrow \theta - (H + \lambda I)^{-1} g.$$
#
# Solve the linear system (`np.linalg.solve`); the inverse itself is not needed.
#
# **By hand.** $\theta = (1, 1)$, $g = (2, 10)$, $H = \operatorname{diag}(2, 10)$. With
# $\lambda = 0$ the new $\theta$ is $(0, 0)$, the minimum. With $\lambda = 2$ it is
# $(1 - \tfrac24,\, 1 - \tfrac{10}{12}) = (\tfrac12, \tfrac16)$.


# %% exercise="newton_step"
def newton_step(theta, grad, H, damping):
    """One step of Newton's method, damped.

        θ ← θ − (H + λI)⁻¹ g

    Arguments:
        theta: parameters θ, float array of shape (n,); not to be changed in place.
        grad: gradient g at θ, float array of shape (n,).
        H: Hessian at θ, symmetric float array of shape (n, n); H + λI can be inverted.
        damping: λ ≥ 0, a number; 0 is the plain method.

    Returns:
        The new θ, a new array of shape (n,).

    Lectures: L1 (Hessian updates, without damping); L5 names the method.
    """
    ### BEGIN SOLUTION
    damped = H + damping * np.eye(len(theta))
    return theta - np.linalg.solve(damped, grad)
    ### END SOLUTION


# %% check="newton_step"
check(newton_step)

# %% [markdown]
# **Next.** One of the cases is a saddle. Where does the undamped step lead there, and how large
# must $\lambda$ be for a step that goes down?
#
# <details><summary>An answer</summary>
#
# To the saddle: it is where the quadratic is flat. $\lambda$ must be larger than the size of the
# most negative eigenvalue; then $H + \lambda I$ is positive definite, and the step is in a
# direction of descent.
#
# </details>

# %% [markdown]
# ## Conjugate gradients
#
# *About 20 minutes. Chapter: [Curvature](../curvature.md), on conjugate gradient.*
#
# On $f(x) = \tfrac12 x^\top A x - b^\top x$ the **residual** $r = b - Ax$ is the negative gradient.
# Steepest descent follows it and undoes in each step part of the one before. Conjugate gradients
# keep just enough of the old direction that it does not. Start with $r = b - A x_0$ and $d = r$;
# each step is
#
# $$\alpha = \frac{r^\top r}{d^\top A d}, \quad x \leftarrow x + \alpha d, \quad
# r_+ = r - \alpha A d, \quad \beta = \frac{r_+^\top r_+}{r^\top r}, \quad
# d \leftarrow r_+ + \beta d, \quad r \leftarrow r_+.$$
#
# Return all points as rows, the start first. Once $r$ is exactly zero, $x$ stays where it is.
#
# **By hand.** $A = \operatorname{diag}(1, 2)$, $b = (0, 0)$, $x_0 = (2, 1)$. First
# $r = d = (-2, -2)$, $\alpha = 8/12$ and $x = (\tfrac23, -\tfrac13)$. Then
# $r_+ = (-\tfrac23, \tfrac23)$, $\beta = \tfrac19$, $d = (-\tfrac89, \tfrac49)$,
# $\alpha = \tfrac34$, and $x = (0, 0)$: two dimensions, two steps.


# %% exercise="conjugate_gradient"
def conjugate_gradient(A, b, x0, steps):
    """Iterates of conjugate gradients on f(x) = ½ xᵀAx − bᵀx.

        r = b − A x₀,  d = r
        each step:  α = rᵀr / dᵀAd;  x ← x + α d;  r₊ = r − α A d
                    β = r₊ᵀr₊ / rᵀr;  d ← r₊ + β d;  r ← r₊

    Arguments:
        A: symmetric positive definite matrix, float array of shape (n, n).
        b: vector, float array of shape (n,).
        x0: where to start, float array of shape (n,); not to be changed in place.
        steps: number of steps, an integer ≥ 0, possibly more than n.

    Returns:
        The trajectory, float array of shape (steps + 1, n); row 0 is x0. Once r is exactly zero,
            x stays.

    Lectures: L1 and L5 name the method.
    """
    ### BEGIN SOLUTION
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr > 0:
            alpha = rr / (d @ A @ d)
            x = x + alpha * d
            r = r - alpha * (A @ d)
            d = r + (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)
    ### END SOLUTION


# %% check="conjugate_gradient"
check(conjugate_gradient)

# %% [markdown]
# **Next.** The matrix appears only in products $Ad$. What does that mean for a Hessian that is too
# large to store?
#
# <details><summary>An answer</summary>
#
# It need not be stored. $Hd$ is the derivative of the gradient along $d$: the difference of two
# gradients gives it approximately, and differentiating $g^\top d$ gives it exactly, for the price
# of a few gradients.
#
# </details>

# %% [markdown]
# ## The BFGS update
#
# *About 15 minutes. Chapter: [Curvature](../curvature.md), on BFGS.*
#
# BFGS never computes a Hessian. It watches: a step $s = \theta_+ - \theta$ changed the gradient by
# $y = g_+ - g$, so the inverse Hessian should map $y$ to $s$. Of all symmetric changes of the
# estimate $H$ (of the **inverse** Hessian) that achieve this it takes, in a certain norm, the
# smallest:
#
# $$\rho = \frac{1}{s^\top y}, \qquad
# H \leftarrow (I - \rho\, s y^\top)\, H\, (I - \rho\, y s^\top) + \rho\, s s^\top.$$
#
# If $s^\top y \le 0$ the update is **skipped**, and $H$ stays as it was.
#
# **By hand.** $H = I$, $s = (1, 0)$, $y = (2, 1)$: $\rho = \tfrac12$,
# $I - \rho s y^\top = \begin{pmatrix} 0 & -\frac12\\ 0 & 1\end{pmatrix}$, and the new
# $H = \begin{pmatrix} \frac14 & -\frac12\\ -\frac12 & 1\end{pmatrix} +
# \begin{pmatrix} \frac12 & 0\\ 0 & 0\end{pmatrix}$. Indeed $H y = (1, 0) = s$.


# %% exercise="bfgs_update"
def bfgs_update(H_inv, s, y):
    """Update of the inverse Hessian's estimate after a step (BFGS).

        ρ = 1 / sᵀy
        H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ    if sᵀy > 0,   else H as it was

    Arguments:
        H_inv: estimate H of the inverse Hessian, symmetric positive definite float array of
            shape (n, n); not to be changed in place.
        s: change of the parameters, float array of shape (n,).
        y: change of the gradient, float array of shape (n,).

    Returns:
        The new H, float array of shape (n, n).

    Lectures: L5 names the method.
    """
    ### BEGIN SOLUTION
    if s @ y <= 0:
        return H_inv.copy()
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ H_inv @ left.T + rho * np.outer(s, s)
    ### END SOLUTION


# %% check="bfgs_update"
check(bfgs_update)

# %% [markdown]
# **Next.** A network has ten million parameters. How large is $H$?
#
# <details><summary>An answer</summary>
#
# $10^{14}$ numbers, 800 terabytes in float64.
#
# </details>

# %% [markdown]
# ## L-BFGS: the direction without the matrix
#
# *About 20 minutes. Chapter: [Curvature](../curvature.md), on BFGS.*
#
# L-BFGS keeps the last $m$ pairs $(s_i, y_i)$ and never forms $H$. What BFGS would make of a
# scaled identity with these pairs, applied to the gradient, comes out of two loops. With
# $\rho_i = 1 / s_i^\top y_i$:
#
# 1. $q = g$; from the **newest** pair to the oldest: $a_i = \rho_i\, s_i^\top q$,
#    $q \leftarrow q - a_i y_i$.
# 2. $q \leftarrow \dfrac{s^\top y}{y^\top y}\, q$ with the newest pair.
# 3. From the **oldest** pair to the newest:
#    $q \leftarrow q + (a_i - \rho_i\, y_i^\top q)\, s_i$.
#
# Then $q = Hg$, and the function returns $d = -q$, the direction of **descent**: it is to be
# *added*, $\theta \leftarrow \theta + \alpha d$. Pairs with $s_i^\top y_i \le 0$ are left out, also
# in 2. Without any pair $d = -g$.
#
# **By hand.** One pair $s = (1, 0)$, $y = (2, 0)$ and $g = (4, 4)$: $\rho = \tfrac12$, $a = 2$,
# $q = (0, 4)$; the scale is $\tfrac24$, so $q = (0, 2)$; then $y^\top q = 0$ and $q = (2, 2)$.
# The direction is $(-2, -2)$.


# %% exercise="lbfgs_direction"
def lbfgs_direction(grad, S, Y):
    """Descent direction of L-BFGS, by the two-loop recursion.

        d = −H g, where H starts from (sᵀy / yᵀy) I with the newest pair, and gets one BFGS
        update a pair, the oldest first; pairs with sᵀy ≤ 0 are left out

    Arguments:
        grad: gradient g, float array of shape (n,); not to be changed in place.
        S: changes of the parameters, float array of shape (m, n); row 0 is the oldest, and m may
            be 0.
        Y: changes of the gradient that belong to them, same shape.

    Returns:
        d = −H g, float array of shape (n,), to be added: θ ← θ + αd. Without usable pairs −g.

    Lectures: none.
    """
    ### BEGIN SOLUTION
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept = grad, {}
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        q = (s @ y) / (y @ y) * q
    for i in usable:
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q
    ### END SOLUTION


# %% check="lbfgs_direction"
check(lbfgs_direction)

# %% [markdown]
# **Next.** Count the multiplications for $m$ pairs and $n$ parameters, and compare with a product
# of an $n \times n$ matrix and a vector.
#
# <details><summary>An answer</summary>
#
# Each loop has, for each pair, a scalar product and a multiple of a vector: about $4mn$ in all. For
# $m = 10$ and $n = 10^6$ these are $4 \cdot 10^7$, against $10^{12}$ for the matrix.
#
# </details>

# %% [markdown]
# ## A rate that sets itself: vSGD
#
# *About 15 minutes. Chapter: [RMSProp](../rmsprop.md), on fancy RMSProp.*
#
# If all gradients agree, the best rate of a parameter is $1/h$, with its curvature $h$: that is
# Newton's. If they are noise, the rate should fall. vSGD keeps running means of the gradient, of
# its square and of the curvature, with the weight $1/\tau$ for the new value, and measures the
# agreement by $\bar g^2 / \bar v$, which is between 0 and 1. Elementwise:
#
# $$\begin{gathered}
# \bar g \leftarrow (1 - \tfrac1\tau)\,\bar g + \tfrac1\tau\, g, \qquad
# \bar v \leftarrow (1 - \tfrac1\tau)\,\bar v + \tfrac1\tau\, g^2, \qquad
# \bar h \leftarrow (1 - \tfrac1\tau)\,\bar h + \tfrac1\tau\, h,\\
# \alpha = \frac{\bar g^2}{\bar h\, \bar v}, \qquad
# \tau \leftarrow \Bigl(1 - \frac{\bar g^2}{\bar v}\Bigr)\tau + 1, \qquad
# \theta \leftarrow \theta - \alpha g.
# \end{gathered}$$
#
# The means use the old $\tau$; $\alpha$ and the new $\tau$ use the new means. The memory $\tau$
# grows by one a step in pure noise, and collapses when the gradients agree.
#
# **By hand.** $\theta = 1$, $\bar g = 0$, $\bar v = 1$, $\bar h = 2$, $\tau = 2$, and now $g = 1$,
# $h = 2$: $\bar g = \tfrac12$, $\bar v = 1$, $\bar h = 2$, so $\alpha = \tfrac18$,
# $\tau = \tfrac34 \cdot 2 + 1 = 2.5$ and $\theta = 0.875$.


# %% exercise="vsgd_step"
def vsgd_step(theta, g_bar, v_bar, h_bar, tau, grad, h):
    """One step of vSGD-l, which sets a learning rate for each parameter; elementwise.

        ḡ ← (1 − 1/τ) ḡ + (1/τ) g
        v̄ ← (1 − 1/τ) v̄ + (1/τ) g²
        h̄ ← (1 − 1/τ) h̄ + (1/τ) h
        α = ḡ² / (h̄ v̄)
        τ ← (1 − ḡ²/v̄) τ + 1
        θ ← θ − α g

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        g_bar: mean ḡ of gradients, same shape; like the next three not to be changed in place.
        v_bar: mean v̄ of squared gradients, same shape.
        h_bar: mean h̄ of curvatures, same shape.
        tau: memory size τ ≥ 1, in updates, same shape.
        grad: gradient g, same shape.
        h: curvature h > 0 along each axis, same shape.

    Returns:
        theta, g_bar, v_bar, h_bar, tau: all new; in this order, as a tuple.

    Source: Schaul, Zhang and LeCun 2013, "No more pesky learning rates", algorithm 1.
    """
    ### BEGIN SOLUTION
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau
    ### END SOLUTION


# %% check="vsgd_step"
check(vsgd_step)

# %% [markdown]
# **Next.** Start with $\tau = 1$ and gradients without noise. Which method is this?
#
# <details><summary>An answer</summary>
#
# With $\tau = 1$ the means are the new values, $\alpha = 1/h$, and $\tau$ stays 1. That is Newton's
# method with a diagonal Hessian.
#
# </details>

# %% [markdown]
# ## Averaging the iterates
#
# *About 10 minutes. Chapter: [Curvature](../curvature.md), on averaging.*
#
# SGD with a constant rate walks around the minimum. The mean of where it has been is much closer
# to it than any single point. Polyak averaging keeps the mean of all iterates so far:
#
# $$m_k = \frac{\theta_0 + \theta_1 + \dots + \theta_k}{k + 1}.$$
#
# Return all these means, one row an iterate.
#
# **By hand.** The iterates 4, 0, 2 have the means 4, 2, 2.


# %% exercise="polyak_average"
def polyak_average(thetas):
    """Running means of iterates (Polyak averaging).

        m_k = (θ_0 + … + θ_k) / (k + 1)

    Arguments:
        thetas: iterates in order, float array of shape (steps, ...) with at least one; each may
            have any shape. Not to be changed in place.

    Returns:
        The means, float array of the same shape; entry k is the mean of entries 0 to k.

    Lectures: L5 (8.7.3, in words).
    """
    ### BEGIN SOLUTION
    return np.array([thetas[: k + 1].mean(axis=0) for k in range(len(thetas))])
    ### END SOLUTION


# %% check="polyak_average"
check(polyak_average)

# %% [markdown]
# **Next.** The first iterates were far away, and the mean never quite forgets them. What would
# you do about it?
#
# <details><summary>An answer</summary>
#
# Begin to average later, or let old iterates fade, as a running mean does.
#
# </details>

# %% [markdown]
# ## One coordinate at a time
#
# *About 10 minutes. Chapter: [Curvature](../curvature.md), on coordinate descent.*
#
# Along a single axis a quadratic is a parabola, and its minimum is known exactly. Coordinate
# descent goes there, then along the next axis. One sweep does that for all coordinates of
# $f(x) = \tfrac12 x^\top A x - b^\top x$, in the order $i = 0, 1, \dots, n - 1$, and every step
# uses the coordinates that are new already. Derive where the minimum along one axis is.
#
# <details><summary>A hint</summary>
#
# What is $\partial f / \partial x_i$, and by how much does it change if $x_i$ alone changes by 1?
#
# </details>
#
# <details><summary>Another hint</summary>
#
# The slope is $(Ax - b)_i$, and it changes by $A_{ii}$. How far must $x_i$ go until the slope is
# zero?
#
# </details>
#
# <details><summary>The formula</summary>
#
# $x_i \leftarrow x_i - \frac{(Ax - b)_i}{A_{ii}}$, with the newest $x$
#
# </details>
#
# **By hand.** $A = \begin{pmatrix} 2 & 1\\ 1 & 2\end{pmatrix}$, $b = (0, 0)$, $x = (2, 2)$: first
# $x_0 = 2 - \tfrac62 = -1$. With it $(Ax)_1 = -1 + 4 = 3$, so $x_1 = 2 - \tfrac32 = \tfrac12$.


# %% exercise="coordinate_descent_sweep"
def coordinate_descent_sweep(A, b, x):
    """One sweep of coordinate descent on f(x) = ½ xᵀAx − bᵀx: each coordinate once, in order.

        for i = 0 … n − 1:   x_i goes to the minimum of f along its axis, the others stay

    Arguments:
        A: symmetric matrix with positive diagonal, float array of shape (n, n).
        b: vector, float array of shape (n,).
        x: where to start, float array of shape (n,); not to be changed in place.

    Returns:
        x after the sweep, a new array of shape (n,).

    Lectures: L5 (8.7.2, in words).
    """
    ### BEGIN SOLUTION
    x = x.copy()
    for i in range(len(x)):
        x[i] = x[i] - (A[i] @ x - b[i]) / A[i, i]
    return x
    ### END SOLUTION


# %% check="coordinate_descent_sweep"
check(coordinate_descent_sweep)

# %% [markdown]
# **Next.** When $A$ is diagonal one sweep is enough. For which other quadratics is the method fast,
# and for which slow? The picture shows one of each kind.
#
# <details><summary>An answer</summary>
#
# It is fast where the valley lies along an axis, so that $A$ is nearly diagonal, and slow where a
# narrow valley runs across the axes: each step is then short.
#
# </details>

# %% [markdown]
# ## What your functions do
#
# The same valley twice, along an axis and across both, from the same start. Conjugate gradients do
# not care how a valley lies. Coordinate descent does. Change `angle` and see.

# %%
stretch, start, sweeps = np.diag([1.0, 20.0]), np.array([-3.0, 1.5]), 12


def valley(angle):
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    return turn @ stretch @ turn.T


panels = []
try:
    for angle in (0.1, np.pi / 4):
        A = valley(angle)
        points = [start]
        for _ in range(sweeps):
            points.append(coordinate_descent_sweep(A, np.zeros(2), points[-1]))
        corners = [start]  # the path goes along the axes, so draw its corners
        for old, new in pairwise(points):
            corners += [np.array([new[0], old[1]]), new]
        conjugate = conjugate_gradient(A, np.zeros(2), start, 2)
        panels.append((angle, A, np.array(corners), np.array(conjugate)))
    message = ""
except NotImplementedError:
    message = "answer conjugate_gradient and coordinate_descent_sweep, then run this cell again."
except (TypeError, ValueError, IndexError):
    message = "the functions should return arrays; look at their checks above."

if not message and any(path.shape != (3, 2) for *_, path in panels):
    message = "conjugate_gradient should return an array of shape (steps + 1, 2)."
if message:
    print(f"No picture yet: {message}")
else:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    x, y = np.meshgrid(np.linspace(-4, 4, 200), np.linspace(-3.5, 3.5, 200))
    for ax, (angle, A, corners, conjugate) in zip(axes, panels, strict=True):
        f = 0.5 * (A[0, 0] * x**2 + 2 * A[0, 1] * x * y + A[1, 1] * y**2)
        ax.contour(x, y, f, levels=np.geomspace(0.3, 150, 9), colors="0.8", linewidths=1)
        ax.plot(*corners.T, ".-", linewidth=1, label=f"coordinate descent, {sweeps} sweeps")
        ax.plot(
            *conjugate.T, "s--", markersize=4, linewidth=1, label="conjugate gradients, 2 steps"
        )
        ax.set(title=f"turned by {np.degrees(angle):.0f}°", aspect="equal")
    axes[0].legend(loc="lower right")
    plt.show()

# %% [markdown]
# ## In your own words: which method?
#
# *About 15 minutes, five to ten sentences.*
#
# Three friends train (a) a logistic regression with 50 weights on all of 10,000 examples at once,
# (b) the same kind of model with a million weights, again on all examples, and (c) a deep network
# with ten million weights on minibatches of 64.
#
# 1. Recommend a method of this problem set, or none of it, to each of them. Argue with the memory
#    and the work of one step.
# 2. Why must BFGS skip an update when $s^\top y \le 0$? What does that sign say about the loss
#    between the two points, and what would happen to $H$?
# 3. Why does a noisy gradient harm L-BFGS more than it harms SGD?

# %% [markdown] written="which_method"
# **A model answer.** (1) (a) Newton, damped if need be, or BFGS: a 50 × 50 matrix is nothing to
# store or solve with ($n^3 = 125{,}000$), and few steps are needed. (b) L-BFGS or nonlinear
# conjugate gradients: an $n \times n$ matrix would have $10^{12}$ entries, while $m = 10$ pairs
# need 20 vectors and some $4mn$ multiplications a step. (c) None of these; a first-order method
# such as SGD with momentum or Adam (vSGD would be defensible): gradients are noisy, steps must be
# cheap, and the loss is not convex. (2) $s^\top y$ is the change of the slope along the step: if it
# is not positive, the loss curves downwards (or not at all) between the points on average. A
# positive definite $H$ with $Hy = s$ would need $y^\top H y = s^\top y > 0$, a contradiction; the
# update would make $H$ indefinite (or divide by zero), and $-Hg$ could point uphill. (3) L-BFGS
# uses the difference $y$ of two gradients. With noise, the difference of two minibatch gradients
# can be mostly noise, while $s$ is small, so the curvature it infers is wrong, and it steers all
# following steps. In SGD the noise enters one step only, scaled by $\alpha$, and averages out.
#
# **Marking scheme** (4 points)
#
# - 1 point: sound choices for (a) and (b), with memory or work in numbers or orders ($n^2$ or
#   $n^3$ against $mn$).
# - 1 point: a first-order method (or vSGD) for (c), with noise, cost or non-convexity as the
#   reason.
# - 1 point: $s^\top y \le 0$ means no positive curvature along the step, and $H$ would lose
#   positive definiteness (or the direction its descent).
# - 1 point: L-BFGS takes differences of gradients, in which noise outweighs the signal; SGD
#   averages over steps.

# %% [markdown]
# ## Points so far

# %%
check_all()
