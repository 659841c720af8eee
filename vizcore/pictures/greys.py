"""Greys of more than 8 bits as 8 bits: which value is black and which is white, since no file says it."""

from __future__ import annotations

import numpy as np
from PIL import Image

_SCALES = (1.0, 255.0, 65535.0)  # what greys are usually stored in, however wide the numbers are
_FAR = 4  # a picture at most so bright has a narrower scale: the 12 or 14 bits of a camera, counts, millimetres


def eight_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    """255 (v - black) / (white - black) of the greys v (H,W), in whole numbers; Pillow alone would clip them to white.

    ``image`` has Pillow's mode I;16 (16 bits), I (32 bits) or F (floating point). Values that are not finite become
    black. Says in ``notes`` what was done.
    """
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint16, copy=False)
        _, white = _ends(int(deep.min()), int(deep.max()), True)
        full = white == 65535
        notes.append("Its 16-bit greys were scaled to 8 bits." if full else _scaled(0.0, white))
        table = (np.arange(65536).clip(0, int(white)) * 255 / white).round().astype(np.uint8)
        return Image.fromarray(table[deep])  # (H,W)
    real = np.asarray(image, dtype=np.float64)
    finite = np.isfinite(real)
    there = bool(finite.any())
    low = float(real.min(where=finite, initial=np.inf)) if there else 0.0
    high = float(real.max(where=finite, initial=-np.inf)) if there else 0.0
    black, white = _ends(low, high, image.mode == "I")
    notes.append(_scaled(black, white))
    if not finite.all():
        notes.append("Places without a number (NaN or infinite) are shown in black.")
        real = np.where(finite, real, black)
    share = (real - black) / ((white - black) or 1.0)
    return Image.fromarray((share.clip(0, 1) * 255).round().astype(np.uint8))


def _ends(low: float, high: float, whole: bool) -> tuple[float, float]:
    """The values that are shown black and white, for greys from ``low`` to ``high``; ``whole``: of an integer type.

    Black is 0 and white the end of the smallest usual scale that holds them, or their own highest value where that is
    at most a quarter of it. The same values thus look the same, whatever type they are stored in; but whole numbers up
    to 255 are 8-bit greys as they stand. Greys below 0 or beyond 16 bits go from their lowest value to their highest.
    """
    full = next((one for one in (_SCALES[1:] if whole else _SCALES) if high <= one), None)
    if low < 0 or full is None:
        return low, high
    if 0 < high <= full / _FAR and not (whole and full == 255):
        return 0.0, high
    return 0.0, full


def _scaled(black: float, white: float) -> str:
    if black == 0 and white in _SCALES:
        return f"Its greys were scaled to 8 bits, with {white:g} as white."
    return f"Its greys from {black:g} to {white:g} were stretched over the whole range from black to white."
