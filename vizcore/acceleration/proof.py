"""Every acceleration is compared with the network's own module before it is used on it.

What answers otherwise, beyond the rounding of float32, or fails, is switched off for that network: the log says so, the
health page counts it, and the plain way answers.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.acceleration.norms import Norms, SoundNorms

LOGITS = 2e-5  # of the largest logit: what folding and other orders of summation may change
GRADIENT = 1e-3  # of the gradient's length
CHAOS = 10.0  # times what a change of the input by rounding does, where that is more: now and then it switches a ReLU
TRIALS = 3  # of such changes
_log = logging.getLogger(__name__)
_lock = threading.Lock()
_off: Counter[str] = Counter()
_known: dict[str, weakref.WeakSet[object]] = {}  # those that are counted already

Answer = Callable[[Tensor], Tensor]


def switched_off() -> dict[str, int]:
    """How many networks each part of the acceleration was switched off for, since the start."""
    with _lock:
        return dict(_off)


def switch_off(part: str, why: str, network: object) -> None:
    """Say, once for each network, that ``part`` is not used on it; a stranger's words are not repeated."""
    with _lock:
        known = _known.setdefault(part, weakref.WeakSet())
        if network in known:
            return
        known.add(network)
        _off[part] += 1
    _log.warning("%s is switched off for a network: %s", part, why)


def pictures(shape: tuple[int, ...]) -> Tensor:
    """Two zero-centred inputs (2,C,H,W) that differ: one smooth with fine noise over it, one of noise alone."""
    chance = torch.Generator().manual_seed(0)
    channels, height, width = shape
    rough = (1, channels, max(1, height // 16), max(1, width // 16))
    coarse = torch.randn(rough, generator=chance, dtype=torch.float32)
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    noise = torch.randn(2, *shape, generator=chance, dtype=torch.float32)
    return torch.cat([smooth + 0.1 * noise[:1], noise[1:]])


def slope(answer: Answer, z: Tensor) -> Tensor | None:
    """The gradient (1,C,H,W) of a sum of the logits of z (1,C,H,W); None where it has none."""
    with torch.enable_grad():
        leaf = z.clone(memory_format=torch.preserve_format).requires_grad_()
        value = answer(leaf.clone(memory_format=torch.preserve_format))
        if not value.requires_grad:
            return None
        weights = torch.linspace(-1, 1, value.numel(), device=value.device, dtype=value.dtype).view_as(value)
        (found,) = torch.autograd.grad((value * weights).sum(), leaf, allow_unused=True)
    return found


class Reference:
    """What the plain module answers, to which every candidate is held."""

    def __init__(self, answer: nn.Module, z: Tensor) -> None:
        """``answer`` takes contiguous z (2,C,H,W). Whatever the module raises is raised.

        ``overwrites``: it changes its input. ``norms``: a batch norm is passed on the way.
        """
        self._answer, self.z = answer, z
        given = z.clone()
        with torch.no_grad(), Norms() as seen:
            self.logits = answer(given)
        self.overwrites, self.norms = given._version > 0, seen.met
        self.norms_seen = seen.met
        self._chaos: tuple[float, float] | None = None
        try:
            with SoundNorms() if self.norms else nullcontext():
                self.gradient = slope(answer, z[:1])
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:  # such as a forward pass without gradients: there is nothing to hold a gradient to
            self.gradient = None

    def fault(self, candidate: Answer, layout: torch.memory_format) -> str | None:
        """What is wrong with ``candidate``, which is asked with z laid out so; None where it agrees.

        ``norms_seen`` tells then whether it passes a norm that is not sound by itself.
        """
        try:
            z = self.z.contiguous(memory_format=layout)
            with torch.no_grad(), Norms() as seen:
                logits = candidate(z.clone())
            self.norms_seen = seen.met
            if logits.shape != self.logits.shape:
                return f"it answers with shape {tuple(logits.shape)} in place of {tuple(self.logits.shape)}"
            off = _share((logits - self.logits).abs().max(), self.logits.abs().max())
            if not off <= LOGITS and not off <= CHAOS * self._by_rounding()[0]:
                return f"its logits differ by {off:.1e} of the largest one"
            if self.gradient is None:
                return None
            with SoundNorms() if self.norms_seen else nullcontext():
                gradient = slope(candidate, z[:1])
            if gradient is None:
                return "it has no gradient"
            off = _distance(gradient, self.gradient)
            if not off <= GRADIENT and not off <= CHAOS * self._by_rounding()[1]:
                return f"its gradient differs by {off:.1e} of its length"
        except Exception as error:  # a stranger's network may raise anything
            return f"it raises {type(error).__name__}"
        return None

    def _by_rounding(self) -> tuple[float, float]:
        """What the plain module's logits and gradient change by where the input is rounded otherwise; at most 0.01.

        The most of a few trials.
        """
        if self._chaos is None:
            found = [(0.0, 0.0)]
            for trial in range(1, TRIALS + 1):
                chance = torch.Generator().manual_seed(trial)
                z = self.z * (1 + 1e-6 * torch.randn(self.z.shape, generator=chance).to(self.z))
                with torch.no_grad():
                    logits = self._answer(z)
                with SoundNorms() if self.norms else nullcontext():
                    gradient = None if self.gradient is None else slope(self._answer, z[:1])
                away = _share((logits - self.logits).abs().max(), self.logits.abs().max())
                bent = 0.0 if gradient is None or self.gradient is None else _distance(gradient, self.gradient)
                found.append((away, bent))
            logits_off, gradient_off = (max(values) for values in zip(*found, strict=True))
            self._chaos = min(0.01, logits_off), min(0.01, gradient_off)
        return self._chaos


def _distance(one: Tensor, other: Tensor) -> float:
    """||one - other|| / ||other||."""
    return _share((one - other).norm(), other.norm())


def _share(part: Tensor, whole: Tensor) -> float:
    """part / whole, 0 where both vanish."""
    return float(part / whole) if float(whole) > 0 else (0.0 if float(part) == 0 else float("inf"))


def state(module: nn.Module) -> dict[int, dict[str, int]]:
    """Which object every plain attribute of every submodule is, to see whether a forward pass keeps values on it.

    Lists and dictionaries with what is in them.
    """

    def inside(value: object) -> int:
        if isinstance(value, (list, dict)):
            return hash((id(value), *map(id, value.values() if isinstance(value, dict) else value)))
        return id(value)

    return {
        id(part): {name: inside(value) for name, value in vars(part).items() if not name.startswith("__")}
        for part in module.modules()
    }
