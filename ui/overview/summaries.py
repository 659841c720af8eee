"""The five techniques at a glance, each with the settings and so with the very result of its own page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from ui.filters import sheets
from ui.frame import navigation, sources, state
from ui.frame.layout import Frame
from ui.maximisation import ascending, films
from ui.running import play
from ui.saliency import maps
from ui.texts import inert, number, percent, t
from ui.texts.sentences import translated
from ui.viewer import show, shown
from ui.viewer.viewer import pooled_unit
from vizcore.networks import catalogue, zoo
from vizcore.networks.classifier import NetworkError
from vizcore.pictures import figures, panels, pooling
from vizcore.techniques import filters, lime, maximize, occlusion, saliency

P = TypeVar("P")
LARGER = "squeezenet1_0"


@dataclass(frozen=True)
class Place:
    """Where a technique's picture and the legend of its colours go."""

    picture: DeltaGenerator
    legend: DeltaGenerator


def place(page: Frame) -> Place:
    """Empty places of the right size, until the technique has something to show."""
    found = Place(st.empty(), st.empty())
    show.picture(show.blank(page.clf), box=found.picture, alt=t("overview.blank"))
    show.legend(1.0, True, " ", found.legend, hidden=True)
    return found


def fill(page: Frame, box: Place, look: Callable[[Frame, Place], None]) -> None:
    """Draw one technique into its place, or why this network has no result for it; the others are not touched."""
    try:
        look(page, box)
    except NetworkError as error:
        box.picture.warning(inert(translated(str(error))), icon=":material/block:")


def settings(name: str, technique: type[P]) -> P:
    """What a technique's own page is set to in this session."""
    held = state.choices().params.get(name)
    return held if isinstance(held, technique) else technique()


def _kernels(page: Frame, box: Place) -> None:
    sheet = play.once(
        ("glance.filters", page.clf.checksum),
        lambda: sheets.Sheet(_rgb(filters.kernels(page.clf))).picture,
    )
    _draw(box, "filters", sheet, meaning(page, "filters"))
    show.strip(["#000", "#fff"], ("−", "0", "+"), t("overview.filters_scale"), box.legend)


def _rgb(kernels: filters.Kernels) -> Any:
    channel = None if kernels.weights.shape[1] in (1, 3) else 0  # what is no colour is shown by its first channel
    return sheets.tiles(kernels, filters.order(kernels, "index")[:64], "kernel", channel)


def _ascent(page: Frame, box: Place) -> None:
    usual = ascending.defaults(page)
    params = ascent_settings(usual)
    climbed = ascending.Ascending.of(page, params, usual)  # as on its page, with its film
    play.quietly(
        "glance.maximisation",
        climbed.key,
        lambda: films.filmed(climbed.climb(), climbed.key),
        lambda ascent: _climbed(page, box, ascent),
    )


def _climbed(page: Frame, box: Place, ascent: maximize.Ascent) -> None:
    _draw(box, "maximisation", figures.picture(ascent.image), meaning(page, "maximisation"))
    output = ascent_settings(ascending.defaults(page)).output
    reached = percent(ascent.probability) if output == "probability" else number(ascent.logit, ".1f")
    show.strip([], ("", "", ""), f"{t(f'options.output.{output}')}: {reached}", box.legend)


def ascent_settings(usual: maximize.Maximisation) -> maximize.Maximisation:
    """What the page of maximisation is set to, where it was last set for a network with these defaults; else these."""
    held = state.choices().bases.get("maximisation") == usual
    return settings("maximisation", maximize.Maximisation) if held else usual


def _gradient(page: Frame, box: Place) -> None:
    params, view = settings("saliency", saliency.SmoothGrad), saliency_view()
    side = maps.pool(page, view)

    def draw(result: saliency.SaliencyMap) -> None:
        heat = pooling.means(maps.VIEWS[view](result), side)
        unit = pooled_unit(maps.unit(view, params.output), side)
        _map(page, box, "saliency", heat, unit, meaning(page, "saliency"), signed=view != "absolute")

    play.quietly(
        "glance.saliency",
        ("smoothgrad", *page.key, params),
        lambda: saliency.smoothgrad(page.clf, page.image, page.target, params),
        draw,
    )


def _drop(page: Frame, box: Place) -> None:
    params = settings("occlusion", occlusion.Occlusion)
    play.quietly(
        "glance.occlusion",
        ("occlusion", *page.key, params),
        lambda: occlusion.occlude(page.clf, page.image, page.target, params),
        lambda result: _map(
            page, box, "occlusion", result.heat(), t(f"viewer.unit_{params.output}"), meaning(page, "occlusion")
        ),
    )


def _superpixels(page: Frame, box: Place) -> None:
    params = settings("lime", lime.Lime)
    play.quietly(
        "glance.lime",
        ("lime", *page.key, params),
        lambda: lime.explain(page.clf, page.image, page.target, params),
        lambda result: _map(page, box, "lime", result.heat(), t(f"viewer.unit_{params.output}"), meaning(page, "lime")),
    )


def saliency_view() -> str:
    """The view that the page of saliency maps is set to."""
    looks = state.choices().looks
    view = looks.get("saliency.view", "")
    return view if view in maps.VIEWS else next(iter(maps.VIEWS))


def meaning(page: Frame, name: str) -> str:
    """What a card shows, and what its colours mean."""
    view = saliency_view()
    signs = name == "saliency" and view != "absolute"
    return t(f"saliency.meaning_{view}") if signs else t(f"overview.{name}", name=inert(page.class_name))


def _map(
    page: Frame, box: Place, name: str, heat: Tensor | np.ndarray, unit: str, alt: str, *, signed: bool = True
) -> None:
    """A map as its own page shows it at first, with its legend."""
    limit = figures.robust_limit(heat)
    opacity = 0.5 if signed else 1.0
    picture = panels.blended(page.image, heat, signed=signed, limit=limit, opacity=opacity)
    _draw(box, name, picture, alt, (limit, signed, unit))


def _draw(
    box: Place, name: str, picture: figures.Picture, alt: str, scale: tuple[float, bool, str] | None = None
) -> None:
    title = t(f"{name}.title")
    show.picture(picture, box=box.picture, alt=alt)
    shown.keep(f"glance-{name}", title, partial(panels.Tile, title, picture, *(scale or ())))
    if scale is not None:
        show.legend(*scale, box.legend)


def larger(page: Frame) -> None:
    """One press to a network that knows a thousand things, with a photograph; how much it downloads is said."""
    if page.clf.name not in catalogue.SMALL:
        return
    entry = zoo.entry(LARGER)
    name = "overview.larger" if entry.on_disk else "overview.larger_download"
    text = t(name, title=entry.title, megabytes=entry.megabytes)
    navigation.to("overview", text, {"network": LARGER, "picture": sources.PHOTOGRAPH, "class": ""})


CARDS: list[tuple[str, Callable[[Frame, Place], None]]] = [
    ("filters", _kernels),
    ("maximisation", _ascent),
    ("saliency", _gradient),
    ("occlusion", _drop),
    ("lime", _superpixels),
]
BY_COST = ("filters", "saliency", "occlusion", "lime", "maximisation")  # the order in which they are filled
