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
# # Problem set 9: natural gradient and PRONG
#
# A gradient depends on the coordinates in which the parameters are written. You will compute the
# Fisher matrix, which says how far a step moves what the model *predicts*, and take a step that
# depends on the coordinates no more. Then you will write PRONG, which gets much of that for
# whole networks by whitening the inputs of each layer. The last cell draws what it is good for.
# There is one question to answer in words.
#
# **Time:** about two hours. The exercises do not depend on each other.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. The letters are those of the [notation](../notation.md) page.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## The Fisher matrix of softmax regression
#
# *About 25 minutes. Chapter: [Natural gradient](../natural-gradient.md).*
#
# Softmax regression has logits $Wx$ and predicts $p = \text{softmax}(Wx)$. Its **Fisher matrix**
# is the second moment of the score, $\nabla \log p_y$, with $y$ drawn from the *model*:
#
# $$F = \frac1n \sum_x \sum_y p_y \, \nabla\log p_y \, \nabla\log p_y^\top .$$
#
# The score is $\nabla_W \log p_y = (e_y - p)\,x^\top$, where $e_y$ is the one-hot vector of $y$.
# Number the parameters row by row, $W_{ai}$ has the number $a \cdot d + i$ (so does
# `W.reshape(-1)`), and the sum over $y$ can be done on paper:
#
# $$F = \frac1n \sum_x \left(\text{diag}(p) - p\,p^\top\right) \otimes x\,x^\top .$$
#
# No label of the data occurs in it. Subtract the largest logit of an input before you take `exp`.
#
# **By hand.** Two classes, one feature, $W = 0$, one input $x = 2$: $p = (\frac12, \frac12)$,
# $\text{diag}(p) - pp^\top$ has $\frac14$ on its diagonal and $-\frac14$ beside it, and times
# $x^2 = 4$ that is $F = \begin{pmatrix} 1 & -1 \\ -1 & 1 \end{pmatrix}$.


# %% exercise="fisher_softmax"
def fisher_softmax(W, X):
    """Exact Fisher matrix of softmax regression, averaged over the inputs.

        F = (1/n) Σ_x Σ_y p_y ∇log p_y ∇log p_yᵀ        where p = softmax(W x)
          = (1/n) Σ_x (diag(p) − p pᵀ) ⊗ x xᵀ

    Arguments:
        W: weights, float array of shape (k, d): k classes, d features.
        X: inputs, float array of shape (n, d), one a row; logits may be as large as ±10,000.

    Returns:
        F, float array of shape (k·d, k·d); parameter W[a, i] has the number a·d + i.

    Lectures: L1 uses F; its formula is in Amari 1998.
    """
    ### BEGIN SOLUTION
    z = X @ W.T
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    F = np.zeros((W.size, W.size))
    for q, x in zip(p, X, strict=True):
        F += np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x))
    return F / len(X)
    ### END SOLUTION


# %% check="fisher_softmax"
check(fisher_softmax)

# %% [markdown]
# **Next.** Add the same vector to all rows of $W$: no probability changes. What does that say
# about $F$, and about inverting it?
#
# <details><summary>An answer</summary>
#
# A step in such a direction changes no prediction, so $F$ maps it to zero. $F$ is singular,
# whatever the inputs are, and cannot be inverted without damping.
#
# </details>

# %% [markdown]
# ## One natural gradient step
#
# *About 10 minutes. Chapter: [Natural gradient](../natural-gradient.md#the-rule).*
#
# Plain gradient descent measures the length of a step in the parameters. The natural gradient
# measures it in the predictions, and for that multiplies the gradient by the inverse of $F$. As
# $F$ may be singular, a little **damping** $\lambda$ is added to its diagonal:
#
# $$v = \alpha\,(F + \lambda I)^{-1} g, \qquad \theta \leftarrow \theta - v.$$
#
# The parameters may come as an array of any shape; $F$ numbers them row by row.
#
# **By hand.** $\theta = (1, 1)$, $g = (4, 4)$, $F = \text{diag}(1, 7)$, $\alpha = 0.5$,
# $\lambda = 1$: $v = 0.5 \cdot (4/2, 4/8) = (1, 0.25)$ and $\theta = (0, 0.75)$.


# %% exercise="natural_gradient_step"
def natural_gradient_step(theta, grad, F, lr, damping):
    """One step of natural gradient descent, damped.

        v = α (F + λI)⁻¹ g
        θ ← θ − v

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        grad: gradient g at θ, same shape.
        F: Fisher matrix, float array of shape (N, N), N the number of parameters, numbered as in
            theta.reshape(-1); not to be changed in place.
        lr: learning rate α ≥ 0, a number.
        damping: λ ≥ 0, a number; F + λI can be inverted.

    Returns:
        The new θ, of the same shape.

    Lectures: L1 (natural gradient, without damping).
    """
    ### BEGIN SOLUTION
    A = F + damping * np.eye(len(F))
    v = np.linalg.solve(A, grad.reshape(-1))
    return theta - lr * v.reshape(theta.shape)
    ### END SOLUTION


# %% check="natural_gradient_step"
check(natural_gradient_step)

# %% [markdown]
# **Next.** A network of a million parameters has an $F$ of $10^{12}$ numbers. The rest of this
# problem set is about what to do then.

# %% [markdown]
# ## Whitening the inputs of a layer
#
# *About 20 minutes. Chapter: [PRONG](../prong.md).*
#
# PRONG makes the inputs $h$ of a layer **white**: mean zero, variances one, no correlations. From
# $N$ samples, the rows of `h`, it estimates
#
# $$c = \text{mean}(h), \qquad \Sigma = \frac1N \sum (h - c)(h - c)^\top, \qquad
# \Sigma + \varepsilon I = E \Lambda E^\top, \qquad U = \Lambda^{-1/2} E^\top,$$
#
# and feeds $U(h - c)$ to the layer. $E$ has the eigenvectors as columns, so row $i$ of $U$ is
# eigenvector $i$ divided by $\sqrt{\lambda_i}$.
#
# Turning a white cloud leaves it white, so many matrices $U$ would do. So that all of us have the
# same, this course fixes two things: eigenvalues **rise** from the first row to the last, as
# `np.linalg.eigh` returns them; and in each row the entry of largest size is **positive**. For the
# latter, multiply each row by a sign:
#
# ```python
# signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
# U = signs[:, None] * U
# ```
#
# Like batch normalization, $\Sigma$ divides by $N$, not by $N - 1$.
#
# **By hand.** The samples $(1, 0)$, $(-1, 0)$, $(0, 2)$, $(0, -2)$ and $\varepsilon = 0.5$:
# $c = 0$, $\Sigma = \text{diag}(0.5, 2)$, $\Lambda = \text{diag}(1, 2.5)$ and
# $U = \text{diag}(1, 1/\sqrt{2.5})$.


# %% exercise="whitening"
def whitening(h, eps):
    """Mean of a layer's inputs and the matrix that whitens them.

        c = mean(h),   Σ = (1/N) Σ (h − c)(h − c)ᵀ
        Σ + εI = E Λ Eᵀ
        U = Λ^(−1/2) Eᵀ

    Arguments:
        h: samples, float array of shape (N, n), one a row.
        eps: ε > 0, a number, added to the variances.

    Returns:
        c: the mean, float array of shape (n,).
        U: float array of shape (n, n); rows in the order of rising eigenvalues, the entry of
            largest size in each row positive. In this order, as a tuple.

    Lectures: L1 (PRONG).
    """
    ### BEGIN SOLUTION
    c = h.mean(axis=0)
    covariance = (h - c).T @ (h - c) / len(h)
    values, E = np.linalg.eigh(covariance + eps * np.eye(h.shape[1]))
    U = (E / np.sqrt(values)).T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, signs[:, None] * U
    ### END SOLUTION


# %% check="whitening"
check(whitening)

# %% [markdown]
# **Next.** What is $U^\top U$? It does not depend on the two conventions, and you will meet it
# again.
#
# <details><summary>An answer</summary>
#
# Put $U = \Lambda^{-1/2} E^\top$ in, and compare with the inverse of $E \Lambda E^\top$.
#
# </details>

# %% [markdown]
# ## PRONG: into whitened coordinates
#
# *About 10 minutes.*
#
# A layer $Wh + b$ is rewritten to read whitened inputs, $V\,U(h - c) + d$. That must not change
# what the network computes: the two have to agree for **every** $h$. Derive $V$ and $d$ from that.
#
# <details><summary>A hint</summary>
#
# Two linear functions agree everywhere if what multiplies $h$ is the same in both, and the rest is
# the same, too.
#
# </details>
#
# <details><summary>Another hint</summary>
#
# $V U h - V U c + d = W h + b$, so $VU = W$; and with that, $d - W c = b$.
#
# </details>
#
# <details><summary>The formula</summary>
#
# $V = W U^{-1}$ and $d = b + W c$. (The slide has other signs in its line 10. Put an $h$ into both
# forms and see.)
#
# </details>
#
# **By hand.** One input: $W = 6$, $b = 1$, $c = 2$, $U = 3$ gives $V = 2$ and $d = 13$. At $h = 4$
# both forms say $25$: $6 \cdot 4 + 1$ and $2 \cdot 3 \cdot (4 - 2) + 13$.


# %% exercise="prong_project"
def prong_project(W, b, c, U):
    """Rewrite a layer W h + b so that it reads whitened inputs; its function does not change.

        V U (h − c) + d = W h + b  for every h

    Arguments:
        W: weights, float array of shape (m, n).
        b: bias, float array of shape (m,); not to be changed in place.
        c: mean of the inputs, float array of shape (n,).
        U: whitening matrix, float array of shape (n, n), invertible.

    Returns:
        V: float array of shape (m, n).
        d: float array of shape (m,); in this order, as a tuple.

    Lectures: L1 (PRONG, algorithm 1, whose line 10 changes the function).
    """
    ### BEGIN SOLUTION
    V = np.linalg.solve(U.T, W.T).T
    return V, b + W @ c
    ### END SOLUTION


# %% check="prong_project"
check(prong_project)

# %% [markdown]
# **Next.** Before the next projection the way has to be gone back.

# %% [markdown]
# ## PRONG: back to the usual form
#
# *About 10 minutes.*
#
# From $V\,U(h - c) + d$ back to $Wh + b$:
#
# $$W = V U, \qquad b = d - W c.$$
#
# **By hand.** $V = 2$, $U = 3$, $c = 2$, $d = 13$ gives $W = 6$ and $b = 1$, where the last
# exercise began.


# %% exercise="prong_canonical"
def prong_canonical(V, d, c, U):
    """Rewrite a whitened layer V U (h − c) + d in its usual form; its function does not change.

        W h + b = V U (h − c) + d  for every h:   W = V U,   b = d − W c

    Arguments:
        V: weights, float array of shape (m, n).
        d: bias, float array of shape (m,); not to be changed in place.
        c: mean of the inputs, float array of shape (n,).
        U: whitening matrix, float array of shape (n, n).

    Returns:
        W: float array of shape (m, n).
        b: float array of shape (m,); in this order, as a tuple.

    Lectures: L1 (PRONG, algorithm 1, whose line 7 prints b = d + W c).
    """
    ### BEGIN SOLUTION
    W = V @ U
    return W, d - W @ c
    ### END SOLUTION


# %% check="prong_canonical"
check(prong_canonical)

# %% [markdown]
# **Next.** The weights are rewritten. How does the gradient change?

# %% [markdown]
# ## PRONG: the gradient in whitened coordinates
#
# *About 15 minutes.*
#
# Somebody has computed the gradients $g_W$ and $g_b$ of the loss in the usual parameters. With $c$
# and $U$ held fixed, $W = VU$ and $b = d - VUc$, so $V$ acts on the loss in two ways. The chain
# rule gives
#
# $$g_V = (g_W - g_b\, c^\top)\, U^\top, \qquad g_d = g_b .$$
#
# Weights were multiplied by $U^{-1}$; gradients are multiplied by $U^\top$. It is this
# difference that PRONG lives on.
#
# **By hand.** One input: $g_W = 5$, $g_b = 2$, $c = 2$, $U = 3$ gives $g_V = (5 - 4) \cdot 3 = 3$.


# %% exercise="prong_gradient"
def prong_gradient(grad_W, grad_b, c, U):
    """Gradient of a loss in V and d, from its gradient in W = V U and b = d − W c.

        g_V = (g_W − g_b cᵀ) Uᵀ
        g_d = g_b

    Arguments:
        grad_W: gradient in W, float array of shape (m, n); not to be changed in place.
        grad_b: gradient in b, float array of shape (m,).
        c: mean of the inputs, float array of shape (n,).
        U: whitening matrix, float array of shape (n, n).

    Returns:
        grad_V: float array of shape (m, n).
        grad_d: float array of shape (m,); in this order, as a tuple.

    Lectures: L1 (PRONG) takes it for granted.
    """
    ### BEGIN SOLUTION
    grad_V = (grad_W - np.outer(grad_b, c)) @ U.T
    return grad_V, grad_b.copy()
    ### END SOLUTION


# %% check="prong_gradient"
check(prong_gradient)

# %% [markdown]
# **Next.** A step $-\alpha g_V$ in $V$ moves $W = VU$ by
# $-\alpha (g_W - g_b c^\top)\,U^\top U$. What is $U^\top U$ again?

# %% [markdown]
# ## PRONG: a step between two projections
#
# *About 5 minutes. Chapter: [PRONG](../prong.md#a-step-in-v-is-a-preconditioned-step-in-w).*
#
# Between two projections $c$ and $U$ stand still, and $V$ and $d$ take plain steps of SGD:
#
# $$V \leftarrow V - \alpha\, g_V, \qquad d \leftarrow d - \alpha\, g_d .$$
#
# **By hand.** $V = 2$, $d = 13$, $g_V = 3$, $g_d = 2$, $\alpha = 0.1$: $V = 1.7$, $d = 12.8$.


# %% exercise="prong_step"
def prong_step(V, d, grad_V, grad_d, lr):
    """One step of PRONG between two projections: plain SGD on V and d.

        V ← V − α g_V
        d ← d − α g_d

    Arguments:
        V: weights, float array of shape (m, n); not to be changed in place.
        d: bias, float array of shape (m,); not to be changed in place.
        grad_V: gradient in V, same shape as V.
        grad_d: gradient in d, same shape as d.
        lr: learning rate α ≥ 0, a number.

    Returns:
        V: the new weights.
        d: the new bias; in this order, as a tuple.

    Lectures: L1 (PRONG, algorithm 1).
    """
    ### BEGIN SOLUTION
    return V - lr * grad_V, d - lr * grad_d
    ### END SOLUTION


# %% check="prong_step"
check(prong_step)

# %% [markdown]
# **Next.** With momentum there would be a velocity, too, and it would belong to the old $V$. What
# should happen to it at a projection?
#
# <details><summary>An answer</summary>
#
# It was a change of $W$, namely $v\,U_{\text{old}}$, and should stay that change: $v \leftarrow
# v\,U_{\text{old}} U_{\text{new}}^{-1}$. Or it starts from zero again. Kept as it is, it points
# elsewhere.
#
# </details>

# %% [markdown]
# ## What your functions do
#
# A linear layer is fitted to inputs that are far from white: a mean of 3, and one direction ten
# times as wide as the other. Plain gradient descent on $W$ and $b$ gets stuck in the flat
# direction, although its rate is nearly the largest that does not diverge. The same steps on $V$
# and $d$ do not, and a network could do this in each of its layers.

# %%
rng = np.random.default_rng(1)
h = rng.normal(size=(200, 2)) * np.array([0.3, 3.0]) @ np.array([[1, 1], [-1, 1]]) / 1.5 + 3
target = h @ np.array([[1.0, -2.0], [0.5, 1.0]]).T + np.array([1.0, -1.0])


def gradients(W, b):
    error = (h @ W.T + b - target) / len(h)
    return error.T @ h, error.sum(axis=0)


def distance(W, b):
    return np.mean((h @ W.T + b - target) ** 2) / 2


steps = 60
try:
    plain = whitened = np.zeros((2, 2)), np.zeros(2)
    c, U = whitening(h, 1e-6)
    V, d = prong_project(*whitened, c, U)
    losses = {
        "gradient descent, α = 0.1": [distance(*plain)],
        "PRONG, α = 0.3": [distance(*whitened)],
    }
    for _ in range(steps):
        plain = tuple(p - 0.1 * g for p, g in zip(plain, gradients(*plain), strict=True))
        V, d = prong_step(V, d, *prong_gradient(*gradients(*whitened), c, U), 0.3)
        whitened = prong_canonical(V, d, c, U)
        for path, layer in zip(losses.values(), (plain, whitened), strict=True):
            path.append(distance(*layer))
except NotImplementedError:
    losses = {}
    print("No picture yet: answer whitening and the four PRONG exercises, then run this again.")
except (TypeError, ValueError, np.linalg.LinAlgError) as error:
    losses = {}
    print(f"No picture yet: one of the functions does not return what is needed ({error}).")

if losses:
    figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
    for name, path in losses.items():
        ax.semilogy(path, label=name)
    ax.set(xlabel="step", ylabel="loss")
    ax.legend()
    plt.show()

# %% [markdown]
# ## In your own words: whitening, and two signs
#
# *About 15 minutes, six to twelve sentences.*
#
# 1. The slide on PRONG in lecture L1 goes back to the usual form with $b = d + Wc$. By how much
#    are the outputs of the layer wrong then? Why may a test on a freshly whitened data set with
#    mean zero miss the error?
# 2. Show that a step $-\alpha g_V$ moves $W$ by $-\alpha (g_W - g_b c^\top)(\Sigma + \varepsilon
#    I)^{-1}$. Which part of a natural gradient is this, and which part of the Fisher matrix does
#    it leave out?
# 3. The layer has 1000 inputs and 1000 outputs. Compare the size of its full Fisher matrix with
#    that of $\Sigma$, and say why PRONG does not project in each step.

# %% [markdown] written="whitening_and_signs"
# **A model answer.** (1) $V U (h - c) + d = W h + (d - W c)$, so the right bias is $d - Wc$; with
# $d + Wc$ all outputs are off by $2Wc$, the same for every $h$. If the inputs have mean zero then
# $c = 0$, and both signs agree. (2) $W = VU$, so $W$ moves by $-\alpha g_V U = -\alpha (g_W - g_b
# c^\top)\,U^\top U$, and $U^\top U = E \Lambda^{-1} E^\top = (\Sigma + \varepsilon I)^{-1}$. It is
# the damped inverse of that factor of the layer's Fisher matrix which belongs to the inputs. What
# is left out is the factor of the gradients at the outputs (in softmax regression
# $\text{diag}(p) - pp^\top$), and everything between different layers. (3) The layer has
# $10^6$ weights, so its Fisher matrix has $10^{12}$ entries; $\Sigma$ has $10^6$. Its
# eigenvectors cost of the order of $1000^3 = 10^9$ operations, far more than one step on a
# minibatch, and the statistics of the inputs change slowly: so $c$ and $U$ are kept for many
# steps.
#
# **Marking scheme** (4 points)
#
# - 1 point: off by $2Wc$ (for every $h$), and invisible for $c = 0$.
# - 1 point: $U^\top U = (\Sigma + \varepsilon I)^{-1}$, used for the step in $W$.
# - 1 point: the factor of the inputs only; left out are the outputs' factor or the coupling of
#   layers (one of the two is enough).
# - 1 point: $10^{12}$ against $10^6$, and the cost of the eigendecomposition as the reason for
#   projecting rarely.

# %% [markdown]
# ## Points so far

# %%
check_all()
