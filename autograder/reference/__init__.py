"""PyTorch reference implementations, one module a family of rules.

Pure functions on tensors: they change no argument, keep dtype and device, and treat leading
dimensions as independent problems. State is a named tuple. They are meant to be read; that they
agree with torch.optim is what the tests are for.
"""

from .activations import (
    leaky_relu_backward,
    leaky_relu_forward,
    maxout_backward,
    maxout_forward,
    prelu_backward,
    prelu_forward,
    relu_backward,
    relu_forward,
)
from .adam import (
    AdamaxState,
    AdamState,
    adam_step,
    adam_trajectory,
    adamax_step,
    bias_correction,
)
from .at_scale import (
    Cost,
    conv_cost,
    data_parallel_gradient,
    inception_cost,
    local_matmul,
    stale_sgd,
)
from .batch_normalization import (
    LinearLayer,
    RunningStatistics,
    batchnorm_backward,
    batchnorm_forward,
    batchnorm_inference,
    fold_into_linear,
    update_running,
)
from .clipping import clip_by_norm
from .conditioning import condition_number
from .gradient_descent import minibatch_gradient, sgd_step, softmax_cross_entropy
from .initialization import gradient_norms, he_std, xavier_bound
from .momentum import (
    MomentumState,
    effective_lr,
    minimize_quadratic,
    momentum_step,
    nag_lookahead,
    nag_step,
)
from .natural_gradient import (
    CanonicalLayer,
    WhitenedLayer,
    Whitening,
    fisher_softmax,
    natural_gradient_step,
    prong_canonical,
    prong_forward,
    prong_gradient,
    prong_plus_forward,
    prong_project,
    prong_step,
    whitening,
)
from .schedules import linear_decay

__all__ = [
    "AdamState",
    "AdamaxState",
    "CanonicalLayer",
    "Cost",
    "LinearLayer",
    "MomentumState",
    "RunningStatistics",
    "WhitenedLayer",
    "Whitening",
    "adam_step",
    "adam_trajectory",
    "adamax_step",
    "batchnorm_backward",
    "batchnorm_forward",
    "batchnorm_inference",
    "bias_correction",
    "clip_by_norm",
    "condition_number",
    "conv_cost",
    "data_parallel_gradient",
    "effective_lr",
    "fisher_softmax",
    "fold_into_linear",
    "gradient_norms",
    "he_std",
    "inception_cost",
    "leaky_relu_backward",
    "leaky_relu_forward",
    "linear_decay",
    "local_matmul",
    "maxout_backward",
    "maxout_forward",
    "minibatch_gradient",
    "minimize_quadratic",
    "momentum_step",
    "nag_lookahead",
    "nag_step",
    "natural_gradient_step",
    "prelu_backward",
    "prelu_forward",
    "prong_canonical",
    "prong_forward",
    "prong_gradient",
    "prong_plus_forward",
    "prong_project",
    "prong_step",
    "relu_backward",
    "relu_forward",
    "sgd_step",
    "softmax_cross_entropy",
    "stale_sgd",
    "update_running",
    "whitening",
    "xavier_bound",
]
