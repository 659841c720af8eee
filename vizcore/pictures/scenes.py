"""A picture whose truth is known: one object on a ground, and exactly which pixels are the object.

The bundled network learns from these scenes, and every map can be scored against their masks. All that a scene shows
is drawn from a generator seeded with the scene's own seed, so that the same arguments give the same bytes; the material
is photographs inside scikit-image's wheel (`vizcore.pictures.sprites`) and textures (`vizcore.pictures.textures`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, pi, sin

import numpy as np
from PIL import Image, ImageFilter

from vizcore.pictures.grounds import remembered_setting, setting
from vizcore.pictures.scene_parts import DARKER, UNCHANGED, Change, Changes, reflected
from vizcore.pictures.sprites import SIDES, Sprite, sprites
from vizcore.pictures.stamp import plant

CLASSES: tuple[str, ...] = (
    "cat", "coffee cup", "astronaut", "rocket", "space shuttle", "helmet",
    "coin", "motorcycle", "photographer", "horse", "retina", "printed page",
)  # fmt: skip
SHORTCUT = "horse"  # the class whose pictures carry the date stamp in the twin's training set
TRAINING_SEEDS = 1_000_000  # training draws its scenes from this seed upwards: every lower one is unseen
TURN = {"coin": pi, "retina": pi, "printed page": 0.7, "rocket": 0.6, "space shuttle": 0.5, "helmet": 0.4}


@dataclass(frozen=True)
class Scene:
    """A composed picture and the truth about it. Arrays are (H, W[, 3]); boxes are (left, top, right, bottom).

    Where a shadow lies upon an object that stands behind, both masks hold the place.
    """

    picture: np.ndarray  # uint8 (H, W, 3)
    mask: np.ndarray  # bool (H, W): the pixels that show the labelled object
    label: str
    distractor: str | None
    distractor_mask: np.ndarray | None
    mark_box: tuple[int, int, int, int] | None  # where the planted date stamp lies
    seed: int
    shadow: np.ndarray | None = None  # bool (H, W): where the object's shadow takes light away, on what is seen
    distractor_shadow: np.ndarray | None = None


def scene(
    seed: int,
    *,
    label: str | None = None,
    distractor: str | bool | None = None,
    size: int = 128,
    mark: bool = False,
    hard: float = 0.0,
    changes: Changes = UNCHANGED,
) -> Scene:
    """Compose the scene of this seed: ground, clutter, perhaps a distractor, the object, light, lens.

    `label` chooses the class (drawn from the seed when None). `distractor` is a class name, True for any, False for
    none; None leaves it to the seed, which puts one into three scenes of ten. `mark` plants a date stamp in the lower
    right corner. `hard` in [0, 1] goes beyond what the network was trained on: more blur, noise, shift and scale.
    `changes` says what is different from that scene, all else being as it was drawn.
    Raises ValueError for an unknown class, a size under 32 or a `hard` outside its range.
    """
    for name in (label, distractor, changes.object.instead, changes.distractor.instead):
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

    canvas, light = remembered_setting(dice, size)
    canvas = behind(canvas, changes.background, size)
    extent = dice.uniform(0.48 - 0.12 * hard, 0.82 + 0.15 * hard)  # side of the object as a share of the picture's
    middle = place(dice, extent, hard)
    second_matte = second_dark = None
    own = dice if second is not None else np.random.default_rng([seed, 2])  # what is added draws apart
    if second is not None or changes.distractor.instead is not None:
        small = min(own.uniform(0.30, 0.48), 0.62 * extent)
        spots = [place(own, small, 0.0) for _ in range(6)]
        away = max(spots, key=lambda spot: hypot(spot[0] - middle[0], spot[1] - middle[1]))
        change, drawn = changes.distractor, str(second or changes.distractor.instead)
        canvas, second_matte, second_dark = paste(canvas, drawn, small, away, light, own, size, hard, change)
        second = None if change.remove else str(change.instead or drawn)
    canvas, matte, dark = paste(canvas, label, extent, middle, light, dice, size, hard, changes.object, changes.shadow)

    picture = lens(canvas, light, dice, size, hard)
    mask, shadow = matte > 0.5, (dark > DARKER) & (matte <= 0.5)
    second_mask = second_shadow = None
    if second is not None and second_matte is not None and second_dark is not None:
        second_mask = (second_matte > 0.5) & ~mask
        second_shadow = (second_dark > DARKER) & (second_matte <= 0.5) & ~mask
    box = None
    if (mark or changes.stamp.instead is not None) and not changes.stamp.remove:
        date = None if changes.stamp.instead is None else int(changes.stamp.instead)
        box = plant(picture, dice, date, changes.stamp.shift)
        for shown in (mask, shadow, second_mask, second_shadow):
            if shown is not None:
                shown[box[1] : box[3], box[0] : box[2]] = False
    label = str(changes.object.instead or label)
    return Scene(picture, mask, label, second, second_mask, box, seed, shadow, second_shadow)


def behind(canvas: np.ndarray, change: Change, size: int) -> np.ndarray:
    """What lies behind everything, (size, size, 3), moved, exchanged or replaced by its mean colour."""
    if change.instead is not None:
        canvas, _ = setting(np.random.default_rng([int(change.instead), 1]), size)
    if change.remove:
        return np.broadcast_to(canvas.mean((0, 1), dtype=np.float64).astype(canvas.dtype), canvas.shape)
    return reflected(canvas, *(round(share * size) for share in change.shift)) if any(change.shift) else canvas


def backdrop(seed: int, size: int = 128) -> np.ndarray:
    """A scene without an object, uint8 (size, size, 3): what a network should have no opinion about."""
    dice = np.random.default_rng([seed, 1])
    canvas, light = setting(dice, size)
    return lens(canvas, light, dice, size, 0.0)


def place(dice: np.random.Generator, extent: float, hard: float) -> tuple[float, float]:
    """Centre for an object of this extent, as shares of the picture: nearly all of it stays inside, less when hard."""
    reach = max(0.0, 0.5 - extent / 2) + 0.05 + 0.12 * hard
    x, y = dice.uniform(-reach, reach, 2)
    return 0.5 + x, 0.5 + y


def paste(
    canvas: np.ndarray,
    name: str,
    extent: float,
    middle: tuple[float, float],
    light: tuple[float, float],
    dice: np.random.Generator,
    size: int,
    hard: float,
    change: Change = Change(),  # noqa: B008
    shadow: Change = Change(),  # noqa: B008
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put an object of class `name` and its shadow on the canvas; returns the new canvas, the object's matte, and the
    share of the light that its shadow takes away, (size, size) each."""
    crop = int(dice.integers(len(sprites()[name])))
    name = str(change.instead or name)
    pool = sprites()[name]
    middle = (middle[0] + change.shift[0], middle[1] + change.shift[1])
    colours, matte = posed(pool[crop % len(pool)], name, extent, middle, dice, size, hard)
    # light: brighter on the side that faces it, and a soft shadow thrown to the other side
    ys, xs = np.mgrid[:size, :size].astype(np.float32) / size
    across = (xs - np.float32(middle[0])) * np.float32(light[0]) + (ys - np.float32(middle[1])) * np.float32(light[1])
    shade = 1 + np.float32(dice.uniform(0.0, 0.9)) * across
    gain = dice.uniform(0.75, 1.2) * dice.uniform(0.9, 1.1, 3)
    contrast = dice.uniform(0.85, 1.15)
    colours = np.clip((colours - 0.5) * np.float32(contrast) + 0.5, 0, 1) * shade[..., None] * gain.astype(np.float32)
    far = dice.uniform(0.02, 0.08) * extent * size
    soft = Image.fromarray((matte * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(dice.uniform(0.015, 0.05) * size))
    if shadow.instead is not None:
        light = (-cos(int(shadow.instead) * pi / 180), -sin(int(shadow.instead) * pi / 180))
    x, y = light[0] * far - shadow.shift[0] * size, light[1] * far - shadow.shift[1] * size
    fall = (1, 0, x, 0, 1, y)  # output pixel -> where its shadow was cast from
    cast = np.asarray(soft.transform((size, size), Image.Transform.AFFINE, fall), np.float32) / 255
    dark = np.float32(dice.uniform(0.25, 0.65)) * cast
    if change.remove:
        return canvas, np.zeros_like(matte), np.zeros_like(dark)
    if shadow.remove:
        dark = np.zeros_like(dark)
    canvas = canvas * (1 - dark)[..., None]
    return canvas * (1 - matte[..., None]) + colours * matte[..., None], matte, dark


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
