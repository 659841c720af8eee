"""Right gradients of batch and instance norms, whatever is done to their answers.

torch's backward pass of ``batch_norm`` on a CPU (found in 2.13) is wrong where a single picture, or all pictures of an
instance norm, are given, or have a gradient, that does not lie in memory in the usual order: by as much as the
gradient itself. Given what does, it is right. And a group norm of channels last loses two digits of its variance.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.overrides import TorchFunctionMode

from vizcore.acceleration.watching import Watching


class _Within(threading.local):
    depth = 0  # of layers that are sound by themselves


_within = _Within()
_NAMES = ("batch_norm", "instance_norm", "native_batch_norm", "group_norm", "native_group_norm")


class SoundNorms(TorchFunctionMode):
    """Within it every norm is handed a gradient that lies as it needs it; belongs to one thread."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") not in _NAMES or not args:
            return func(*args, **(kwargs or {}))
        grouped = "group" in func.__name__
        answer = func(args[0].contiguous() if grouped else _in_order(args[0]), *args[1:], **(kwargs or {}))
        if isinstance(answer, Tensor) and answer.requires_grad:
            answer.register_hook(lambda slope: slope.contiguous())
        return answer


def _in_order(x: Tensor) -> Tensor:
    """x itself where it lies in the usual order or with channels last."""
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    return x if last else x.contiguous()


def make_sound(private: nn.Module) -> None:
    """Let each norm of a private copy do by itself what :class:`SoundNorms` does, which costs all other layers time."""
    for part in private.modules():
        if isinstance(part, (_NormBase, nn.GroupNorm)) and "forward" not in vars(part):
            kind: Any = type(part)
            part.__class__ = _sound(kind)


@cache
def _sound(kind: Any) -> Any:
    class Sound(kind):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            _within.depth += 1
            try:
                with SoundNorms() if torch.is_grad_enabled() else nullcontext():
                    return super().forward(*args, **kwargs)
            finally:
                _within.depth -= 1

    return Sound


class Norms(Watching):
    """Notices whether a batch, instance or group norm is passed, other than within a layer that is sound by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.met = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        met = not _within.depth and any(kind in func._schema.name for kind in ("batch_norm", "group_norm"))
        self.met = self.met or met
        return func(*args, **(kwargs or {}))
