"""Right gradients of batch and instance norms, whatever is done to their answers.

torch's backward pass of ``batch_norm`` on a CPU (found in 2.13) is wrong where a single picture, or all pictures of an
instance norm, are given, or have a gradient, that does not lie in memory in the usual order: by as much as the
gradient itself. Given what does, it is right. And a group norm of channels last loses two digits of its variance.

A batch norm by statistics that stand is x * scale + shift, which is right in any order, and faster.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.overrides import TorchFunctionMode

from vizcore.acceleration.watching import Watching


class _Within(threading.local):
    depth = 0  # of layers that are sound by themselves


_within = _Within()
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_TENSORS = ("running_mean", "running_var", "weight", "bias")
_ARGUMENTS = ("input", *_TENSORS, "training", "momentum", "eps")
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
    """Let each norm of a private copy be right by itself: :class:`SoundNorms` costs all other layers time."""
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
                if kind in _BATCH_NORMS and not args[1:] and _standing(self, args[0]):
                    return _scaled(self, args[0])
                with _SoundNorm(self) if torch.is_grad_enabled() else nullcontext():
                    return super().forward(*args, **kwargs)
            finally:
                _within.depth -= 1

    return Sound


class _SoundNorm(SoundNorms):
    """Within the layer of one norm, which may do more than that."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self._layer = layer if isinstance(layer, _BATCH_NORMS) else None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        layer = self._layer
        if layer is not None and func is F.batch_norm and _own(layer, args, kwargs or {}) and _standing(layer, args[0]):
            return _scaled(layer, args[0])
        return super().__torch_function__(func, types, args, kwargs)


def _own(layer: nn.Module, args: Any, kwargs: Any) -> bool:
    """Whether a batch norm is asked for with all that the layer itself has, by statistics that stand."""
    given = dict(zip(_ARGUMENTS, args, strict=False)) | kwargs
    own = all(given.get(name) is one for name, one in zip(_TENSORS, _tensors(layer), strict=True))
    return own and not given.get("training", False) and given.get("eps", 1e-5) == layer.eps


def _standing(layer: nn.Module, x: Tensor) -> bool:
    """Whether the layer goes by statistics that stand, for x of the usual numbers, with weights that do not learn."""
    mean, variance, weight, bias = _tensors(layer)
    if layer.training or mean is None or variance is None or x.dtype != torch.float32:
        return False
    return not any(one is not None and (one.requires_grad or one.dtype != x.dtype) for one in (weight, bias))


def _scaled(layer: nn.Module, x: Tensor) -> Tensor:
    """x * scale + shift over the second axis, scale = gamma / sqrt(var + eps), shift = beta - mean * scale."""
    tensors = _tensors(layer)
    found = [(id(one), one._version) for one in tensors if one is not None]
    known = vars(layer).get("_scale")
    if known is None or known[0] != (found, x.dim()):
        mean, variance, gamma, beta = (None if one is None else one.detach().double() for one in tensors)
        assert mean is not None
        assert variance is not None
        eps: Any = layer.eps
        scale = (variance + eps).rsqrt() * (1.0 if gamma is None else gamma)
        shift = (0.0 if beta is None else beta) - mean * scale
        shape = (-1, *[1] * (x.dim() - 2))  # (C,) -> (C,1,1)
        known = ((found, x.dim()), scale.to(x.dtype).view(shape), shift.to(x.dtype).view(shape))
        object.__setattr__(layer, "_scale", known)
    value: Tensor = torch.addcmul(known[2], x, known[1])
    return value


def _tensors(layer: nn.Module) -> list[Tensor | None]:
    """Those that _TENSORS names, in its order."""
    buffers, parameters = layer._buffers, layer._parameters
    return [
        buffers.get("running_mean"), buffers.get("running_var"), parameters.get("weight"), parameters.get("bias"),
    ]  # fmt: skip


class Norms(Watching):
    """Notices whether a batch, instance or group norm is passed, other than within a layer that is sound by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.met = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        met = not _within.depth and any(kind in func._schema.name for kind in ("batch_norm", "group_norm"))
        self.met = self.met or met
        return func(*args, **(kwargs or {}))
