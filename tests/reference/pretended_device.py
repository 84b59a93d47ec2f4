"""A device that is pretended: tensors that say they are on it, computed by the CPU.

Each holds a tensor of the CPU, and operations are done on that. What a GPU refuses is refused: an
operation between it and a tensor of the CPU, unless that is a single number, and :meth:`numpy`
without a copy to the CPU first. So a reference that leaves a tensor behind is found on a machine
without a GPU, and its values can be compared, too. (Under torch's FakeTensorMode nothing can be
read, and some references need to: they index with what they compute.)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

# torch keeps one name for devices that are none of its own
_setup_privateuseone_for_python_backend("pretended")
DEVICE = torch.device("pretended", 0)
_COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class LeftBehind(RuntimeError):
    """An operation met tensors of two devices."""


class Pretended(torch.Tensor):
    """A tensor that says it is on the device; ``content`` is what it holds."""

    content: torch.Tensor

    @staticmethod
    def __new__(cls, real: torch.Tensor) -> Pretended:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            real.shape,
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            device=DEVICE,
        )
        made.content = real
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Pretended({self.content})"

    def numpy(self, **_: Any) -> Any:
        """Refused, as on a device."""
        raise TypeError("can't convert a tensor of a device to numpy: copy it to the CPU first")

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return run(function, args, kwargs or {})


def run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation of torch's, on the contents; where one is, all have to be."""
    tensors = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, torch.Tensor)]
    there = [t for t in tensors if isinstance(t, Pretended)]
    if there and function not in _COPIES:
        for tensor in tensors:
            if not isinstance(tensor, Pretended) and tensor.dim():
                raise LeftBehind(f"{function}: a tensor of shape {tuple(tensor.shape)} on the CPU")
    asked = kwargs.get("device")
    kwargs = {**kwargs, **({"device": torch.device("cpu")} if asked is not None else {})}
    real_args, real_kwargs = tree_map_only(Pretended, lambda t: t.content, (args, kwargs))
    result = function(*real_args, **real_kwargs)
    if asked is not None:
        stays = torch.device(asked).type == DEVICE.type
    else:
        stays = (
            bool(there)
            if function is not torch.ops.aten.copy_.default
            else isinstance(args[0], Pretended)
        )
    if not stays:
        return result
    # an operation in place gives its argument back
    given = {id(t.content): t for t in there}
    return tree_map_only(
        torch.Tensor, lambda t: given[id(t)] if id(t) in given else Pretended(t), result
    )


class _Pretending(TorchDispatchMode):
    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return run(function, args, kwargs or {})


@contextlib.contextmanager
def pretended_device() -> Iterator[torch.device]:
    """A block in which the device is there."""
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # else torch.tensor would go by no dispatch
    try:
        with _Pretending():
            yield DEVICE
    finally:
        torch._C._set_only_lift_cpu_tensors(before)
