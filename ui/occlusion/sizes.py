"""Maps of occlusion by squares of several sizes, on one scale."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from torch import Tensor

from ui.frame.layout import Frame
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import separators, t
from ui.viewer import show, shown
from ui.viewer.cards import cards
from vizcore.pictures import figures, panels
from vizcore.techniques import occlusion

_CARD = 140  # pixels: four beside the settings, two in a row on a telephone


def sizes(page: Frame, params: occlusion.Occlusion) -> None:
    """Maps of the drop for squares of several sizes, side by side on one scale; computed only when asked for."""
    side = min(page.image.shape[1:])
    windows = [max(4, 4 * round(side / share / 4)) for share in (8, 5, 3, 2)]
    strip = [occlusion.Occlusion(w, max(1, w // 2), params.fill, params.output) for w in windows]
    st.markdown(f"**{t('occlusion.sizes')}**")
    count = sum(occlusion.passes(page.clf, one) - 1 for one in strip)
    requested = st.toggle(t("occlusion.sizes_run", count=count), key="look.occlusion.strip")
    boxes = []
    with cards("sizes", len(strip), _CARD):
        for one in strip:
            with st.container():
                st.caption(t("occlusion.size", window=one.window))
                boxes.append(st.empty())
    legend = st.empty()
    if requested:
        _strip(page, strip, boxes, legend)
    else:
        for place in boxes:
            _small(figures.picture(page.image), place)


def _strip(page: Frame, strip: list[occlusion.Occlusion], boxes: list[Any], legend: Any) -> None:
    found: dict[int, Tensor] = {}

    def paint() -> None:
        limit, unit = max(map(figures.robust_limit, found.values())), t(f"viewer.unit_{strip[0].output}")
        for k, box in enumerate(boxes):  # all of them, since the scale is common
            heat, picture = found.get(k), figures.picture(page.image)
            if heat is not None:
                picture = figures.overlay(page.image, heat, signed=True, limit=limit)
                title = f"{strip[k].window} × {strip[k].window} px"
                tile = partial(panels.Tile, title, picture, limit, True, unit)
                shown.keep(str(k), title, tile, within="occlusion-sizes", heading=t("occlusion.sizes"))
            _small(picture, box)
        colours = figures.legend(limit, True, unit, width=640, height=36, mark=separators()[0])
        show.picture(colours, t("occlusion.meaning"), legend)

    for index, one in enumerate(strip):

        def draw(result: occlusion.OcclusionMap, index: int = index) -> None:
            found[index] = result.heat()
            paint()

        key = ("occlusion", *page.key, one)
        known: occlusion.OcclusionMap | None = RESULTS.get(key)
        if known is not None:
            found[index] = known.heat()  # painted with the others
        else:
            start = partial(occlusion.occlude, page.clf, page.image, page.target, one)
            play.quietly(f"occlusion.sizes.{index}", key, start, draw)
    paint()


def _small(picture: NDArray[np.uint8], box: Any) -> None:
    box.image(figures.enlarge(picture, 2 * _CARD), width="stretch", output_format="PNG")
