"""What is right: an untouched copy of the network in double precision, one picture at a time, in plain torch.

Every technique is its definition and nothing else. A gradient is autograd's where that agrees with the finite
difference along a random direction. Where it does not, because torch's own backward pass is wrong (that of
``batch_norm``, for a single picture and some strides), norms are spelt out; and if that does not help, every pixel is
moved by itself. Where the score has a kink, autograd's is one of several answers, and the oracle remembers that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tests.fuzz.architectures.norms import elementary_norms
from vizcore.seeds import generator

STEP = 1e-7  # of a finite difference; kinks of a network within so little are rare
AGREE = 1e-4  # of the gradient's length, up to which a finite difference confirms it
MOST_PIXELS = 800  # that are moved one by one


class Unclear(Exception):
    """There is no right answer to compare with."""


def plain_logits(answer: Any) -> Tensor:
    """(1,K) from whatever form a network answers one picture in."""
    if isinstance(answer, dict):
        answer = answer["logits"]
    elif not isinstance(answer, (Tensor, tuple, list)):
        answer = answer.logits
    if isinstance(answer, (tuple, list)):
        answer = answer[0]
    return answer.reshape(1, -1)


@dataclass
class Oracle:
    """``module`` takes the normalised picture; ``mean`` and ``std`` are those of the pixels, one for each channel.

    ``reading`` is how the classifier under test reads the answers: see :mod:`tests.fuzz.architectures.compare`.
    """

    module: nn.Module
    mean: Sequence[float]
    std: Sequence[float]
    reading: str = "as they are"
    squash: str = "softmax"
    elementary: bool = False  # norms are spelt out, as autograd was wrong without
    kinked: bool = False  # a gradient was asked for where there is more than one
    dtype: torch.dtype = torch.float64
    _trial: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        self.module = self.module.to(self.dtype).eval().requires_grad_(False)

    def normalise(self, x: Tensor) -> Tensor:
        columns = (torch.tensor(values, dtype=torch.float64).view(-1, 1, 1) for values in (self.mean, self.std))
        mean, std = columns
        return (x.double() - mean) / std

    def of_input(self, z: Tensor) -> Tensor:
        """(K,) logits of one normalised picture (C,H,W)."""
        if self._trial is not None:
            number, size = self._trial
            z = z * (1 + size * torch.randn(z.shape, generator=torch.Generator().manual_seed(number), dtype=z.dtype))
        logits = plain_logits(self.module(z[None].to(self.dtype, copy=True)))[0].double()
        match self.reading:
            case "logarithm":
                logits = logits.clamp(min=1e-45).log()
            case "log-odds":
                logits = torch.logit(logits)
            case "two classes":
                logits = torch.stack([-logits[0], logits[0]])
            case "two classes of a probability":
                logits = torch.stack([-torch.logit(logits[0]), torch.logit(logits[0])])
        return logits

    def logits(self, x: Tensor) -> Tensor:
        """(K,) of one picture x (C,H,W) in [0,1]; finite."""
        with torch.no_grad():
            return _finite(self.of_input(self.normalise(x)))

    def score(self, x: Tensor, target: int, output: str) -> Tensor:
        """y_target (): a logit, or a probability by softmax or, each class by itself, by the logistic function."""
        return self._score(self.logits(x), target, output)

    def _score(self, logits: Tensor, target: int, output: str) -> Tensor:
        return (self.probabilities(logits) if output == "probability" else logits)[target]

    def probabilities(self, logits: Tensor) -> Tensor:
        """(...,K) from logits (...,K), as the classifier under test reads them."""
        return logits.sigmoid() if self.squash == "sigmoid" else logits.softmax(-1)

    def gradient(self, x: Tensor, target: int, output: str, *, of_input: bool = False) -> Tensor:
        """dy_target/dx (C,H,W) per unit of the pixels, or ``of_input`` per unit of the normalised picture."""

        def y(at: Tensor) -> Tensor:
            return self._score(self.of_input(at if of_input else self.normalise(at)), target, output)

        x = x.detach().double()
        found = _finite(self._slope(y, x))
        if self._confirmed(y, x, found):
            return found
        self.elementary = True
        found = _finite(self._slope(y, x))
        if self._confirmed(y, x, found):
            return found
        if x.numel() > MOST_PIXELS:
            raise Unclear("autograd and finite differences disagree")
        with torch.no_grad():
            units = torch.eye(x.numel(), dtype=torch.float64).view(-1, *x.shape)
            steps = [10 * STEP * unit for unit in units]
            return torch.stack([(y(x + step) - y(x - step)) / (20 * STEP) for step in steps]).view_as(x)

    def _slope(self, y: Any, x: Tensor) -> Tensor:
        with torch.enable_grad(), elementary_norms() if self.elementary else nullcontext():
            leaf = x.clone().requires_grad_()
            score = y(leaf)
            if not score.requires_grad:
                raise Unclear("the network has no gradient")
            (found,) = torch.autograd.grad(score, leaf, allow_unused=True)
        return torch.zeros_like(x) if found is None else found

    def _confirmed(self, y: Any, x: Tensor, found: Tensor) -> bool:
        if self.dtype != torch.float64:  # whose finite differences tell nothing
            return True
        direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        with torch.no_grad():
            before, here, after = (float(y(x + side * STEP * direction)) for side in (-1, 0, 1))
        floor = AGREE * float(found.norm()) + 1e-6 * abs(here)
        if abs(after - 2 * here + before) / STEP > floor:  # to both sides it falls or rises differently
            self.kinked = True
            return True
        return abs((after - before) / (2 * STEP) - float((found * direction).sum())) <= floor

    def smoothgrad(self, x: Tensor, target: int, output: str, noise: float, copies: int, seed: int) -> Tensor:
        """The mean gradient over copies with noise; that of copy k depends on (seed, k) alone."""
        sigma = noise * float(x.max() - x.min())
        noisy = [x + sigma * torch.empty(x.shape).normal_(generator=generator(seed, k)) for k in range(copies)]
        return torch.stack([self.gradient(copy, target, output) for copy in noisy]).mean(0)

    def integrated(self, x: Tensor, target: int, output: str, start: Tensor, steps: int) -> Tensor:
        """The mean gradient at the middles of equal pieces of the straight way from ``start`` to x."""
        points = [start + (k + 0.5) / steps * (x.double() - start) for k in range(steps)]
        return torch.stack([self.gradient(point, target, output) for point in points]).mean(0)

    def feature_map(self, x: Tensor, layer: str, target: int, output: str, size: Sequence[int]) -> Tensor:
        """sum_k alpha_k A^k (h,w) of the last answer A of ``layer``, alpha_k the mean slope of the score in A^k."""
        answers: list[Tensor] = []

        def note(module: nn.Module, inputs: object, answer: Tensor) -> Tensor:
            answers.append(answer)
            return answer.clone()  # what comes next may overwrite it

        hook = self.module.get_submodule(layer).register_forward_hook(note)
        try:
            with torch.enable_grad(), elementary_norms() if self.elementary else nullcontext():
                z = self.normalise(x).requires_grad_()
                score = self._score(self.of_input(z), target, output)
                (slope,) = torch.autograd.grad(score, answers[-1], allow_unused=True)
        finally:
            hook.remove()
        if slope is None:
            raise AssertionError(f"the score does not depend on the last answer of {layer}")
        maps, slopes = (on_grid(value.detach(), size) for value in (answers[-1], slope))  # (n,h,w)
        return _finite((slopes.mean((1, 2))[:, None, None] * maps).sum(0))

    def first_kernels(self, x: Tensor) -> list[Tensor]:
        """The weights of the two-dimensional convolution that a picture comes to first, if it comes to any.

        Before it in the list is that of the first one whose answer changes a logit, where that is another.
        """
        reached: list[nn.Conv2d] = []
        layers = [layer for layer in self.module.modules() if isinstance(layer, nn.Conv2d)]
        hooks = [layer.register_forward_pre_hook(lambda layer, _: reached.append(layer)) for layer in layers]
        try:
            before = self.logits(x)
        finally:
            for hook in hooks:
                hook.remove()
        matters = [layer for layer in dict.fromkeys(reached) if self._matters(layer, x, before)]
        return [layer.weight for layer in (*matters[:1], *reached[:1])]

    def _matters(self, layer: nn.Module, x: Tensor, before: Tensor) -> bool:
        chance = torch.Generator().manual_seed(0)

        def altered(layer: nn.Module, inputs: object, answer: Tensor) -> Tensor:
            return torch.randn(answer.shape, generator=chance, dtype=answer.dtype)

        hook = layer.register_forward_hook(altered)
        try:
            return not torch.equal(self.logits(x), before)
        except Exception:  # it matters so much that there is no answer
            return True
        finally:
            hook.remove()

    @contextmanager
    def single(self) -> Iterator[None]:
        """Meanwhile in single precision, as far from the truth as plain torch is in that."""
        self.dtype = torch.float32
        self.module.float()
        try:
            yield
        finally:
            self.dtype = torch.float64
            self.module.double()  # the weights are those of before: they were single to begin with

    @contextmanager
    def rounded(self, trial: int, size: float) -> Iterator[None]:
        """Meanwhile every weight, and every number of a picture, is changed by about ``size`` of itself."""
        draw = torch.Generator().manual_seed(trial)
        tensors = [t for t in (*self.module.parameters(), *self.module.buffers()) if t.is_floating_point()]
        before = [tensor.clone() for tensor in tensors]
        with torch.no_grad():
            for tensor in tensors:
                tensor.mul_(1 + size * torch.randn(tensor.shape, generator=draw, dtype=torch.float64))
        self._trial = trial, size
        try:
            yield
        finally:
            self._trial = None
            with torch.no_grad():
                for tensor, old in zip(tensors, before, strict=True):
                    tensor.copy_(old)


def on_grid(value: Tensor, size: Sequence[int]) -> Tensor:
    """(n,h,w) from a layer's answer to one picture: feature maps, maps with channels last, or tokens (1,L,n)."""
    height, width = size
    if value.dim() == 4 and tuple(value.shape[2:]) == (height, width):
        return value[0]
    if value.dim() == 4 and tuple(value.shape[1:3]) == (height, width):
        return value[0].permute(2, 0, 1)
    if value.dim() == 3 and value.shape[1] - height * width in (0, 1):
        return value[0, value.shape[1] - height * width :].T.unflatten(1, (height, width))
    raise Unclear(f"an answer of shape {tuple(value.shape)} is no map of {height} x {width}")


def _finite(value: Tensor) -> Tensor:
    if not bool(value.isfinite().all()):
        raise Unclear("the network's own answer is not finite")
    return value
