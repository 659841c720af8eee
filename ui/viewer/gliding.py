"""A window that glides over the picture, and then is dragged: what the network answers under it, looked up at once."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from torch import Tensor

from ui.texts import separators, t
from ui.viewer import feeding
from ui.viewer.javascript import script
from vizcore.pictures import figures
from vizcore.techniques.window_answers import WindowAnswers

ROWS = 5  # of the bars
_HERE = Path(__file__).parent
_MOUNT = st.components.v2.component(
    "vizcore_gliding",
    html=(_HERE / "gliding.html").read_text(encoding="utf-8"),
    css=(_HERE / "gliding.css").read_text(encoding="utf-8"),
    js=script("numbers.js", "packed.js", "gliding.js"),
)
_FILL = "rgb(128 128 128)"  # occlusion's grey, as the picture's bytes would have it


def gliding(
    key: str,
    subject: str,
    picture: Tensor,
    names: Sequence[str],
    target: int,
    whole: Tensor,
    window: int,
    found: WindowAnswers | None = None,
) -> None:
    """Show ``picture`` (C,H,W) in [0,1] and what the network answers to it, ``whole`` (K,); then ``found``.

    The windows of ``found`` are ``window`` pixels wide and grey. ``subject`` tells one picture and network from
    another: over each the window glides once. Called again under the same key in the same run of the script, it
    brings ``found`` to the component that is there. ``names`` (K) are the classes', ``target`` is the explained one.
    """
    rgb = figures.picture(picture)
    chosen = strongest(whole, target, found)
    blobs = {"picture": np.ascontiguousarray(rgb).tobytes()}
    head = {
        "key": key,
        "stamp": feeding.stamp(),
        "subject": f"{zlib.crc32(subject.encode()):08x}",
        "height": rgb.shape[0],
        "width": rgb.shape[1],
        "window": window,
        "fill": _FILL,
        "classes": [names[k] for k in chosen],
        "target": chosen.index(target),
        "whole": [float(whole[k]) for k in chosen],
        "best": int(whole.argmax()),
        "mark": separators()[0],
        "texts": {name: t(f"gliding.{name}", name=names[target], **_LEFT) for name in _TEXTS},
    }
    if found is not None:
        grid = found.map(target)
        winners = grid.top_class.numpy().astype("<i4")
        head |= {
            "rows": found.rows.tolist(),
            "columns": found.columns.tolist(),
            "limit": figures.robust_limit(grid.heat()),
            "names": {str(k): names[k] for k in np.unique(winners).tolist()},
        }
        blobs |= {
            "answers": np.ascontiguousarray(found.answers[..., chosen], dtype="<f4").tobytes(),
            "winners": np.ascontiguousarray(winners).tobytes(),
            "colours": figures.colours(np.linspace(-1.0, 1.0, 256), signed=True, limit=1.0).tobytes(),
        }
    data = feeding.pack(head, blobs)
    if not feeding.fed(key, data):
        _MOUNT(key=key, data=data, width="stretch", height="content")
        feeding.mount(key)


_TEXTS = ("title", "meaning", "hint", "play", "pause", "label", "waiting", "falls", "rises", "same", "wins", "place")
_LEFT = {name: f"{{{name}}}" for name in ("amount", "winner", "x", "y")}  # filled in by the browser


def strongest(whole: Tensor, target: int, found: WindowAnswers | None) -> list[int]:
    """The classes of the bars: the explained one, and those with the highest scores, on the picture or under a window.

    In the order of their scores on the picture, so that they keep their places while the window moves.
    """
    peaks = whole if found is None else found.answers.flatten(0, 1).max(0).values.maximum(whole)  # (K,)
    ranked = [k for k in peaks.argsort(descending=True).tolist() if k != target][: ROWS - 1]
    return sorted([target, *ranked], key=lambda k: -float(whole[k]))
