"""Superpixels and sampled vectors as pictures: what is on stays as it is, what is off turns grey and faint."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vizcore.pictures import figures
from vizcore.pictures.colours import CATEGORICAL, MISSING, OUTLINE
from vizcore.pictures.figures import Picture

_HATCH = 6  # pixels between the lines over what is off, since a grey picture does not show that it turned grey
_KEPT = 0.3  # of the brightness of what is off: enough to recognise the place
_ON, _OFF = (235, 235, 235), (70, 70, 70)


def outlines(pixels: ArrayLike, segments: ArrayLike, colour: tuple[int, int, int] = OUTLINE, scale: int = 1) -> Picture:
    """The picture (C,H,W) with the borders of ``segments`` (H,W) drawn on it, ``scale`` times as large."""
    base, labels = figures.picture(pixels), np.asarray(segments)
    if labels.shape != base.shape[:2]:
        raise ValueError(f"segments has shape {labels.shape}; accepted: {base.shape[:2]}, the size of pixels.")
    base, labels = (a.repeat(scale, axis=0).repeat(scale, axis=1) for a in (base, labels))
    border = np.zeros(labels.shape, dtype=bool)  # one pixel wide: where the label changes to the right or below
    border[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    border[:-1] |= labels[:-1] != labels[1:]
    base[border] = colour
    return base


def chosen(pixels: ArrayLike, segments: ArrayLike, on: ArrayLike, scale: int = 1) -> Picture:
    """The picture (C,H,W) cut into superpixels (H,W) of 0..l-1, those where ``on`` (l,) is 0 in faint grey and hatched.

    Every superpixel is outlined; each pixel becomes ``scale`` across.
    """
    shown, labels = _faded(pixels, segments, on), np.asarray(segments)
    across = np.add.outer(np.arange(labels.shape[0]), np.arange(labels.shape[1]))  # (H,W)
    shown[:, ~np.asarray(on, dtype=bool)[labels] & (across % _HATCH == 0)] = 0.25
    return outlines(shown, segments, scale=scale, colour=OUTLINE)


def best(pixels: ArrayLike, segments: ArrayLike, on: ArrayLike, *, favour: bool, scale: int = 1) -> Picture:
    """As :func:`chosen`, outlining only the superpixels that are on: in orange if they ``favour`` the class, else blue.

    These are the hues of the two ends of signed maps.
    """
    inside = np.asarray(on, dtype=bool)[np.asarray(segments)].astype(np.int64)  # (l,) -> (H,W)
    red, green, blue = bytes.fromhex(CATEGORICAL[1 if favour else 0][1:])
    return outlines(_faded(pixels, segments, on), inside, scale=scale, colour=(red, green, blue))


def vectors(on: ArrayLike, size: tuple[int, int]) -> Picture:
    """Vectors x in {0,1}^l (n,l) as rows of light (1) and dark (0) cells, in a picture of ``size`` (height, width)."""
    array = np.asarray(on, dtype=bool)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"on has shape {array.shape}; accepted: (n,l) with at least one vector and one superpixel.")
    cells = np.array([_OFF, _ON], dtype=np.uint8)[array.astype(int)]  # (n,l) -> (n,l,3)
    return figures.enlarge(cells, size)


def _faded(pixels: ArrayLike, segments: ArrayLike, on: ArrayLike) -> np.ndarray:
    """(C,H,W) in [0,1] with the superpixels that are off in faint grey."""
    base, labels = figures.picture(pixels).astype(np.float64), np.asarray(segments)
    visible = np.asarray(on, dtype=bool)
    count = int(labels.max()) + 1
    if visible.shape != (count,):
        raise ValueError(f"on has shape {visible.shape}; accepted: ({count},), one entry for each superpixel.")
    grey = (base @ np.array([0.299, 0.587, 0.114]))[..., None]  # (H,W,3) -> (H,W,1)
    faint = grey * _KEPT + MISSING * (1 - _KEPT)
    return np.where(visible[labels][..., None], base, faint).transpose(2, 0, 1) / 255  # (H,W,3) -> (C,H,W)


def cross(picture: ArrayLike, at: tuple[int, int], arm: int = 9) -> Picture:
    """The picture (h,w,3) with a white cross, edged in black, whose middle is the pixel (row, column)."""
    marked = np.array(picture, dtype=np.uint8)
    for width, colour in ((2, 0), (0, 255)):
        for reach_y, reach_x in ((arm + width // 2, width + 1), (width + 1, arm + width // 2)):
            top, left = max(0, at[0] - reach_y), max(0, at[1] - reach_x)
            marked[top : at[0] + reach_y + 1, left : at[1] + reach_x + 1] = colour
    return marked
