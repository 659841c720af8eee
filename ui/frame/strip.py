"""The head of a page: a strip with the picture and its most probable classes, each of which can be chosen in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image
from torch import Tensor

from ui.texts import t
from ui.viewer import show
from vizcore.pictures import figures

KEY = "strip"
_LARGEST = 320  # pixels: more than it is shown in costs time at every run
_HERE = Path(__file__).parent
_MOUNT = st.components.v2.component(
    "vizcore_strip",
    html="""<div class="strip">
      <button type="button" class="picture" aria-expanded="false"><img alt="" /></button>
      <div class="sides"><div class="title"></div><div class="classes" role="group"></div></div>
      <div class="caption"></div></div>""",
    css=(_HERE / "strip.css").read_text(encoding="utf-8"),
    js=(_HERE / "strip.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Answer:
    """One class: its index and name, its probability as a share and in words, and whether it is the one explained."""

    index: int
    name: str
    share: float
    value: str
    chosen: bool
    tip: str


def strip(image: Tensor, answers: list[Answer], choose: Callable[[int], None]) -> None:
    """Show ``image`` (C,H,W) in [0,1] and the answers; ``choose`` is called with the index of the one pressed."""

    def pressed() -> None:
        index = getattr(st.session_state.get(KEY), "explain", None)
        if isinstance(index, int) and any(index == one.index for one in answers):
            choose(index)

    data = {
        "picture": _address(image),
        "caption": t("frame.seen", height=image.shape[1], width=image.shape[2]),
        "rows": [asdict(one) for one in answers],
        "texts": {"title": t("frame.top_five"), "open": t("frame.enlarge"), "close": t("frame.reduce")},
    }
    _MOUNT(key=KEY, data=data, on_explain_change=pressed, width="stretch", height="content")


def _address(image: Tensor) -> str:
    array = figures.picture(image)
    if max(array.shape[:2]) > _LARGEST:
        small = Image.fromarray(array)
        small.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
        array = np.asarray(small)
    return show.inline(array)
