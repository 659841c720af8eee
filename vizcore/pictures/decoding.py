"""Files from strangers become safe RGB pictures or one clear sentence; and scikit-image's photographs to try.

Nothing is trusted: the format is told by the content, the size is read from the header before a pixel is decoded,
colour profiles are not interpreted, and what comes out carries no metadata.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image, UnidentifiedImageError

from vizcore.pictures.greys import eight_bits
from vizcore.pictures.kinds import kind_of
from vizcore.pictures.samples import PHOTOGRAPHS
from vizcore.pictures.turns import turn

Readable = str | Path | bytes | Image.Image
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
ACCEPTED = "JPEG, PNG, WebP, GIF, BMP and TIFF pictures can be opened"
MAX_BYTES = 20 * 2**20
MAX_PIXELS = 25_000_000  # 5000 x 5000: at most 400 MB while decoding
ANIMATED_PIXELS = 4_000_000  # 2000 x 2000, of all frames of which the decoders keep several
WORKING_SIDE = 1600  # several times what any network of the catalogue takes in

_ANIMATED = ("GIF", "PNG", "WEBP")
_JPEG_REDUCES = 4  # a JPEG of this many times MAX_PIXELS is decoded at half the size or less, without the full one
_MAX_SCANS = 64  # a progressive JPEG has about ten; thousands of empty ones in a small file would keep a core busy
_UPRIGHT = "Turned upright, as its EXIF orientation says."
# EXIF's orientations 2 to 8: mirrored, upside down, flipped, transposed, turned left, transverse, turned right.
_TURN = {2 + at: Image.Transpose(turn) for at, turn in enumerate((0, 3, 1, 5, 4, 6, 2))}


class PictureError(ValueError):
    """A file that cannot be shown; the message is one sentence saying what is wrong with it and what would work."""


@dataclass(frozen=True)
class Decoded:
    """An RGB picture without metadata, and a sentence about each thing that was done to it on the way."""

    picture: Image.Image
    notes: tuple[str, ...]


def decode(data: bytes, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS, side: int = WORKING_SIDE) -> Decoded:
    """The picture in the bytes of a file, upright, in RGB, at most ``side`` pixels long.

    Of an animation the first frame; transparent parts on white; 16-bit and floating-point greys scaled to 8 bits; CMYK
    converted without its profile. Raises :class:`PictureError` for anything else.
    """
    if not data:
        raise PictureError(f"The file is empty; {ACCEPTED}.")
    if len(data) > max_bytes:
        raise _too_long(len(data), max_bytes)
    # A decoder fed with hostile bytes raises whatever it stumbles over: OSError, SyntaxError, struct.error, KeyError...
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise PictureError(f"This is {kind_of(data)}; {ACCEPTED}.") from None
    except Image.DecompressionBombError as error:
        found = re.search(r"\((\d+) pixels\)", str(error))
        raise _too_large(f"{int(found[1]) / 1e6:.0f} million" if found else "far too many", max_pixels) from None
    except Exception as error:
        raise PictureError(f"The file is damaged at its beginning; {ACCEPTED}.") from error
    with image:
        original = image.size
        notes = _prepare(image, data, max_pixels)
        with turn(image.width * image.height * _copies(image) * 12):
            _load(image)
            try:
                picture = _to_rgb(image, original, side, notes)
            except Exception as error:
                raise PictureError(
                    f"The colours of this {image.format} file (mode {image.mode}) cannot be converted; save it as RGB."
                ) from error
            finally:
                image.close()
    return Decoded(picture, tuple(notes))


def read(picture: Readable) -> Decoded:
    """A file, by its path or its bytes, or a picture of Pillow's, as the page would show it: see :func:`decode`.

    A picture of Pillow's that needs nothing of this is taken itself: RGB or L, upright, opaque, at most 1600 pixels
    long. One that was turned by hand must have lost its EXIF orientation (as by ``ImageOps.exif_transpose``). Raises
    :class:`PictureError` as :func:`decode` does, OSError where a file cannot be read, TypeError for anything else.
    """
    if isinstance(picture, str | Path):
        size = Path(picture).stat().st_size
        if size > MAX_BYTES:
            raise _too_long(size, MAX_BYTES)
        with open(picture, "rb") as file:
            return decode(file.read(MAX_BYTES + 1))
    if isinstance(picture, bytes):
        return decode(picture)
    if not isinstance(picture, Image.Image):
        raise TypeError(
            f"picture is of the type {type(picture).__name__}; accepted: the path of a file, its bytes, or a picture "
            "of Pillow's, which Image.fromarray makes of an array."
        )
    original, turn = picture.size, _orientation(picture)
    _load(picture)
    plain = picture.mode in ("L", "RGB") and turn is None and not picture.has_transparency_data
    if plain and max(original) <= WORKING_SIDE:
        return Decoded(picture, ())
    notes = [_UPRIGHT] if turn is not None and _orientation(picture) is None else []  # Pillow did it on loading a TIFF
    return Decoded(_to_rgb(picture, original, WORKING_SIDE, notes), tuple(notes))


def shrink(picture: Image.Image, side: int = WORKING_SIDE) -> tuple[Image.Image, str | None]:
    """The picture with its longer side at most ``side`` pixels, and a sentence if it was larger; shape kept."""
    if side < 1:
        raise ValueError(f"side is {side!r}; accepted: at least 1 pixel.")
    if max(picture.size) <= side:
        return picture, None
    smooth = picture if picture.mode in ("L", "RGB", "RGBA") else picture.convert("RGBA")
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = smooth.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return small, f"Reduced from {_size(picture)} to {_size(small)} pixels."


def digest(picture: Image.Image) -> str:
    """SHA-256 of a picture's mode, size, palette and bytes, in hexadecimal: equal only for pictures that look equal."""
    palette = bytes(picture.getpalette() or b"") if picture.mode in ("P", "PA") else b""
    head = f"{picture.mode} {picture.width} {picture.height} {len(palette)} ".encode()
    return hashlib.sha256(head + palette + picture.tobytes()).hexdigest()


@dataclass(frozen=True)
class Sample:
    """A photograph inside scikit-image's wheel; calling it opens the file."""

    title: str
    path: Path

    def __call__(self) -> Image.Image:
        return decode(self.path.read_bytes()).picture


@functools.cache
def sample_photographs() -> Mapping[str, Sample]:
    """scikit-image's photographs by stable id, only those that its wheel holds: nothing is ever downloaded."""
    package = importlib.util.find_spec("skimage")
    folders = [Path(folder) / "data" for folder in (package.submodule_search_locations or [])] if package else []
    paths = {key: (title, folder / name) for folder in folders for key, (title, name) in PHOTOGRAPHS.items()}
    return MappingProxyType({key: Sample(title, path) for key, (title, path) in paths.items() if path.is_file()})


def _prepare(image: Image.Image, data: bytes, max_pixels: int) -> list[str]:
    """What the header tells: refuse what is too much to decode, and note what will be left out."""
    notes: list[str] = []
    if image.format in ("JPEG", "MPO"):
        if data.count(b"\xff\xda") > _MAX_SCANS:
            raise PictureError("This JPEG file is built of too many layers to be a photograph; save it anew as JPEG.")
        if max_pixels < image.width * image.height <= _JPEG_REDUCES * max_pixels and "progressive" not in image.info:
            image.draft(None, (image.width // 2, image.height // 2))
    try:
        several = bool(getattr(image, "is_animated", False))
    except Exception:
        several = False  # what follows the first frame is damaged, and is not needed
    limit = max_pixels // _copies(image)
    if several and image.format in _ANIMATED:
        limit = min(limit, ANIMATED_PIXELS)
    if image.width * image.height > limit:
        raise _too_large(_size(image), limit)
    if image.format == "TIFF" and _orientation(image) is not None:
        notes.append(_UPRIGHT)
    if several and image.format != "MPO":  # the second picture of an MPO is a preview or the other eye's view
        notes.append(
            f"Only the first {'page of the file' if image.format == 'TIFF' else 'frame of the animation'} is shown."
        )
    return notes


def _copies(image: Image.Image) -> int:
    """How often a picture is in memory while it is decoded."""
    if image.mode in ("I", "F"):
        return 4
    return 2 if image.format == "WEBP" else 1


def _to_rgb(image: Image.Image, original: tuple[int, int], side: int, notes: list[str]) -> Image.Image:
    """A decoded picture of any mode in RGB, small and upright; says in ``notes`` what was changed."""
    turn = _orientation(image)
    flat = eight_bits(image, notes) if image.mode[0] in "IF" else image
    if flat.mode == "La":  # Pillow knows no way from here to colours
        flat = flat.convert("LA")
    if flat.has_transparency_data:
        flat = flat.convert("RGBA")
    elif flat.mode not in ("L", "RGB"):
        if flat.mode == "CMYK":
            notes.append("Its print colours (CMYK) were converted to RGB.")
        flat = flat.convert("L" if flat.mode == "1" else "RGB")
    flat, _ = shrink(flat, side)
    if sorted(flat.size) != sorted(original):  # Pillow turns TIFF upright while it decodes
        notes.append(f"Reduced from {original[0]} × {original[1]} to {_size(flat)} pixels.")
    if flat.mode == "RGBA":
        if int(np.asarray(flat.getchannel("A")).min()) < 255:
            notes.append("Transparent parts are shown on white.")
        flat = Image.alpha_composite(Image.new("RGBA", flat.size, "white"), flat)
    if turn is not None:
        flat = flat.transpose(turn)
        notes.append(_UPRIGHT)
    flat = flat.convert("RGB")
    return Image.frombytes("RGB", flat.size, flat.tobytes())  # a fresh picture: no place of the photograph, no camera


def _orientation(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURN.get(image.getexif().get(0x0112, 1))
    except Exception:
        return None  # damaged metadata is no reason to refuse a picture


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except Exception as error:
        raise PictureError(_damaged(image, error)) from error


def _size(image: Image.Image) -> str:
    return f"{image.width} × {image.height}"


def _too_long(size: int, most: int) -> PictureError:
    return PictureError(f"The file has {size / 2**20:.1f} MB; files of up to {most / 2**20:.0f} MB are taken.")


def _too_large(what: str, max_pixels: int) -> PictureError:
    return PictureError(
        f"The picture has {what} pixels, more than the {max_pixels / 1e6:.0f} million that are taken; reduce it first."
    )


def _damaged(image: Image.Image, error: Exception) -> str:
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return f"The {image.format} file ends before the picture does; copy or download it again, completely."
    return f"The {image.format} file is damaged and cannot be decoded; save it anew, for example as PNG."
