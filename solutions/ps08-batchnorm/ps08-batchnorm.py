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
# # Problem set 8: batch normalization
#
# A layer's inputs change whenever the layers below it learn. Batch normalization keeps their mean
# and variance fixed, feature by feature, and lets the network choose what they should be. You will
# write it for training, its gradient, its form at inference with the running statistics that it
# needs, and a function that makes it disappear into the layer before it. There is one question to
# answer in words.
#
# **Time:** about an hour and a half. The exercises do not depend on each other.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. State, such as running statistics, comes in as an argument and goes out as a result. A
# batch has one example a row and one feature a column: `x` has shape (n, d).
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## Batch normalization in training
#
# *About 15 minutes. Chapter: [Batch normalization](../batch-normalization.md#the-rule).*
#
# Each feature $j$ is shifted and scaled so that it has mean 0 and variance (almost) 1 over the
# batch; then a learned scale $\gamma_j$ and a learned shift $\beta_j$ give it back its freedom:
#
# $$m_j = \frac1n \sum_{i=1}^n x_{ij}, \qquad s_j^2 = \frac1n \sum_{i=1}^n (x_{ij} - m_j)^2, \qquad
# \hat x_{ij} = \frac{x_{ij} - m_j}{\sqrt{s_j^2 + \varepsilon}}, \qquad
# y_{ij} = \gamma_j \hat x_{ij} + \beta_j.$$
#
# The variance is the **biased** one, divided by $n$. The small $\varepsilon$ stands **inside** the
# root and keeps a constant feature from dividing by 0. (The slide in L1 has no $\varepsilon$, and
# sums from 0 to $m$, one term too many. The check knows that variant.)
#
# **By hand.** One feature, $x = (1, 3)$, $\gamma = 10$, $\beta = 5$, $\varepsilon = 0$: $m = 2$,
# $s^2 = 1$, $\hat x = (-1, 1)$, $y = (-5, 15)$. With $\varepsilon = 3$, $\hat x = (-\tfrac12,
# \tfrac12)$ and $y = (0, 10)$.


# %% exercise="batchnorm_forward"
def batchnorm_forward(x, gamma, beta, eps):
    """Batch normalization with the batch's own statistics, as in training.

        m = (1/n) Σ_i x_i,   s² = (1/n) Σ_i (x_i − m)²      for each feature
        y = γ (x − m) / √(s² + ε) + β

    Arguments:
        x: batch, float array of shape (n, d): n examples, d features; not to be changed in place.
        gamma: scales γ, float array of shape (d,).
        beta: shifts β, float array of shape (d,).
        eps: ε > 0, a number; 1e-5 is usual.

    Returns:
        y, float array of shape (n, d).

    Lectures: L5, L1 (its slide has no ε and a term too many), L3 (without γ and β).
    """
    ### BEGIN SOLUTION
    mean, variance = x.mean(axis=0), x.var(axis=0)
    root = np.sqrt(variance + eps)
    return gamma * (x - mean) / root + beta
    ### END SOLUTION


# %% check="batchnorm_forward"
check(batchnorm_forward)

# %% [markdown]
# **Next.** Add 100 to all inputs of a feature, or multiply them by 7. What happens to $y$? A layer
# below may now change in these ways without disturbing the one above.
#
# <details><summary>An answer</summary>
#
# Nothing for the shift, which the mean takes away. Next to nothing for the factor: the root grows
# by 7 as well, but for $\varepsilon$.
#
# </details>

# %% [markdown]
# ## The gradient of batch normalization
#
# *About 30 minutes. Chapter:
# [Batch normalization](../batch-normalization.md#backward-step-by-step).*
#
# Let $g = \partial L/\partial y$ be the gradient that arrives. The parameters are easy, for
# $y = \gamma \hat x + \beta$ and all examples share them:
#
# $$\frac{\partial L}{\partial \beta_j} = \sum_i g_{ij}, \qquad
# \frac{\partial L}{\partial \gamma_j} = \sum_i g_{ij}\, \hat x_{ij}.$$
#
# For $x$ there are three ways to the loss: directly, through the mean and through the variance.
# Together they give
#
# $$\frac{\partial L}{\partial x_{ij}} = \frac{\gamma_j}{\sqrt{s_j^2 + \varepsilon}}
# \Bigl(g_{ij} - \frac1n \sum_k g_{kj} - \hat x_{ij}\, \frac1n \sum_k g_{kj} \hat x_{kj}\Bigr).$$
#
# In words: take away from $g$ what only shifts the batch, and what only scales it, for $y$ does not
# notice either. You may use this formula, or work backwards step by step through your own forward
# pass. One check compares your result with differences of the forward pass; do the same when you
# derive a gradient yourself.
#
# **By hand.** One feature, $x = (1, 3, 1, 3)$, $\gamma = 10$, $\varepsilon = 0$, so
# $\hat x = (-1, 1, -1, 1)$. For $g = (1, 1, 1, 1)$ the gradient of $x$ is 0 (a shift), for
# $g = (-1, 1, -1, 1)$ it is 0 again (a scale), and for $g = (1, 1, -1, -1)$ it is $10\,g$.


# %% exercise="batchnorm_backward"
def batchnorm_backward(grad_out, x, gamma, eps):
    """Gradients of the loss with respect to x, γ and β, through the batch's own statistics.

        x̂ = (x − m) / √(s² + ε),   g = ∂L/∂y
        ∂L/∂γ = Σ_i g_i x̂_i,   ∂L/∂β = Σ_i g_i
        ∂L/∂x_i = γ / √(s² + ε) · (g_i − (1/n) ∂L/∂β − x̂_i (1/n) ∂L/∂γ)

    Arguments:
        grad_out: g, float array of shape (n, d); not to be changed in place.
        x: batch of the forward pass, float array of shape (n, d).
        gamma: scales γ, float array of shape (d,).
        eps: ε > 0, a number.

    Returns:
        grad_x: ∂L/∂x, shape (n, d).
        grad_gamma: ∂L/∂γ, shape (d,).
        grad_beta: ∂L/∂β, shape (d,); in this order, as a tuple.

    Lectures: none prints the gradient. Paper: Ioffe and Szegedy 2015, section 3.
    """
    ### BEGIN SOLUTION
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma = np.sum(grad_out * x_hat, axis=0)
    grad_beta = np.sum(grad_out, axis=0)
    grad_x = gamma / root * (grad_out - grad_beta / n - x_hat * grad_gamma / n)
    return grad_x, grad_gamma, grad_beta
    ### END SOLUTION


# %% check="batchnorm_backward"
check(batchnorm_backward)

# %% [markdown]
# **Next.** A batch of two examples: $\hat x$ is $(-1, 1)$ whatever $x$ is. What does your function
# return for the gradient of $x$ when $\varepsilon$ is tiny, and why must it?
#
# <details><summary>An answer</summary>
#
# Almost zero, for the output does not depend on $x$: $\hat x$ is $(-1, 1)$ before and after a small
# change of $x$.
#
# </details>

# %% [markdown]
# ## Batch normalization at inference
#
# *About 10 minutes. Chapter: [Batch normalization](../batch-normalization.md#the-rule).*
#
# After training an example should not depend on its neighbours, and there may be only one. So mean
# and variance are fixed numbers now, gathered during training (that is the next exercise):
#
# $$y_{ij} = \gamma_j \frac{x_{ij} - m_j}{\sqrt{s_j^2 + \varepsilon}} + \beta_j,
# \qquad m, s^2 \text{ the running ones.}$$
#
# What is kept is a *variance*; the $\varepsilon$ is in the same place as in training. An
# $\varepsilon$ outside the root and a standard deviation taken for a variance are the two mistakes
# most often found in public solutions of such exercises: everything still runs, and the network
# only predicts a little worse.
#
# **By hand.** $x = 7$, running mean 1, running variance 4, $\gamma = 10$, $\beta = 5$,
# $\varepsilon = 5$: $y = 10 \cdot 6/\sqrt9 + 5 = 25$.


# %% exercise="batchnorm_inference"
def batchnorm_inference(x, gamma, beta, running_mean, running_var, eps):
    """Batch normalization with running statistics, as after training.

        y = γ (x − m) / √(s² + ε) + β      with the running m and s²

    Arguments:
        x: examples, float array of shape (n, d), n ≥ 1; not to be changed in place.
        gamma: scales γ, float array of shape (d,).
        beta: shifts β, float array of shape (d,).
        running_mean: m, float array of shape (d,).
        running_var: s² ≥ 0, float array of shape (d,); a variance, not a standard deviation.
        eps: ε > 0, a number.

    Returns:
        y, float array of shape (n, d).

    Lectures: L3 (running averages at test time).
    """
    ### BEGIN SOLUTION
    root = np.sqrt(running_var + eps)
    return gamma * (x - running_mean) / root + beta
    ### END SOLUTION


# %% check="batchnorm_inference"
check(batchnorm_inference)

# %% [markdown]
# **Next.** For given statistics this is just $y = c\,x + d$ for each feature. What are $c$ and
# $d$? The last exercise makes use of it.
#
# <details><summary>An answer</summary>
#
# $c = \gamma/\sqrt{s^2 + \varepsilon}$ and $d = \beta - c\,m$.
#
# </details>

# %% [markdown]
# ## Running statistics
#
# *About 15 minutes. Chapter: [Batch normalization](../batch-normalization.md#the-rule).*
#
# During training each batch adds its statistics to running averages. They start with mean 0 and
# variance 1; the **old** value has the weight `keep`, usually 0.9:
#
# $$\begin{aligned}
# m &\leftarrow \text{keep}\cdot m + (1 - \text{keep})\, m_\text{batch},\\
# s^2 &\leftarrow \text{keep}\cdot s^2
# + (1 - \text{keep})\, \frac{1}{n - 1} \sum_i (x_i - m_\text{batch})^2.
# \end{aligned}$$
#
# The variance that is averaged is the **unbiased** one, divided by $n - 1$: it estimates the
# variance of all data, not that of this batch. That is the paper's convention and torch's; Keras
# averages the biased one. And torch's argument `momentum` is the weight of the *new* value,
# $1 - \text{keep}$.
#
# **By hand.** One feature, running mean 0, running variance 1, $\text{keep} = 0.9$, batch $(1, 3)$:
# the mean becomes $0.1 \cdot 2 = 0.2$, the variance $0.9 + 0.1 \cdot 2 = 1.1$.


# %% exercise="update_running"
def update_running(running_mean, running_var, x, keep):
    """Running statistics after one more batch.

        m ← keep · m + (1 − keep) m_batch
        s² ← keep · s² + (1 − keep) s²_batch,   s²_batch = (1/(n − 1)) Σ_i (x_i − m_batch)²

    Arguments:
        running_mean: m, float array of shape (d,); not to be changed in place.
        running_var: s², float array of shape (d,); not to be changed in place.
        x: batch, float array of shape (n, d), n ≥ 2.
        keep: weight of the old value, a number in [0, 1].

    Returns:
        mean: the new running mean, shape (d,).
        var: the new running variance, shape (d,); in this order, as a tuple.

    Paper: Ioffe and Szegedy 2015, algorithm 2. torch: nn.BatchNorm1d(momentum=1 − keep).
    """
    ### BEGIN SOLUTION
    mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
    new_mean = keep * running_mean + (1 - keep) * mean
    new_var = keep * running_var + (1 - keep) * var
    return new_mean, new_var
    ### END SOLUTION


# %% check="update_running"
check(update_running)

# %% [markdown]
# **Next.** After how many batches has the start, mean 0 and variance 1, lost all but a hundredth of
# its weight at $\text{keep} = 0.9$? The picture at the end shows it.
#
# <details><summary>An answer</summary>
#
# After 44, for $0.9^{44} \approx 0.0097$.
#
# </details>

# %% [markdown]
# ## Folding it away
#
# *About 15 minutes. Chapter: [Batch normalization](../batch-normalization.md#folding-it-away).*
#
# At inference the normalization after a linear layer is a linear map after a linear map. One layer
# can do the work of both: $W'h + b'$ is the normalized $Wh + b$ for every $h$. Row $j$ of $W$
# belongs to output $j$. Before a network is put to use its normalizations are often folded in
# this way: nothing is left of them to compute. Derive $W'$ and $b'$.
#
# <details><summary>A hint</summary>
#
# Put $x = Wh + b$ into the formula of the inference, for one output $j$, and sort: what multiplies
# $h$, and what does not?
#
# </details>
#
# <details><summary>Another hint</summary>
#
# With $c_j = \gamma_j / \sqrt{s_j^2 + \varepsilon}$ the normalized output is $c_j \bigl((Wh)_j +
# b_j - m_j\bigr) + \beta_j$.
#
# </details>
#
# <details><summary>The formula</summary>
#
# $W'_{jk} = c_j W_{jk}$ and $b'_j = c_j (b_j - m_j) + \beta_j$, with $c_j = \gamma_j / \sqrt{s_j^2
# + \varepsilon}$
#
# </details>
#
# **By hand.** $W = (2)$, $b = (3)$, running mean 1, running variance 4, $\varepsilon = 0$,
# $\gamma = 10$, $\beta = 5$: $c = 5$, $W' = (10)$, $b' = 5 \cdot 2 + 5 = 15$. For $h = 1$ the
# layer gives 5, normalized $10 \cdot 4/2 + 5 = 25$, and the folded layer gives $10 + 15 = 25$.


# %% exercise="fold_into_linear"
def fold_into_linear(W, b, gamma, beta, running_mean, running_var, eps):
    """The linear layer that does what a linear layer and the normalization after it do.

        W' h + b' = batchnorm_inference(W h + b) for every h

    Arguments:
        W: weights, float array of shape (d, k): one row an output; not to be changed in place.
        b: biases, float array of shape (d,).
        gamma: scales γ, float array of shape (d,).
        beta: shifts β, float array of shape (d,).
        running_mean: m, float array of shape (d,).
        running_var: s² ≥ 0, float array of shape (d,).
        eps: ε > 0, a number.

    Returns:
        W: the new weights W', shape (d, k).
        b: the new biases b', shape (d,); in this order, as a tuple.

    Paper: Ioffe and Szegedy 2015, algorithm 2, last line.
    """
    ### BEGIN SOLUTION
    scale = gamma / np.sqrt(running_var + eps)
    return scale[:, np.newaxis] * W, scale * (b - running_mean) + beta
    ### END SOLUTION


# %% check="fold_into_linear"
check(fold_into_linear)

# %% [markdown]
# **Next.** Could a normalization *before* a linear layer be folded into it as well? And one that is
# followed by a ReLU?
#
# <details><summary>An answer</summary>
#
# Yes: $W(c\,x + d) + b = (W \operatorname{diag}(c))\,x + (Wd + b)$. With a ReLU behind it a
# normalization still goes into the layer *before* it, and the ReLU stays; it cannot pass the ReLU
# to the layer after.
#
# </details>

# %% [markdown]
# ## What your function does
#
# A feature with mean 3 and variance 4 is met in batches of 16. The running statistics start at 0
# and 1 and walk to the truth: fast and restless with little weight on the old, slow and steady with
# much. Halfway the data change. Change `keep` and the batch size and see.

# %%
keeps, size, batches = (0.5, 0.9, 0.99), 16, 400
rng = np.random.default_rng(0)
truth = [(3.0, 4.0) if k < batches // 2 else (1.0, 2.0) for k in range(batches)]
stream = [rng.normal(mean, np.sqrt(var), (size, 1)) for mean, var in truth]

try:
    paths = {}
    for keep in keeps:
        mean, var = np.zeros(1), np.ones(1)
        path = []
        for x in stream:
            mean, var = update_running(mean, var, x, keep)
            path.append((float(np.ravel(mean)[0]), float(np.ravel(var)[0])))
        paths[keep] = np.array(path)
except NotImplementedError:
    paths = {}
except (TypeError, ValueError, IndexError):
    paths = None

if paths is None:
    print("No picture yet: update_running should return two arrays, (mean, var).")
elif not paths:
    print("No picture yet: answer update_running, then run this cell again.")
else:
    figure, axes = plt.subplots(2, 1, figsize=(8, 6), sharex=True, layout="constrained")
    for column, (ax, name) in enumerate(zip(axes, ("mean", "variance"), strict=True)):
        for keep, path in paths.items():
            ax.plot(path[:, column], linewidth=1, label=f"keep = {keep}")
        ax.plot([pair[column] for pair in truth], "k--", linewidth=1, label="truth")
        ax.set(ylabel=f"running {name}")
    axes[0].legend(loc="upper right")
    axes[-1].set(xlabel="batches")
    plt.show()

# %% [markdown]
# ## In your own words: one at a time
#
# *About 15 minutes, five to ten sentences.*
#
# A classifier with batch normalization after every linear layer was trained on batches of 64. It
# is deployed, gets one image at a time, and by oversight still runs in training mode: each layer
# normalizes with the statistics of the batch that it gets.
#
# 1. What does a normalization put out for a batch of one example, and what does the classifier say
#    to two different images?
# 2. What should it use instead, and where do these numbers come from? Why is the variance that goes
#    into them divided by $n - 1$ when that in the batch's own normalization is divided by $n$?
# 3. In training the bias $b$ of a linear layer before a normalization has gradient 0. Why? What
#    becomes of it in `fold_into_linear`?

# %% [markdown] written="one_at_a_time"
# **A model answer.** (1) With one example the mean is the example itself, so $x - m = 0$ and the
# output is $\beta$, whatever comes in. Already the first normalization forgets the image, so all
# images get the same answer. (2) The running mean and variance, averages over the batches of
# training, which are constants at inference, so that an answer depends on its own image only.
# Within the batch the variance is divided by $n$ so that the batch itself gets variance 1; it
# describes these $n$ examples and nothing else. The running variance is an *estimate* for all
# data. Squares about a batch's own mean are too small by $(n - 1)/n$ on average, which dividing by
# $n - 1$ corrects. (3) A bias adds the same number to a feature of all examples; the batch's mean
# takes it away again, so the loss does not depend on it. (The gradient of $x$ sums to 0 over the
# batch, and that sum is the gradient of $b$.) The running mean has averaged it in as well: it
# cancels in $b' = c(b - m) + \beta$, and β does its work. It must not be dropped there, for $m$
# contains it.
#
# **Marking scheme** (4 points)
#
# - 1 point: the output is β for every input, so every image gets the same answer.
# - 1 point: running statistics, gathered in training, constant at inference.
# - 1 point: the running variance estimates that of all data and is unbiased with $n - 1$; the other
#   only describes the batch at hand.
# - 1 point: subtracting the batch's mean cancels the bias; in folding it cancels against the
#   running mean (which contains it).

# %% [markdown]
# ## Points so far

# %%
check_all()
