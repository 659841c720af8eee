"""A guess as the little JSON that a room keeps, and back; a drawing becomes the cells of a coarse grid."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizcore.lessons.answers import Answer, Choose, Draw, Number, Order

SIDE = 16  # cells of a drawing's grid, in both directions


def packed(answer: Answer, guess: Any) -> str:
    """The guess as JSON: an option, a number, options in order, or the cells that are marked for the most part."""
    if isinstance(answer, Draw):
        return json.dumps(np.flatnonzero(cells(guess)).tolist(), separators=(",", ":"))
    return json.dumps(list(guess) if isinstance(answer, Order) else guess)


def unpacked(answer: Answer, text: str, size: tuple[int, int]) -> Any:
    """The guess that was packed; a drawing on a picture of ``size`` (H,W). None where it is none of this kind."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(answer, Draw):
        if not isinstance(found, list) or not all(type(one) is int and 0 <= one < SIDE * SIDE for one in found):
            return None
        grid = np.zeros(SIDE * SIDE, bool)
        grid[found] = True
        return spread(grid.reshape(SIDE, SIDE), size)
    if isinstance(answer, Number):
        fits = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
        return float(found) if fits and answer.low <= found <= answer.high else None
    ids = [one.id for one in answer.options]
    if isinstance(answer, Choose):
        return found if found in ids else None
    return tuple(found) if isinstance(found, list) and sorted(map(str, found)) == sorted(ids) else None


def cells(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells (SIDE,SIDE) of which at least half is marked; where none is, those with the largest part."""
    rows, columns = (np.arange(side) * SIDE // side for side in mask.shape)
    sums, sizes = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    np.add.at(sums, (rows[:, None], columns), mask)
    np.add.at(sizes, (rows[:, None], columns), 1)
    share = sums / np.maximum(sizes, 1)
    largest = float(share.max())
    return share >= (0.5 if largest >= 0.5 else max(largest, 1e-9))


def spread(grid: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A grid (SIDE,SIDE) over a picture of ``size`` (H,W): every pixel has its cell's value."""
    rows, columns = (np.arange(side) * SIDE // side for side in size)
    return grid[rows[:, None], columns]
