"""Damaged pictures of every format and mode: a picture or one sentence comes out, quickly and within its memory.

python -m tests.fuzz.pictures --count 20000
"""

from __future__ import annotations

import functools
import io
import random
import warnings

import numpy as np
from PIL import Image

from tests.fuzz import mutate, watch
from vizcore.pictures import decoding

SIZE = (52, 37)


@functools.cache
def corpus() -> list[bytes]:
    """Whole files: every accepted format in the modes that it can hold."""
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8))
    smooth = Image.fromarray(np.linspace(0, 255, SIZE[0] * SIZE[1] * 3).reshape(SIZE[1], SIZE[0], 3).astype(np.uint8))
    deep = Image.fromarray(rng.integers(0, 65536, (SIZE[1], SIZE[0]), dtype=np.uint16))
    real = Image.fromarray(rng.random((SIZE[1], SIZE[0])).astype(np.float32))
    alpha = colour.convert("RGBA")
    alpha.putalpha(colour.convert("L"))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    moving = {"save_all": True, "append_images": [smooth, colour.rotate(180)], "duration": 50}
    files: list[tuple[Image.Image, str, dict[str, object]]] = [
        (colour, "JPEG", {}),
        (smooth, "JPEG", {"progressive": True}),
        (colour, "JPEG", {"exif": exif, "subsampling": 0}),
        (colour.convert("L"), "JPEG", {"restart_marker_blocks": 2}),
        (colour.convert("CMYK"), "JPEG", {}),
        (smooth, "MPO", {"save_all": True, "append_images": [colour]}),
        (colour, "PNG", {"exif": exif}),
        (alpha, "PNG", {}),
        (colour.convert("P"), "PNG", {"transparency": 3}),
        (colour.convert("1"), "PNG", {}),
        (colour.convert("LA"), "PNG", {}),
        (deep, "PNG", {}),
        (colour, "PNG", moving),
        (smooth, "WEBP", {}),
        (alpha, "WEBP", {"lossless": True, "exif": exif}),
        (smooth, "WEBP", moving),
        (colour, "GIF", {}),
        (colour.convert("P"), "GIF", {**moving, "transparency": 1}),
        (colour, "BMP", {}),
        (colour.convert("P"), "BMP", {}),
        (colour.convert("1"), "BMP", {}),
        (alpha, "BMP", {}),
        (colour, "TIFF", {}),
        (smooth, "TIFF", {"compression": "tiff_lzw"}),
        (smooth, "TIFF", {"compression": "tiff_adobe_deflate", "exif": exif}),
        (smooth, "TIFF", {"compression": "packbits"}),
        (smooth, "TIFF", {"compression": "jpeg"}),
        (colour.convert("1"), "TIFF", {"compression": "group4"}),
        (colour.convert("CMYK"), "TIFF", {}),
        (colour.convert("P"), "TIFF", {}),
        (deep, "TIFF", {}),
        (real, "TIFF", {}),
        (colour, "TIFF", {"save_all": True, "append_images": [smooth], "big_tiff": True}),
    ]
    return [_saved(*file) for file in files]


@functools.cache
def bombs() -> list[bytes]:
    """Small files of the largest pictures that are taken, and a little larger: what costs most to decode."""
    side = 5000
    flat = {mode: Image.new(mode, (side, side)) for mode in ("1", "L", "P", "RGB", "RGBA")}
    made = [_saved(picture, "PNG", {"compress_level": 9}) for picture in flat.values()]
    made += [_saved(flat["P"], "PNG", {"transparency": 0}), _saved(Image.new("LA", (side, side)), "PNG", {})]
    made += [_saved(flat["P"], "GIF", {}), _saved(Image.new("CMYK", (side, side)), "JPEG", {})]
    made += [_saved(Image.new("RGB", (9900, 9900)), "JPEG", {}), _saved(flat["RGB"], "JPEG", {"progressive": True})]
    made += [_saved(Image.new("RGBA", (3500, 3500)), "WEBP", {"lossless": True, "method": 0})]
    for mode in ("I;16", "F", "I"):
        big = Image.new(mode, (side, side) if mode == "I;16" else (2500, 2500))
        made.append(_saved(big, "TIFF", {"compression": "tiff_lzw"}))
    made.append(_saved(Image.new("L", (12_000_000, 2)), "PNG", {"compress_level": 9}))
    return made


def _saved(picture: Image.Image, kind: str, options: dict[str, object]) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def make(number: int) -> bytes:
    """The damaged file with this number."""
    rng = random.Random(f"picture {number}")
    if number % 200 == 199:
        data = rng.choice(bombs())
        return data if rng.random() < 0.5 else mutate.mutated(rng, [data])
    if number % 5 == 4:
        data = mutate.resized(rng, rng.choice(corpus()), SIZE)
        return mutate.resized(rng, data, SIZE) if rng.random() < 0.5 else data
    return mutate.mutated(rng, corpus())


def attempt(data: bytes) -> str:
    """Decode the file; raises where anything else than a picture or a sentence comes out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            decoded = decoding.decode(data)
        except decoding.PictureError as error:
            return watch.sentence(error, 300)
    assert decoded.picture.mode == "RGB"
    assert 1 <= max(decoded.picture.size) <= decoding.WORKING_SIDE
    assert decoded.picture.info == {}
    return "shown"


if __name__ == "__main__":
    watch.main(make, attempt, 20_000)
