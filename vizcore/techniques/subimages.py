"""Sub-images: the picture with superpixels switched off at random, and what the network answers to them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vizcore.networks.batches import in_batches
from vizcore.networks.classifier import Classifier
from vizcore.targets import Output, Squash, Target, pick
from vizcore.techniques import half_precision
from vizcore.techniques.fill import filling
from vizcore.techniques.superpixels import Superpixels, segment

KERNEL_WIDTH = 0.25  # the reference implementation's for pictures
Fill = Literal["grey", "mean", "black", "blur", "segment"]
Sampling = Literal["pairs", "independent"]


@dataclass(frozen=True, eq=False)
class Samples:
    """What the network has answered so far, to be handed to the next ``lime.explain``; read-only.

    ``segments`` int64 (H,W) and the ``settings`` they come from (None: given from outside); ``logits`` (m,K) of the
    first m sub-images under ``fill``, ``seed`` and ``sampling``, of all classes: another class or score costs no pass.
    ``version`` is that of the network's weights.
    ``kind`` is that of the numbers they were computed with, None for full precision. ``trial`` (2,c,K) are the logits
    of the first c sub-images with short numbers and in full, where that has been tried.
    """

    network: weakref.ref[Classifier]  # weak, or a kept result would keep an evicted network in memory
    image: Tensor
    segments: Tensor
    settings: tuple[str, ...] | None
    fill: Fill
    seed: int
    logits: Tensor
    version: tuple[int, ...]
    kind: torch.dtype | None = None
    trial: Tensor | None = None
    squash: Squash = "softmax"
    sampling: Sampling = "independent"

    def __len__(self) -> int:
        return len(self.logits)

    def rounding(self, target: Target, output: Output) -> float:
        """What short numbers change in the scores, as a share of their spread; only where they have been tried."""
        assert self.trial is not None
        return half_precision.rounding(*(pick(logits, target, output, self.squash) for logits in self.trial))

    def of_kind(self, kind: torch.dtype | None) -> Samples:
        """What of the answers is known with numbers of this kind."""
        known = self.logits[:0] if self.trial is None else self.trial[int(kind is None)]
        return self if self.kind == kind and len(self) else replace(self, kind=kind, logits=known)


def draw(seed: int, samples: int, superpixels: int, sampling: Sampling = "independent") -> Tensor:
    """x_k in {0,1}^l, each superpixel on with probability 1/2: bool (n,l), whose first row is all ones.

    ``pairs``: each x is asked about together with its complement 1 - x (see :func:`pairs`). What an even number of
    superpixels do together is equal in both, so it leaves the weights alone: antithetic variates (Hammersley & Morton
    1956), which in the design of experiments is called folding over (Box & Hunter 1961, section 4).
    Row k depends only on the seed, k, l and the sampling, so more samples begin with the fewer ones.
    """
    generator = np.random.Generator(np.random.PCG64([seed, superpixels]))
    on = torch.ones(samples, superpixels, dtype=torch.bool)
    if sampling == "independent":
        on[1:] = torch.from_numpy(generator.random((samples, superpixels)) < 0.5)[1:]
        return on
    pair = pairs(samples, superpixels)  # (n,)
    known: dict[int, Tensor] = {}
    for row in range(1, samples):
        number = int(pair[row])
        if number in known:
            on[row] = ~known.pop(number)
        else:
            known[number] = on[row] = torch.from_numpy(generator.random(superpixels) < 0.5)
    return on


def pairs(samples: int, superpixels: int) -> Tensor:
    """Which rows of :func:`draw` belong together, int64 (n,): complementary ones have the same number.

    The first row is alone. Of the next 4l, the first 2l are drawn and the others are their complements, since pairs
    alone, of which 2l rows are only l different ones, determine l weights badly. After them each row follows its pair.
    """
    first = 2 * superpixels
    row = torch.arange(samples) - 1
    folded = torch.where(row < 2 * first, row % first, first + (row - 2 * first).div(2, rounding_mode="floor"))
    return torch.where(row < 0, 0, folded + 1)


def proximity(vectors: Tensor) -> Tensor:
    """c = sqrt(exp(-d^2 / 0.25^2)) with the cosine distance d = 1 - sqrt(share of superpixels on); (n,l) -> (n,)."""
    distance = 1 - vectors.double().mean(1).sqrt()
    return torch.exp(-(distance**2) / KERNEL_WIDTH**2).sqrt()


def paint(clf: Classifier, image: Tensor, segments: Tensor, fill: Fill) -> Tensor:
    """The picture (C,H,W) that shows through a superpixel that is off.

    ``grey``, ``mean``, ``black`` and ``blur`` as in ``fill.filling``; ``segment``: each superpixel's own
    mean colour, the reference implementation's default, which hides its details but not its colour.
    """
    if fill != "segment":
        return filling(clf, image, fill)
    flat, numbers = image.flatten(1), segments.flatten().to(image.device)  # (C,H,W) -> (C,HW); (H,W) -> (HW,)
    sizes = torch.bincount(numbers)  # (l,)
    sums = torch.zeros(len(image), len(sizes), device=image.device).index_add_(1, numbers, flat)  # (C,l)
    return (sums / sizes)[:, numbers].view_as(image)  # (C,HW) -> (C,H,W)


def reconstruct(clf: Classifier, image: Tensor, segments: Tensor, on: Tensor, fill: Fill) -> Tensor:
    """I where its superpixel is on, the fill where it is off: the sub-image (C,H,W) of one x.

    ``image`` (C,H,W); ``segments`` (H,W) of 0..l-1; ``on`` (l,) of bools or of 0 and 1.
    Raises ValueError where ``on`` has not one entry for each superpixel.
    """
    count = int(segments.max()) + 1
    if tuple(on.shape) != (count,):
        raise ValueError(f"on has shape {tuple(on.shape)}; accepted: ({count},), one entry for each superpixel.")
    return torch.where(on.bool()[segments], image, paint(clf, image, segments, fill))


def stage(
    kept: Samples | None,
    clf: Classifier,
    image: Tensor,
    params: Superpixels | Tensor,
    fill: Fill,
    seed: int,
    sampling: Sampling = "independent",
) -> Samples:
    """What of ``kept`` still holds for network, picture, superpixels, fill, seed and sampling; the rest made anew.

    ``params`` are the superpixels' settings, or segments (H,W) of 0..l-1 given from outside. The superpixels survive a
    change of network, fill, seed or sampling; the network's answers none of them.
    """
    settings = None if isinstance(params, Tensor) else params.settings()
    if kept is not None and not (kept.image.shape == image.shape and torch.equal(kept.image, image)):
        kept = None
    if isinstance(params, Tensor):
        segments = params
    elif kept is not None and kept.settings == settings:
        segments = kept.segments
    else:
        segments = segment(image, params)
    if (
        kept is not None
        and kept.network() is clf
        and kept.version == clf.version
        and (kept.fill, kept.seed, kept.sampling) == (fill, seed, sampling)
        and torch.equal(kept.segments, segments)
    ):
        return replace(kept, settings=settings)
    none = torch.empty(0, len(clf.classes))
    given = weakref.ref(clf), image, segments, settings, fill, seed, none, clf.version
    return Samples(*given, squash=clf.squash, sampling=sampling)


Evaluate = Callable[[Tensor, torch.dtype | None], Tensor]


def evaluator(clf: Classifier, samples: Samples) -> Evaluate:
    """A function from vectors (n,l) to the logits (n,K) of their sub-images.

    In full precision, or with short numbers of the given kind (half precision).
    Picture and fill are normalised and laid out channels-last once, instead of once for each sub-image.
    """
    both = torch.stack([samples.image, paint(clf, samples.image, samples.segments, samples.fill)])
    picture, fill = clf.normalise(both).permute(0, 2, 3, 1).contiguous()  # (2,C,H,W) -> two (H,W,C)
    compose = composer(picture, fill, samples.segments.to(clf.device))

    def evaluate(on: Tensor, kind: torch.dtype | None) -> Tensor:
        def work(part: Tensor) -> Tensor:
            with torch.no_grad():
                z = compose(part.to(clf.device))  # (m,l) -> (m,H,W,C)
                return clf.logits_of_input(z.permute(0, 3, 1, 2), kind=kind).cpu()  # (m,C,H,W), channels-last

        return torch.cat(in_batches(clf, on, work, lambda: clf.batch_size, clf.picture_bytes))

    return evaluate


def tried(samples: Samples, kind: torch.dtype, evaluate: Evaluate, on: Tensor) -> Samples:
    """The ``samples`` with a trial: the first few of ``on`` (n,l) are asked about in both precisions."""
    on = on[: half_precision.CHECKED]
    return replace(samples, trial=torch.stack([evaluate(on, numbers) for numbers in (kind, None)]))


def composer(picture: Tensor, fill: Tensor, segments: Tensor) -> Callable[[Tensor], Tensor]:
    """A function from vectors (m,l) to their sub-images (m,H,W,C); picture and fill (H,W,C), contiguous."""
    if picture.device.type != "cpu":
        return lambda on: torch.where(on[:, segments][..., None], picture, fill)
    # A superpixel's pixels lie side by side in a row, and numpy copies such a stretch of whole pixels as one piece: a
    # quarter of the time that torch takes to choose number by number.
    shape, numbers = picture.shape, segments.flatten().numpy()
    pixel = np.dtype((np.void, picture.element_size() * shape[-1]))
    shown, hidden = (source.numpy().reshape(-1).view(pixel) for source in (picture, fill))  # (HW,) each

    def compose(on: Tensor) -> Tensor:
        z = torch.empty(len(on), *shape, dtype=picture.dtype)
        pixels = z.numpy().reshape(len(on), -1).view(pixel)  # (m,HWC) -> (m,HW), the same memory
        pixels[:] = hidden
        np.copyto(pixels, shown, where=on.numpy().take(numbers, axis=1))
        return z

    return compose
