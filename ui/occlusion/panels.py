"""What the page of occlusion shows besides its map: one square, the winners, several sizes."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray
from torch import Tensor

from ui.frame import marks
from ui.frame.classes import class_name
from ui.frame.layout import Frame
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import quoted, separators, t
from ui.viewer import show, shown
from ui.viewer.cards import cards
from ui.viewer.viewer import Event, viewer
from vizcore.pictures import figures, panels
from vizcore.techniques import occlusion

_CARD = 140  # pixels: four beside the settings, two in a row on a telephone
_PLACE = "occlusion.square"  # in the link


def draw(
    page: Frame, params: occlusion.Occlusion, result: occlusion.OcclusionMap | None = None, start: str = ""
) -> Event:
    """The map over the picture, and the chosen square; until there is a result the picture, with a button ``start``."""
    return viewer(
        "occlusion",
        page.image,
        t("occlusion.map", name=page.class_name),
        heat=None if result is None else result.heat(),
        unit=t(f"viewer.unit_{params.output}"),
        meaning=t("occlusion.meaning"),
        mode="click",
        box=box(page, params),
        waiting=result is None,
        start=start,
    )


def click(page: Frame, y: int, x: int) -> None:
    """Keep the place that was clicked in the map, for this picture and network."""
    marks.mark(_PLACE, (page.picture_key,), marks.written([y, x]))


def cell(page: Frame, params: occlusion.Occlusion) -> tuple[int, int] | None:
    """(row, column) in the grid of the square whose centre is nearest to the place that was clicked."""
    place = marks.numbers(marks.marked(_PLACE, (page.picture_key,)), max(page.image.shape[1:]), 2)
    if len(place) != 2:
        return None
    y, x = place
    middle = (params.window - 1) / 2
    rows, columns = (np.asarray(edges) + middle for edges in occlusion.grid(page.clf, params))
    return int(np.abs(rows - y).argmin()), int(np.abs(columns - x).argmin())


def box(page: Frame, params: occlusion.Occlusion) -> tuple[int, int, int, int] | None:
    """The edges (top, left, bottom, right) of the chosen square."""
    chosen = cell(page, params)
    if chosen is None:
        return None
    rows, columns = occlusion.grid(page.clf, params)
    top, left = rows[chosen[0]], columns[chosen[1]]
    return top, left, top + params.window, left + params.window


def square(page: Frame, params: occlusion.Occlusion) -> None:
    """The square that was clicked: the covered picture, how far the score falls, and the network's answer to it."""
    chosen = cell(page, params)
    if chosen is None:
        st.info(t("occlusion.cell"), icon=":material/touch_app:")
        return
    rows, columns = occlusion.grid(page.clf, params)
    picture = occlusion.occluded(page.clf, page.image, params, *chosen)
    drop, probabilities = answer(page, picture, params)
    show.picture(picture, t("occlusion.covered", row=rows[chosen[0]], column=columns[chosen[1]]))
    fall(drop)
    top_five(page, probabilities, t("occlusion.top_five"))


def classes(page: Frame, result: occlusion.OcclusionMap) -> None:
    """Which class wins with the square at each place, as a map of a few colours with their names."""
    found, counts = result.top_class.unique(return_counts=True)
    if len(found) == 1:  # a map of one colour says no more
        st.info(t("occlusion.everywhere", name=quoted(class_name(page.clf, int(found[0])))), icon=":material/done_all:")
        return
    ranked = found[counts.argsort(descending=True)][: len(figures.CATEGORICAL)]
    picture = figures.categories(result.top_class, ranked.tolist())
    title = t("occlusion.class_map")
    key = [(figures.CATEGORICAL[i], class_name(page.clf, int(k))) for i, k in enumerate(ranked)]
    shown.keep("occlusion-classes", title, partial(panels.Tile, title, picture, key=tuple(key)))
    st.markdown(f"**{title}**")
    place, names = st.columns([3, 2])
    with place:
        show.picture(figures.enlarge(picture, show.DISPLAY), alt=t("occlusion.class_map"))
    with names:
        show.key(key)


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


def answer(page: Frame, picture: Tensor, params: occlusion.Occlusion) -> tuple[float, Tensor]:
    """y(I0) - y(picture), and the network's probabilities (K,) for the picture; remembered as long as others are."""
    pixels = hashlib.sha256(picture.contiguous().numpy().tobytes()).hexdigest()

    def ask() -> tuple[float, Tensor]:
        both = page.clf.all_scores(torch.stack([page.image, picture]), params.output)[:, page.target]  # (2,)
        return float(both[0] - both[1]), page.clf.all_scores(picture[None])[0]

    return play.once(("covered", *page.key, params.output, pixels), ask)


def fall(drop: float) -> None:
    st.markdown(t("occlusion.falls", drop=drop) if drop >= 0 else t("occlusion.rises", rise=-drop))


def top_five(page: Frame, probabilities: Tensor, title: str) -> None:
    best = probabilities.topk(min(5, len(probabilities))).indices.tolist()
    shown = best if page.target in best else [*best, page.target]  # what became of the class is what was asked
    show.bars(title, [(class_name(page.clf, k), float(probabilities[k]), k == page.target) for k in shown])
