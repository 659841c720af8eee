"""Small damages to a file, each told by a random generator alone, so that a number names the file for ever."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Literal

# What a size, a count or an offset should not be.
EXTREMES: tuple[int, ...] = (
    0,
    1,
    2,
    3,
    127,
    128,
    255,
    256,
    4095,
    4999,
    5000,
    5001,
    32767,
    32768,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
)
EXTREMES += (2**32 - 1,)
ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")


def mutated(rng: random.Random, bases: Sequence[bytes]) -> bytes:
    """One of the files, damaged in one to sixteen ways."""
    data = bytearray(rng.choice(bases))
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        damage = rng.choice(DAMAGES)
        damage(rng, data, bases)
        del data[4 * 2**20 :]
    if data[1:4] == b"PNG" and rng.random() < 0.7:
        data = checked(data)
    return bytes(data) or b"\0"


def place(rng: random.Random, data: bytearray) -> int:
    """Anywhere, but in every second case near the beginning, where the headers are."""
    return rng.randrange(max(1, min(len(data), rng.choice((16, 64, 256, len(data), len(data), len(data))))))


def _truncate(rng: random.Random, data: bytearray, bases: Sequence[bytes]) -> None:
    del data[place(rng, data) :]


def _flip(rng: random.Random, data: bytearray, bases: Sequence[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 8, 64))):
        if data:
            data[place(rng, data)] ^= 1 << rng.randrange(8)


def _overwrite(rng: random.Random, data: bytearray, bases: Sequence[bytes]) -> None:
    if data:
        at = place(rng, data)
        data[at : at + 1] = rng.randbytes(1)


def _cut_out(rng: random.Random, data: bytearray, bases: Sequence[bytes]) -> None:
    at = place(rng, data)
    del data[at : at + rng.choice((1, 2, 4, 8, 100, 1000))]


def _insert(rng: random.Random, data: bytearray, bases: Sequence[bytes]) -> None:
    at = place(rng, data)
    data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 8, 100)))


def _number(rng: random.Random, data: bytearray, bases: Sequence[bytes]) -> None:
    width = rng.choice((1, 2, 4))
    value = rng.choice(EXTREMES) % 256**width
    at = place(rng, data)
    data[at : at + width] = value.to_bytes(width, rng.choice(ORDERS))


def _splice(rng: random.Random, data: bytearray, bases: Sequence[bytes]) -> None:
    other = rng.choice(bases)
    begin = rng.randrange(len(other))
    at = place(rng, data)
    data[at : at + rng.choice((0, 8, 100))] = other[begin : begin + rng.choice((8, 64, 1000))]


def _repeat(rng: random.Random, data: bytearray, bases: Sequence[bytes]) -> None:
    at = place(rng, data)
    data[at:at] = bytes(data[at : at + rng.choice((4, 32, 256))]) * rng.choice((1, 2, 50))


def _concatenate(rng: random.Random, data: bytearray, bases: Sequence[bytes]) -> None:
    data += rng.choice(bases)


DAMAGES: tuple[Callable[[random.Random, bytearray, Sequence[bytes]], None], ...] = (
    _truncate, _flip, _flip, _overwrite, _cut_out, _insert, _number, _number, _number, _splice, _repeat, _concatenate,
)  # fmt: skip


def resized(rng: random.Random, data: bytes, size: tuple[int, int]) -> bytes:
    """The file with its width or height, wherever its header holds it, replaced by another number."""
    head = bytearray(data)
    old = rng.choice(size)
    forms = [old.to_bytes(width, order) for width in (4, 2) for order in ORDERS]
    forms += [(old - 1).to_bytes(3, "little")]  # WebP's canvas
    for form in rng.sample(forms, len(forms)):
        at = head.find(form, 0, 400)
        if at >= 0:
            value = rng.choice((*EXTREMES, rng.randrange(2**16), 4900, 6000, 12_000)) % 256 ** len(form)
            order = ORDERS[1] if form == old.to_bytes(len(form), "big") else ORDERS[0]
            head[at : at + len(form)] = value.to_bytes(len(form), order)
            break
    return bytes(checked(head)) if data[1:4] == b"PNG" else bytes(head)


def checked(data: bytearray) -> bytearray:
    """A PNG whose chunks have the right checksums again, so that the damage is not found by them alone."""
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 8 + length
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return data
