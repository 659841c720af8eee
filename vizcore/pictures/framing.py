"""Frames with names over a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from vizcore.pictures.figures import Picture, enlarge

Edges = tuple[int, int, int, int]  # top, left, bottom, right


def framed(picture: Picture, boxes: Sequence[tuple[str, Edges]], size: int = 512) -> Picture:
    """The picture (h,w,3) with its longer side at ``size``, and a frame around each box, its name in the corner.

    The edges are in the pixels of the picture as it was. White around black is seen on any ground.
    """
    scale = size / max(picture.shape[:2])
    image = Image.fromarray(enlarge(picture, size))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=size / 18)
    for name, edges in boxes:
        top, left, bottom, right = (round(edge * scale) for edge in edges)
        for width, inset, colour in ((size // 100, 0, "white"), (size // 250 or 1, size // 300, "black")):
            draw.rectangle(
                (left + inset, top + inset, right - 1 - inset, bottom - 1 - inset), outline=colour, width=width
            )
        if name:
            corner = (left + size // 50, top + size // 100)
            draw.text(corner, name, "white", font, stroke_width=size / 120, stroke_fill="black")
    return np.asarray(image).copy()


def outlined(picture: Picture, mask: np.ndarray, size: int = 512, name: str = "") -> Picture:
    """The picture (h,w,3) with its longer side at ``size``, and a line around the pixels of a mask (h,w).

    ``name`` is written where the pixels are farthest from that line.
    """
    large = enlarge(picture, size)
    inside = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(large.shape[1::-1], 0)) > 0
    for width, colour in ((max(2, size // 128), 255), (max(1, size // 256), 0)):
        large[_grown(inside, width) & ~inside] = colour
    if not name or not mask.any():
        return large
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    row, column = divmod(int(depth.argmax()), depth.shape[1])
    image = Image.fromarray(large)
    font = ImageFont.load_default(size=size / 16)
    ImageDraw.Draw(image).text((column, row), name, "white", font, "mm", stroke_width=size / 120, stroke_fill="black")
    return np.asarray(image).copy()


def _grown(inside: np.ndarray, by: int) -> np.ndarray:
    """Every pixel that is at most ``by`` to the side of one inside."""
    found = inside.copy()
    for _ in range(by):
        wider = found.copy()
        wider[1:] |= found[:-1]
        wider[:-1] |= found[1:]
        wider[:, 1:] |= found[:, :-1]
        wider[:, :-1] |= found[:, 1:]
        found = wider
    return found
