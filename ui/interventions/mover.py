"""The picture whose parts are dragged in the browser; what was dragged where comes back as a move."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from torch import Tensor

from ui.texts import t
from ui.viewer.javascript import script
from ui.viewer.viewer import pack
from vizcore.pictures import figures
from vizcore.pictures.scene_parts import PARTS, Part

KEY = "interventions-mover"
_HERE = Path(__file__).parent
_MOUNT = st.components.v2.component(
    "vizcore_mover",
    html="""<div class="mover"><canvas class="main" tabindex="0" role="application"></canvas>
      <div class="parts" role="group"></div><div class="status" role="status" aria-live="polite"></div></div>""",
    css=(_HERE / "mover.css").read_text(encoding="utf-8"),
    js=script("packed.js", _HERE / "mover.js"),
)
_MOVED = "vizcore.interventions.moved"
_START = time.time()  # tells one server from the next, which counts from zero again
_STAMPS = itertools.count()
FURTHEST = 100  # percent of the picture's side


@dataclass(frozen=True)
class Move:
    """Where a part is wanted, in percent of the picture's side away from its own place; ``chosen`` once it was let go.

    ``seq`` is the browser's number of its question.
    """

    part: Part
    x: int
    y: int
    chosen: bool
    seq: int


def mover(
    pixels: Tensor, places: dict[Part, NDArray[np.bool_]], at: dict[Part, tuple[int, int]], label: str, **head: Any
) -> None:
    """Show ``pixels`` (C,H,W) in [0,1], whose parts lie at ``places``, bool (H,W); those in ``at`` can be dragged.

    ``at`` says how far each is moved already. ``head`` holds the number of the question that this answers (``seq``),
    which scene it is (``scene``), and what is said of the answer (``status``).
    """
    picture = figures.picture(pixels)
    numbers = np.full(picture.shape[:2], 255, np.uint8)
    for part in (one for one in PARTS if one in places):  # the shadow comes after the object that it belongs to
        numbers[places[part]] = PARTS.index(part)
    parts = [
        {"id": part, "number": PARTS.index(part), "name": t(f"options.part.{part}"), "x": x, "y": y}
        for part, (x, y) in at.items()
    ]
    texts = {name: t(f"interventions.mover_{name}") for name in ("keys", "hint", "move", "back")}
    blobs = {"picture": np.ascontiguousarray(picture).tobytes(), "places": numbers.tobytes()}
    size = {"width": picture.shape[1], "height": picture.shape[0]}
    order = {"server": _START, "stamp": next(_STAMPS)}
    data = pack({**size, **order, "parts": parts, "label": label, "texts": texts, **head}, blobs)
    _MOUNT(key=KEY, data=data, on_move_change=_moved, width="stretch", height="content")


def moved() -> Move | None:
    """What the browser has asked for since the last time, if anything."""
    found: Move | None = st.session_state.pop(_MOVED, None)
    return found


def _moved() -> None:
    st.session_state[_MOVED] = move_of(getattr(st.session_state.get(KEY), "move", None))


def move_of(message: Any) -> Move | None:
    """The browser's message, trusted no further than its shape: anything else than a part and a place is no move."""
    if not isinstance(message, dict):
        return None
    part: Any = message.get("part")
    x, y, seq = (message.get(name, "") for name in ("x", "y", "seq"))
    if part not in PARTS or not all(type(one) is int for one in (x, y, seq)) or not 0 <= seq < 10**9:
        return None
    x, y = (min(max(one, -FURTHEST), FURTHEST) for one in (x, y))
    return Move(part, x, y, message.get("chosen") is True, seq)
