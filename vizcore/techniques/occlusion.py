"""Systematic occlusion: cover one window of the picture after the other and see how far the score falls.

The windows lie on a grid and are worked off from coarse to fine, so that the first estimate already covers the whole
picture and every later one sharpens it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from vizcore.acceleration.interface import Activations
from vizcore.acceleration.interface import activations as activations_of
from vizcore.networks.classifier import Classifier
from vizcore.params import ParameterError, check, choice, number
from vizcore.pictures import notebook
from vizcore.targets import Output, Target, value
from vizcore.techniques.fill import Fill, filling
from vizcore.techniques.windows import Level, coarse_to_fine, evenly, interpolate, starts

__all__ = [
    "FIRST_WINDOWS",
    "Fill",
    "Occlusion",
    "OcclusionMap",
    "answered",
    "cover",
    "filling",
    "grid",
    "occlude",
    "occluded",
    "passes",
]

# The first estimate needs at most so many windows: a fraction of a second with any network of the catalogue.
FIRST_WINDOWS = 25


@dataclass(frozen=True)
class Occlusion:
    """What is slid over the picture: a square window, its step, what is painted into it, and which score is watched."""

    window: int = number(
        24, 4, 128, 4, label="Window", help="Side of the square that is covered. Small ones resolve details.", unit="px"
    )
    stride: int = number(
        8, 1, 128, 1, label="Stride", help="Step between neighbouring windows; halving it takes four times.", unit="px"
    )
    fill: Fill = choice(  # noqa: RUF009
        "grey", get_args(Fill), label="Fill", help="What is painted into the window: no fill is free of information."
    )
    output: Output = choice(  # noqa: RUF009
        "probability",
        get_args(Output),
        label="Score",
        help="The class probability, which saturates near 0 and 1, or the logit, which does not.",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """drop[r, c] = y(I0) - y(I with window (r, c) covered): positive where the picture speaks for the class.

    ``drop`` and ``top_class`` (gh,gw) hold for each window the fall of the score (a probability in [-1,1], or logits)
    and the class that is most probable under it. ``done`` (gh,gw) tells the windows that were computed from those that
    are still interpolated from their computed neighbours; after the last step every one is. ``rows`` (gh,) and
    ``columns`` (gw,) are the top and left edges of the windows in pixels, ``score`` is y(I0), ``size`` is (H,W).
    """

    step: int
    of: int
    drop: Tensor
    top_class: Tensor
    done: Tensor
    score: float
    rows: Tensor
    columns: Tensor
    window: int
    size: tuple[int, int]

    def _repr_png_(self) -> bytes:
        """The averaged drop in a notebook: orange where the picture speaks for the class."""
        return notebook.signed(self.heat())

    @property
    def boxes(self) -> Tensor:
        """(gh,gw,4) pixel edges (top, left, bottom, right) of the windows; bottom and right are exclusive."""
        top, left = torch.meshgrid(self.rows, self.columns, indexing="ij")
        return torch.stack([top, left, top + self.window, left + self.window], dim=-1)

    def coverage(self) -> Tensor:
        """(H,W) number of windows that cover each pixel; 0 in the gaps left where the stride exceeds the window."""
        return self._covers(0).sum(1)[:, None] * self._covers(1).sum(1)[None, :]

    def heat(self) -> Tensor:
        """heat[p] = mean of the drops of all windows that cover pixel p, (H,W); 0 where no window does.

        Averaged, not summed: a sum would grow with the number of windows and make the middle look more important than
        the borders, which fewer windows reach.
        """
        down, right = self._covers(0), self._covers(1)  # (H,gh), (W,gw)
        total = down @ self.drop.double() @ right.T  # (H,gh) (gh,gw) (gw,W) -> (H,W)
        return (total / self.coverage().clamp(min=1)).float()

    def cell(self, y: float, x: float) -> tuple[int, int]:
        """(row, column) in the grid of the window whose centre lies closest to the pixel (y, x)."""
        middle = (self.window - 1) / 2
        row = (self.rows + middle - y).abs().argmin()
        return int(row), int((self.columns + middle - x).abs().argmin())

    def _covers(self, axis: int) -> Tensor:
        """(L,g) 1 where a pixel of this axis lies within a window, else 0: the grid is a product of two axes."""
        starts = (self.rows, self.columns)[axis]
        pixel = torch.arange(self.size[axis])[:, None]  # (L,1)
        return ((pixel >= starts) & (pixel < starts + self.window)).double()


def grid(clf: Classifier, params: Occlusion) -> tuple[list[int], list[int]]:
    """Top edges (gh) and left edges (gw) of the windows, in pixels.

    Raises ParameterError where the window does not fit into the network's input.
    """
    _, height, width = clf.input_shape
    if params.window > min(height, width):
        raise ParameterError(
            f"Occlusion.window is {params.window}; accepted: at most {min(height, width)} px, "
            f"the shorter side of the {height} x {width} picture that {clf.title} sees."
        )
    return starts(height, params.window, params.stride), starts(width, params.window, params.stride)


def passes(clf: Classifier, params: Occlusion) -> int:
    """Windows plus one: the forward passes that a whole map costs when each is computed in full."""
    rows, columns = grid(clf, params)
    return len(rows) * len(columns) + 1


def cover(image: Tensor, mask: Tensor, paint: Tensor) -> Tensor:
    """image where mask = 0, paint where mask = 1: the picture (C,H,W) under any mask (H,W), as from a brush.

    ``paint`` (C,H,W) comes from :func:`filling`. Raises ValueError where the mask has another shape than the picture.
    """
    if mask.shape != image.shape[-2:]:
        raise ValueError(f"mask has shape {tuple(mask.shape)}; accepted: {tuple(image.shape[-2:])}, the picture's.")
    return torch.where(mask.bool(), paint, image)


def occluded(clf: Classifier, image: Tensor, params: Occlusion, row: int, col: int) -> Tensor:
    """The picture (C,H,W) with the window in row ``row`` and column ``col`` of the grid covered.

    Raises IndexError outside the grid.
    """
    clf.check_image(image)
    rows, columns = grid(clf, params)
    if not (0 <= row < len(rows) and 0 <= col < len(columns)):
        raise IndexError(
            f"window ({row}, {col}) is not on the grid; accepted: up to ({len(rows) - 1}, {len(columns) - 1})."
        )
    return _covered(image, filling(clf, image, params.fill), [(rows[row], columns[col])], params.window)[0]


def occlude(
    clf: Classifier, image: Tensor, target: Target, params: Occlusion, activations: Activations | None = None
) -> Iterator[OcclusionMap]:
    """drop = y(I0) - y(I0 with a window covered), for a window at every position of a grid, from coarse to fine.

    ``image`` (C,H,W) in [0,1]; ``target`` a class index or a contrast. The first estimate needs at most
    ``FIRST_WINDOWS`` windows spread over the whole picture; the rest of the grid is interpolated (bilinearly for the
    drop, by the nearest window for the class) until it is computed. ``of`` is the number of windows.
    ``activations`` of the same network and picture may be passed to share them between several maps.
    Raises, before any computation, ParameterError for a window larger than the picture and ValueError for an unknown
    class, a picture that is not the network's, or activations of another picture or network.

    Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2, show y itself; the drop
    has the same picture and keeps a zero.
    """
    clf.check_image(image)
    clf.check_target(target)
    grid(clf, params)
    if activations is not None and (activations.clf is not clf or not torch.equal(activations.image, image)):
        raise ValueError(
            "activations belong to another picture or network; accepted: None, or Activations(clf, image)."
        )
    return _estimates(clf, activations or activations_of(clf, image), target, params)


def _estimates(clf: Classifier, activations: Activations, target: Target, params: Occlusion) -> Iterator[OcclusionMap]:
    image = activations.image
    rows, columns = grid(clf, params)
    score = float(clf.scores(image[None], target, params.output)[0])
    shape = (len(rows), len(columns))
    drop, top_class, done = (
        torch.zeros(shape, dtype=torch.float32),
        torch.zeros(shape, dtype=torch.long),
        torch.zeros(shape).bool(),
    )
    for level, cells, answers, complete in answered(clf, image, params, activations):
        at = tuple(torch.tensor(cells).T)  # two (n,)
        drop[at], top_class[at], done[at] = score - value(answers, target), answers.argmax(1), torch.tensor(True)
        if complete:
            interpolate(level, drop, top_class, done)
        grids = drop.clone(), top_class.clone(), done.clone()
        edges = torch.tensor(rows), torch.tensor(columns)
        yield OcclusionMap(int(done.sum()), done.numel(), *grids, score, *edges, params.window, clf.preprocess.size)


def answered(
    clf: Classifier, image: Tensor, params: Occlusion, activations: Activations | None = None
) -> Iterator[tuple[Level, list[tuple[int, int]], Tensor, bool]]:
    """(level, cells, answers (n,K), whether the level is complete by now), for some cells of the grid after others."""
    activations = activations or activations_of(clf, image)
    image = activations.image
    rows, columns = grid(clf, params)
    paint = filling(clf, image, params.fill)
    windows, painted = activations.windows(rows, columns, params.window), activations.paint(paint)
    at_once = activations.pictures
    # There already, so that hundreds of covered copies need not be sent over.
    there = image.to(clf.device), paint.to(clf.device, image.dtype)
    for turn, level in enumerate(coarse_to_fine(len(rows), len(columns), FIRST_WINDOWS)):
        order = level.cells if windows is None else windows.order(level.cells)
        size = at_once if windows is None else windows.chunk
        if turn == 0:
            size = len(order)  # there is nothing to show before the first level is complete
        chunks = evenly(order, size) if windows is None else [order[i : i + size] for i in range(0, len(order), size)]
        for cells in chunks:
            if windows is None:
                corners = [(rows[r], columns[c]) for r, c in cells]
                covered = (_covered(*there, part, params.window) for part in evenly(corners, at_once))
                answers = torch.cat([clf.all_scores(batch, params.output) for batch in covered])  # (n,K)
            else:
                logits = clf.finite(windows.logits(cells, painted))
                answers = clf.probabilities(logits) if params.output == "probability" else logits
            yield level, cells, answers, cells is chunks[-1]


def _covered(image: Tensor, paint: Tensor, corners: list[tuple[int, int]], window: int) -> Tensor:
    """(n,C,H,W): one copy of the picture for each (top, left) corner, with the paint showing through its window."""
    batch = image.repeat(len(corners), 1, 1, 1)  # (C,H,W) -> (n,C,H,W)
    for picture, (top, left) in zip(batch, corners, strict=True):
        here = (..., slice(top, top + window), slice(left, left + window))
        picture[here] = paint[here]
    return batch
