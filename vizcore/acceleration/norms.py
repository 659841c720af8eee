"""Right gradients of batch and instance norms, whatever is done to their answers.

torch's backward pass of ``batch_norm`` on a CPU (found in 2.13) is wrong where a single picture, or all pictures of an
instance norm, are given, or have a gradient, that does not lie in memory in the usual order: by as much as the
gradient itself. Given what does, it is right.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_NAMES = ("batch_norm", "instance_norm", "native_batch_norm")


class SoundNorms(TorchFunctionMode):
    """Within it every norm is handed a gradient that lies as it needs it; belongs to one thread."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") not in _NAMES or not args:
            return func(*args, **(kwargs or {}))
        answer = func(_in_order(args[0]), *args[1:], **(kwargs or {}))
        if isinstance(answer, Tensor) and answer.requires_grad:
            answer.register_hook(lambda slope: slope.contiguous())
        return answer


def _in_order(x: Tensor) -> Tensor:
    """x itself where it lies in the usual order or with channels last."""
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    return x if last else x.contiguous()


class Norms(TorchDispatchMode):
    """Notices whether a batch norm is passed, instance norms among them."""

    def __init__(self) -> None:
        super().__init__()
        self.met = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.met = self.met or "batch_norm" in func._schema.name
        return func(*args, **(kwargs or {}))
