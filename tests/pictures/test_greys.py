"""Which value of a deep grey picture is white, by its type and its values, and that the page says so."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import DTypeLike
from PIL import Image

from vizcore.pictures.decoding import Decoded, decode

HIGHEST = "Its greys from 0 to {} were stretched over the whole range from black to white."
USUAL = "Its greys were scaled to 8 bits, with {} as white."


def decoded(values: np.ndarray, kind: str = "TIFF") -> Decoded:
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind)
    return decode(file.getvalue())


def ramp(top: float, kind: DTypeLike) -> np.ndarray:
    return np.tile(np.linspace(0, top, 200), (50, 1)).astype(kind)


def greys(values: np.ndarray) -> list[int]:
    row: list[int] = np.asarray(decoded(values).picture)[0, :, 0].tolist()
    return row


@pytest.mark.parametrize("top", [1e-9, 0.05, 1.0, 1.02, 2.5, 63.0, 255.0, 256.0, 300.0, 1000.0, 16383.0, 65535.0, 1e6])
def test_a_ramp_of_floats_goes_from_black_to_white_whatever_its_top(top: float) -> None:
    found = np.asarray(decoded(ramp(top, np.float32)).picture)[0, :, 0]
    assert np.abs(found - np.linspace(0, 255, 200)).max() <= 0.51


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("top", [256, 300, 1000, 1023, 4095, 5000, 16383, 65535])
def test_the_same_greys_look_the_same_whatever_type_they_are_stored_in(top: int, kind: DTypeLike) -> None:
    whole = np.linspace(0, top, 200).round()
    found = greys(np.tile(whole, (50, 1)).astype(kind))
    assert found == (whole * 255 / top).round().astype(int).tolist()


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_what_is_bright_enough_keeps_its_usual_scale(kind: DTypeLike) -> None:
    assert greys(np.array([[0, 16448, 65278]], dtype=kind)) == [0, 64, 254]
    assert greys(np.array([[0, 64, 200]], dtype=kind)) == [0, 64, 200]


@pytest.mark.parametrize(
    ("values", "expected", "note"),
    [
        (np.array([[0.0, 0.5, 1.0]], dtype=np.float32), [0, 128, 255], USUAL.format(1)),
        (np.array([[0.0, 0.4, 0.5]], dtype=np.float32), [0, 102, 128], USUAL.format(1)),
        (np.array([[0.0, 0.51, 1.02]], dtype=np.float32), [0, 128, 255], HIGHEST.format(1.02)),
        (np.array([[0.0, 100.0, 255.0]], dtype=np.float32), [0, 100, 255], USUAL.format(255)),
        (np.array([[0, 500, 1000]], dtype=np.float32), [0, 128, 255], HIGHEST.format(1000)),
        (np.array([[0, 500, 1000]], dtype=np.int32), [0, 128, 255], HIGHEST.format(1000)),
        (np.array([[0, 500, 1000]], dtype=np.uint16), [0, 128, 255], HIGHEST.format(1000)),
        (np.array([[0, 257, 65535]], dtype=np.uint16), [0, 1, 255], "Its 16-bit greys were scaled to 8 bits."),
        (np.array([[0, 257, 65535]], dtype=np.float32), [0, 1, 255], USUAL.format(65535)),
        (np.array([[-4.0, 0.0, 4.0]], dtype=np.float32), [0, 128, 255], HIGHEST.replace("0", "-4", 1).format(4)),
        (np.array([[-1, 499.5, 1000]], dtype=np.float32), [0, 128, 255], HIGHEST.replace("0", "-1", 1).format(1000)),
        (np.array([[-1024, 1024, 3071]], dtype=np.int32), [0, 128, 255], HIGHEST.replace("0", "-1024").format(3071)),
        (np.array([[0, 1, 200]], dtype=np.int32), [0, 1, 200], USUAL.format(255)),
        (np.array([[0, 1, 1]], dtype=np.int32), [0, 1, 1], USUAL.format(255)),
        (np.array([[0, 1, 20]], dtype=np.uint16), [0, 1, 20], USUAL.format(255)),
        (np.array([[0, 0, 0]], dtype=np.uint16), [0, 0, 0], USUAL.format(255)),
        (np.array([[0, 0, 0]], dtype=np.int32), [0, 0, 0], USUAL.format(255)),
        (np.array([[0, 0, 0]], dtype=np.float32), [0, 0, 0], USUAL.format(1)),
    ],
)
def test_greys_are_scaled_and_the_page_says_how(values: np.ndarray, expected: list[int], note: str) -> None:
    assert greys(values) == expected
    assert decoded(values).notes == (note,)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[-(2**31), 0, 2**31 - 1]], dtype=np.int32), [0, 128, 255]),
        (np.array([[-3e38, 0, 3e38]], dtype=np.float32), [0, 128, 255]),
        (np.array([[7e9, 7e9, 7e9]], dtype=np.float32), [0, 0, 0]),
    ],
)
def test_extreme_greys_are_scaled(values: np.ndarray, expected: list[int]) -> None:
    assert greys(values) == expected
    assert len(decoded(values).notes) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([np.nan, np.inf, 1.0], [0, 0, 255]),
        ([np.nan, 250.0, 1000.0], [0, 64, 255]),
        ([-np.inf, -2000.0, -1000.0], [0, 0, 255]),
        ([np.nan, np.inf, np.nan], [0, 0, 0]),
    ],
)
def test_what_is_no_number_is_black_and_moves_no_other_grey(values: list[float], expected: list[int]) -> None:
    given = np.array([values], dtype=np.float32)
    assert greys(given) == expected
    assert decoded(given).notes[1:] == ("Places without a number (NaN or infinite) are shown in black.",)


def test_a_camera_s_twelve_and_fourteen_bits_in_sixteen_are_bright() -> None:
    for bits in (10, 12, 14, 16):
        top = 2**bits - 1
        assert np.asarray(decoded(ramp(top, np.uint16), "PNG").picture).max() == 255
