"""PyTorch reference implementations, one module a family of rules.

Pure functions on tensors: they change no argument, keep dtype and device, and treat leading
dimensions as independent problems. State is a named tuple. They are meant to be read; that they
agree with torch.optim is what the tests are for.
"""

from .clipping import clip_by_norm
from .conditioning import condition_number
from .gradient_descent import minibatch_gradient, sgd_step, softmax_cross_entropy
from .momentum import (
    MomentumState,
    effective_lr,
    minimize_quadratic,
    momentum_step,
    nag_lookahead,
    nag_step,
)
from .schedules import linear_decay

__all__ = [
    "MomentumState",
    "clip_by_norm",
    "condition_number",
    "effective_lr",
    "linear_decay",
    "minibatch_gradient",
    "minimize_quadratic",
    "momentum_step",
    "nag_lookahead",
    "nag_step",
    "sgd_step",
    "softmax_cross_entropy",
]
