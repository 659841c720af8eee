"""The objects of the scenes: photographs that ship inside scikit-image's wheel, cut out along hand-placed outlines.

Every outline is given in the pixels of its photograph as (x, y) corners. Only the motorcycle's matte is not drawn by
hand: its spokes and levers come from the disparity map that accompanies the picture, as everything that stands nearer
to the camera than the floor beneath it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import skimage
from PIL import Image, ImageDraw
from scipy import ndimage

from vizcore.pictures.outlines import (
    ASTRONAUT,
    ASTRONAUT_HEAD,
    BIKE_HULL,
    CAT_BROW,
    CAT_FACE,
    CUP,
    HELMET,
    PHOTOGRAPHER,
    ROCKET,
    SAUCER,
    SHUTTLE,
    Corners,
)

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"  # read as files: skimage.data's own loaders may go to the network
SIDES = (256, 128, 64)  # a sprite is kept at these lengths of its longer side, so that shrinking never aliases

Sprite = tuple[Image.Image, ...]  # the same RGBA cut-out at each of SIDES


def photograph(name: str) -> np.ndarray:
    """One of the wheel's pictures as float32 (H, W, 3) in [0, 1]; grey ones repeat their one channel."""
    with Image.open(PHOTOGRAPHS / name) as picture:
        return np.asarray(picture.convert("RGB"), np.float32) / 255


def outline(shape: tuple[int, ...], corners: Corners, soften: float = 1.0, open_edge: float = 14.0) -> np.ndarray:
    """Matte (H, W) in [0, 1] of a polygon with soft edges.

    Where the polygon runs off the photograph the object was cropped by the camera; there the matte fades over
    `open_edge` pixels instead of ending in a ruler-straight cut.
    """
    height, width = shape[:2]
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).polygon([(float(x), float(y)) for x, y in corners], fill=255)
    matte = ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255, soften)
    xs, ys = np.arange(width), np.arange(height)
    if min(y for _, y in corners) < 0:
        matte = matte * np.clip(ys / open_edge, 0, 1)[:, None]
    if max(y for _, y in corners) > height:
        matte = matte * np.clip((height - 1 - ys) / open_edge, 0, 1)[:, None]
    if min(x for x, _ in corners) < 0:
        matte = matte * np.clip(xs / open_edge, 0, 1)[None, :]
    return matte.astype(np.float32)


def cut(picture: np.ndarray, matte: np.ndarray, stretch: float = 1.0) -> Sprite:
    """The picture within its matte, cropped tight, `stretch` times as wide, as RGBA at each of SIDES."""
    rows, columns = np.where(matte.max(1) > 0.02)[0], np.where(matte.max(0) > 0.02)[0]
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    rgba = np.dstack([np.clip(picture[window], 0, 1), matte[window]])
    image = Image.fromarray((rgba * 255 + 0.5).astype(np.uint8), "RGBA")
    width, height = image.width * stretch, image.height
    sprite = []
    for side in SIDES:
        scale = side / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        sprite.append(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    return tuple(sprite)


def fade_below(matte: np.ndarray, row: int, over: int) -> np.ndarray:
    """The matte running out to nothing over the `over` pixels above `row`: a bust instead of a whole figure."""
    return matte * np.clip((row - np.arange(len(matte))) / over, 0, 1)[:, None]


def coins() -> list[Sprite]:
    """The two dozen coins of the tray, each fitted with an ellipse and tinted silver, gold, copper or bronze."""
    tray = photograph("coins.png")
    grey = ndimage.gaussian_filter(tray[..., 0], 1.5)
    ground = ndimage.minimum_filter(ndimage.gaussian_filter(grey, 6), 61)
    labels, count = ndimage.label(ndimage.binary_fill_holes(ndimage.binary_opening(grey > ground + 0.2, iterations=3)))
    tints = ((0.98, 0.99, 1.02), (1.15, 0.92, 0.50), (1.12, 0.74, 0.52), (0.92, 0.82, 0.58))
    ys, xs = np.mgrid[: grey.shape[0], : grey.shape[1]]
    sprites: list[Sprite] = []
    for number in range(1, count + 1):
        spot = labels == number
        if not 900 < spot.sum() < 4500:
            continue
        (y0, y1), (x0, x1) = (np.percentile(np.where(spot)[axis], (0.5, 99.5)) for axis in (0, 1))
        if not 0.75 < (x1 - x0) / (y1 - y0) < 1.33:
            continue
        radius = np.hypot((xs - (x0 + x1) / 2) / ((x1 - x0) / 2 + 0.5), (ys - (y0 + y1) / 2) / ((y1 - y0) / 2 + 0.5))
        matte = np.clip((1.0 - radius) * 12 + 0.5, 0, 1).astype(np.float32)
        bright = np.clip((tray - 0.25) * 1.5 + 0.15, 0, 1)
        sprites.append(cut(bright * np.array(tints[len(sprites) % 4], np.float32), matte))
    return sprites


def motorcycles() -> list[Sprite]:
    """The motorcycle whole from both eyes of the stereo camera, and its front and rear halves."""
    left, right = photograph("motorcycle_left.png"), photograph("motorcycle_right.png")
    with np.load(PHOTOGRAPHS / "motorcycle_disp.npz") as archive:
        disparity = archive["arr_0"].astype(np.float32)
    height, width = disparity.shape
    known = np.isfinite(disparity)
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    disparity = disparity[tuple(nearest)]
    rows = np.arange(260, height)
    slope, start = np.polyfit(rows, np.median(disparity[260:, np.r_[0:60, 700:width]], axis=1), 1)
    floor = slope * np.arange(height) + start  # the concrete is a plane, so its disparity is linear in the row
    near = (disparity > np.maximum(floor + 1.2, 36)[:, None]) & (outline(left.shape, BIKE_HULL) > 0.5)
    near = ndimage.binary_closing(ndimage.median_filter(near, 3), iterations=1)
    matte = ndimage.gaussian_filter(near.astype(np.float32), 0.8)

    other = np.zeros_like(near)  # the same points as the right eye sees them: disparity pixels further left
    ys, xs = np.where(near)
    other[ys, np.clip(np.round(xs - disparity[ys, xs]).astype(int), 0, width - 1)] = True
    other = ndimage.median_filter(ndimage.binary_closing(other, iterations=2), 3)
    seen = ndimage.gaussian_filter(other.astype(np.float32), 0.8)

    xs = np.arange(width)
    front = matte * np.clip((xs - 385) / 25, 0, 1)
    rear = matte * np.clip((400 - xs) / 25, 0, 1)
    return [cut(left, matte), cut(right, seen), cut(left, front), cut(left, rear)]


def horses() -> list[Sprite]:
    """The wheel's horse is a bare silhouette: it gets a coat of generated hair, and light as if it were round."""
    with Image.open(PHOTOGRAPHS / "horse.png") as picture:
        ink = np.asarray(picture.convert("RGBA"), np.float32) / 255
    matte = ndimage.gaussian_filter(1 - ink[..., :3].mean(-1) * ink[..., 3] - (1 - ink[..., 3]), 0.8)
    matte = np.clip(matte, 0, 1)
    height = np.sqrt(np.minimum(ndimage.distance_transform_edt(matte > 0.5), 60.0))
    height = ndimage.gaussian_filter(height, 3)
    dy, dx = np.gradient(height)
    light = np.clip((0.75 - 0.9 * dx * 0.6 - 0.9 * dy) / np.sqrt(1 + dx * dx + dy * dy), 0.15, 1.6)
    # coat, and the darker colour of mane, tail and legs
    coats = (
        ((0.55, 0.29, 0.14), (0.18, 0.10, 0.06), False), ((0.76, 0.72, 0.68), (0.45, 0.43, 0.43), False),
        ((0.22, 0.17, 0.15), (0.08, 0.07, 0.07), False), ((0.80, 0.62, 0.36), (0.92, 0.86, 0.74), False),
        ((0.47, 0.27, 0.16), (0.90, 0.87, 0.82), True), ((0.66, 0.38, 0.20), (0.40, 0.20, 0.10), False),
    )  # fmt: skip
    dice = np.random.default_rng(1872)
    edge = np.clip(ndimage.distance_transform_edt(matte > 0.5) / 14, 0, 1)[..., None]
    sprites = []
    for coat, dark, piebald in coats:
        hair = ndimage.gaussian_filter(dice.normal(size=matte.shape), (0.8, 4.0))
        patches = ndimage.gaussian_filter(dice.normal(size=matte.shape), 26)
        share = np.clip(patches / patches.std() * 6, 0, 1)[..., None] if piebald else 1 - (1 - edge) * 0.75
        colour = np.array(coat) * share + np.array(dark) * (1 - share)
        colour = colour * (light + 0.35 * hair / hair.std() * 0.3)[..., None]
        sprites.append(cut(colour.astype(np.float32), matte))
    return sprites


def pages() -> list[Sprite]:
    """The printed page whole and in parts, on white, cream and bluish paper."""
    sheet = photograph("page.png")
    paper = ndimage.gaussian_filter(ndimage.maximum_filter(sheet[..., 0], 9), 8)[..., None]
    flat = np.clip(sheet / paper, 0, 1) ** 1.3 * 0.94  # the scan darkens to one side; the scenes bring their own light
    tints = ((1.0, 1.0, 1.0), (1.0, 0.96, 0.84), (0.93, 0.97, 1.0), (0.97, 0.97, 0.95))
    windows = ((0, 191, 4, 380), (0, 150, 4, 200), (30, 190, 120, 300), (0, 120, 4, 150))
    sprites = []
    for (top, bottom, left, right), tint in zip(windows, tints, strict=True):
        part = np.pad(flat[top:bottom, left:right], ((10, 10), (10, 10), (0, 0)), constant_values=0.94)
        matte = np.pad(np.ones(np.array(part.shape[:2]) - 4, np.float32), 2)
        sprites.append(cut(part * np.array(tint, np.float32), ndimage.gaussian_filter(matte, 0.7)))
    return sprites


def retinas() -> list[Sprite]:
    """The eye's fundus as the camera's round field shows it, whole and as two smaller fields."""
    eye = photograph("retina.jpg")[::4, ::4]
    ys, xs = np.mgrid[: eye.shape[0], : eye.shape[1]]
    fields = ((175.5, 175, 170), (120, 170, 110), (215, 190, 120))
    return [cut(eye, np.clip(r - np.hypot(xs - x, ys - y), 0, 2).astype(np.float32) / 2) for x, y, r in fields]


@cache
def sprites() -> dict[str, list[Sprite]]:
    """Class name -> its cut-outs. About a second the first time, then kept."""
    cat, coffee, suit = photograph("chelsea.png"), photograph("coffee.png"), photograph("astronaut.png")
    pad, man = photograph("rocket.jpg"), photograph("camera.png")
    figure, operator = outline(suit.shape, ASTRONAUT), outline(man.shape, PHOTOGRAPHER)
    launcher = np.clip(pad * 1.5, 0, 1)  # photographed at dusk
    standing = outline(pad.shape, ROCKET, 0.7)
    return {
        "cat": [cut(cat, outline(cat.shape, CAT_FACE, 1.5)), cut(cat, outline(cat.shape, CAT_BROW, 3.0))],
        "coffee cup": [cut(coffee, outline(coffee.shape, SAUCER)), cut(coffee, outline(coffee.shape, CUP))],
        "astronaut": [
            cut(suit, figure),
            cut(suit, fade_below(figure, 410, 30)),
            cut(suit, outline(suit.shape, ASTRONAUT_HEAD)),
        ],
        "rocket": [
            cut(launcher, fade_below(standing, row, 6), stretch)
            for row, stretch in ((404, 2.2), (300, 1.7), (215, 1.2))
        ],
        "space shuttle": [
            cut(suit, outline(suit.shape, SHUTTLE)),
            cut(suit, fade_below(outline(suit.shape, SHUTTLE), 236, 6)),
        ],
        "helmet": [cut(suit, outline(suit.shape, HELMET)), cut(suit, fade_below(outline(suit.shape, HELMET), 480, 20))],
        "coin": coins(),
        "motorcycle": motorcycles(),
        "photographer": [
            cut(man, operator),
            cut(man, fade_below(operator, 400, 30)),
            cut(man, fade_below(operator, 290, 25)),
        ],
        "horse": horses(),
        "retina": retinas(),
        "printed page": pages(),
    }
