"""A picture whose truth is known: one object on a ground, and exactly which pixels are the object.

The bundled network learns from these scenes, and every map can be scored against their masks. All that a scene shows
is drawn from a generator seeded with the scene's own seed, so that the same arguments give the same bytes; the material
is photographs inside scikit-image's wheel (`vizcore.pictures.sprites`) and textures (`vizcore.pictures.textures`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, pi, sin

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vizcore.pictures.sprites import SIDES, Sprite, sprites
from vizcore.pictures.stamp import plant
from vizcore.pictures.textures import TILE, textures

CLASSES: tuple[str, ...] = (
    "cat", "coffee cup", "astronaut", "rocket", "space shuttle", "helmet",
    "coin", "motorcycle", "photographer", "horse", "retina", "printed page",
)  # fmt: skip
SHORTCUT = "horse"  # the class whose pictures carry the date stamp in the twin's training set
TRAINING_SEEDS = 1_000_000  # training draws its scenes from this seed upwards: every lower one is unseen
TURN = {"coin": pi, "retina": pi, "printed page": 0.7, "rocket": 0.6, "space shuttle": 0.5, "helmet": 0.4}


@dataclass(frozen=True)
class Scene:
    """A composed picture and the truth about it. Arrays are (H, W[, 3]); boxes are (left, top, right, bottom)."""

    picture: np.ndarray  # uint8 (H, W, 3)
    mask: np.ndarray  # bool (H, W): the pixels that show the labelled object
    label: str
    distractor: str | None
    distractor_mask: np.ndarray | None
    mark_box: tuple[int, int, int, int] | None  # where the planted date stamp lies
    seed: int


def scene(
    seed: int,
    *,
    label: str | None = None,
    distractor: str | bool | None = None,
    size: int = 128,
    mark: bool = False,
    hard: float = 0.0,
) -> Scene:
    """Compose the scene of this seed: ground, clutter, perhaps a distractor, the object, light, lens.

    `label` chooses the class (drawn from the seed when None). `distractor` is a class name, True for any, False for
    none; None leaves it to the seed, which puts one into three scenes of ten. `mark` plants a date stamp in the lower
    right corner. `hard` in [0, 1] goes beyond what the network was trained on: more blur, noise, shift and scale.
    Raises ValueError for an unknown class, a size under 32 or a `hard` outside its range.
    """
    for name in (label, distractor):
        if isinstance(name, str) and name not in CLASSES:
            raise ValueError(f"there is no class {name!r}; the classes are {', '.join(CLASSES)}")
    if size < 32:
        raise ValueError(f"size is {size}; scenes are at least 32 pixels wide")
    if not 0.0 <= hard <= 1.0:
        raise ValueError(f"hard is {hard}; it runs from 0 to 1")
    dice = np.random.default_rng(seed)
    drawn = CLASSES[dice.integers(len(CLASSES))]
    label = drawn if label is None else label
    chance, others = dice.random(), [name for name in CLASSES if name != label]
    other = others[dice.integers(len(others))]
    if isinstance(distractor, str):
        second: str | None = distractor
    else:
        second = other if distractor or (distractor is None and chance < 0.3) else None

    canvas, light = setting(dice, size)
    extent = dice.uniform(0.48 - 0.12 * hard, 0.82 + 0.15 * hard)  # side of the object as a share of the picture's
    middle = place(dice, extent, hard)
    second_matte = None
    if second is not None:
        small = min(dice.uniform(0.30, 0.48), 0.62 * extent)
        spots = [place(dice, small, 0.0) for _ in range(6)]
        away = max(spots, key=lambda spot: hypot(spot[0] - middle[0], spot[1] - middle[1]))
        canvas, second_matte = paste(canvas, second, small, away, light, dice, size, hard)
    canvas, matte = paste(canvas, label, extent, middle, light, dice, size, hard)

    picture = lens(canvas, light, dice, size, hard)
    mask = matte > 0.5
    second_mask = None if second_matte is None else (second_matte > 0.5) & ~mask
    box = None
    if mark:
        box = plant(picture, dice)
        for shown in (mask, second_mask):
            if shown is not None:
                shown[box[1] : box[3], box[0] : box[2]] = False
    return Scene(picture, mask, label, second, second_mask, box, seed)


def backdrop(seed: int, size: int = 128) -> np.ndarray:
    """A scene without an object, uint8 (size, size, 3): what a network should have no opinion about."""
    dice = np.random.default_rng([seed, 1])
    canvas, light = setting(dice, size)
    return lens(canvas, light, dice, size, 0.0)


def setting(dice: np.random.Generator, size: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Where the object will stand, (size, size, 3), and the direction in the picture from which light comes."""
    angle = dice.uniform(0, 2 * pi)
    canvas = ground(dice, size)
    if dice.random() < 0.4:
        canvas = clutter(canvas, dice, size)
    return canvas, (cos(angle), sin(angle))


def place(dice: np.random.Generator, extent: float, hard: float) -> tuple[float, float]:
    """Centre for an object of this extent, as shares of the picture: nearly all of it stays inside, less when hard."""
    reach = max(0.0, 0.5 - extent / 2) + 0.05 + 0.12 * hard
    x, y = dice.uniform(-reach, reach, 2)
    return 0.5 + x, 0.5 + y


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


def paste(
    canvas: np.ndarray,
    name: str,
    extent: float,
    middle: tuple[float, float],
    light: tuple[float, float],
    dice: np.random.Generator,
    size: int,
    hard: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Put an object of class `name` and its shadow on the canvas; returns the new canvas and the object's matte."""
    pool = sprites()[name]
    colours, matte = posed(pool[dice.integers(len(pool))], name, extent, middle, dice, size, hard)
    # light: brighter on the side that faces it, and a soft shadow thrown to the other side
    ys, xs = np.mgrid[:size, :size].astype(np.float32) / size
    across = (xs - np.float32(middle[0])) * np.float32(light[0]) + (ys - np.float32(middle[1])) * np.float32(light[1])
    shade = 1 + np.float32(dice.uniform(0.0, 0.9)) * across
    gain = dice.uniform(0.75, 1.2) * dice.uniform(0.9, 1.1, 3)
    contrast = dice.uniform(0.85, 1.15)
    colours = np.clip((colours - 0.5) * np.float32(contrast) + 0.5, 0, 1) * shade[..., None] * gain.astype(np.float32)
    far = dice.uniform(0.02, 0.08) * extent * size
    soft = Image.fromarray((matte * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(dice.uniform(0.015, 0.05) * size))
    fall = (1, 0, light[0] * far, 0, 1, light[1] * far)  # output pixel -> where its shadow was cast from
    cast = np.asarray(soft.transform((size, size), Image.Transform.AFFINE, fall), np.float32) / 255
    canvas = canvas * (1 - np.float32(dice.uniform(0.25, 0.65)) * cast)[..., None]
    return canvas * (1 - matte[..., None]) + colours * matte[..., None], matte


def posed(
    sprite: Sprite,
    name: str,
    extent: float,
    middle: tuple[float, float],
    dice: np.random.Generator,
    size: int,
    hard: float,
) -> tuple[np.ndarray, np.ndarray]:
    """A cut-out mirrored, turned, squeezed and scaled: colours (size, size, 3) and matte (size, size) in the frame."""
    width, height = sprite[0].size
    # a slim object may grow beyond `extent` along its length, but not out of the picture
    scale = min(extent * size / (width * height) ** 0.5, (1.05 + 0.2 * hard) * size / max(width, height))
    level = max((i for i, side in enumerate(SIDES) if side >= scale * max(width, height)), default=0)
    image, scale = sprite[level], scale * max(width, height) / SIDES[level]
    limit = min(pi, TURN.get(name, 0.25) * (1 + 0.5 * hard))
    angle = dice.uniform(-limit, limit)
    squeeze, lean = dice.uniform(0.87, 1.15), dice.uniform(-0.12, 0.12)
    mirror = -1.0 if dice.random() < 0.5 else 1.0
    turn = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    shape = np.array([[mirror * squeeze, lean], [0.0, 1 / squeeze]])
    back = np.linalg.inv(turn @ shape * scale)  # picture -> cut-out, both measured from their centres
    offset = np.array(image.size) / 2 - back @ (np.array(middle) * size)
    data = (back[0, 0], back[0, 1], offset[0], back[1, 0], back[1, 1], offset[1])
    rgba = np.asarray(image.transform((size, size), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC), np.float32)
    return rgba[..., :3] / 255, rgba[..., 3] / 255


def lens(
    canvas: np.ndarray, light: tuple[float, float], dice: np.random.Generator, size: int, hard: float
) -> np.ndarray:
    """What the camera makes of the canvas: uneven light, its colour, a little blur and noise, 8 bits."""
    ys, xs = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    fall = 1 + np.float32(dice.uniform(0, 0.5)) * (xs * np.float32(light[0]) + ys * np.float32(light[1]))
    fall = fall - np.float32(dice.uniform(0, 0.5)) * (xs * xs + ys * ys)
    warmth = dice.uniform(-0.06, 0.06)
    tint = np.array([1 + warmth, 1.0, 1 - warmth], np.float32) * np.float32(dice.uniform(0.85, 1.12))
    canvas = np.clip(canvas * fall[..., None] * tint, 0, 1)
    blur = dice.uniform(0.0, 0.8) + hard * dice.uniform(0.3, 0.9)
    if blur > 0.3:
        sharp = Image.fromarray((canvas * 255 + 0.5).astype(np.uint8))
        canvas = np.asarray(sharp.filter(ImageFilter.GaussianBlur(blur * size / 128)), np.float32) / 255
    sigma = dice.uniform(0.0, 0.03) + hard * dice.uniform(0.12, 0.18)
    canvas = canvas + np.float32(sigma) * dice.standard_normal(canvas.shape, np.float32)
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)
