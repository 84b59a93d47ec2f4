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
# # Problem set 11: large networks and many machines
#
# What does a layer cost? How does work split over machines? You will count the weights and
# operations of a convolution and of an Inception block, hold a published table against its own
# columns, write a layer that splits without communication, and combine gradients that come from
# several workers, in time and late. There is one question to answer in words.
#
# **Time:** about an hour and a quarter. The exercises do not depend on each other.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## What a convolution costs
#
# *About 10 minutes. Chapter: [Efficient models](../efficient-models.md), the rule.*
#
# Each of the $c_{\text{out}}$ output channels has a kernel of $k \times k$ weights for each of the
# $c_{\text{in}}$ input channels, and uses it at every pixel of the output:
#
# $$\text{params} = k^2\, c_{\text{in}}\, c_{\text{out}}, \qquad
# \text{ops} = h\, w \cdot \text{params}.$$
#
# Two conventions are needed to compare numbers. One operation is a multiplication **with** its
# addition (others count two), and biases are left out (`torch.nn.Conv2d` has $c_{\text{out}}$ of
# them). That is how the table counts which you will recompute below.
#
# **By hand.** An image of 4 × 5 pixels with 3 channels, 2 output channels, 3 × 3 kernels:
# $9 \cdot 3 \cdot 2 = 54$ weights, $4 \cdot 5 \cdot 54 = 1080$ operations.


# %% exercise="conv_cost"
def conv_cost(h, w, c_in, c_out, k):
    """Weights and operations of a convolution with k × k kernels.

        params = k² c_in c_out
        ops    = h w · params

    Arguments:
        h: height of the output in pixels, an integer.
        w: width of the output in pixels, an integer.
        c_in: number of input channels, an integer.
        c_out: number of output channels, an integer.
        k: side of the kernel in pixels, an integer.

    Returns:
        params: the number of weights, without biases.
        ops: the number of operations on one image; a multiplication with its addition is one.

    Lectures: L2 (the table of Inception-v1 has such numbers).
    """
    ### BEGIN SOLUTION
    params = k**2 * c_in * c_out
    return params, h * w * params
    ### END SOLUTION


# %% check="conv_cost"
check(conv_cost)

# %% [markdown]
# **Next.** Weights must be stored and sent, operations take time. Which layers of a network have
# most of the one, which of the other?
#
# <details><summary>An answer</summary>
#
# The first layers have most of the operations, since their images are large. The last layers have
# most of the weights, since they have many channels.
#
# </details>

# %% [markdown]
# ## What an Inception block costs
#
# *About 15 minutes. Chapter: [Efficient models](../efficient-models.md), the table row by row.*
#
# A block of GoogLeNet has four branches side by side. Their outputs are put together, channel
# after channel:
#
# | branch | convolutions |
# | --- | --- |
# | 1 × 1 | from $c_{\text{in}}$ to $n_1$ channels |
# | 3 × 3 | a 1 × 1 reduction from $c_{\text{in}}$ to $r_3$, then 3 × 3 from $r_3$ to $n_3$ |
# | 5 × 5 | a 1 × 1 reduction from $c_{\text{in}}$ to $r_5$, then 5 × 5 from $r_5$ to $n_5$ |
# | pool | a maximum over 3 × 3 pixels, counted as free, then 1 × 1 from $c_{\text{in}}$ to $p$ |
#
# The image keeps its size of $h \times w$ pixels throughout. A block is given as a row of nine
# whole numbers, $(h, w, c_{\text{in}}, n_1, r_3, n_3, r_5, n_5, p)$. Count all six convolutions.
#
# **By hand.** $(1, 1, 4, 1, 2, 3, 1, 2, 1)$: the branches have $4$, $8 + 54$, $4 + 50$ and $4$
# weights, 124 in all, and as many operations on their one pixel.


# %% exercise="inception_cost"
def inception_cost(row):
    """Weights and operations of an Inception block.

        1×1 branch:   c_in → n1
        3×3 branch:   c_in → r3 by 1×1, then r3 → n3 by 3×3
        5×5 branch:   c_in → r5 by 1×1, then r5 → n5 by 5×5
        pool branch:  3×3 maximum (free), then c_in → p by 1×1

    Arguments:
        row: (h, w, c_in, n1, r3, n3, r5, n5, p), integer array of shape (9,); a branch may have 0
            channels.

    Returns:
        params: the number of weights of all convolutions, without biases.
        ops: the number of operations on one image, as in conv_cost.

    Lectures: L2 (the table of Inception-v1, after Szegedy et al. 2015).
    """
    ### BEGIN SOLUTION
    h, w, c_in, n1, r3, n3, r5, n5, p = row
    three = c_in * r3 + 9 * r3 * n3
    five = c_in * r5 + 25 * r5 * n5
    params = c_in * n1 + three + five + c_in * p
    return params, h * w * params
    ### END SOLUTION


# %% check="inception_cost"
check(inception_cost)

# %% [markdown]
# **Next.** The paper prints a table of these numbers, and lecture L2 shows it. It writes K for 1024
# weights and M for a million operations. The next cell sets what is printed beside what your
# functions count.

# %%
PUBLISHED = {  # block: its row, then the printed K of weights and M of operations
    "3a": ((28, 28, 192, 64, 96, 128, 16, 32, 32), 159, 128),
    "3b": ((28, 28, 256, 128, 128, 192, 32, 96, 64), 380, 304),
    "4a": ((14, 14, 480, 192, 96, 208, 16, 48, 64), 364, 73),
    "4b": ((14, 14, 512, 160, 112, 224, 24, 64, 64), 437, 88),
    "4c": ((14, 14, 512, 128, 128, 256, 24, 64, 64), 463, 100),
    "4d": ((14, 14, 512, 112, 144, 288, 32, 64, 64), 580, 119),
    "4e": ((14, 14, 528, 256, 160, 320, 32, 128, 128), 840, 170),
    "5a": ((7, 7, 832, 256, 160, 320, 32, 128, 128), 1072, 54),
    "5b": ((7, 7, 832, 384, 192, 384, 48, 128, 128), 1388, 71),
}

try:
    colours = conv_cost(112, 112, 1, 24, 7)  # 24 filters, each on one colour
    mixing = conv_cost(112, 112, 24, 64, 1)
    lines = [("first", colours[0] + mixing[0], colours[1] + mixing[1], 2.7, 34)]
    lines += [(b, *inception_cost(np.array(row)), k, m) for b, (row, k, m) in PUBLISHED.items()]
    table = [(b, float(p) / 1024, k, float(o) / 1e6, m) for b, p, o, k, m in lines]
except NotImplementedError:
    print("No table yet: answer conv_cost and inception_cost, then run this cell again.")
except (TypeError, ValueError):
    print("No table yet: both functions should return two numbers, params and ops.")
else:
    print("block  weights (K)  printed   operations (M)  printed")
    for block, weights, k, ops, m in table:
        off = " *" if abs(weights / k - 1) > 0.02 or abs(ops - m) > 1 else ""
        print(f"{block:5}  {weights:11.1f}  {k:7}   {ops:14.1f}  {m:7}{off}")
    print("* more than 2 % of the weights, or a million operations, away from what is printed")

# %% [markdown]
# When your functions are right, two rows are marked, and both remain unexplained: block 4c has
# 497.5 K weights, not 463 K, and block 5a has 1018 K weights and 51 M operations, not 1072 K and
# 54 M. Everything else agrees to within 2 % of the weights and a million operations.
#
# The first row looks like an error and is none. The table says 7 × 7 from 3 to 64 channels, which
# would be 9,408 weights and 118 M operations. But the network that was built has a *separable*
# layer there: 8 filters of 7 × 7 for each of the 3 colours, and then 1 × 1 from 24 to 64 channels.
# That is $49 \cdot 3 \cdot 8 + 24 \cdot 64 = 2{,}712$ weights and 34.02 M operations, as printed
# (this row's 2.7 K are 2,700), and so the cell above counts it.

# %% [markdown]
# ## A layer that splits over machines
#
# *About 15 minutes. Chapter: [Efficient models](../efficient-models.md), on blocks.*
#
# A dense layer $y = Wx$ needs every input for every output. On several machines that means sending
# numbers around in every step. If $W$ is **block-diagonal**, it does not:
#
# $$W = \begin{pmatrix} W_1 & & \\ & \ddots & \\ & & W_G \end{pmatrix}, \qquad
# y_b = W_b\, x_b,$$
#
# where $x$ is cut into $G$ pieces of $m$ neighbouring entries each, and the outputs of the blocks
# are put one after the other. Machine $b$ keeps $W_b$, and never asks the others.
#
# Compute it without making the large matrix. `x` may be one input or an array of them: the last
# axis holds the entries.
#
# **By hand.** $x = (1, 2, 3, 4)$, $W_1 = \begin{pmatrix} 0 & -1 \\ 1 & 0 \end{pmatrix}$,
# $W_2 = \begin{pmatrix} 1 & 1 \\ 0 & 1 \end{pmatrix}$: $y = (-2, 1, 7, 4)$.


# %% exercise="local_matmul"
def local_matmul(x, blocks):
    """A linear layer with a block-diagonal matrix.

        y = diag(W₁, …, W_G) x,   so y_b = W_b x_b for each of the G pieces of x

    Arguments:
        x: inputs, float array of shape (..., G·m), cut into G pieces of m neighbours along the
            last axis; not to be changed in place.
        blocks: the matrices W_b, float array of shape (G, n, m).

    Returns:
        The outputs, float array of shape (..., G·n).

    Lectures: L2 (local connectivity, with two blocks). torch.nn.Conv1d calls the blocks groups.
    """
    ### BEGIN SOLUTION
    pieces = np.split(x, len(blocks), axis=-1)
    outputs = [piece @ block.T for piece, block in zip(pieces, blocks, strict=True)]
    return np.concatenate(outputs, axis=-1)
    ### END SOLUTION


# %% check="local_matmul"
check(local_matmul)

# %% [markdown]
# **Next.** With $G$ blocks the layer has $1/G$ of the weights of a dense one. What can it not
# compute any more, however many such layers follow each other?
#
# <details><summary>An answer</summary>
#
# Anything that mixes inputs of different pieces: piece $b$ of the output depends on piece $b$ of
# the input alone, through any number of such layers. Others are needed in between, or the entries
# must be put in another order.
#
# </details>

# %% [markdown]
# ## One gradient from many workers
#
# *About 10 minutes. Chapter: [Parallel training](../parallel-training.md), on shards.*
#
# Split the batch instead of the network: worker $k$ takes $n_k$ of the examples and returns the
# mean gradient $g_k$ over them. The gradient over the whole batch is
#
# $$g = \frac{\sum_k n_k\, g_k}{\sum_k n_k}.$$
#
# With it, training on many workers takes exactly the steps that one machine would take.
#
# **By hand.** One worker had 1 example and found $g_1 = 5$, another had 3 and found $g_2 = 1$:
# $g = (1 \cdot 5 + 3 \cdot 1)/4 = 2$. The plain mean of the two would be 3.


# %% exercise="data_parallel_gradient"
def data_parallel_gradient(shards):
    """The mean gradient over a batch from the mean gradients over its shards.

        g = Σ n_k g_k / Σ n_k

    Arguments:
        shards: a list with a tuple (g_k, n_k) for each worker: the mean gradient over its
            examples, float array of any shape (the same for all), and how many they are, an
            integer. A worker may have had no examples: then n_k is 0, and g_k zero. Arrays are
            not to be changed in place.

    Returns:
        The mean gradient over all examples, same shape.

    Lectures: L2 (distributed training, in words). torch's DistributedDataParallel takes the
    plain mean, which is the same if all shards have the same size.
    """
    ### BEGIN SOLUTION
    total = sum(n for _, n in shards)
    return sum(n * gradient for gradient, n in shards) / total
    ### END SOLUTION


# %% check="data_parallel_gradient"
check(data_parallel_gradient)

# %% [markdown]
# **Next.** All workers have to wait for the slowest one in every step. What if they did not?

# %% [markdown]
# ## Gradients that arrive late
#
# *About 15 minutes. Chapter: [Parallel training](../parallel-training.md), on delay.*
#
# In asynchronous SGD nobody waits. A worker fetches the parameters, computes a gradient and sends
# it; meanwhile others have updated the parameters $\tau$ times. So update $t$ uses the gradient
# that was computed $\tau$ updates ago:
#
# $$\theta_{t+1} = \theta_t - \alpha\, g_{t-\tau} \quad (t \ge \tau), \qquad
# \theta_{t+1} = \theta_t \quad (t < \tau).$$
#
# In the first $\tau$ updates nothing has arrived yet, so nothing moves. The last $\tau$ gradients
# are still under way when the run ends, and are lost.
#
# You get the gradients $g_0, \dots, g_{T-1}$ as rows of an array. Return how far $\theta$ has
# come, $\theta_t - \theta_0$ for $t = 0, \dots, T$, as the $T + 1$ rows of another.
#
# **Find the errors.** A colleague wrote it as below. It raises no exception, and two things are
# wrong with it. Find them before you write yours.
#
# ```python
# def stale_sgd(grads, delay, lr):
#     theta, rows = np.zeros_like(grads[0]), []
#     for t in range(len(grads)):
#         theta = theta - lr * grads[t - delay]
#         rows.append(theta)
#     return np.array(rows)
# ```
#
# <details><summary>A hint</summary>
#
# Follow the example below through it: which gradient does the first update use, and how many rows
# come out?
#
# </details>
#
# <details><summary>The errors</summary>
#
# While $t < \tau$ the index is negative, and Python takes gradients from the end, which nobody has
# computed yet. And the first row, zero, is missing.
#
# </details>
#
# **By hand.** Gradients 1, 2, 4, delay 1, rate 0.5: the rows are 0, 0 (nothing has arrived), −0.5
# and −1.5. Without the delay they would be 0, −0.5, −1.5, −3.5.


# %% exercise="stale_sgd"
def stale_sgd(grads, delay, lr):
    """Displacement of the parameters under SGD with gradients that arrive late.

        θ_{t+1} = θ_t − α g_{t−τ}    for t ≥ τ
        θ_{t+1} = θ_t                for t < τ

    Arguments:
        grads: gradients g_0, …, g_{T−1}, float array of shape (T, ...); not to be changed in
            place.
        delay: the delay τ in updates, an integer ≥ 0; it may be T or more.
        lr: learning rate α ≥ 0, a number.

    Returns:
        The displacements θ_t − θ_0 for t = 0, …, T, float array of shape (T + 1, ...).

    Lectures: none; L2 shows the system of Dean et al. 2012, which works so.
    """
    ### BEGIN SOLUTION
    theta = np.zeros_like(grads[0])
    trajectory = [theta]
    for t in range(len(grads)):
        if t >= delay:
            theta = theta - lr * grads[t - delay]
        trajectory.append(theta)
    return np.array(trajectory)
    ### END SOLUTION


# %% check="stale_sgd"
check(stale_sgd)

# %% [markdown]
# **Next.** Here the gradients were given. In training they depend on where $\theta$ was when they
# were computed. On $f(\theta) = \tfrac12 \lambda \theta^2$, plain gradient descent is stable for
# $\alpha\lambda < 2$. Try $\tau = 1$ on paper, or in a few lines of code: where is the limit now?
#
# <details><summary>An answer</summary>
#
# At $\alpha\lambda = 1$, half of what it was. The steps follow $\theta_{t+1} = \theta_t -
# \alpha\lambda\,\theta_{t-1}$, and the roots of $z^2 - z + \alpha\lambda = 0$ lie inside the unit
# circle while $0 < \alpha\lambda < 1$.
#
# </details>

# %% [markdown]
# ## What your functions do
#
# Left: how much faster $k$ workers take a step than one, by your counts for the nine blocks of the
# table. Each computes on its share of the batch (the backward pass counts as two forward ones) and
# sends its gradient along a ring, $2(k - 1)/k$ times its size. Right: gradient descent on
# $\tfrac12 \theta^2$ with the noisy gradients of four workers, put together by
# `data_parallel_gradient`, at one and the same rate. A delay of 5 is too much for it. Change
# `bandwidth` and `rate` and see.

# %%
speed, bandwidth, rate, steps = 1e12, 1e9, 0.3, 60  # operations and bytes a second


def times(batch, workers):
    costs = [inception_cost(np.array(row)) for row, _, _ in PUBLISHED.values()]
    params, ops = (float(sum(column)) for column in zip(*costs, strict=True))
    return 3 * batch * ops / speed / workers + 8 * params / bandwidth * (workers - 1) / workers


def path(delay):
    rng, thetas, grads = np.random.default_rng(0), [4.0], []
    for _ in range(steps):
        shards = [(thetas[-1] + rng.normal(size=1) / np.sqrt(n), n) for n in (8, 8, 4, 12)]
        grads.append(data_parallel_gradient(shards))
        thetas.append(4.0 + float(stale_sgd(np.array(grads), delay, rate)[-1, 0]))
    return thetas


workers = 2 ** np.arange(8)
try:
    faster = {batch: times(batch, 1) / times(batch, workers) for batch in (64, 256, 1024)}
    paths = {delay: path(delay) for delay in (0, 2, 5)}
except NotImplementedError as missing:
    print(f"No picture yet: answer {missing}, then run this cell again.")
except Exception as error:
    print(f"No picture yet, for the functions do not do what they should: {error!r}")
else:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    left.plot(workers, workers, "k:", linewidth=1, label="as many times as workers")
    for (batch, factor), marker in zip(faster.items(), "os^", strict=True):
        left.plot(workers, factor, marker=marker, markersize=4, label=f"batch of {batch}")
    left.set_xscale("log", base=2)
    left.set_yscale("log", base=2)
    left.set(xlabel="workers", ylabel="times as fast as one", title="Speed-up")
    for (delay, thetas), line in zip(paths.items(), ("-", "--", ":"), strict=True):
        right.plot(thetas, line, label=f"delay {delay}")
    right.set(xlabel="update", ylabel="θ", title=f"Staleness, α = {rate}")
    left.legend()
    right.legend()
    plt.show()

# %% [markdown]
# ## In your own words: more workers
#
# *About 10 minutes, five to ten sentences.*
#
# Your group trains with SGD on one machine, with a batch of 32 and a rate that works. Now it gets
# eight such machines.
#
# 1. Each machine takes a shard of 32 examples, and the gradients are averaged. How does the noise
#    of the gradient change? How many updates are left in one pass over the data? What would you
#    do with the rate?
# 2. Somebody proposes asynchronous updates instead, so that nobody waits. What is wrong with the
#    gradients then, and what would you do with the rate now?
# 3. One machine is three times as slow as the others. Which of the two ways suffers more, and why?

# %% [markdown] written="more_workers"
# **A model answer.** (1) The batch is now $8 \cdot 32 = 256$. The variance of the mean gradient is
# an eighth of what it was, its standard deviation smaller by $\sqrt 8 \approx 2.8$. One pass over
# the data has an eighth of the updates, so with the same rate training makes less way per pass.
# As the gradient is less noisy, a larger rate can be tried, up to eight times as large, with a
# warm-up; but the curvature limits it as before, and beyond that limit more workers do not help.
# (2) A gradient belongs to parameters that are about seven updates old: it points downhill from
# a place where $\theta$ is no longer. It is a wrong (biased) direction, not a noisier one, and
# acts like a delay in a control loop, so the rate must be made smaller, or divided by the
# staleness. (3) The synchronous way: every update waits for the slowest machine, so all run at a
# third of their speed. The asynchronous one loses only that machine's share, though its gradients
# are the stalest of all.
#
# **Marking scheme** (4 points)
#
# - 1 point: noise: variance divided by 8 (or standard deviation by √8).
# - 1 point: an eighth of the updates per pass, and a larger rate to be tried, with a limit named
#   (curvature, stability, warm-up).
# - 1 point: stale gradients belong to old parameters, and ask for a smaller rate.
# - 1 point: the synchronous way waits for the slowest, with the reason.

# %% [markdown]
# ## Points so far

# %%
check_all()
