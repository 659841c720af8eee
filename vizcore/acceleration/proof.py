"""Every acceleration is compared with the network's own module before it is used on it.

What answers otherwise, beyond the rounding of float32, or fails, is switched off for that network: the log says so, the
health page counts it, and the plain way answers.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOGITS = 1e-3  # of the largest logit: what folding and other orders of summation may change
GRADIENT = 0.02  # of the gradient's length: now and then rounding switches a ReLU
CHAOS = 10.0  # times what a change of the input by rounding does, where that is more
_log = logging.getLogger(__name__)
_lock = threading.Lock()
_off: Counter[str] = Counter()

Answer = Callable[[Tensor], Tensor]


def switched_off() -> dict[str, int]:
    """How many networks each part of the acceleration was switched off for, since the start."""
    with _lock:
        return dict(_off)


def switch_off(part: str, why: str) -> None:
    """Say that ``part`` is not used on some network; a stranger's words are not repeated."""
    with _lock:
        _off[part] += 1
    _log.warning("%s is switched off for a network: %s", part, why)


def pictures(shape: tuple[int, ...], like: Tensor | None = None) -> Tensor:
    """Two zero-centred inputs (2,C,H,W) that differ: one smooth with fine noise over it, one of noise alone."""
    chance = torch.Generator().manual_seed(0)
    channels, height, width = shape
    coarse = torch.randn(1, channels, max(1, height // 16), max(1, width // 16), generator=chance)
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    noise = torch.randn(2, *shape, generator=chance)
    both = torch.cat([smooth + 0.1 * noise[:1], noise[1:]])
    return both if like is None else both.to(like)


def measured(answer: Answer, z: Tensor) -> tuple[Tensor, Tensor | None]:
    """Logits (N,K) of z (N,C,H,W), and the gradient (1,C,H,W) of a sum of the first one's; None where it has none."""
    with torch.no_grad():
        logits = answer(z.clone())
    with torch.enable_grad():
        leaf = z[:1].clone().requires_grad_()
        value = answer(leaf.clone(memory_format=torch.preserve_format))
        if not value.requires_grad:
            return logits, None
        weights = torch.linspace(-1, 1, value.numel(), device=value.device, dtype=value.dtype).view_as(value)
        (found,) = torch.autograd.grad((value * weights).sum(), leaf, allow_unused=True)
    return logits, found


class Reference:
    """What the plain module answers, to which every candidate is held."""

    def __init__(self, answer: Answer, z: Tensor) -> None:
        """``answer`` takes contiguous z (2,C,H,W). Whatever the module raises is raised."""
        self._answer, self.z = answer, z
        with torch.no_grad():
            self.logits = answer(z.clone())
        try:
            _, self.gradient = measured(answer, z)
        except RuntimeError:  # such as a forward pass without gradients: there is nothing to hold a gradient to
            self.gradient = None
        self._chaos: tuple[float, float] | None = None

    def fault(self, candidate: Answer, layout: torch.memory_format) -> str | None:
        """What is wrong with ``candidate``, which is asked with z laid out so; None where it agrees."""
        try:
            z = self.z.contiguous(memory_format=layout)
            with torch.no_grad():
                logits = candidate(z.clone())
            if logits.shape != self.logits.shape:
                return f"it answers with shape {tuple(logits.shape)} in place of {tuple(self.logits.shape)}"
            off = _share((logits - self.logits).abs().max(), self.logits.abs().max())
            if not off <= LOGITS and not off <= CHAOS * self._by_rounding()[0]:
                return f"its logits differ by {off:.1e} of the largest one"
            if self.gradient is None:
                return None
            _, gradient = measured(candidate, z)
            if gradient is None:
                return "it has no gradient"
            off = _share((gradient - self.gradient).norm(), self.gradient.norm())
            if not off <= GRADIENT and not off <= CHAOS * self._by_rounding()[1]:
                return f"its gradient differs by {off:.1e} of its length"
        except Exception as error:  # a stranger's network may raise anything
            return f"it raises {type(error).__name__}"
        return None

    def _by_rounding(self) -> tuple[float, float]:
        """What the plain module's logits and gradient change by where the input is rounded otherwise; at most 0.01."""
        if self._chaos is None:
            noise = 1 + 1e-6 * torch.randn(self.z.shape, generator=torch.Generator().manual_seed(1)).to(self.z)
            logits, gradient = measured(self._answer, self.z * noise)
            logits_off = _share((logits - self.logits).abs().max(), self.logits.abs().max())
            gradient_off = 0.0
            if gradient is not None and self.gradient is not None:
                gradient_off = _share((gradient - self.gradient).norm(), self.gradient.norm())
            self._chaos = min(0.01, logits_off), min(0.01, gradient_off)
        return self._chaos


def _share(part: Tensor, whole: Tensor) -> float:
    """part / whole, 0 where both vanish."""
    return float(part / whole) if float(whole) > 0 else (0.0 if float(part) == 0 else float("inf"))


def state(module: nn.Module) -> dict[int, dict[str, int]]:
    """Which object every plain attribute of every submodule is, to see whether a forward pass keeps values on it."""
    return {
        id(part): {name: id(value) for name, value in vars(part).items() if not name.startswith("_")}
        for part in module.modules()
    }
