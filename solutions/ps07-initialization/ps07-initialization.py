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
# # Problem set 7: initialization and activations
#
# A deep network multiplies many matrices and many slopes. If each factor is a little too small,
# nothing arrives at the first layer; a little too large, and everything explodes. You will write
# the two standard recipes for initial weights, rectifiers and maxout, forward and backward, and a
# function that measures the gradient of every layer. The last cell takes your recipes and that
# function to look at thirty layers. There is one question to answer in words.
#
# **Time:** a little under two hours. The exercises do not depend on each other.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. Arrays are float64. A batch has one example a row: `x` has shape (n, d).
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## Initial weights
#
# *About 15 minutes. Chapter: [Initialization](../initialization.md).*
#
# **Glorot's recipe.** A unit adds up $n_\text{in}$ inputs, so signals keep their size on the way
# forward if the weights have variance $1/n_\text{in}$. On the way back an input collects gradients
# from $n_\text{out}$ units, which asks for $1/n_\text{out}$. Glorot and Bengio (the recipe often
# goes by Glorot's first name, Xavier) take the compromise $2/(n_\text{in} + n_\text{out})$ and draw
# from a uniform distribution on $(-a, a)$, which has variance $a^2/3$:
#
# $$W = a\,U, \qquad U \sim U(-1, 1), \qquad a = \sqrt{\frac{6}{n_\text{in} + n_\text{out}}}.$$
#
# The argument holds where units are linear near 0, as tanh is.
#
# **He's recipe.** A ReLU sets the negative half of a symmetric signal to 0 and so halves its mean
# square. He and colleagues make the weights larger by just that, and draw from a normal
# distribution: $W = \sigma Z$ with standard normal $Z$. Let the rectifier have the slope $a$ left
# of 0, and let the weights be independent with mean 0. Derive the standard deviation $\sigma$ with
# which one layer, rectifier and all, leaves the mean square of the signal as it is.
#
# <details><summary>A hint</summary>
#
# A unit adds up $n_\text{in}$ products of a weight and an input. By which factor does that change
# the mean square? And which fraction of it does the rectifier keep?
#
# </details>
#
# <details><summary>Another hint</summary>
#
# The factor is $n_\text{in}\,\sigma^2$. Of a symmetric signal the right half stays, and the left
# half is multiplied by $a$: the fraction $(1 + a^2)/2$ is kept. The product has to be 1.
#
# </details>
#
# <details><summary>The formula</summary>
#
# $\sigma = \sqrt{\frac{2}{(1 + a^2)\, n_\text{in}}}$
#
# </details>
#
# The random numbers, $U$ or $Z$, come in as `draws`: one row a unit, one column an input.
#
# **By hand.** Draws of 2 units with 4 inputs by Glorot's recipe: $a = \sqrt{6/6} = 1$, so the
# weights are the draws. By He's with ReLU ($a = 0$): $\sigma = \sqrt{2/4} = 0.71$; with $a = 1$ the
# unit is linear, and $\sigma = \sqrt{1/4} = 0.5$.


# %% exercise="initial_weights"
def initial_weights(draws, recipe, slope):
    """Weights of a layer, made of random numbers by Glorot's (Xavier's) recipe or by He's.

    Arguments:
        draws: the random numbers, float array of shape (n_out, n_in), one row a unit; not to be
            changed in place. They are uniform on (−1, 1) for Glorot's recipe, and standard normal
            for He's.
        recipe: "glorot" or "he".
        slope: slope a of the rectifier left of 0, a number; 0 is the plain ReLU. Glorot's recipe
            does not look at it.

    Returns:
        The weights, a new array of shape (n_out, n_in).

    Lectures: none; L5 prints another bound, 1/√n_in. Paper: He, Zhang, Ren, Sun 2015, equations
    10 and 15. torch: nn.init.xavier_uniform_, nn.init.kaiming_normal_.
    """
    ### BEGIN SOLUTION
    n_out, n_in = draws.shape
    if recipe == "glorot":
        scale = np.sqrt(6 / (n_in + n_out))
    else:
        scale = np.sqrt(2 / ((1 + slope**2) * n_in))
    return scale * draws
    ### END SOLUTION


# %% check="initial_weights"
check(initial_weights)

# %% [markdown]
# **Next.** Thirty ReLU layers with Glorot's recipe and equally many inputs and units: by how much
# does the mean square shrink? The written question comes back to it.

# %% [markdown]
# ## Rectifiers
#
# *About 10 minutes. Chapter: [Activations](../activations.md).*
#
# A rectifier passes what is positive, and multiplies the rest by a slope $a$:
#
# $$y = \begin{cases} x & \text{where } x > 0\\ a\,x & \text{elsewhere.}\end{cases}$$
#
# With $a = 0$ it is the rectified linear unit (**ReLU**), with a small fixed slope (often 0.01) the
# **leaky** ReLU. In the **parametric** ReLU the slope is learned, and all units share one, or each
# has its own. `x` then has one example a row and one unit a column, and unit $j$ has slope $a_j$.
# Nothing keeps a learned slope between 0 and 1: it may become 2, or −0.5.
#
# **By hand.** With $a = 0$, $(2, -3, 0)$ becomes $(2, 0, 0)$; with $a = 0.1$ it becomes
# $(2, -0.3, 0)$. With $a = (0.5, 2)$ the rows $(2, -3)$ and $(-4, 1)$ become $(2, -6)$ and
# $(-2, 1)$.


# %% exercise="rectifier_forward"
def rectifier_forward(x, slope):
    """ReLU, leaky ReLU or parametric ReLU, by the slope left of 0.

        y = x where x > 0,   a x elsewhere

    Arguments:
        x: inputs, float array of any shape if all units share one slope, else of shape (n, d): n
            examples, d units; not to be changed in place.
        slope: the slope a that all units share, a number (0 is ReLU); or slopes, float array of
            shape (d,), one a unit. Any size and sign.

    Returns:
        y, a new array of the shape of x.

    Lectures: L4 (ReLU, its variants, parametric ReLU). torch: nn.ReLU, nn.LeakyReLU, nn.PReLU.
    """
    ### BEGIN SOLUTION
    return np.where(x > 0, x, slope * x)
    ### END SOLUTION


# %% check="rectifier_forward"
check(rectifier_forward)

# %% [markdown]
# **Next.** The backward pass. What does that of a ReLU need to remember of the forward pass?
#
# <details><summary>An answer</summary>
#
# Where $x$ was positive. The output tells that as well, so $x$ itself may be forgotten.
#
# </details>

# %% [markdown]
# ## The gradients of rectifiers
#
# *About 25 minutes. Chapter: [Activations](../activations.md).*
#
# A backward function gets the gradient of the loss with respect to its *output*,
# $\partial L/\partial y$, and returns that with respect to its *input*. The chain rule multiplies
# by the slope:
#
# $$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y} \cdot
# \begin{cases} 1 & \text{where } x > 0\\ a & \text{elsewhere.}\end{cases}$$
#
# At $x = 0$ there is no derivative. Any slope from $a$ to 1 would do; the course takes that of the
# left side, $a$, as torch does. It matters: zeros are common, for many inputs are outputs of ReLUs.
#
# To be learned, a slope needs a gradient, too. Derive it. Which outputs has the slope $a_j$ of unit
# $j$ moved, and by how much? And a slope that all units share?
#
# <details><summary>A hint</summary>
#
# The output is $a x$ only where $x$ is not positive. What is its derivative with respect to $a$?
#
# </details>
#
# <details><summary>Another hint</summary>
#
# The derivative of $a x$ with respect to $a$ is $x$, and the chain rule multiplies it by
# $\partial L/\partial y$. One slope has moved *every* example whose input is negative, so what they
# say adds up. It is a sum, not a mean: if the loss is a mean over the batch, its $1/n$ is in
# $\partial L/\partial y$ already.
#
# </details>
#
# <details><summary>The formula</summary>
#
# $\frac{\partial L}{\partial a_j} = \sum_i \frac{\partial L}{\partial y_{ij}}\, \min(0, x_{ij})$,
# and for a slope that all units share the sum goes over all of them, too.
#
# </details>
#
# **By hand.** ReLU: $x = (2, -3, 0)$ and $\partial L/\partial y = (-5, 7, 1)$ give $(-5, 0, 0)$ as
# the gradient of $x$; with $a = 0.1$ they give $(-5, 0.7, 0.1)$. One unit with $a = 0.5$, two
# examples $x = -2$ and $-3$, and $\partial L/\partial y = 1$ and $10$: the gradients of $x$ are
# $0.5$ and $5$, that of the slope is $-32$.


# %% exercise="rectifier_backward"
def rectifier_backward(x, slope, grad_out):
    """Gradients of the loss with respect to input and slope of a rectifier.

        ∂L/∂x = ∂L/∂y where x > 0,   a ∂L/∂y elsewhere      (so a ∂L/∂y at x = 0)

    Arguments:
        x: inputs of the forward pass, float array of any shape if all units share one slope, else
            of shape (n, d): n examples, d units.
        slope: the slope a that all units share, a number (0 is ReLU); or slopes, float array of
            shape (d,), one a unit. Any size and sign.
        grad_out: ∂L/∂y, float array of the shape of x; not to be changed in place.

    Returns:
        grad_x: ∂L/∂x, in the shape of x.
        grad_slope: ∂L/∂a, a number if slope is one, else of shape (d,); in this order, as a tuple.

    Lectures: L4 says that the slope may be learned. Paper: He et al. 2015, equations 2 and 3.
    """
    ### BEGIN SOLUTION
    grad_x = np.where(x > 0, grad_out, slope * grad_out)
    terms = grad_out * np.minimum(0, x)
    grad_slope = terms.sum(axis=0) if np.ndim(slope) else terms.sum()
    return grad_x, grad_slope
    ### END SOLUTION


# %% check="rectifier_backward"
check(rectifier_backward)

# %% [markdown]
# **Next.** A ReLU whose inputs are negative for every example gets no gradient, so its weights
# never change again: it is dead. A slope that is not 0 prevents it. But two lines that meet at 0
# are still one shape. Why not several lines, all of them learned?

# %% [markdown]
# ## Maxout
#
# *About 10 minutes. Chapter: [Activations](../activations.md).*
#
# A maxout unit has $k$ **pieces**, each a linear function of the layer's input, and outputs the
# largest. The values of all pieces arrive side by side in the last axis of `x`: entries
# $jk, \dots, jk + k - 1$ belong to unit $j$.
#
# $$y_j = \max_{0 \le m < k} x_{jk + m}, \qquad \text{winner}_j = \text{the first } m
# \text{ that attains it}.$$
#
# The winner is counted within its group, from 0. The backward pass will need it.
#
# **By hand.** $x = (1, 5, 2, 2, -3, -4)$ with $k = 2$ has three units: $y = (5, 2, -3)$, winners
# $(1, 0, 0)$.


# %% exercise="maxout_forward"
def maxout_forward(x, pieces):
    """Maxout: the largest of each group of neighbouring inputs, and which one it was.

        y_j = max_m x_(jk + m),   winner_j = the first m that attains it,   m = 0 … k − 1

    Arguments:
        x: values of all pieces, float array of shape (..., u·k) with any leading axes; not to be
            changed in place.
        pieces: number k of pieces of a unit, an integer ≥ 1 that divides the last axis.

    Returns:
        y: outputs of the u units, float array of shape (..., u).
        winner: integer array of shape (..., u), each in 0 … k − 1; in this order, as a tuple.

    Lectures: L4 (maxout).
    """
    ### BEGIN SOLUTION
    groups = x.reshape(*x.shape[:-1], -1, pieces)
    return groups.max(axis=-1), groups.argmax(axis=-1)
    ### END SOLUTION


# %% check="maxout_forward"
check(maxout_forward)

# %% [markdown]
# **Next.** With two pieces, $x$ and $0$, maxout is ReLU. Which pieces make it the absolute value?
#
# <details><summary>An answer</summary>
#
# The pieces $x$ and $-x$.
#
# </details>

# %% [markdown]
# ## The gradient of maxout
#
# *About 10 minutes. Chapter: [Activations](../activations.md).*
#
# Only the winner moved the output, so it gets the whole gradient and the others get none:
#
# $$\frac{\partial L}{\partial x_{jk+m}} = \begin{cases} \partial L/\partial y_j
# & m = \text{winner}_j\\ 0 & \text{elsewhere.}\end{cases}$$
#
# **By hand.** $k = 2$, winners $(1, 0, 0)$, $\partial L/\partial y = (10, 20, 30)$: the result is
# $(0, 10, 20, 0, 30, 0)$.


# %% exercise="maxout_backward"
def maxout_backward(winner, pieces, grad_out):
    """Gradient of the loss with respect to the pieces of maxout units.

        ∂L/∂x_(jk + m) = ∂L/∂y_j where m = winner_j,   0 elsewhere

    Arguments:
        winner: from the forward pass, integer array of shape (..., u), each in 0 … k − 1.
        pieces: number k of pieces of a unit, an integer ≥ 1.
        grad_out: ∂L/∂y, float array of shape (..., u).

    Returns:
        ∂L/∂x, float array of shape (..., u·k), in the order in which x came in.

    Lectures: L4 (maxout), without the gradient.
    """
    ### BEGIN SOLUTION
    won = winner[..., None] == np.arange(pieces)
    grads = np.where(won, grad_out[..., None], 0.0)
    return grads.reshape(*grad_out.shape[:-1], -1)
    ### END SOLUTION


# %% check="maxout_backward"
check(maxout_backward)

# %% [markdown]
# **Next.** You have slopes and scales. Now stack them.

# %% [markdown]
# ## Gradients through depth
#
# *About 30 minutes. Chapter:
# [Activations and vanishing gradients](../activations.md).*
#
# A network of $L$ layers without biases, with one example a row of $x$ and one output a row of
# $W_l$:
#
# $$h_0 = x, \qquad a_l = h_{l-1} W_l^\top, \qquad h_l = \varphi(a_l), \qquad
# f = \frac1n \sum_{i=1}^n \sum_j h_{L,ij}.$$
#
# All layers have the activation $\varphi$, the last one, too; $f$ is the mean over the $n$
# examples of the sum of the outputs. Return the norm of $\partial f/\partial W_l$ for every layer,
# the first layer first. Backpropagation gives it, with $\Delta_l = \partial f/\partial a_l$:
#
# $$\Delta_L = \tfrac1n \varphi'(a_L), \qquad \Delta_{l-1} = (\Delta_l W_l) \odot \varphi'(a_{l-1}),
# \qquad \frac{\partial f}{\partial W_l} = \Delta_l^\top h_{l-1}.$$
#
# The norm of a matrix is here the root of the sum of its squares. Slopes: 1 for `"linear"`,
# $h(1 - h)$ for `"sigmoid"` with $h = 1/(1 + e^{-a})$, $1 - h^2$ for `"tanh"`, $[a > 0]$ for
# `"relu"`.
#
# **By hand.** Scalars: $x = 5$, $W_1 = 2$, $W_2 = -3$, linear. Then $f = W_2 W_1 x$, so
# $\partial f/\partial W_1 = W_2 x = -15$ and $\partial f/\partial W_2 = W_1 x = 10$; the norms are
# $(15, 10)$.


# %% exercise="gradient_norms"
def gradient_norms(weights, x, activation):
    """Norm of the gradient for every weight matrix of a network without biases.

        h_0 = x,   a_l = h_(l−1) W_lᵀ,   h_l = φ(a_l),   f = (1/n) Σ_i Σ_j h_L,ij
        Δ_L = φ'(a_L)/n,   Δ_(l−1) = (Δ_l W_l) ⊙ φ'(a_(l−1)),   ∂f/∂W_l = Δ_lᵀ h_(l−1)

    Arguments:
        weights: list of the matrices W_1 … W_L; W_l is a float array of shape (d_l, d_(l−1)).
            Neither the list nor its arrays may be changed.
        x: inputs, float array of shape (n, d_0).
        activation: φ of every layer: "linear", "sigmoid", "tanh" or "relu" (with φ'(0) = 0).

    Returns:
        Norms ‖∂f/∂W_l‖ (roots of sums of squares), float array of shape (L,), first layer first.

    Lectures: L1, L4 and L5 speak of vanishing gradients. Goodfellow et al., section 8.2.5.
    """
    ### BEGIN SOLUTION
    inputs, slopes = [x], []
    for W in weights:
        a = inputs[-1] @ W.T
        if activation == "linear":
            h, slope = a, np.ones_like(a)
        elif activation == "sigmoid":
            h = 1 / (1 + np.exp(-a))
            slope = h * (1 - h)
        elif activation == "tanh":
            h = np.tanh(a)
            slope = 1 - h**2
        else:
            h, slope = np.maximum(0, a), (a > 0).astype(float)
        inputs.append(h)
        slopes.append(slope)
    delta = slopes[-1] / len(x)
    norms = []
    for layer in reversed(range(len(weights))):
        norms.append(np.linalg.norm(delta.T @ inputs[layer]))
        if layer > 0:
            delta = (delta @ weights[layer]) * slopes[layer - 1]
    return np.array(norms[::-1])
    ### END SOLUTION


# %% check="gradient_norms"
check(gradient_norms)

# %% [markdown]
# **Next.** Thirty layers, below. Before you run it: which of the five networks has the smallest
# gradients, and which layers of it?
#
# <details><summary>An answer</summary>
#
# The one with sigmoids, in its first layers: each layer multiplies the gradient by a slope of at
# most ¼.
#
# </details>

# %% [markdown]
# ## What your functions show
#
# Thirty layers of 100 units, three activations, weights by your two recipes. How high a line
# lies says how fast its layers learn; how steep it is, which of them learn first. With sigmoids the
# first layers get next to nothing. The other lines are level even where they lie low: the gradient
# of the weights is $\Delta_l^\top h_{l-1}$, and what the signal $h$ has not lost yet on its way
# to a layer, the gradient $\Delta$ has lost already on its way back. Change `depth` and `width`
# and see.

# %%
depth, width, examples = 30, 100, 50
rng = np.random.default_rng(0)
x = rng.normal(size=(examples, width))
plans = {
    "sigmoid, Glorot": ("sigmoid", "glorot", 1.0),
    "tanh, Glorot": ("tanh", "glorot", 1.0),
    "tanh, half of Glorot": ("tanh", "glorot", 0.5),
    "relu, Glorot": ("relu", "glorot", 1.0),
    "relu, He": ("relu", "he", 1.0),
}


def random_layers(recipe, factor):
    layers = []
    for _ in range(depth):
        shape = (width, width)
        draws = rng.uniform(-1, 1, shape) if recipe == "glorot" else rng.normal(size=shape)
        layers.append(factor * initial_weights(draws, recipe, 0.0))
    return layers


try:
    lines = {
        name: gradient_norms(random_layers(recipe, factor), x, activation)
        for name, (activation, recipe, factor) in plans.items()
    }
    missing = None
except NotImplementedError as error:
    lines, missing = {}, error
except (TypeError, ValueError, IndexError):
    lines, missing = {}, None

if missing is not None:
    print(f"No picture yet: answer {missing}, then run this cell again.")
elif not lines:
    print("No picture yet: one of the two functions returns something else than it should.")
elif any(np.shape(norms) != (depth,) for norms in lines.values()):
    print("No picture yet: gradient_norms should return one number a layer.")
else:
    figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for (name, norms), marker in zip(lines.items(), "osv^D", strict=True):
        ax.semilogy(range(1, depth + 1), norms, marker=marker, markersize=3, label=name)
    ax.set(xlabel="layer", ylabel="norm of the gradient of its weights")
    ax.legend(title="activation, weights")
    plt.show()

# %% [markdown]
# ## In your own words: thirty layers
#
# *About 10 minutes, five to ten sentences.*
#
# A network has thirty hidden layers of 100 ReLU units. Somebody draws the weights by Glorot's
# recipe, `initial_weights(draws, "glorot", 0)`.
#
# 1. By what factor does the mean square of the signal change in one layer, and by what factor in
#    all thirty? (Take the inputs of each ReLU to be symmetric about 0.)
# 2. What does that do to the gradients of the weights, in the first layer and in the last, and what
#    changes with He's recipe?
# 3. With sigmoid units in place of ReLU the gradients vanish for each of these scales. Why? Could
#    larger weights repair it?

# %% [markdown] written="thirty_layers"
# **A model answer.** (1) With 100 inputs and 100 units Glorot's variance is $2/200 = 1/100$, so
# $a = Wh$ has the mean square of $h$; the ReLU then drops the negative half of it. One layer
# multiplies the mean square by ½, thirty layers by $2^{-30} \approx 10^{-9}$ (the size of the
# signal by $2^{-15} \approx 3 \cdot 10^{-5}$). (2) The way back loses the same: each layer blocks
# half of the gradient's mean square. In the first layer the signal is whole, but the gradient that
# reaches it is smaller by $2^{-15}$; in the last layer the gradient is whole, but the signal is
# smaller by $2^{-15}$. The gradient of the weights is their product, so *every* layer hardly
# learns. He's recipe doubles the variance, $2/100$, which makes up for the half that is lost,
# forward and (for equal widths) backward. (3) The slope of the sigmoid, $h(1-h)$, is at most ¼,
# and each layer multiplies the gradient by it: with weights of these sizes that costs a factor 3 or
# more a layer. Larger weights make up for it only while units stay near 0, where the slope is ¼;
# with large weights $|a|$ grows, units saturate and slopes go to 0, so gradients vanish again.
#
# **Marking scheme** (4 points)
#
# - 1 point: ½ a layer for the mean square (or $1/\sqrt2$ for the size, if said so).
# - 1 point: $2^{-30}$ in all (or $2^{-15}$ for the size).
# - 1 point: the first layer's gradient has shrunk on its way back, the last layer's because the
#   signal has; He's factor 2 in the variance makes up for the half that is lost.
# - 1 point: slopes of at most ¼ multiply; larger weights saturate the units.
# - An answer to (1) that is off by a root, but says which quantity it means, gets both points.

# %% [markdown]
# ## Points so far

# %%
check_all()
