"""What the page of occlusion shows besides its map: one square, and the winners."""

from __future__ import annotations

import hashlib
from functools import partial

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from ui.frame import marks
from ui.frame.classes import class_name
from ui.frame.layout import Frame
from ui.running import play
from ui.texts import inert, t
from ui.viewer import show, shown
from ui.viewer.viewer import Event, viewer
from vizcore.pictures import figures, panels
from vizcore.techniques import occlusion

_PLACE = "occlusion.square"  # in the link


def draw(
    page: Frame, params: occlusion.Occlusion, result: occlusion.OcclusionMap | None = None, start: str = ""
) -> Event:
    """The map over the picture, and the square that is looked at; until then the picture, with a button ``start``."""
    at = cell(page, params)
    if at is None and result is not None:
        at = strongest(result)
    return viewer(
        "occlusion",
        page.image,
        t("occlusion.map", name=page.class_name),
        heat=None if result is None else result.heat(),
        unit=t(f"viewer.unit_{params.output}"),
        meaning=t("occlusion.meaning"),
        mode="click",
        box=None if at is None else box(page, params, at),
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


def strongest(result: occlusion.OcclusionMap) -> tuple[int, int] | None:
    """(row, column) in the grid of the square under which the score falls most.

    None where it falls under none, and as long as some are only interpolated.
    """
    at = int(result.drop.argmax())
    falls = result.step == result.of and float(result.drop.flatten()[at]) > 0
    return divmod(at, result.drop.shape[1]) if falls else None


def box(page: Frame, params: occlusion.Occlusion, at: tuple[int, int]) -> tuple[int, int, int, int]:
    """The edges (top, left, bottom, right) of a square in the grid."""
    rows, columns = occlusion.grid(page.clf, params)
    top, left = rows[at[0]], columns[at[1]]
    return top, left, top + params.window, left + params.window


def square(page: Frame, params: occlusion.Occlusion, at: tuple[int, int], caption: str) -> None:
    """A square in the grid: the covered picture, how far the score falls, and the network's answer to it."""
    rows, columns = occlusion.grid(page.clf, params)
    picture = occlusion.occluded(page.clf, page.image, params, *at)
    drop, probabilities = answer(page, picture, params)
    which = t(caption, row=rows[at[0]], column=columns[at[1]])
    show.picture(picture, alt=which, keep="occlusion-square")
    st.caption(which)
    fall(drop)
    top_five(page, probabilities, t("occlusion.top_five"))


def classes(page: Frame, result: occlusion.OcclusionMap) -> None:
    """Which class wins with the square at each place, as a map of a few colours with their names."""
    found, counts = result.top_class.unique(return_counts=True)
    if len(found) == 1:  # a map of one colour says no more
        st.info(t("occlusion.everywhere", name=inert(class_name(page.clf, int(found[0])))), icon=":material/done_all:")
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
