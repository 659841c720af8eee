"""The colours of every map and chart, chosen by lightness, chroma and hue in a perceptual space.

The space is OKLab (B. Ottosson, "A perceptual color space for image processing", 2020): equal distances look equally
different. Both ramps have steps of equal length in it, so that twice the value looks twice as far from zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(rgb: ArrayLike) -> NDArray[np.float64]:
    """sRGB (..., 3) in [0,1] to OKLab (..., 3): lightness in [0,1], green to red, blue to yellow."""
    c = np.asarray(rgb, dtype=np.float64)
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T)


def srgb(lab: ArrayLike) -> NDArray[np.float64]:
    """OKLab (..., 3) to sRGB (..., 3), clipped to [0,1]."""
    cones = (np.asarray(lab, dtype=np.float64) @ np.linalg.inv(_TO_LAB).T) ** 3
    linear = np.clip(cones @ np.linalg.inv(_TO_CONES).T, 0.0, 1.0)
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def _ramp(steps: int, *anchors: tuple[float, float, float]) -> NDArray[np.float64]:
    """(steps, 3) sRGB through ``anchors`` (lightness, chroma, hue in degrees), in steps of equal length in OKLab."""
    lightness, chroma, hue = (np.array(column) for column in zip(*anchors, strict=True))
    points = np.stack([lightness, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))], axis=1)
    # Straight pieces: a smooth curve through the anchors would swing out of the colours that a screen can show.
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0.0, length[-1], steps)
    return srgb(np.stack([np.interp(at, length, points[:, channel]) for channel in range(3)], axis=1))


def _bytes(rgb: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(rgb * 255).astype(np.uint8)


# Zero to the limit: black, violet, red, orange, pale yellow; lightness rises all the way, so it reads in grey as well.
SEQUENTIAL: NDArray[np.uint8] = _bytes(
    _ramp(
        1025,
        (0.10, 0.02, 285),
        (0.22, 0.09, 292),
        (0.36, 0.15, 315),
        (0.48, 0.17, 350),
        (0.59, 0.18, 20),
        (0.70, 0.17, 50),
        (0.81, 0.15, 75),
        (0.90, 0.12, 95),
        (0.97, 0.06, 105),
    )
)
# Minus the limit to plus the limit: blue, a neutral light grey at zero, orange. Blue and orange stay apart for every
# common kind of colour blindness, and both arms have the same lightness, so that neither sign looks stronger.
_ARM = ((0.95, 0.0), (0.85, 0.075), (0.74, 0.125), (0.62, 0.165), (0.52, 0.147))
_NEGATIVE, _POSITIVE = (_ramp(513, *((light, c, hue) for light, c in _ARM)) for hue in (258.0, 46.0))
DIVERGING: NDArray[np.uint8] = _bytes(np.concatenate([_NEGATIVE[:0:-1], _POSITIVE]))
MISSING = np.array([128, 128, 128], dtype=np.uint8)  # where a value is not a number

# Lines, bars and points: at least 3 : 1 against white and against the dark theme's background alike.
CATEGORICAL = ("#3280dd", "#cb5a1a", "#01976d", "#9d60c6", "#cc4f6a", "#868604")
INK = "#797f8c"  # text where the page's theme does not choose; 4 : 1 against both backgrounds
GRID = "rgba(128, 128, 128, 0.25)"
SHADE = "rgba(128, 128, 128, 0.3)"  # the band that chance leaves
OUTLINE = (255, 225, 60)  # borders drawn on a photograph
