"""The picture viewer: a map over its picture, blended, zoomed and read off in the browser."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st
from torch import Tensor

from ui.texts import separators, t
from ui.viewer import feeding, shown
from ui.viewer.feeding import pack
from ui.viewer.javascript import script
from vizcore.pictures import figures, panels, pooling

_HERE = Path(__file__).parent
_MOUNT = st.components.v2.component(
    "vizcore_viewer",
    html=(_HERE / "viewer.html").read_text(encoding="utf-8"),
    css=(_HERE / "viewer.css").read_text(encoding="utf-8"),
    js=script("numbers.js", "packed.js", "viewer.js"),
)


@dataclass(frozen=True)
class Event:
    """What the user did in the viewer in this run: a click at a pixel, a mask brushed over the picture, or a start."""

    x: int | None = None
    y: int | None = None
    mask: np.ndarray | None = None  # bool (H,W)
    started: bool = False  # the button on the picture was pressed


def viewer(
    key: str,
    pixels: Tensor,
    label: str,
    *,
    heat: Tensor | np.ndarray | None = None,
    signed: bool = True,
    limit: float | None = None,
    unit: str = "",
    meaning: str = "",
    opacity: float = 0.5,
    mode: Literal["inspect", "click", "brush"] = "inspect",
    box: tuple[int, int, int, int] | None = None,
    mask: np.ndarray | None = None,
    brush: int = 6,
    round: int = 0,
    group: str = "page",
    pixelated: bool = False,
    waiting: bool = False,
    start: str = "",
    controls: Literal["full", "compact", "remote"] = "full",
    follow: bool = False,
    parts: Tensor | np.ndarray | None = None,
    part: str = "",
    pool: int = 1,
    subject: str = "",
    hint: str = "",
) -> Event:
    """Show ``pixels`` (C,H,W) in [0,1], with ``heat`` (H,W) over it where there is one, and return what was done.

    Called again under the same key in the same run of the script, it updates the viewer in place; only the first call
    returns events. A first call with ``waiting`` keeps the map that is there, dimmed, until the next one is; ``start``
    are the words of a button on it, for what waits to be started by hand.
    ``limit`` is the value at the end of the colour scale (a robust maximum of |heat| where None), ``meaning`` the
    sentence under the legend, ``box`` a framed rectangle (top, left, bottom, right) in pixels. ``brush`` is the radius
    of the brush; what is brushed lives in the browser, and ``mask`` replaces it only where ``round`` has changed, so
    that an answer to one stroke cannot undo the next. Viewers of one ``group`` zoom, pan and blend together, and where
    they ``follow`` they also read off the same place. ``compact`` ones leave out the group's controls, which a
    ``remote`` one shows even without a map of its own. ``parts`` (H,W) says which part each pixel belongs to, -1 for
    none, and ``part`` with its ``{n}`` how it is read off, in place of the pixel's coordinates. ``heat`` is shown in
    means of ``pool`` x ``pool`` pixels, which the legend and the meaning then say. Each ``subject`` has its own zoom in
    a group: the picture itself, unless what is shown of one subject changes. ``hint`` is said under the picture as long
    as nothing is read off, in place of what the mode usually says.
    """
    picture = figures.picture(pixels)
    height, width = picture.shape[:2]
    blobs: dict[str, bytes] = {"picture": np.ascontiguousarray(picture).tobytes()}
    scale = 1.0
    if heat is not None and pool > 1:
        heat, unit, meaning = pooling.means(heat, pool), pooled_unit(unit, pool), pooled_meaning(meaning, pool)
    if heat is not None:
        values = np.ascontiguousarray(np.asarray(heat, dtype="<f4"))
        scale = figures.robust_limit(values) if limit is None else limit
        blobs["map"] = values.tobytes()
        blobs["colours"] = _ramp(signed)
    if parts is not None:
        blobs["parts"] = np.ascontiguousarray(parts, dtype="<i4").tobytes()
    if mask is not None:
        blobs["mask"] = np.ascontiguousarray(mask, dtype=np.uint8).tobytes()
    head = {
        "width": width,
        "height": height,
        "signed": signed,
        "limit": scale,
        "unit": unit,
        "opacity": opacity,
        "mode": mode,
        "box": box,
        "brush": brush,
        "round": round,
        "group": group,
        "label": label,
        "pixelated": pixelated,
        "waiting": waiting,
        "controls": controls,
        "follow": follow,
        "part": part,
        "subject": subject or f"{zlib.crc32(blobs['picture']):08x}",
        "key": key,
        "stamp": feeding.stamp(),
        "texts": {
            "meaning": meaning,
            "start": start,
            **{
                name: t(f"viewer.{name}")
                for name in ("opacity", "threshold", "closer", "farther", "whole", "save", "keys", "waiting")
            },
            "hint": "" if controls == "compact" else hint or t(f"viewer.hint_{mode}"),
            "tap": "" if controls == "compact" else hint or t(f"viewer.tap_{mode}"),
        },
        "mark": separators()[0],
    }
    if mode != "brush" and not waiting:
        _keep(key, label, picture, pixels, heat, signed, scale, unit, opacity)
    data = pack(head, blobs)
    if feeding.fed(key, data):
        return Event()
    result = _MOUNT(
        key=key,
        data=data,
        on_click_change=_nothing,
        on_mask_change=_nothing,
        on_start_change=_nothing,
        width="stretch",
        height="content",
    )
    feeding.mount(key)
    return event_of(result, width, height)


def new_run() -> None:
    """Forget which viewers were mounted: to be called at the start of every run of a page's script."""
    feeding.new_run()
    shown.new_run()


def _keep(
    key: str,
    label: str,
    picture: figures.Picture,
    pixels: Tensor,
    heat: Tensor | np.ndarray | None,
    signed: bool,
    limit: float,
    unit: str,
    opacity: float,
) -> None:
    """Let what is shown be taken along: the map blended as at first, without frames and cursors."""
    if heat is None:
        shown.keep(key, label, lambda: panels.Tile(label, picture))
        return
    blend = {"signed": signed, "limit": limit, "opacity": opacity}
    values = np.asarray(heat)
    shown.keep(
        key,
        label,
        lambda: panels.Tile(label, panels.blended(pixels, values, **blend), limit, signed, unit),  # type: ignore[arg-type]
    )


def pooled_unit(unit: str, pool: int) -> str:
    """The legend's ``unit`` where what is shown are means of blocks: it says so."""
    return unit if pool == 1 else " · ".join(filter(None, (unit, t("viewer.pooled", side=pool))))


def pooled_meaning(meaning: str, pool: int) -> str:
    """The sentence under a map, and that it is pooled where it is."""
    return meaning if pool == 1 else f"{meaning} {t('viewer.pooled_meaning', side=pool)}".lstrip()


@cache
def _ramp(signed: bool) -> bytes:
    """The 256 colours between the ends of the scale, as the browser paints them."""
    return figures.colours(np.linspace(-1.0 if signed else 0.0, 1.0, 256), signed=signed, limit=1.0).tobytes()


def event_of(result: Any, width: int, height: int) -> Event:
    """The browser's message, trusted no further than its shape: anything else than pixels and runs is no event."""
    click, runs = getattr(result, "click", None), getattr(result, "mask", None)
    if isinstance(click, dict) and isinstance(click.get("x"), int) and isinstance(click.get("y"), int):
        return Event(x=min(max(click["x"], 0), width - 1), y=min(max(click["y"], 0), height - 1))
    if getattr(result, "start", None) is True:
        return Event(started=True)
    whole = isinstance(runs, list) and len(runs) <= width * height + 1 and all(type(r) is int and r >= 0 for r in runs)
    if isinstance(runs, list) and whole and sum(runs) == width * height:
        values = np.arange(len(runs)) % 2 == 1  # the first run is of zeros
        return Event(mask=np.repeat(values, runs).reshape(height, width))
    return Event()


def _nothing() -> None:
    """Streamlit returns the value of an event only where a callback is named."""
