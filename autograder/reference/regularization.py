"""Regularization: dropout in two forms, weight penalties, early stopping, ensembles, crops."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class LayerParameters(NamedTuple):
    """Weights w and biases b of a layer; penalties act on the weights alone."""

    w: Tensor
    b: Tensor


class EarlyStop(NamedTuple):
    """Epoch with the lowest validation loss, and the last epoch that is trained (from 0)."""

    best: Tensor
    stop: Tensor


class Prediction(NamedTuple):
    """Class probabilities, and the most probable class."""

    probs: Tensor
    labels: Tensor


def _checked(keep: float) -> float:
    if not 0 < keep <= 1:
        raise ValueError(f"keep = {keep} must be in (0, 1]")
    return keep


def dropout_train(x: Tensor, mask: Tensor, keep: float) -> Tensor:
    """Dropout while training, in the form of the lecture: units are dropped, nothing is scaled.

        y = x · mask

    Args:
        x: activations, any shape.
        mask: 1 where a unit is kept, 0 where it is dropped; a shape that broadcasts to that of x.
        keep: probability in (0, 1] with which each entry of the mask was 1. This form does not
            need it here, but in dropout_test.

    Returns:
        y, same shape as ``x``; on average over the masks it is keep · x.

    Raises:
        ValueError: ``keep`` is not in (0, 1].

    The frameworks' form is inverted_dropout_forward. L4's p is the keep rate, as here; where a
    *drop* rate p is given, as in torch.nn.Dropout(p), keep = 1 − p.

    Source: L4 (dropout); Srivastava et al. 2014, section 4.
    """
    _checked(keep)
    return x * mask


def dropout_test(W: Tensor, b: Tensor, keep: float) -> LayerParameters:
    """Weights for testing, after training with dropout in the form of the lecture.

        W ← keep · W,   b ← b

    Args:
        W: weights that multiply the activations which were dropped in training, any shape.
        b: bias of the same layer, any shape; it was never dropped.
        keep: probability in (0, 1] with which units were kept.

    Returns:
        The weights and the bias for testing.

    Raises:
        ValueError: ``keep`` is not in (0, 1].

    L4: with a keep rate of p % in training, all weights times p % in testing. Then W x + b is, on
    average over the masks, what the layer received in training.

    Source: L4 (dropout); Srivastava et al. 2014, figure 2.
    """
    return LayerParameters(_checked(keep) * W, b)


def inverted_dropout_forward(x: Tensor, mask: Tensor, keep: float) -> Tensor:
    """Dropout while training, in the form of the frameworks: what is kept is scaled up.

        y = x · mask / keep

    Args:
        x: activations, any shape.
        mask: 1 where a unit is kept, 0 where it is dropped; a shape that broadcasts to that of x.
        keep: probability in (0, 1] with which each entry of the mask was 1.

    Returns:
        y, same shape as ``x``; on average over the masks it is x, so testing needs no change.

    Raises:
        ValueError: ``keep`` is not in (0, 1].

    Source: torch.nn.functional.dropout(p = 1 − keep); Srivastava et al. 2014, section 10.
    """
    return x * mask / _checked(keep)


def inverted_dropout_backward(grad_y: Tensor, mask: Tensor, keep: float) -> Tensor:
    """Gradient of a loss in the input of inverted dropout, from that in its output.

        g_x = g_y · mask / keep

    Args:
        grad_y: gradient g_y in y, any shape.
        mask: the mask of the forward pass.
        keep: probability in (0, 1] with which each entry of the mask was 1.

    Returns:
        g_x, same shape as ``grad_y``.

    Raises:
        ValueError: ``keep`` is not in (0, 1].

    Source: the chain rule on inverted_dropout_forward.
    """
    return grad_y * mask / _checked(keep)


def l2_step(
    w: Tensor,
    b: Tensor,
    grad_w: Tensor,
    grad_b: Tensor,
    lr: float | Tensor,
    lam: float | Tensor,
) -> LayerParameters:
    """One step of gradient descent with an L2 penalty ½ λ Σw² on the weights: weight decay.

        w ← (1 − αλ) w − α g_w
        b ← b − α g_b

    Args:
        w: weights, any shape.
        b: biases, any shape; they carry no penalty.
        grad_w: gradient g_w of the loss without the penalty, same shape as w.
        grad_b: gradient g_b, same shape as b.
        lr: learning rate α ≥ 0.
        lam: strength λ ≥ 0 of the penalty.

    Returns:
        The new w and the new b.

    torch.optim.SGD(weight_decay = λ) does the same to every parameter of its group, biases too
    unless they have a group of their own. Without the ½ the factor is 1 − 2αλ. Decoupled weight
    decay multiplies by 1 − λ in its paper (Loshchilov and Hutter), without the rate, and by 1 − αλ
    in torch.optim.AdamW; for plain gradient descent that is only another λ. L4 writes ‖θ‖₂ for
    Σw², which is its square.

    Source: L4 (regularization); Goodfellow et al. 2016, equation 7.5.
    """
    return LayerParameters((1 - lr * lam) * w - lr * grad_w, b - lr * grad_b)


def l1_step(
    w: Tensor,
    b: Tensor,
    grad_w: Tensor,
    grad_b: Tensor,
    lr: float | Tensor,
    lam: float | Tensor,
) -> LayerParameters:
    """One step of gradient descent with an L1 penalty λ Σ|w| on the weights.

        w ← w − α g_w − αλ sign(w),   sign(0) = 0
        b ← b − α g_b

    Args:
        w: weights, any shape.
        b: biases, any shape; they carry no penalty.
        grad_w: gradient g_w of the loss without the penalty, same shape as w.
        grad_b: gradient g_b, same shape as b.
        lr: learning rate α ≥ 0.
        lam: strength λ ≥ 0 of the penalty.

    Returns:
        The new w and the new b.

    The sign is that of the old w. L4 prints this step, and for the penalty ½ λ Σ|w|, whose gradient
    is half as large. The proximal step (soft thresholding) is another method, which stops at zero
    where this one steps across it.

    Source: L4 (regularization); Goodfellow et al. 2016, equation 7.20.
    """
    return LayerParameters(w - lr * grad_w - lr * lam * torch.sign(w), b - lr * grad_b)


def early_stopping(val_losses: Tensor, patience: int) -> EarlyStop:
    """When training with early stopping ends, and which epoch's parameters it returns.

        stop at the first epoch t with t − best(t) ≥ patience, or else at the last epoch
        best(t) = the epoch with the lowest loss among 0 … t; the first one of equals

    Args:
        val_losses: validation losses of shape (..., T), T ≥ 1. NaN never is an improvement.
        patience: epochs ≥ 1 without improvement after which training stops.

    Returns:
        best and stop, integers of shape (...), counted from 0. What comes after ``stop`` was
        never seen and has no influence.

    Raises:
        ValueError: ``patience`` is less than 1, or there is no loss.

    torch.optim.lr_scheduler.ReduceLROnPlateau acts one epoch later, when more than ``patience``
    epochs brought nothing.

    Source: Goodfellow et al. 2016, algorithm 7.1. L4 has early stopping without a rule.
    """
    T = val_losses.shape[-1]
    if patience < 1 or T < 1:
        raise ValueError(f"patience = {patience} and the number of losses ({T}) must be at least 1")
    epochs = torch.arange(T, device=val_losses.device).expand(val_losses.shape)
    losses = torch.where(val_losses.isnan(), torch.inf, val_losses)
    lowest_before = losses.cummin(dim=-1).values[..., :-1]
    better = torch.zeros_like(losses[..., :1], dtype=torch.bool)
    better = torch.cat([better, losses[..., 1:] < lowest_before], dim=-1)
    best = torch.where(better, epochs, 0).cummax(dim=-1).values
    over = (epochs - best >= patience) | (epochs == T - 1)
    stop = over.to(torch.int64).argmax(dim=-1)
    return EarlyStop(best.gather(-1, stop.unsqueeze(-1)).squeeze(-1), stop)


def ensemble_predict(probs: Tensor) -> Prediction:
    """Prediction of an ensemble: the mean of its models' probabilities.

        p = (1/m) Σ_j p_j
        label = argmax p

    Args:
        probs: probabilities of shape (..., m, n, k): m models, n examples, k classes.

    Returns:
        p of shape (..., n, k), and labels of shape (..., n), integers; the first of equals.

    Averaging probabilities is neither a majority vote nor the (normalized) geometric mean, which
    is what the test rule of dropout approximates.

    Source: L4 (dropout as an ensemble); Goodfellow et al. 2016, sections 7.11 and 7.12.
    """
    p = probs.mean(dim=-3)
    return Prediction(p, p.argmax(dim=-1))


def random_crop_flip(img: Tensor, dy: int, dx: int, flip: bool) -> Tensor:
    """An image cut out of its zero-padded self at an offset, then mirrored or not.

        y[i, j] = img[i + dy, j + dx],   0 outside of the image;   then columns reversed if flip

    Args:
        img: image of shape (..., H, W).
        dy: offset of the window in rows, of either sign and any size.
        dx: offset of the window in columns.
        flip: True to mirror left and right, after the crop.

    Returns:
        An image of the same shape.

    Padding by P and cutting a window at (P + dy, P + dx) is the usual augmentation of small
    images, with dy and dx drawn from −P … P.

    Source: L4 (data augmentation); He et al. 2016, section 4.2.
    """
    H, W = img.shape[-2:]
    rows = torch.arange(H, device=img.device) + dy
    columns = torch.arange(W, device=img.device) + dx
    inside = ((rows >= 0) & (rows < H)).unsqueeze(-1) & (columns >= 0) & (columns < W)
    window = img[..., rows.clamp(0, H - 1), :][..., columns.clamp(0, W - 1)]
    window = torch.where(inside, window, torch.zeros_like(window))
    return window.flip(-1) if flip else window
