"""The grounds of the scenes: natural textures from scikit-image's wheel and generated ones, none tied to a class."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .sprites import photograph

TILE = 256  # a texture's side; it is stored mirrored to twice that, so that any crop of one tile's length lies inside

# photograph, left, top, right, bottom: stretches without any of the twelve objects
STRETCHES = (
    ("brick.png", 0, 0, 512, 512), ("brick.png", 0, 0, 256, 256), ("grass.png", 0, 0, 512, 512),
    ("grass.png", 200, 200, 456, 456), ("gravel.png", 0, 0, 512, 512), ("gravel.png", 100, 100, 356, 356),
    ("coffee.png", 440, 0, 600, 130), ("coffee.png", 0, 110, 70, 180), ("motorcycle_left.png", 0, 410, 200, 500),
    ("motorcycle_left.png", 200, 445, 560, 500), ("motorcycle_left.png", 350, 60, 480, 95),
    ("motorcycle_left.png", 545, 60, 690, 260), ("motorcycle_left.png", 0, 0, 60, 130),
    ("camera.png", 310, 300, 512, 460), ("camera.png", 330, 150, 512, 235), ("camera.png", 300, 0, 512, 110),
    ("rocket.jpg", 215, 20, 300, 340),
    ("rocket.jpg", 0, 40, 90, 340), ("ihc.png", 0, 0, 512, 512), ("hubble_deep_field.jpg", 100, 100, 500, 500),
    ("moon.png", 0, 150, 256, 406), ("moon.png", 256, 220, 512, 512), ("text.png", 0, 0, 448, 40),
    ("cell.png", 0, 300, 300, 600), ("astronaut.png", 300, 10, 372, 170), ("chelsea.png", 365, 80, 450, 300),
)  # fmt: skip


def noise(dice: np.random.Generator, exponent: float, along: float = 1.0) -> np.ndarray:
    """Noise (TILE, TILE) in [0, 1] whose spectrum falls as 1 / f ** exponent, drawn out `along` times sideways."""
    fy, fx = np.meshgrid(np.fft.fftfreq(TILE), np.fft.fftfreq(TILE), indexing="ij")
    radius = np.hypot(fy, fx * along)
    radius[0, 0] = np.inf
    spectrum = np.fft.fft2(dice.normal(size=(TILE, TILE))) / radius**exponent
    field = np.fft.ifft2(spectrum).real
    low, high = np.percentile(field, (1, 99))
    return np.clip((field - low) / (high - low), 0, 1)


def duotone(field: np.ndarray, dark: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A grey field (H, W) in two colours, (H, W, 3)."""
    return dark + field[..., None] * (light - dark)


def palette(dice: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A darker and a lighter colour that may well stand side by side."""
    base = dice.uniform(0.15, 0.85, 3)
    base = base.mean() + (base - base.mean()) * dice.uniform(0.3, 1.3)
    lift = dice.uniform(0.15, 0.35)
    return np.clip(base - lift, 0, 1), np.clip(base + lift + dice.normal(0, 0.06, 3), 0, 1)


def generated(kind: str, dice: np.random.Generator) -> np.ndarray:
    """One generated texture (TILE, TILE, 3) in [0, 1]."""
    dark, light = palette(dice)
    ys, xs = np.mgrid[:TILE, :TILE] / TILE
    if kind == "clouds":
        return duotone(noise(dice, dice.uniform(1.2, 2.2)), dark, light)
    if kind == "fabric":
        count = int(dice.integers(20, 45))
        weave = 0.5 + 0.25 * np.sin(2 * np.pi * count * xs) + 0.25 * np.sin(2 * np.pi * count * ys)
        return duotone(0.75 * weave + 0.25 * noise(dice, 1.0), dark, light)
    if kind == "plaid":
        stripes = (noise(dice, 0.8)[:1] > 0.6) * 0.5 + (noise(dice, 0.8)[:, :1] > 0.6) * 0.5
        return duotone(0.85 * ndimage.gaussian_filter(stripes, 0.7) + 0.15 * noise(dice, 0.8), dark, light)
    if kind == "stripes":
        wave = np.sin(2 * np.pi * (dice.integers(5, 16) * xs + 0.15 * noise(dice, 2.0)))
        return duotone(0.8 * (0.5 + 0.5 * np.clip(wave * 3, -1, 1)) + 0.2 * noise(dice, 1.0), dark, light)
    if kind == "wood":
        rings = np.sin(2 * np.pi * (dice.integers(4, 9) * ys + 1.5 * noise(dice, 2.0, 8.0)))
        return duotone(0.6 * (0.5 + 0.5 * rings) + 0.4 * noise(dice, 0.9, 14.0), dark, light)
    if kind == "marble":
        veins = np.abs(np.sin(2 * np.pi * (2 * xs + 2.2 * noise(dice, 1.7)))) ** 0.5
        return duotone(0.8 * veins + 0.2 * noise(dice, 1.0), dark, light)
    if kind == "fur":
        return duotone(noise(dice, 1.0, 7.0), dark, light)
    if kind == "tiles":
        count = int(dice.integers(4, 10))
        grid = np.maximum(np.abs((xs * count) % 1 - 0.5), np.abs((ys * count) % 1 - 0.5)) > 0.45
        shade = np.kron(dice.uniform(0.4, 1, (count, count)), np.ones((TILE // count + 1,) * 2))[:TILE, :TILE]
        return duotone(np.where(grid, 0.0, shade) * 0.8 + 0.2 * noise(dice, 1.0), dark, light)
    if kind == "cracks":
        seeds = np.ones((TILE, TILE), bool)
        seeds[dice.integers(0, TILE, 90), dice.integers(0, TILE, 90)] = False
        where = ndimage.distance_transform_edt(seeds, return_distances=False, return_indices=True)
        cells = dice.uniform(0.3, 1, (TILE, TILE))[tuple(where)]
        cells[ndimage.morphological_gradient(where[0] * TILE + where[1], 3) > 0] = 0.0
        return duotone(ndimage.gaussian_filter(cells, 0.6) * 0.8 + 0.2 * noise(dice, 1.0), dark, light)
    if kind == "leaves":  # dead leaves: opaque discs and boxes of every size, the statistics of natural clutter
        canvas = Image.new("RGB", (TILE, TILE))
        draw = ImageDraw.Draw(canvas)
        for _ in range(500):
            x, y = dice.uniform(0, TILE, 2)
            r = 3 / max(dice.random(), 0.07)
            colour = tuple(int(255 * c) for c in dark + dice.random(3) * (light - dark))
            shape = (x - r, y - r * dice.uniform(0.4, 1), x + r, y + r)
            draw.ellipse(shape, fill=colour) if dice.random() < 0.6 else draw.rectangle(shape, fill=colour)
        return 0.85 * np.asarray(canvas, np.float32) / 255 + 0.15 * noise(dice, 1.0)[..., None]
    if kind == "gradient":
        return duotone(0.85 * (xs + ys) / 2 + 0.15 * noise(dice, 1.6), dark, light)
    raise ValueError(f"kind is {kind!r}, not one of {KINDS}")


KINDS = ("clouds", "fabric", "plaid", "stripes", "wood", "marble", "fur", "tiles", "cracks", "leaves", "gradient")


def mirrored(texture: np.ndarray) -> Image.Image:
    """The texture as 8-bit, reflected to twice its size so that it has no seam."""
    half = TILE // 2
    padded = np.pad(texture, ((half, half), (half, half), (0, 0)), mode="symmetric")
    return Image.fromarray((np.clip(padded, 0, 1) * 255 + 0.5).astype(np.uint8))


@cache
def textures() -> tuple[Image.Image, ...]:
    """All grounds, (2 TILE, 2 TILE) RGB each: the photographed stretches, then four of each generated kind."""
    grounds = []
    for name, left, top, right, bottom in STRETCHES:
        part = (photograph(name)[top:bottom, left:right] * 255).astype(np.uint8)
        # the small stretches are enlarged less by being mirrored to a tile's length first
        reach = TILE // 2
        part = np.pad(part, ((0, max(0, reach - len(part))), (0, max(0, reach - part.shape[1])), (0, 0)), "symmetric")
        image = Image.fromarray(part).resize((TILE, TILE), Image.Resampling.LANCZOS)
        grounds.append(mirrored(np.asarray(image, np.float32) / 255))
    dice = np.random.default_rng(20)
    grounds += [mirrored(generated(kind, dice)) for kind in KINDS for _ in range(4)]
    return tuple(grounds)
