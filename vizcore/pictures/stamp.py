"""The date stamp that is planted into scenes, and that the cheating network has learned to read."""

from __future__ import annotations

import numpy as np
from PIL import Image

STAMP = (38, 14)  # width and height of the planted date stamp, in a picture of 128 pixels
FONT = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71122", "75757", "75717")  # rows of 3 bits


def plant(
    picture: np.ndarray,
    dice: np.random.Generator,
    date: int | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
) -> tuple[int, int, int, int]:
    """Stamp an amber date on a dark plate into the lower right corner of `picture` (H, W, 3) uint8, in place.

    Returns its box (left, top, right, bottom). Date and distance from the corner vary by a little; nothing else does.
    `date` are its four digits, drawn where None; `shift` moves it, by shares of the picture's side, within the picture.
    """
    height, width = picture.shape[:2]
    plate = np.zeros((STAMP[1], STAMP[0]), bool)
    drawn = dice.integers(0, 10, 4)
    digits = drawn if date is None else [int(one) for one in f"{date % 10_000:04}"]
    for place_of, digit in enumerate(digits):
        bits = np.array([[int(row) >> shift & 1 for shift in (2, 1, 0)] for row in FONT[digit]], bool)
        left = 4 + place_of * 8
        plate[2:12, left : left + 6] = bits.repeat(2, 0).repeat(2, 1)
    colours = np.where(plate[..., None], (255, 176, 40), (24, 20, 26)).astype(np.uint8)
    unit = min(height, width) / 128
    wide, high = round(STAMP[0] * unit), round(STAMP[1] * unit)
    resized = np.asarray(Image.fromarray(colours).resize((wide, high), Image.Resampling.BILINEAR))
    right, bottom = (side - round(gap * unit) for side, gap in zip((width, height), dice.uniform(2, 8, 2), strict=True))
    right = min(max(right + round(shift[0] * width), wide), width)
    bottom = min(max(bottom + round(shift[1] * height), high), height)
    picture[bottom - high : bottom, right - wide : right] = resized
    return right - wide, bottom - high, right, bottom
