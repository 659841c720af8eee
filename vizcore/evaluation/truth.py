"""How well a map finds the object, where its true place is known: on scenes, whose masks are exact.

None of this asks the network anything, and none of it says that the network looks at the object: a map that is true to
a network which decides by something else has to score badly here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

# Half the step of a first layer of stride four: which pixel within such a step is the largest is an accident.
BLUR = 2.0


@dataclass(frozen=True)
class Truth:
    """What one map makes of one object: pointing game, share of positive mass, average precision.

    ``peak`` is (row, column) of the pixel that the map points at, ``hit`` whether it lies on the object (False where no
    value is above zero: such a map points nowhere), ``away`` its distance from the object in pixels, 0 on it. ``mass``
    and ``precision`` are shares in [0,1], ``mass`` NaN where no value is above zero. ``share`` is the object's share of
    the picture: what a map that knows nothing scores on average, in all three.
    """

    peak: tuple[int, int]
    hit: bool
    away: float
    mass: float
    precision: float
    share: float


def truth(heat: ArrayLike, mask: ArrayLike, blur: float = BLUR) -> Truth:
    """All figures of one map (H,W) on an object's mask, bool (H,W). ``blur`` is that of :func:`peak`.

    Raises ValueError where the shapes differ, a value is not finite, or the mask is empty or covers everything.
    """
    values, inside = _checked(heat, mask)
    row, column = peak(values, blur)
    away = float(ndimage.distance_transform_edt(~inside)[row, column])
    hit = bool(inside[row, column]) and bool(values.max() > 0)
    return Truth((row, column), hit, away, mass(values, inside), precision(values, inside), float(inside.mean()))


def peak(heat: ArrayLike, blur: float = 0.0) -> tuple[int, int]:
    """argmax of the map: (row, column) of the pixel it points at, as in the pointing game of Zhang et al. 2016.

    ``heat`` (H,W) is smoothed by a Gaussian of ``blur`` pixels before. Several pixels may share the maximum, since
    occlusion's maps are made of squares and LIME's of superpixels: of these it is the one farthest from any pixel with
    another value or from the picture's edge, the first in reading order where several are equally far.
    """
    values = np.asarray(heat, dtype=np.float64)
    if blur > 0:
        values = ndimage.gaussian_filter(values, blur)
    depth = innermost(values == values.max())
    row, column = divmod(int(depth.argmax()), depth.shape[1])
    return row, column


def innermost(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance (H,W) of each pixel of a bool region to its border, the picture's own edges counting as border."""
    return np.asarray(ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1])


def mass(heat: ArrayLike, mask: ArrayLike) -> float:
    """sum of max(h,0) on the object / sum of max(h,0): the share of what speaks for the class that lies on the object.

    In [0,1]; NaN where no value is above zero. What speaks against the class does not count, on the object or off it.
    """
    values, inside = _checked(heat, mask)
    positive = values.clip(min=0)
    total = positive.sum()
    return float(positive[inside].sum() / total) if total > 0 else float("nan")


def precision(heat: ArrayLike, mask: ArrayLike) -> float:
    """AP = sum_n (R_n - R_(n-1)) P_n: the area under the precision-recall curve of the map's ranking of the pixels.

    P_n and R_n are the precision and recall of "the n-th highest value and above is the object". In (0,1]; pixels of
    one value enter together, so their order does not matter, and a constant map scores the object's share. No
    interpolation: it would flatter (Davis & Goadrich 2006, section 4).
    """
    square, region = _checked(heat, mask)
    values, inside = square.ravel(), region.ravel()  # (H,W) -> (HW,)
    order = np.argsort(-values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)  # the last pixel of each value
    found = np.cumsum(inside[order])[ends]
    recall = found / inside.sum()
    return float(np.sum(np.diff(recall, prepend=0.0) * found / (ends + 1)))


def _checked(heat: ArrayLike, mask: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, inside = np.asarray(heat, dtype=np.float64), np.asarray(mask, dtype=bool)
    if values.ndim != 2 or values.shape != inside.shape:
        raise ValueError(f"mask has shape {inside.shape}; accepted: {values.shape}, the map's, of height and width.")
    if not np.isfinite(values).all():
        raise ValueError("heat has values that are not finite; accepted: finite numbers.")
    if inside.all() or not inside.any():
        raise ValueError(f"mask has {int(inside.sum())} of {inside.size} pixels; accepted: some of them, but not all.")
    return values, inside
