"""Results that show themselves in a notebook: the pictures of the dashboard, as PNG."""

from __future__ import annotations

import io

from numpy.typing import ArrayLike
from PIL import Image

from vizcore.pictures import figures
from vizcore.pictures.figures import Picture

SIDE = 384  # pixels of the longer side


def png(picture: Picture) -> bytes:
    """A picture (h,w,3) of bytes as a PNG whose longer side has ``SIDE`` pixels, single pixels as squares."""
    buffer = io.BytesIO()
    Image.fromarray(figures.enlarge(picture, SIDE)).save(buffer, "PNG")
    return buffer.getvalue()


def signed(heat: ArrayLike) -> bytes:
    """A signed map (H,W) in the colours of the dashboard: orange above zero, blue below."""
    return png(figures.signed_colours(heat))


def unsigned(heat: ArrayLike) -> bytes:
    """A map (H,W) of values from 0 on: the brighter, the larger."""
    return png(figures.unsigned_colours(heat))
