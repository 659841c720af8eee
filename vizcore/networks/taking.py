"""A module as it is handed over, made ready to be explained: unwrapped, in eval mode, frozen, in float32."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from vizcore.networks.errors import NetworkError

_SHORT_OR_LONG = (torch.float16, torch.bfloat16, torch.float64)


def taken(module: nn.Module, title: str) -> tuple[nn.Module, list[str]]:
    """The module that computes, in eval mode with frozen parameters, and a sentence for each thing done to it.

    torch.compile and DataParallel are taken off. A module in other floating-point numbers than float32, or made in
    inference mode, is copied; any other is kept, so that changes of its weights are followed. Raises
    :class:`NetworkError` for what is no module, or is quantised.
    """
    if not isinstance(module, nn.Module):
        raise NetworkError(f"{title} is of type {type(module).__name__}; accepted: a torch.nn.Module.")
    said = []
    while True:
        inner = getattr(module, "_orig_mod", None)  # of torch.compile
        if inner is None and isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = module.module
        if not isinstance(inner, nn.Module):
            break
        said.append(f"{type(module).__name__} was taken off, and the module inside answers.")
        module = inner
    if _quantised(module):
        raise NetworkError(
            f"{title} is quantised, and whole numbers have no gradient. Explain the network as it was before "
            "quantisation: it answers nearly the same."
        )
    tensors = [*module.parameters(), *module.buffers()]
    kinds = {tensor.dtype for tensor in tensors if tensor.dtype in _SHORT_OR_LONG}
    if kinds:
        names = ", ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
        said.append(f"Its numbers are {names}: a copy in float32 answers, and does not follow later changes of yours.")
    elif any(tensor.is_inference() for tensor in tensors):
        said.append("It was made in inference mode: a copy answers, and does not follow later changes of yours.")
    if kinds or any(tensor.is_inference() for tensor in tensors):
        try:
            module = _in_float32(module)
        except Exception:  # somebody's own module may hold what cannot be copied
            said[-1] = "It cannot be copied, so that its own numbers were changed to float32."
            _change(module)
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module, said


def _in_float32(module: nn.Module) -> nn.Module:
    """A copy in float32 with tensors that know gradients; what needs no change is shared."""
    if isinstance(module, torch.jit.ScriptModule):
        return copy.deepcopy(module).float()

    memo = {id(one): _changed(one) for one in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, memo)


def _change(module: nn.Module) -> None:
    """The same done to the module itself."""
    made = {id(one): _changed(one) for one in (*module.parameters(), *module.buffers())}  # shared ones stay shared
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    tensors[name] = made[id(tensor)]  # type: ignore[assignment]


def _changed(tensor: Tensor) -> Tensor:
    """In float32, knowing gradients; itself where it is so already."""
    if tensor.dtype not in _SHORT_OR_LONG and not tensor.is_inference():
        return tensor
    made = tensor.detach().float() if tensor.dtype in _SHORT_OR_LONG else tensor.detach().clone()
    return nn.Parameter(made, False) if isinstance(tensor, nn.Parameter) else made


def _quantised(module: nn.Module) -> bool:
    parts = any("quantized" in type(part).__module__ for part in module.modules())
    return parts or any(tensor.is_quantized for tensor in (*module.parameters(), *module.buffers()))
