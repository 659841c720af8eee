"""A network's weights laid out in memory as its convolutions read them fastest, without touching the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vizcore.copies import private_copy

_SAMPLE = 16  # numbers of a tensor that tell whether it was changed behind torch's back


def laid_out(module: nn.Module, layout: torch.memory_format) -> nn.Module:
    """A private copy in eval mode whose weights (O,C,h,w) lie in ``layout``; it shares what lies so already.

    What it does not share does not follow a change of the original. Raises whatever the module raises when it is
    copied, and TypeError for TorchScript.
    """
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise TypeError("TorchScript lays its weights out by itself")
    copied = private_copy(module).eval()
    made: dict[int, nn.Parameter] = {}  # weights that several layers share stay one tensor
    for part in copied.modules():
        for name, value in part._parameters.items():
            if value is not None and value.dim() == 4 and not value.is_contiguous(memory_format=layout):
                if id(value) not in made:
                    made[id(value)] = nn.Parameter(_moved(value, layout), requires_grad=False)
                part._parameters[name] = made[id(value)]
    return copied


def lie(z: Tensor, layout: torch.memory_format) -> Tensor:
    """z (N,C,H,W) in ``layout``; a single channel, which lies the same in any, is said to be in the usual one.

    Said to be last, it makes oneDNN (3.12) read beyond pictures of 8 pixels under a kernel of 7 with strides 1 and 2.
    """
    return z[:, 0].unsqueeze(1) if z.shape[1] == 1 and z.is_contiguous() else z.contiguous(memory_format=layout)


class Sample:
    """A few numbers of each weight that is copied to lie channels last: torch keeps no account of ``Tensor.data``."""

    def __init__(self, module: nn.Module) -> None:
        apart = [
            value.detach()[:: max(1, len(value) // _SAMPLE), 0, 0, 0]  # a view
            for value in module.parameters()
            if value.dim() == 4 and value.numel() and not value.is_contiguous(memory_format=torch.channels_last)
        ]
        self._views = apart
        self._seen = torch.cat(apart) if apart else None

    def holds(self) -> bool:
        """Whether they are what they were."""
        return self._seen is None or torch.equal(self._seen, torch.cat(self._views))


def _moved(value: Tensor, layout: torch.memory_format) -> Tensor:
    return value.detach().contiguous(memory_format=layout)
