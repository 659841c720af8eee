"""What lies behind the object of a scene: one texture or a wall above a floor, and clutter of no class upon it."""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi, sin
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vizcore.pictures.textures import TILE, textures


def ground(dice: np.random.Generator, size: int) -> np.ndarray:
    """What lies behind everything, float32 (size, size, 3): one texture, or a wall above a floor."""
    back = surface(dice, size)
    if dice.random() < 0.35:
        front = surface(dice, size)
        ys, xs = np.mgrid[:size, :size].astype(np.float32) / size
        below = ys - dice.uniform(0.35, 0.75) - dice.uniform(-0.25, 0.25) * (xs - 0.5)
        edge = np.clip(below * size / 2 + 0.5, 0, 1)[..., None]
        crease = 1 - 0.45 * np.exp(-np.abs(below) * dice.uniform(6, 25))[..., None]  # corners get less light
        back = (back * (1 - edge) + front * edge) * crease
    return back


def surface(dice: np.random.Generator, size: int) -> np.ndarray:
    """A random crop, turned, scaled and tinted, of a random texture, float32 (size, size, 3) in [0, 1]."""
    pool = textures()
    tile = pool[dice.integers(len(pool))]
    zoom = dice.uniform(0.6, 1.4) * 128 / size
    angle = dice.uniform(0, 2 * pi) if dice.random() < 0.7 else 0.0
    a, b = zoom * cos(angle), zoom * sin(angle)
    x, y = dice.uniform(TILE / 2, TILE * 1.5, 2)
    shift = (x - (a + b) * size / 2, y - (a - b) * size / 2)
    part = tile.transform(
        (size, size), Image.Transform.AFFINE, (a, b, shift[0], -b, a, shift[1]), Image.Resampling.BILINEAR
    )
    colours = np.asarray(part, np.float32) / 255
    grey = colours.mean(-1, keepdims=True)
    colours = grey + (colours - grey) * np.float32(dice.uniform(0.4, 1.2))
    gain, lift = dice.uniform(0.75, 1.2, 3) * dice.uniform(0.6, 1.1), dice.uniform(0.0, 0.15)
    return np.clip(colours * gain.astype(np.float32) + np.float32(lift), 0, 1)


def clutter(canvas: np.ndarray, dice: np.random.Generator, size: int) -> np.ndarray:
    """Lay one to three textured shapes of no class over the ground, so that not everything in front is an object."""
    for _ in range(dice.integers(1, 4)):
        cover = Image.new("L", (size, size))
        x, y = dice.uniform(0, size, 2)
        radii = dice.uniform(0.08, 0.3) * size * dice.uniform(0.5, 1.0, 7)
        angles = np.sort(dice.uniform(0, 2 * pi, 7))
        corners = [(x + r * cos(t), y + r * sin(t)) for r, t in zip(radii, angles, strict=True)]
        if dice.random() < 0.5:
            ImageDraw.Draw(cover).polygon(corners, fill=255)
        else:
            ImageDraw.Draw(cover).ellipse((x - radii[0], y - radii[1], x + radii[0], y + radii[1]), fill=255)
        share = np.asarray(cover.filter(ImageFilter.GaussianBlur(0.8 * size / 128)), np.float32)[..., None] / 255
        canvas = canvas * (1 - share) + surface(dice, size) * share
    return canvas


def setting(dice: np.random.Generator, size: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Where the object will stand, (size, size, 3), and the direction in the picture from which light comes."""
    angle = dice.uniform(0, 2 * pi)
    canvas = ground(dice, size)
    if dice.random() < 0.4:
        canvas = clutter(canvas, dice, size)
    return canvas, (cos(angle), sin(angle))


def remembered_setting(dice: np.random.Generator, size: int) -> tuple[np.ndarray, tuple[float, float]]:
    """As :func:`setting`, drawn once for the last scenes: a scene is mostly drawn again with something else changed."""
    before = dice.bit_generator.state
    numbers = before["state"]
    known = (before["bit_generator"], numbers["state"], numbers["inc"], before["has_uint32"], before["uinteger"])
    canvas, light, dice.bit_generator.state = _setting(size, *known)
    return canvas, light


@lru_cache(maxsize=16)
def _setting(
    size: int, kind: str, state: int, inc: int, has_uint32: int, uinteger: int
) -> tuple[np.ndarray, tuple[float, float], Any]:
    dice = np.random.default_rng()
    numbers = {"state": state, "inc": inc}
    dice.bit_generator.state = {
        "bit_generator": kind, "state": numbers, "has_uint32": has_uint32, "uinteger": uinteger
    }  # fmt: skip
    canvas, light = setting(dice, size)
    canvas.setflags(write=False)  # everybody gets this one
    return canvas, light, dice.bit_generator.state
