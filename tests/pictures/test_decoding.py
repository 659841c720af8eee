"""Strange files either show correctly or give one clear sentence; every bad file is made on the fly."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from vizcore.pictures import decoding
from vizcore.pictures.decoding import PictureError, decode, digest, read, shrink


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def photograph(width: int = 60, height: int = 40) -> Image.Image:
    """A smooth picture whose corners differ: black, red, green and yellow with a blue middle."""
    y, x = np.mgrid[0:height, 0:width]
    blue = 255 * np.exp(-((x - width / 2) ** 2 + (y - height / 2) ** 2) / (width * height / 20))
    return Image.fromarray(np.stack([255 * x / (width - 1), 255 * y / (height - 1), blue], 2).astype(np.uint8))


def png_of_size(width: int, height: int) -> bytes:
    """A valid black 1-bit PNG of any size, quickly."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes((1 + (width + 7) // 8) * height), 1)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def sentence(data: bytes, **options: Any) -> str:
    """What a user is told; always one sentence."""
    with pytest.raises(PictureError) as caught:
        decode(data, **options)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert 20 < len(text) < 220
    return text


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP", "GIF", "JPEG"])
def test_every_accepted_format_is_told_by_its_content(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    decoded = decode(saved(photograph(), kind, **options))
    assert decoded.picture.mode == "RGB"
    assert decoded.notes == ()
    difference = np.abs(np.asarray(decoded.picture).astype(int) - np.asarray(photograph()).astype(int))
    assert difference.max() <= (0 if kind in ("PNG", "BMP", "TIFF", "WEBP") else 60)
    assert difference.mean() < 12


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The file is empty"),
        (b"Dear diary, this is not a picture.\n" * 20, "This is a text file"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "This is a web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "This is a drawing"),
        (b"%PDF-1.7\n" + bytes(200), "This is a PDF"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(200), "This is a HEIC or AVIF picture"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(200), "This is a video"),
        (bytes(range(256)), "This is not a picture in a known format"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, says: str) -> None:
    text = sentence(data)
    assert text.startswith(says)
    assert "JPEG, PNG, WebP, GIF, BMP and TIFF pictures can be opened" in text


def test_formats_beyond_the_list_are_not_even_tried() -> None:
    for kind in ("PPM", "ICO", "PCX", "TGA", "EPS"):
        assert sentence(saved(photograph(), kind)).startswith("This is ")


def test_truncated_files_are_refused_and_not_shown_half() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    for kind in ("JPEG", "PNG", "BMP", "GIF"):
        data = saved(noise, kind)
        assert sentence(data[: len(data) // 2]).startswith(
            (f"The {kind} file ends before", f"The {kind} file is damaged")
        )
    assert "ends before the picture does" in sentence(saved(noise, "JPEG")[:-3000])


def test_too_many_bytes_are_refused_before_they_are_looked_at() -> None:
    assert "2.0 MB; files of up to 1 MB" in sentence(bytes(2 * 2**20), max_bytes=2**20)


def test_a_huge_png_is_refused_from_its_header_without_memory() -> None:
    assert "400 million pixels" in sentence(png_of_size(20_000, 20_000))
    assert "9000 × 9000 pixels, more than the 25 million" in sentence(png_of_size(9000, 9000))
    deep = saved(Image.new("F", (50, 50)), "TIFF")
    assert "50 × 50 pixels" in sentence(deep, max_pixels=9_999), "scaling takes four copies"
    assert decode(deep, max_pixels=10_000).picture.size == (50, 50)
    code = (
        "import resource, sys, vizcore.pictures.decoding as p\n"
        "data = sys.stdin.buffer.read()\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "try: p.decode(data)\n"
        "except p.PictureError: print(peak() - before)\n"
    )
    for data in (png_of_size(20_000, 20_000), png_of_size(2**30, 2)):
        root = Path(__file__).parents[2]
        done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True, cwd=root)
        assert int(done.stdout) < 20_000, "kilobytes; the picture would take 400,000"


def test_large_pictures_are_reduced_and_said_to_be() -> None:
    decoded = decode(png_of_size(5000, 2500))
    assert decoded.picture.size == (1600, 800)
    assert decoded.notes == ("Reduced from 5000 × 2500 to 1600 × 800 pixels.",)
    assert decode(png_of_size(30_000, 3)).picture.size == (1600, 1)


def test_a_jpeg_beyond_the_limit_is_decoded_small_but_not_a_progressive_one() -> None:
    large = photograph(700, 500)
    decoded = decode(saved(large, "JPEG"), max_pixels=100_000, side=300)
    assert decoded.picture.size[0] == 300
    assert decoded.notes == ("Reduced from 700 × 500 to 300 × 214 pixels.",)
    assert "700 × 500 pixels" in sentence(saved(large, "JPEG", progressive=True), max_pixels=100_000)
    assert "700 × 500 pixels" in sentence(saved(large, "JPEG"), max_pixels=80_000)


def test_a_jpeg_of_thousands_of_scans_is_refused() -> None:
    data = saved(photograph(), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    assert "too many layers" in sentence(data[:-2] + data[scan : scan + 20] * 100 + data[-2:])


def test_pictures_taken_on_their_side_are_turned_upright() -> None:
    upright = photograph()
    back = {
        Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
        Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
    }
    for orientation, undo in decoding._TURN.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = upright.transpose(back.get(undo, undo))
        for kind in ("PNG", "TIFF"):
            decoded = decode(saved(stored, kind, exif=exif.tobytes()))
            assert np.array_equal(np.asarray(decoded.picture), np.asarray(upright)), orientation
            assert decoded.notes == ("Turned upright, as its EXIF orientation says.",)


def test_cmyk_is_converted_also_as_photoshop_writes_it() -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for data in (saved(red, "TIFF"), saved(red, "JPEG", quality=95)):  # Pillow writes Adobe's inverted JPEG, as do most
        decoded = decode(data)
        r, g, b = decoded.picture.getpixel((8, 8))  # type: ignore[misc]
        assert r > 230
        assert max(g, b) < 25
        assert decoded.notes == ("Its print colours (CMYK) were converted to RGB.",)


def test_sixteen_bit_greys_are_scaled_and_not_clipped_to_white() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for kind in ("PNG", "TIFF"):
        decoded = decode(saved(Image.fromarray(ramp), kind))
        assert np.array_equal(np.asarray(decoded.picture)[..., 0].ravel(), np.arange(256))
        assert decoded.notes == ("Its 16-bit greys were scaled to 8 bits.",)


def test_transparent_parts_are_white_whatever_hides_beneath() -> None:
    rgba = np.zeros((8, 8, 4), dtype=np.uint8)
    rgba[..., 0] = 200
    rgba[:4, :, 3] = 255
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 200, 0, 0])
    palette.paste(0, (0, 4, 8, 8))
    for data in (
        saved(Image.fromarray(rgba), "PNG"),
        saved(Image.fromarray(rgba), "WEBP", lossless=True),
        saved(Image.fromarray(rgba[..., [0, 3]].copy()).convert("LA"), "PNG"),
        saved(palette, "PNG", transparency=bytes([0, 255])),
        saved(palette, "GIF", transparency=0),
    ):
        decoded = decode(data)
        assert decoded.picture.getpixel((3, 6)) == (255, 255, 255)
        assert decoded.picture.getpixel((3, 1))[0] == 200  # type: ignore[index]
        assert decoded.notes == ("Transparent parts are shown on white.",)
    opaque = Image.new("RGBA", (4, 4), (1, 2, 3, 255))
    assert decode(saved(opaque, "PNG")).notes == ()


def test_of_an_animation_the_first_frame_is_shown() -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        decoded = decode(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
        r, g, b = decoded.picture.getpixel((4, 4))  # type: ignore[misc]
        assert r > 240
        assert max(g, b) < 15
        what = "page of the file" if kind == "TIFF" else "frame of the animation"
        assert decoded.notes == (f"Only the first {what} is shown.",)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_may_have_fewer_pixels_than_a_picture(kind: str) -> None:
    frames = [Image.new("RGB", (2001, 2000), colour) for colour in ("red", "blue")]
    assert "more than the 4 million that are taken" in sentence(
        saved(frames[0], kind, save_all=True, append_images=frames[1:])
    )
    assert decode(saved(frames[0], kind)).picture.size == (1600, 1599)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_a_single_pixel_shows(mode: str) -> None:
    decoded = decode(saved(Image.new(mode, (1, 1), 1 if mode != "RGBA" else (9, 9, 9, 9)), "PNG"))
    assert decoded.picture.size == (1, 1)
    assert decoded.picture.mode == "RGB"


def test_one_bit_is_black_and_white() -> None:
    bits = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
    assert np.asarray(decode(saved(bits, "PNG")).picture)[0, :, 0].tolist() == [0, 255]


def test_lab_colours_are_converted() -> None:
    grey = decode(saved(Image.new("LAB", (4, 4), (128, 128, 128)), "TIFF"))
    r, g, b = grey.picture.getpixel((1, 1))  # type: ignore[misc]
    assert max(r, g, b) - min(r, g, b) < 6


def test_colours_that_cannot_be_converted_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(decoding, "shrink", full)
    assert "(mode RGB) cannot be converted" in sentence(saved(photograph(), "PNG"))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_hostile_metadata_neither_stops_a_picture_nor_stays_with_it() -> None:
    plain = photograph()
    secret = Image.Exif()
    secret[0x010F] = "a camera"
    secret[0x0112] = 77
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 100_000, zip=True)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for options in (
        {"exif": secret.tobytes()},
        {"exif": b"Exif\x00\x00II*\x00\xff\xff\xff\xff"},
        {"exif": b"Exif\x00\x00" + b"\xff" * 64},
        {"icc_profile": b"no profile at all"},
        {"icc_profile": lab},
        {"pnginfo": text},
    ):
        for kind in ("PNG", "JPEG"):
            if kind == "JPEG" and "pnginfo" in options:
                continue
            decoded = decode(saved(plain, kind, **options))
            assert decoded.notes == ()
            assert decoded.picture.info == {}
            assert dict(decoded.picture.getexif()) == {}


def test_a_text_bomb_in_a_png_is_refused() -> None:
    body = b"Comment\x00\x00" + zlib.compress(bytes(200 * 2**20), 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    data = png_of_size(8, 8)
    assert "damaged" in sentence(data[:33] + chunk + data[33:])


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damaged tags; the result is what counts
def test_mutated_files_are_pictures_or_sentences() -> None:
    rng = random.Random(7)
    grey16 = Image.fromarray(np.arange(1024, dtype=np.uint16).reshape(32, 32) * 60)
    seeds = [saved(photograph(48, 32), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")]
    seeds += [saved(photograph(48, 32), "JPEG", progressive=True), saved(grey16, "PNG"), saved(grey16, "TIFF")]
    seeds += [
        saved(photograph(48, 32), "TIFF", compression="tiff_lzw"),
        saved(photograph(8, 8).convert("CMYK"), "JPEG"),
    ]
    shown = refused = 0
    for number in range(660):
        data = bytearray(seeds[number % len(seeds)])
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            at = rng.randrange(min(len(data), rng.choice((64, len(data)))))
            action = rng.randrange(5)
            if action == 0:
                data[at] = rng.randrange(256)
            elif action == 1:
                data[at] ^= 1 << rng.randrange(8)
            elif action == 2:
                del data[at : at + rng.randrange(1, 9)]
            elif action == 3:
                data[at:at] = rng.randbytes(rng.randrange(1, 9))
            else:
                data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff"))
            if not data:
                data = bytearray(b"\x00")
        try:
            decoded = decode(bytes(data))
        except PictureError:  # any other exception fails the test
            refused += 1
        else:
            shown += 1
            assert decoded.picture.mode == "RGB"
            assert max(decoded.picture.size) <= decoding.WORKING_SIDE
    assert shown > 50
    assert refused > 50


def strange() -> dict[str, Image.Image]:
    """Pictures of Pillow's that are not plain, as PNG or JPEG files hold them."""
    y, x = np.mgrid[0:40, 0:60]
    deep, real = (x * 1000).astype(np.uint16), (x * 20.0).astype(np.float32)
    rgba = photograph().convert("RGBA")
    rgba.putalpha(Image.fromarray((y * 6).astype(np.uint8)))
    clear, key, keyed = photograph().convert("P"), photograph(), photograph().convert("L")
    clear.info["transparency"] = clear.getpixel((30, 20))
    key.info["transparency"] = key.getpixel((0, 0))
    keyed.info["transparency"] = keyed.getpixel((0, 0))
    turned = photograph()
    turned.info["exif"] = on_its_side().tobytes()
    return {
        "16 bits": Image.fromarray(deep),
        "32 bits": Image.fromarray((x * 20).astype(np.int32)),
        "floating point": Image.fromarray(real),
        "alpha": rgba,
        "grey and alpha": rgba.convert("LA"),
        "palette with transparency": clear,
        "colour that is transparent": key,
        "grey that is transparent": keyed,
        "turned by EXIF": turned,
        "print colours": photograph().convert("CMYK"),
        "palette": photograph().convert("P"),
        "one bit": photograph().convert("1"),
        "large": photograph(1700, 60),
        "large and turned": on_side(photograph(1700, 60)),
        "large and grey": photograph(60, 1700).convert("L"),
    }


def on_its_side() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def on_side(picture: Image.Image) -> Image.Image:
    picture.info["exif"] = on_its_side().tobytes()
    return picture


@pytest.mark.parametrize("name", list(strange()))
def test_a_picture_of_pillows_is_what_its_file_is(tmp_path: Path, name: str) -> None:
    given = strange()[name]
    kind = "TIFF" if given.mode in ("I", "F", "CMYK") else "PNG"
    kept = {key: given.info[key] for key in ("exif", "transparency") if key in given.info}
    data = saved(given, kind, **kept)
    (tmp_path / "a picture").write_bytes(data)
    expected = decode(data)
    opened = Image.open(tmp_path / "a picture")
    for source in (given, opened, data, tmp_path / "a picture", str(tmp_path / "a picture")):
        found = read(source)
        assert np.array_equal(np.asarray(found.picture), np.asarray(expected.picture))
        assert found.notes == expected.notes


def test_premultiplied_and_other_rare_modes_are_shown_too() -> None:
    faint = Image.new("LA", (2, 2), (0, 51))
    for picture in (faint.convert("La"), faint, faint.convert("RGBA"), faint.convert("RGBA").convert("RGBa")):
        assert read(picture).picture.getpixel((0, 0)) == (204, 204, 204), picture.mode
    for mode in ("YCbCr", "HSV", "RGBX"):
        assert read(photograph().convert(mode)).picture.tobytes() == photograph().convert(mode).convert("RGB").tobytes()


def test_a_tiff_on_its_side_is_turned_once(tmp_path: Path) -> None:
    data = saved(photograph(), "TIFF", exif=on_its_side().tobytes())
    (tmp_path / "side.tif").write_bytes(data)
    opened = Image.open(tmp_path / "side.tif")
    first, again = read(opened), read(opened)
    assert first.notes == decode(data).notes == ("Turned upright, as its EXIF orientation says.",)
    assert first.picture.tobytes() == decode(data).picture.tobytes()
    assert again.picture.tobytes() == decode(data).picture.tobytes()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_plain_picture_of_pillows_is_taken_itself(mode: str) -> None:
    plain = photograph(1600, 9).convert(mode)
    assert read(plain).picture is plain
    assert read(plain).notes == ()


def test_whoever_gives_no_picture_is_told(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"picture is of the type ndarray; accepted: the path of a file, its bytes"):
        read(np.zeros((4, 4)))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read(tmp_path / "nowhere.png")
    with open(tmp_path / "large.png", "wb") as file:
        file.truncate(30 * 2**20)
    with pytest.raises(PictureError, match=r"The file has 30.0 MB; files of up to 20 MB are taken\."):
        read(tmp_path / "large.png")
    (tmp_path / "half.jpg").write_bytes(saved(photograph(300, 200), "JPEG")[:-900])
    for source in (tmp_path / "half.jpg", Image.open(tmp_path / "half.jpg")):
        with pytest.raises(PictureError, match="The JPEG file ends before the picture does"):
            read(source)


def test_shrink_keeps_the_shape_and_leaves_small_pictures_alone() -> None:
    small = photograph()
    assert shrink(small) == (small, None)
    large = photograph(400, 100)
    reduced, note = shrink(large, 200)
    assert reduced.size == (200, 50)
    assert large.size == (400, 100), "the given picture is not touched"
    assert note == "Reduced from 400 × 100 to 200 × 50 pixels."
    with pytest.raises(ValueError, match="side is 0; accepted"):
        shrink(small, 0)


def test_digest_tells_shape_mode_and_palette_apart() -> None:
    flat = Image.new("RGB", (6, 4), "red")
    assert digest(flat) == digest(flat.copy())
    same_bytes = [flat, Image.new("RGB", (4, 6), "red"), Image.frombytes("L", (18, 4), flat.tobytes())]
    painted = [Image.new("P", (2, 2)), Image.new("P", (2, 2))]
    painted[0].putpalette([1, 2, 3])
    painted[1].putpalette([3, 2, 1])
    assert len({digest(one) for one in same_bytes + painted}) == 5
    changed = flat.copy()
    changed.putpixel((5, 3), (255, 0, 1))
    assert digest(changed) != digest(flat)
    assert len(digest(flat)) == 64


def test_sample_photographs_open_without_a_download() -> None:
    samples = decoding.sample_photographs()
    assert {"chelsea", "coffee", "astronaut", "rocket", "motorcycle_left", "coins", "horse"} <= set(samples)
    assert samples["chelsea"].title == "Cat (Chelsea)"
    for sample in samples.values():
        picture = sample()
        assert picture.mode == "RGB"
        assert min(picture.size) > 100
    assert len({sample.title for sample in samples.values()}) == len(samples)
    code = (
        "import sys, vizcore.pictures.decoding as d; d.sample_photographs()['coffee'](); "
        "assert 'skimage' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
