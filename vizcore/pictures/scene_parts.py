"""The parts of a scene, and what may be changed about each of them while all the others stay as they are.

The changes are honoured where the scene is drawn, not painted over it afterwards: a scene without its object shows the
ground that was behind it, never a hole. The random draws stay in their order, whatever is changed, so that the light,
the noise and every other part are those of the unchanged scene, bit for bit where nothing of the change is seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vizcore.pictures.scenes import Scene

Part = Literal["object", "distractor", "shadow", "stamp", "background"]
PARTS: tuple[Part, ...] = ("object", "distractor", "shadow", "stamp", "background")
DARKER = 0.05  # share of its light that a place loses at least where it counts as lying in a shadow


@dataclass(frozen=True)
class Change:
    """What is different about one part: it is left out, moved, or another one stands in its place.

    ``shift`` is (to the right, downwards), in shares of the picture's side. What stands ``instead``: another class for
    the two objects; for the shadow the direction in which it falls, in degrees (0 to the right, 90 downwards); for the
    stamp its four digits as a number; for the background the ground of ``backdrop(instead)``. An object takes the
    shadow that it casts along and away. A distractor or stamp that the scene does not have is added by ``instead``.
    """

    remove: bool = False
    shift: tuple[float, float] = (0.0, 0.0)
    instead: str | int | None = None


AS_IT_IS = Change()


@dataclass(frozen=True)
class Changes:
    """One :class:`Change` for each part of a scene; by default none of them changes anything.

    Removed parts show what lies behind them. The background has nothing behind it: removed, it becomes a plain surface
    of its own mean colour. What belongs to no part stays as it was: the light on the objects, its fall-off over the
    picture, its colour, the blur of the lens and the noise. Only the blur mixes neighbouring pixels: close to a changed
    part, within some three pixels, others change with it.

    Raises ValueError for a shift that is not finite, and for what cannot stand in a part's place.
    """

    object: Change = AS_IT_IS
    distractor: Change = AS_IT_IS
    shadow: Change = AS_IT_IS
    stamp: Change = AS_IT_IS
    background: Change = AS_IT_IS

    def __post_init__(self) -> None:
        for field in fields(self):
            change: Change = getattr(self, field.name)
            if not all(math.isfinite(share) for share in change.shift):
                raise ValueError(f"the {field.name}'s shift is {change.shift}; accepted: two finite numbers.")
            if change.instead is None:
                continue
            if field.name in ("object", "distractor"):
                fits, wanted = isinstance(change.instead, str), "a class"
            else:
                fits, wanted = isinstance(change.instead, int) and change.instead >= 0, "a whole number from 0 on"
            if not fits:
                raise ValueError(f"what stands in the {field.name}'s place is {change.instead!r}; accepted: {wanted}.")


UNCHANGED = Changes()


def without(*parts: Part) -> Changes:
    """The changes that leave these parts out."""
    return Changes(**dict.fromkeys(parts, Change(remove=True)))


def regions(made: Scene) -> dict[Part, NDArray[np.bool_]]:
    """Where each part of the scene is seen, bool (H,W); a part that is not there, or hidden, is not among them.

    An object's region holds the shadow that it casts, since it takes that along; so ``shadow``, which is the shadow of
    the labelled object, lies within ``object``. All the others have no pixel in common, and together they are the
    picture: what belongs to no other part is background.
    """
    nowhere = np.zeros(made.mask.shape, bool)
    stamp = nowhere.copy()
    if made.mark_box is not None:
        left, top, right, bottom = made.mark_box
        stamp[top:bottom, left:right] = True
    second = nowhere if made.distractor_mask is None else made.distractor_mask
    second = second | (nowhere if made.distractor_shadow is None else made.distractor_shadow)
    shadow = nowhere if made.shadow is None else made.shadow
    found: dict[Part, NDArray[np.bool_]] = {
        "object": (made.mask | shadow) & ~stamp,
        "shadow": shadow & ~made.mask & ~stamp,
        "stamp": stamp,
    }
    found["distractor"] = second & ~found["object"] & ~stamp
    found["background"] = ~(found["object"] | found["distractor"] | stamp)
    return {part: found[part] for part in PARTS if found[part].any()}


def reflected(canvas: NDArray, across: int, down: int) -> NDArray:
    """The canvas (H,W,...) moved by whole pixels; what comes in at an edge mirrors what was there."""
    rows, columns = (
        _mirror(np.arange(side) - by, side) for side, by in zip(canvas.shape[:2], (down, across), strict=True)
    )
    return canvas[rows[:, None], columns[None, :]]


def _mirror(places: NDArray[np.int_], side: int) -> NDArray[np.int_]:
    """Places on a line continued by its mirror images, in [0, side)."""
    folded = places % (2 * side)
    return np.minimum(folded, 2 * side - 1 - folded)
