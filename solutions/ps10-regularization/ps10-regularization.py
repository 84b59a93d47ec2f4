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
# # Problem set 10: regularization
#
# What is minimized is the loss on the training data; what is wanted is a low loss on other data.
# You will write the usual means of closing the gap: dropout in the two forms that are found, the
# L2 and the L1 penalty, early stopping, the prediction of an ensemble, and one augmentation of
# images. The last cell draws some crops. There is one question to answer in words.
#
# **Time:** about an hour and a half. The exercises do not depend on each other.
#
# **Rules of the house.** Functions are pure: they return new arrays and leave their arguments as
# they were. They draw no random numbers: a mask, an offset, a coin come in as arguments. The
# letters are those of the [notation](../notation.md) page.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import numpy as np
from selfcheck import check, check_all

# %% [markdown]
# ## Dropout in training, the lecture's form
#
# *About 5 minutes. Chapter: [Dropout](../dropout.md).*
#
# In each training step some units are **dropped**: their output is set to zero. Which ones is
# random, and comes in as a mask of ones (keep) and zeros (drop):
#
# $$y = x \cdot \text{mask}.$$
#
# The probability that an entry of the mask is 1 is called `keep` in this course; it is the $p$ of
# lecture L4. In torch a *drop* rate $p = 1 - \text{keep}$ is given; swapping the two is the most
# common error with dropout. In the form of the lecture training scales nothing, so `keep` is
# handed over here and not needed until the next exercise.
#
# **By hand.** $x = (2, 3)$ and the mask $(1, 0)$ give $y = (2, 0)$, whatever `keep` is.


# %% exercise="dropout_train"
def dropout_train(x, mask, keep):
    """Dropout while training, in the form of the lecture: units are dropped, nothing is scaled.

        y = x · mask

    Arguments:
        x: activations, float array of any shape; not to be changed in place.
        mask: float array of the same shape, 1 where a unit is kept and 0 where it is dropped.
        keep: probability that an entry of the mask is 1, a number in (0, 1]. This form does not
            need it in training.

    Returns:
        y, a new array of the same shape.

    Lectures: L4 (dropout).
    """
    ### BEGIN SOLUTION
    return x * mask
    ### END SOLUTION


# %% check="dropout_train"
check(dropout_train)

# %% [markdown]
# **Next.** What is the mean of $y$ over all masks? The next layer will have got used to it.
#
# <details><summary>An answer</summary>
#
# $\text{keep} \cdot x$.
#
# </details>

# %% [markdown]
# ## Dropout in testing, the lecture's form
#
# *About 5 minutes. Chapter: [Dropout](../dropout.md).*
#
# In testing nothing is dropped, so the layer that reads the units, $Wx + b$, would get more than
# it ever got in training. Its weights are scaled down to make up for it:
#
# $$W \leftarrow \text{keep} \cdot W, \qquad b \leftarrow b.$$
#
# **By hand.** Trained with half of the units: $W = 4$, $b = 1$ become $W = 2$, $b = 1$.


# %% exercise="dropout_test"
def dropout_test(W, b, keep):
    """Weights for testing, after training with dropout in the form of the lecture.

        W ← keep · W
        b ← b

    Arguments:
        W: weights that multiply the units which were dropped, float array of shape (m, n); not
            to be changed in place.
        b: bias of the same layer, float array of shape (m,).
        keep: probability with which a unit was kept in training, a number in (0, 1].

    Returns:
        W: the weights for testing.
        b: the bias for testing; in this order, as a tuple.

    Lectures: L4 (dropout; its p is the keep rate).
    """
    ### BEGIN SOLUTION
    return keep * W, b.copy()
    ### END SOLUTION


# %% check="dropout_test"
check(dropout_test)

# %% [markdown]
# **Next.** Everybody who uses the network has to remember this. Can training do the scaling?

# %% [markdown]
# ## Inverted dropout, forward
#
# *About 5 minutes. Chapter: [Dropout](../dropout.md), on its two conventions.*
#
# All frameworks scale in training instead, and **up**:
#
# $$y = \frac{x \cdot \text{mask}}{\text{keep}}.$$
#
# On average over the masks that is $x$ itself, so testing needs no change at all.
#
# **By hand.** $x = (2, 3)$, the mask $(1, 0)$ and $\text{keep} = 0.8$ give $y = (2.5, 0)$.


# %% exercise="inverted_dropout_forward"
def inverted_dropout_forward(x, mask, keep):
    """Dropout while training, in the form of the frameworks: what is kept is scaled up.

        y = x · mask / keep

    Arguments:
        x: activations, float array of any shape; not to be changed in place.
        mask: float array of the same shape, 1 where a unit is kept and 0 where it is dropped.
        keep: probability that an entry of the mask is 1, a number in (0, 1].

    Returns:
        y, a new array of the same shape.

    Lectures: none; torch.nn.Dropout(p) with p = 1 − keep.
    """
    ### BEGIN SOLUTION
    return x * mask / keep
    ### END SOLUTION


# %% check="inverted_dropout_forward"
check(inverted_dropout_forward)

# %% [markdown]
# **Next.** The check averages over all eight masks of three units. Why not over a thousand random
# ones?
#
# <details><summary>An answer</summary>
#
# The mean over random masks is only nearly right, so a check would have to be lenient. All masks,
# each with its probability, give the mean exactly.
#
# </details>

# %% [markdown]
# ## Inverted dropout, backward
#
# *About 5 minutes. Chapter: [Dropout](../dropout.md).*
#
# The mask is a constant for the chain rule, and so is `keep`:
#
# $$g_x = \frac{g_y \cdot \text{mask}}{\text{keep}}.$$
#
# **By hand.** $g_y = (4, 4)$, the mask $(1, 0)$ and $\text{keep} = 0.8$ give $g_x = (5, 0)$.


# %% exercise="inverted_dropout_backward"
def inverted_dropout_backward(grad_y, mask, keep):
    """Gradient of a loss in the input of inverted dropout, from that in its output.

        g_x = g_y · mask / keep

    Arguments:
        grad_y: gradient in the output y, float array of any shape; not to be changed in place.
        mask: the mask of the forward pass, same shape.
        keep: probability that an entry of the mask is 1, a number in (0, 1].

    Returns:
        The gradient in the input x, a new array of the same shape.

    Lectures: none; the chain rule gives it.
    """
    ### BEGIN SOLUTION
    return grad_y * mask / keep
    ### END SOLUTION


# %% check="inverted_dropout_backward"
check(inverted_dropout_backward)

# %% [markdown]
# **Next.** The backward pass needs the *same* mask as the forward pass. Where would a framework
# keep it?
#
# <details><summary>An answer</summary>
#
# With the node of the computational graph that the forward pass has made: the backward pass of that
# node takes it from there.
#
# </details>

# %% [markdown]
# ## One step with an L2 penalty
#
# *About 10 minutes. Chapter: [Regularization](../regularization.md).*
#
# The penalty $\tfrac12 \lambda \sum w^2$ is added to the loss. Each step then shrinks the weights a
# little, which is why it is called **weight decay** too. Biases carry no penalty: they do not make
# a function wiggle. The gradients that come in, $g_w$ and $g_b$, are those of the loss alone.
# Derive the step of gradient descent on the sum of loss and penalty.
#
# <details><summary>A hint</summary>
#
# What is the gradient of the penalty in $w$, and in $b$?
#
# </details>
#
# <details><summary>Another hint</summary>
#
# It is $\lambda w$ and 0, so plain gradient descent steps along $g_w + \lambda w$ and $g_b$.
#
# </details>
#
# <details><summary>The formula</summary>
#
# $w \leftarrow (1 - \alpha\lambda)\, w - \alpha g_w$ and $b \leftarrow b - \alpha g_b$
#
# </details>
#
# **By hand.** $w = 2$, $b = 3$, $g_w = g_b = 1$, $\alpha = 0.1$, $\lambda = 0.5$:
# $w = 0.95 \cdot 2 - 0.1 = 1.8$ and $b = 2.9$.


# %% exercise="l2_step"
def l2_step(w, b, grad_w, grad_b, lr, lam):
    """One step of gradient descent with the L2 penalty ½ λ Σw² on the weights.

    Arguments:
        w: weights, float array of any shape; not to be changed in place.
        b: biases, float array of any shape; not to be changed in place.
        grad_w: gradient of the loss (without penalty) in w, same shape as w.
        grad_b: gradient of the loss in b, same shape as b.
        lr: learning rate α ≥ 0, a number.
        lam: strength λ ≥ 0 of the penalty, a number.

    Returns:
        w: the new weights.
        b: the new biases; in this order, as a tuple.

    Lectures: L4 (regularization, where the slide writes ‖θ‖₂ for the squared norm).
    """
    ### BEGIN SOLUTION
    return (1 - lr * lam) * w - lr * grad_w, b - lr * grad_b
    ### END SOLUTION


# %% check="l2_step"
check(l2_step)

# %% [markdown]
# **Next.** A weight that the loss does not care about shrinks by the same *factor* in each step.
# Does it ever become zero?
#
# <details><summary>An answer</summary>
#
# No. After $t$ steps it is $(1 - \alpha\lambda)^t$ times what it was, which comes close to zero and
# does not reach it, unless $\alpha\lambda = 1$.
#
# </details>

# %% [markdown]
# ## One step with an L1 penalty
#
# *About 10 minutes. Chapter: [Regularization](../regularization.md), on zeros.*
#
# The penalty $\lambda \sum |w|$ takes the same *amount* from all weights, large or small:
#
# $$w \leftarrow w - \alpha g_w - \alpha\lambda\, \text{sign}(w), \qquad
# b \leftarrow b - \alpha g_b, \qquad \text{sign}(0) = 0 .$$
#
# The sign is that of the old $w$, where the gradient of the loss was taken too.
#
# **By hand.** $w = (2, -2, 0)$, $g_w = (1, 1, 1)$, $\alpha = 0.1$, $\lambda = 0.5$: from all three
# $0.1$ is subtracted, and then $0.05$, $-0.05$, $0$; so $w = (1.85, -2.05, -0.1)$.


# %% exercise="l1_step"
def l1_step(w, b, grad_w, grad_b, lr, lam):
    """One step of gradient descent with the L1 penalty λ Σ|w| on the weights.

        w ← w − α g_w − αλ sign(w)      where sign(0) = 0
        b ← b − α g_b

    Arguments:
        w: weights, float array of any shape; not to be changed in place.
        b: biases, float array of any shape; not to be changed in place.
        grad_w: gradient of the loss (without penalty) in w, same shape as w.
        grad_b: gradient of the loss in b, same shape as b.
        lr: learning rate α ≥ 0, a number.
        lam: strength λ ≥ 0 of the penalty, a number.

    Returns:
        w: the new weights.
        b: the new biases; in this order, as a tuple.

    Lectures: L4 (regularization, with a ½ in the penalty that its gradient lacks).
    """
    ### BEGIN SOLUTION
    return w - lr * (grad_w + lam * np.sign(w)), b - lr * grad_b
    ### END SOLUTION


# %% check="l1_step"
check(l1_step)

# %% [markdown]
# **Next.** Near zero this step jumps to and fro across it. What would a rule look like that stops
# at zero?
#
# <details><summary>An answer</summary>
#
# Take the step of the loss first, then move each weight towards zero by $\alpha\lambda$, and set it
# to zero if that would cross it: $w \leftarrow \operatorname{sign}(w) \max(|w| - \alpha\lambda,
# 0)$.
#
# </details>

# %% [markdown]
# ## Early stopping
#
# *About 15 minutes. Chapter: [Regularization](../regularization.md), on early stopping.*
#
# After each epoch the loss on validation data is measured. Training **stops** at the first epoch
# $t$ for which the best epoch so far is `patience` epochs ago,
#
# $$t - \text{best}(t) \ge \text{patience},$$
#
# or at the last one, and the parameters of the best epoch are kept. Epochs count from 0; of equal
# losses the first is the best. What comes after the stop was never trained and must not matter.
#
# **By hand.** Losses 5, 3, 4, 3, 1 and patience 2: epoch 1 is the best, epochs 2 and 3 bring
# nothing, so training stops at 3. The result is (1, 3). The loss of 1 in epoch 4 is never seen.


# %% exercise="early_stopping"
def early_stopping(val_losses, patience):
    """When training with early stopping ends, and which epoch's parameters are kept.

        stop: the first epoch t with t − best(t) ≥ patience, or else the last epoch
        best: the epoch with the lowest loss among 0 … stop; the first one of equals

    Arguments:
        val_losses: loss on validation data after each epoch, float array of shape (T,), T ≥ 1.
        patience: number of epochs without improvement that end training, an integer ≥ 1.

    Returns:
        best: the epoch to keep, an integer counted from 0.
        stop: the last epoch that is trained; in this order, as a tuple.

    Lectures: L4 names it, without a rule.
    """
    ### BEGIN SOLUTION
    best = 0
    for t, loss in enumerate(val_losses):
        if loss < val_losses[best]:
            best = t
        if t - best >= patience:
            return best, t
    return best, len(val_losses) - 1
    ### END SOLUTION


# %% check="early_stopping"
check(early_stopping)

# %% [markdown]
# **Next.** The validation data has now been used to choose something. Is the loss of the best epoch
# still an honest estimate?
#
# <details><summary>An answer</summary>
#
# It is a little too low: of many noisy losses the lowest was taken. An honest estimate needs data
# that chose nothing.
#
# </details>

# %% [markdown]
# ## The prediction of an ensemble
#
# *About 5 minutes. Chapter: [Regularization](../regularization.md), on ensembles.*
#
# Several models, trained from different starts, make different errors. The ensemble predicts with
# the **mean of their probabilities**:
#
# $$p = \frac1m \sum_{j=1}^m p_j, \qquad \text{label} = \arg\max p .$$
#
# **By hand.** Three models say $(0.6, 0.4)$, $(0.6, 0.4)$ and $(0.1, 0.9)$ about an example. The
# mean is $(0.43, 0.57)$, so the label is 1. A majority vote would say 0.


# %% exercise="ensemble_predict"
def ensemble_predict(probs):
    """Prediction of an ensemble: the mean of its models' probabilities.

        p = (1/m) Σ_j p_j
        label = argmax p

    Arguments:
        probs: float array of shape (m, n, k): m models, n examples, k classes.

    Returns:
        p: mean probabilities, float array of shape (n, k).
        labels: the most probable class of each example, integers of shape (n,); of equals the
            first. In this order, as a tuple.

    Lectures: L4 (ensembles, and dropout as one).
    """
    ### BEGIN SOLUTION
    p = probs.mean(axis=0)
    return p, p.argmax(axis=1)
    ### END SOLUTION


# %% check="ensemble_predict"
check(ensemble_predict)

# %% [markdown]
# **Next.** Dropout trains $2^n$ networks that share their weights. Which mean over them does the
# rule for testing take?
#
# <details><summary>An answer</summary>
#
# Not the one of your function. For a single softmax layer it is the geometric mean of the
# probabilities, normalized; for deeper networks it comes close to that.
#
# </details>

# %% [markdown]
# ## More data: crops and mirror images
#
# *About 15 minutes. Chapter: [Regularization](../regularization.md), on augmentation.*
#
# A cat moved by a pixel is a cat, and so is its mirror image. The usual augmentation of small
# images surrounds them with zeros, cuts a window of the old size out at a random offset, and
# mirrors every second one left to right. The random numbers come in as arguments:
#
# $$y_{i,j} = \text{img}_{\,i + dy,\; j + dx} \quad (0 \text{ outside of the image}), \qquad
# \text{then, if flip, the columns in reversed order}.$$
#
# The last two axes of `img` are rows and columns; there may be an axis of channels before them.
#
# **By hand.** The image of one row $(1, 2, 3)$ with $dx = 1$ becomes $(2, 3, 0)$, and mirrored
# $(0, 3, 2)$.


# %% exercise="random_crop_flip"
def random_crop_flip(img, dy, dx, flip):
    """An image cut out of its zero-padded self at an offset, then mirrored or not.

        y[i, j] = img[i + dy, j + dx], and 0 outside of the image
        then the columns reversed if flip

    Arguments:
        img: image, float array of shape (H, W) or (channels, H, W); not to be changed in place.
        dy: offset of the window in rows, an integer of either sign.
        dx: offset of the window in columns, an integer of either sign.
        flip: True to mirror left and right, after the crop.

    Returns:
        The new image, of the same shape.

    Lectures: L4 (data augmentation).
    """
    ### BEGIN SOLUTION
    H, W = img.shape[-2:]
    window = np.zeros_like(img)
    for i in range(H):
        for j in range(W):
            y, x = i + dy, j + dx
            if 0 <= y < H and 0 <= x < W:
                window[..., i, j] = img[..., y, x]
    return window[..., ::-1] if flip else window
    ### END SOLUTION


# %% check="random_crop_flip"
check(random_crop_flip)

# %% [markdown]
# **Next.** For which images would mirroring be a bad idea? Think of digits.
#
# <details><summary>An answer</summary>
#
# For those that mean something else, or nothing, in the mirror: most digits and letters, and road
# signs with arrows.
#
# </details>

# %% [markdown]
# ## What your functions do
#
# Eight new images out of one, with offsets from −2 to 2.

# %%
rng = np.random.default_rng(4)
face = np.zeros((12, 12))
face[[3, 3], [3, 8]] = 1.0  # eyes, and a mouth that is not symmetric
face[8, 3:8] = face[7, 8] = 0.8
face[5:7, 5] = 0.5
face[[0, -1], :] = face[:, [0, -1]] = 0.3

try:
    images = [
        random_crop_flip(face, *map(int, rng.integers(-2, 3, 2)), bool(rng.integers(2)))
        for _ in range(8)
    ]
except NotImplementedError:
    images = []

if any(np.shape(image) != face.shape for image in images):
    print("No picture yet: random_crop_flip should return an image of the same shape.")
elif not images:
    print("No picture yet: answer random_crop_flip, then run this cell again.")
else:
    figure, axes = plt.subplots(1, 9, figsize=(9, 1.4), layout="constrained")
    for ax, image in zip(axes, [face, *images], strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    axes[0].set_title("the image", fontsize=9)
    plt.show()

# %% [markdown]
# ## In your own words: two ways to scale
#
# *About 15 minutes, six to twelve sentences.*
#
# 1. A layer $Wx + b$ reads $n$ units that are kept with probability `keep`. Show for both forms of
#    dropout that what the layer gets in testing equals, on average over the masks, what it got in
#    training.
# 2. A colleague trains with inverted dropout and, as the lecture says, multiplies the weights by
#    `keep` in testing. What is wrong with the outputs of a network of three such layers with
#    $\text{keep} = 0.5$ (take ReLU and no biases)? Why might nobody notice, looking at the
#    accuracy alone?
# 3. In both forms the equality holds for the layer. Does it hold for the output of the whole
#    network as well? What does the rule for testing compute, then?

# %% [markdown] written="two_kinds_of_scaling"
# **A model answer.** (1) The mean of an entry of the mask is `keep`. In the lecture's form the
# layer gets $W(x \cdot \text{mask}) + b$ in training, on average $\text{keep} \cdot Wx + b$, and in
# testing $(\text{keep} \cdot W)\,x + b$: the same. In the inverted form it gets
# $W(x \cdot \text{mask})/\text{keep} + b$, on average $Wx + b$, and in testing just that. (2) The
# scaling is done twice: each layer's output is half of what the next one was trained for, and as
# ReLU passes on factors, the output after three layers is $1/8$ of what it should be. The largest
# output stays the largest, so the accuracy is the same; the probabilities come out much too
# unsure, and the loss would have told. With biases even the accuracy suffers. (3) No: behind a
# nonlinearity the mean of the outputs is not the output of the mean. Testing computes one
# network with mean inputs in each layer, which only approximates the mean of the exponentially
# many networks (for a single softmax layer it is their normalized geometric mean).
#
# **Marking scheme** (4 points)
#
# - 1 point: the mean of the mask is `keep`, and with it the lecture's form.
# - 1 point: the inverted form.
# - 1 point: scaled twice, the outputs $1/8$ of what they should be, and the argmax unchanged.
# - 1 point: nonlinearity, so for the network it is an approximation of the ensemble's mean.

# %% [markdown]
# ## Points so far

# %%
check_all()
