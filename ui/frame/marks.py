"""What is marked on one picture, by a click, a brush or a link: it is in the link, and gone with its picture."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Hashable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui.frame import state

NAMES = ("occlusion.square", "occlusion.mask", "lime.off")
_OF, _LAST = "vizcore.marks", "vizcore.marks.picture"


def marked(name: str, of: tuple[Hashable, ...]) -> str:
    """What is marked under ``name``; empty where nothing is, or where it was something else than ``of``.

    ``of`` begins with the picture's identity, and holds whatever else the mark depends on.
    """
    choices, owners = state.choices(), st.session_state.setdefault(_OF, {})
    if name in choices.linked:  # a link's mark belongs to the picture that the link names
        mark(name, of, choices.linked.pop(name))
    elif owners.get(name) != of:
        choices.looks.pop(name, None)
    return choices.looks.get(name, "")


def mark(name: str, of: tuple[Hashable, ...], text: str) -> None:
    """Mark something under ``name`` on ``of``; nothing, where the text is empty."""
    st.session_state.setdefault(_OF, {})[name] = of
    if text and len(text) <= state.LONGEST:
        state.choices().looks[name] = text
    else:
        state.choices().looks.pop(name, None)


def prune(picture: Hashable) -> None:
    """Leave other pictures' marks out of the link, and those of a followed link that nobody has looked at."""
    if st.session_state.get(_LAST, picture) != picture and not state.choices().arriving:
        for name in NAMES:
            state.choices().linked.pop(name, None)
    st.session_state[_LAST] = picture
    for name, of in st.session_state.get(_OF, {}).items():
        if of[0] != picture:
            state.choices().looks.pop(name, None)


def written(numbers: list[int]) -> str:
    """Whole numbers as they stand in an address."""
    return ".".join(map(str, numbers))


def numbers(text: str, below: int, most: int) -> list[int]:
    """The whole numbers 0..below-1 that a text lists, at most ``most``; what is none of them is left out."""
    parts = text.split(".")[:most]
    return [int(one) for one in parts if one.isascii() and one.isdigit() and len(one) < 7 and int(one) < below]


def packed(mask: NDArray[np.bool_] | None) -> str:
    """A mask (H,W) as a text for an address, empty where it covers nothing."""
    if mask is None or not mask.any():
        return ""
    return base64.urlsafe_b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode().rstrip("=")


def unpacked(text: str, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The mask (H,W) that a text stands for; None where it is none of this shape."""
    size = shape[0] * shape[1]
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        bits = zlib.decompressobj().decompress(data, (size + 7) // 8 + 1)  # no more, whatever it would unfold to
    except (ValueError, zlib.error):
        return None
    if not text or len(bits) != (size + 7) // 8:
        return None
    return np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=size).astype(bool).reshape(shape)
