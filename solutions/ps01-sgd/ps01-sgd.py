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
# # Problem set 1: gradient descent and SGD
#
# You will write the six small functions that train a linear classifier with SGD: a loss that no
# logit can break, the gradient of a minibatch, the step itself, a falling learning rate, a limit
# for gradients that explode, and the number that says how hard a quadratic is to descend. At the
# end there is one question to answer in words.
#
# **Time:** about an hour and a half, in any number of sittings. The exercises do not depend on each
# other; skip what you are stuck on.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. Arrays are float64. The result may be computed in any way you like.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import numpy as np
from selfcheck import Curves, check, check_all, digits

# %% [markdown]
# ## Softmax and cross-entropy
#
# *About 20 minutes. Chapter: [Learning as optimization](../learning-as-optimization.md), on
# overflow.*
#
# A classifier gives $k$ scores, the **logits** $z_1, \dots, z_k$, for each of $n$ examples. The
# softmax turns them into probabilities, the cross-entropy charges for the probability of the right
# class $y_i$:
#
# $$p_{ij} = \frac{e^{z_{ij}}}{\sum_c e^{z_{ic}}}, \qquad
# L = -\frac1n \sum_{i=1}^n \log p_{i y_i}, \qquad
# \frac{\partial L}{\partial z_{ij}} = \frac{p_{ij} - [j = y_i]}{n}.$$
#
# The formulas are right, and as code they break: $e^{710}$ is more than a float can hold, and
# $\log 0$ waits at the other end. Two facts help. Subtracting the same number from all logits of
# an example changes no probability. And $\log p_j = z_j - \log \sum_c e^{z_c}$ never needs $p_j$
# itself.
#
# **By hand.** One example with logits $(0, 0)$ and class 0: both probabilities are ½, the loss is
# $\log 2 \approx 0.693$, the gradient is $(\tfrac12 - 1, \tfrac12) = (-\tfrac12, \tfrac12)$. With
# logits $(10000, 0)$ and class 1, the loss is $10000$, the gradient $(1, -1)$.


# %% exercise="softmax_cross_entropy"
def softmax_cross_entropy(logits, labels):
    """Mean cross-entropy of softmax probabilities over a batch, and its gradient.

        p_ij = exp(z_ij) / Σ_c exp(z_ic)
        loss = −(1/n) Σ_i log p_(i, y_i)
        grad_ij = (p_ij − [j = y_i]) / n

    Arguments:
        logits: scores z, float array of shape (n, k); entries up to ±10,000.
        labels: right classes y, integer array of shape (n,), each in 0 … k − 1.

    Returns:
        loss: a number, the mean over the n examples (finite, whatever the logits).
        grad: the gradient of the loss with respect to the logits, shape (n, k).

    Lectures: L4 (the recap of SGD).
    """
    ### BEGIN SOLUTION
    n = len(logits)
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(n), labels].mean()
    grad = np.exp(log_p)
    grad[np.arange(n), labels] -= 1
    return loss, grad / n
    ### END SOLUTION


# %% check="softmax_cross_entropy"
check(softmax_cross_entropy)

# %% [markdown]
# **Next.** Where does the gradient vanish, and is that good? Look at an example whose right class
# already has probability 0.999, and at one where a wrong class has it.
#
# <details><summary>An answer</summary>
#
# It vanishes where the right class has nearly all of the probability. That is good: there is little
# left to learn. Where a wrong class has 0.999, the entry of the right class is nearly $-1$ and that
# of the wrong one nearly $1$ (both divided by $n$): the pull is strongest where the model is sure
# and wrong.
#
# </details>

# %% [markdown]
# ## The gradient of a minibatch
#
# *About 10 minutes. Chapter: [Stochastic gradient descent](../sgd.md), on noisy gradients.*
#
# A linear model predicts $x \cdot w$. On a **minibatch** $B$ of examples its loss is the mean of
# the halved squares:
#
# $$L_B(w) = \frac{1}{|B|} \sum_{i \in B} \tfrac12 (x_i \cdot w - y_i)^2.$$
#
# Derive its gradient $g$ with respect to $w$ before you write code.
#
# <details><summary>A hint</summary>
#
# Take one example and one weight: what is the derivative of $\tfrac12 (x_{i1} w_1 + \dots + x_{id}
# w_d - y_i)^2$ with respect to $w_j$?
#
# </details>
#
# <details><summary>Another hint</summary>
#
# By the chain rule it is the error, $x_i \cdot w - y_i$, times $x_{ij}$. All $j$ together are a
# multiple of the vector $x_i$; what remains is the mean over the minibatch.
#
# </details>
#
# <details><summary>The formula</summary>
#
# $g = \frac{1}{|B|} \sum_{i \in B} (x_i \cdot w - y_i)\, x_i$
#
# </details>
#
# The minibatch comes as an array `idx` of row numbers. Who draws it is not this function's
# business: randomness comes in as an argument, so that the function can be checked. If a number
# occurs twice in `idx`, that example counts twice.
#
# **By hand.** $w = (1, 0)$ and $B$ with the examples $x = (1, 2), y = 0$ and $x = (0, 1), y = 3$:
# the errors are $1$ and $-3$, so
# $g = \tfrac12 \bigl((1, 2) + (0, -3)\bigr) = (\tfrac12, -\tfrac12)$.


# %% exercise="minibatch_gradient"
def minibatch_gradient(w, X, y, idx):
    """Gradient of the mean of ½ (x·w − y)² over a minibatch, with respect to w.

    Arguments:
        w: weights, float array of shape (d,).
        X: inputs of all N examples, float array of shape (N, d); row i is x_i.
        y: targets of all N examples, float array of shape (N,).
        idx: the minibatch B, integer array of shape (b,), each in 0 … N − 1.

    Returns:
        The gradient, float array of shape (d,).

    Lectures: L2, L3 and L5 (SGD).
    """
    ### BEGIN SOLUTION
    rows, targets = X[idx], y[idx]
    return rows.T @ (rows @ w - targets) / len(idx)
    ### END SOLUTION


# %% check="minibatch_gradient"
check(minibatch_gradient)

# %% [markdown]
# **Next.** The last check says that the gradients of single examples average to the full gradient.
# This is why SGD works at all: a minibatch that is drawn at random is right on average.

# %% [markdown]
# ## One step of SGD
#
# *About 5 minutes. Chapter: [Stochastic gradient descent](../sgd.md).*
#
# The shortest rule of the course. The step $v$ is what is **subtracted**, here and in every later
# chapter:
#
# $$v = \alpha g, \qquad \theta \leftarrow \theta - v.$$
#
# **By hand.** $\theta = (1, 2)$, $g = (10, -10)$, $\alpha = 0.1$: the new $\theta$ is $(0, 3)$.
#
# Mind that `theta -= ...` changes the caller's array. The check notices.


# %% exercise="sgd_step"
def sgd_step(theta, grad, lr):
    """One step of (stochastic) gradient descent.

        v = α g
        θ ← θ − v

    Arguments:
        theta: parameters θ, float array of any shape; not to be changed in place.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0, a number.

    Returns:
        The new θ, a new array of the same shape.

    Lectures: L1 (SGD; one of its slides prints a plus), L2, L3, L4, L5.
    """
    ### BEGIN SOLUTION
    return theta - lr * grad
    ### END SOLUTION


# %% check="sgd_step"
check(sgd_step)

# %% [markdown]
# **Next.** You have a loss, a gradient and a step: that is all it takes to train. Before that, two
# things to keep it from going wrong.

# %% [markdown]
# ## A falling learning rate
#
# *About 10 minutes. Chapter: [Stochastic gradient descent](../sgd.md), on schedules.*
#
# Minibatch gradients stay noisy, also at the minimum: with a constant rate SGD never comes to
# rest. So the rate falls. The linear schedule goes from $\alpha_0$ to $\alpha_\tau$ in
# $\tau$ updates and stays there:
#
# $$\alpha_k = \Bigl(1 - \frac k\tau\Bigr)\alpha_0 + \frac k\tau\,\alpha_\tau
# \quad (k < \tau), \qquad \alpha_k = \alpha_\tau \quad (k \ge \tau).$$
#
# **By hand.** From 1 to 0.2 in 4 updates: 1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2, …


# %% exercise="linear_decay"
def linear_decay(k, lr_start, lr_end, tau):
    """Learning rate of update k: a straight line until update tau, constant from then on.

        α_k = (1 − k/τ) α_0 + (k/τ) α_τ   for k < τ
        α_k = α_τ                         for k ≥ τ

    Arguments:
        k: number of the update, an integer ≥ 0.
        lr_start: rate α_0 of update 0, a number ≥ 0.
        lr_end: rate α_τ from update τ on, a number ≥ 0; may be larger than lr_start (warm-up).
        tau: number of updates τ, an integer ≥ 1.

    Returns:
        The learning rate, a number.

    Lectures: L5, and L3 up to τ (SGD); L2 has other schedules.
    """
    ### BEGIN SOLUTION
    fraction = min(k / tau, 1.0)
    return (1 - fraction) * lr_start + fraction * lr_end
    ### END SOLUTION


# %% check="linear_decay"
check(linear_decay)

# %% [markdown]
# **Next.** Theory asks that the rates add up to infinity while their squares do not. Does this
# schedule meet both? One of the lectures says so of its first τ updates; the chapter has a look.
#
# <details><summary>An answer</summary>
#
# It does not. If $\alpha_\tau > 0$, the rate stays there, and the squares add up to infinity, too.
# If $\alpha_\tau = 0$, both sums are finite. What a schedule does in endless time says little about
# a training that ends.
#
# </details>

# %% [markdown]
# ## Gradient clipping
#
# *About 10 minutes. Chapter: [Stochastic gradient descent](../sgd.md), on cliffs.*
#
# At a cliff of the loss a single gradient can be so large that one step undoes hours of training.
# Clipping keeps its direction and limits its length:
#
# $$g \leftarrow \begin{cases}
# \dfrac{g_{\max}}{\lVert g\rVert}\, g & \text{if } \lVert g\rVert > g_{\max}\\[1ex]
# g & \text{otherwise,}\end{cases} \qquad \lVert g\rVert = \sqrt{\textstyle\sum_j g_j^2}.$$
#
# The norm goes over **all** entries, whatever the shape of the array. A gradient of zero stays
# zero.
#
# **By hand.** $g = (6, 8)$ has norm 10. With $g_{\max} = 5$ it becomes $(3, 4)$; with
# $g_{\max} = 20$ it stays.


# %% exercise="clip_by_norm"
def clip_by_norm(grad, max_norm):
    """The gradient, shortened to the norm max_norm if it is longer.

        g ← g · g_max / ‖g‖   if ‖g‖ > g_max,   else g

    Arguments:
        grad: gradient g, float array of any shape; not to be changed in place.
        max_norm: largest norm g_max > 0 that is let through, a number.

    Returns:
        An array of the same shape and direction with Euclidean norm ‖g‖ ≤ g_max.

    Lectures: L3 (cliffs). L4 prints the norm without its square root.
    """
    ### BEGIN SOLUTION
    norm = np.linalg.norm(grad)
    return grad * max_norm / norm if norm > max_norm else grad.copy()
    ### END SOLUTION


# %% check="clip_by_norm"
check(clip_by_norm)

# %% [markdown]
# **Next.** Clipping each entry by itself is found in code, too. What does it do to the direction of
# the gradient $(100, 1)$ with limit 1?
#
# <details><summary>An answer</summary>
#
# It becomes $(1, 1)$, which points 45° away from the first axis; the gradient pointed half a degree
# away from it. Clipping by the norm gives $(0.99995, 0.0099995)$.
#
# </details>

# %% [markdown]
# ## The condition number
#
# *About 10 minutes. Chapter: [Learning as optimization](../learning-as-optimization.md), on the
# condition number.*
#
# Near a minimum a loss looks like a quadratic, with curvatures given by the eigenvalues of its
# Hessian $H$. The rate must suit the steepest direction and then is too small for the flattest.
# Their ratio says how bad it is:
#
# $$\kappa(H) = \frac{\lambda_{\max}(H)}{\lambda_{\min}(H)}.$$
#
# $H$ is symmetric, and all its eigenvalues are positive.
#
# **By hand.** $\begin{pmatrix} 1 & 0\\ 0 & 100\end{pmatrix}$ has $\kappa = 100$. And
# $\begin{pmatrix} 3 & 2\\ 2 & 3\end{pmatrix}$ has eigenvalues 5 and 1 (directions $(1, 1)$ and
# $(1, -1)$), so $\kappa = 5$.


# %% exercise="condition_number"
def condition_number(H):
    """Condition number of a symmetric positive definite matrix.

        κ = λ_max / λ_min

    Arguments:
        H: float array of shape (n, n), symmetric with positive eigenvalues.

    Returns:
        κ ≥ 1, a number.

    Lectures: L2 (Hessian-based analysis); L3 prints it for any matrix.
    """
    ### BEGIN SOLUTION
    eigenvalues = np.linalg.eigvalsh(H)
    return eigenvalues[-1] / eigenvalues[0]
    ### END SOLUTION


# %% check="condition_number"
check(condition_number)

# %% [markdown]
# **Next.** With the best constant rate, gradient descent shrinks the error by
# $(\kappa - 1)/(\kappa + 1)$ a step. How many steps for one more decimal digit at $\kappa = 100$?
# And at 10,000? In [problem set 2](ps02-momentum.ipynb) momentum brings that down to the root.
#
# <details><summary>An answer</summary>
#
# One digit takes $\ln 10 / \ln\frac{\kappa + 1}{\kappa - 1} \approx 1.15\,\kappa$ steps: 115 at
# $\kappa = 100$, and about 11,500 at 10,000.
#
# </details>

# %% [markdown]
# ## What your functions do
#
# They learn to read. `digits()` has 1000 handwritten digits of 8 × 8 pixels; a linear model with
# logits $XW$ trains on 800 of them and is tried on the other 200. The chain rule makes the gradient
# in $W$ out of that in the logits, $X^\top g$. The pictures show the loss on the 800, and how many
# of the 200 are read right. Change `rate` and `longest` and see.

# %%
rate, longest, updates, size = 2.0, 1.0, 40, 32
images, labels = digits()
X, y, X_new, y_new = images[:800] / 16, labels[:800], images[800:] / 16, labels[800:]
rng, W = np.random.default_rng(0), np.zeros((64, 10))
seen, loss, right, curves = [], [], [], None

try:
    for k in range(updates + 1):
        if k % 5 == 0:
            seen.append(k)
            loss.append(float(softmax_cross_entropy(X @ W, y)[0]))
            right.append(100 * np.mean((X_new @ W).argmax(axis=1) == y_new))
        batch = rng.integers(len(X), size=size)
        _, grad = softmax_cross_entropy(X[batch] @ W, y[batch])
        grad = clip_by_norm(X[batch].T @ grad, longest)
        W = sgd_step(W, grad, linear_decay(k, rate, rate / 100, updates))
except NotImplementedError as missing:
    print("No training yet. Run this cell again when you have answered", missing)
except Exception as error:
    print("No training yet, for the functions do not work together:", repr(error))
else:
    curves = Curves({"update": seen, "loss": loss, "% right of 200 new ones": right})
curves

# %% [markdown]
# ## In your own words: how large a batch?
#
# *About 15 minutes, five to ten sentences.*
#
# A friend trains with SGD on batches of 32 and says: "My gradients are noisy. I will use batches of
# 3,200 from now on, the noise is then 100 times smaller and training 100 times better."
#
# 1. By what factor does the noise (the standard deviation of the minibatch gradient) really
#    change? Say what you assume of how the batch is drawn.
# 2. What does the large batch cost, and when is it still worth its price?
# 3. Name another way to come to rest at the minimum with batches of 32, and say why it works.

# %% [markdown] written="batch_size_and_rate"
# **A model answer.** (1) A minibatch gradient is a mean of $|B|$ gradients. If the examples are
# drawn independently, its variance is that of one gradient divided by $|B|$, so its standard
# deviation falls with $\sqrt{|B|}$: by 10, not by 100. (Without replacement it is a little less,
# and zero for the full batch.) (2) Each step costs 100 times as many gradients, so for the same
# work there are 100 times fewer steps; far from the minimum a rough direction is good enough and
# many cheap steps win. The large batch is worth it when the hardware computes it in parallel in
# almost the same time, when the noise really is what limits progress (near the minimum), or when
# a less noisy gradient allows a larger rate. (3) Let the learning rate fall, for example with
# `linear_decay`: the step is $\alpha g$, so the noise in θ shrinks with $\alpha$, and a small
# rate averages over many successive minibatches. (Averaging the iterates is another right
# answer.)
#
# **Marking scheme** (4 points)
#
# - 1 point: the standard deviation falls with the root of the batch size, here by 10.
# - 1 point: because it is a mean of independent draws (variance divided by the batch size).
# - 1 point: the price is counted in gradients or steps for the same work, and one sound case where
#   it is worth it.
# - 1 point: a falling rate or averaged iterates, with the reason that noise enters through
#   $\alpha g$ or is averaged out.
# - Nothing is taken off for style. An answer that only says "larger batches are more accurate" gets
#   no point for (1).

# %% [markdown]
# ## Points so far

# %%
check_all()
