"""The five techniques at a glance, each with the settings and so with the very result of its own page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st
from torch import Tensor

from ui.filters import sheets
from ui.frame import navigation, sources, state
from ui.frame.layout import Frame
from ui.maximisation import ascending, films
from ui.running import play
from ui.texts import t
from ui.texts.sentences import translated
from ui.viewer import show
from vizcore.networks import zoo
from vizcore.networks.bundled import network as bundled
from vizcore.networks.classifier import NetworkError
from vizcore.pictures import figures
from vizcore.techniques import filters, lime, maximize, occlusion, saliency

P = TypeVar("P")
_SIGNED_OPACITY = 0.9
LARGER = "squeezenet1_0"


def place(page: Frame) -> Any:
    """An empty place of the right size: the picture itself, until the technique has something to show."""
    box = st.empty()
    show.picture(show.blank(page.clf), box=box, alt=t("overview.blank"))
    return box


def fill(page: Frame, box: Any, look: Callable[[Frame, Any], None]) -> None:
    """Draw one technique into its place, or why this network has no result for it; the others are not touched."""
    try:
        look(page, box)
    except NetworkError as error:
        box.warning(translated(str(error)), icon=":material/block:")


def settings(name: str, technique: type[P]) -> P:
    """What a technique's own page is set to in this session."""
    held = state.choices().params.get(name)
    return held if isinstance(held, technique) else technique()


def _kernels(page: Frame, box: Any) -> None:
    sheet = play.once(
        ("glance.filters", page.clf.checksum),
        lambda: sheets.Sheet(_rgb(filters.kernels(page.clf))).picture,
    )
    show.picture(sheet, box=box, alt=t("overview.filters"))


def _rgb(kernels: filters.Kernels) -> Any:
    channel = None if kernels.weights.shape[1] in (1, 3) else 0  # what is no colour is shown by its first channel
    return sheets.tiles(kernels, filters.order(kernels, "index")[:64], "kernel", channel)


def _ascent(page: Frame, box: Any) -> None:
    usual = ascending.defaults(page)
    params = settings("maximisation", maximize.Maximisation) if _set_for(usual) else usual
    climbed = ascending.Ascending.of(page, params, usual)  # as on its page, with its film
    play.quietly(
        "glance.maximisation",
        climbed.key,
        lambda: films.filmed(climbed.climb(), climbed.key),
        lambda ascent: show.picture(ascent.image, box=box, alt=t("overview.maximisation", name=page.class_name)),
    )


def _set_for(usual: maximize.Maximisation) -> bool:
    """Whether the page of maximisation was last set for a network with these defaults."""
    return state.choices().bases.get("maximisation") == usual


def _gradient(page: Frame, box: Any) -> None:
    params = settings("saliency", saliency.SmoothGrad)

    def draw(result: saliency.SaliencyMap) -> None:
        show.picture(figures.unsigned_colours(saliency.absolute_max(result)), box=box, alt=t("overview.saliency"))

    play.quietly(
        "glance.saliency",
        ("smoothgrad", *page.key, params),
        lambda: saliency.smoothgrad(page.clf, page.image, page.target, params),
        draw,
    )


def _drop(page: Frame, box: Any) -> None:
    params = settings("occlusion", occlusion.Occlusion)
    play.quietly(
        "glance.occlusion",
        ("occlusion", *page.key, params),
        lambda: occlusion.occlude(page.clf, page.image, page.target, params),
        lambda result: _overlay(page.image, result.heat(), box, "occlusion"),
    )


def _superpixels(page: Frame, box: Any) -> None:
    params = settings("lime", lime.Lime)
    play.quietly(
        "glance.lime",
        ("lime", *page.key, params),
        lambda: lime.explain(page.clf, page.image, page.target, params),
        lambda result: _overlay(page.image, result.heat(), box, "lime"),
    )


def _overlay(image: Tensor, heat: Tensor, box: Any, name: str) -> None:
    show.picture(figures.overlay(image, heat, signed=True, opacity=_SIGNED_OPACITY), box=box, alt=t(f"overview.{name}"))


def larger(page: Frame) -> None:
    """One press to a network that knows a thousand things, with a photograph; how much it downloads is said."""
    if page.clf.name not in bundled.NAMES:
        return
    entry = zoo.entry(LARGER)
    name = "overview.larger" if entry.on_disk else "overview.larger_download"
    text = t(name, title=entry.title, megabytes=entry.megabytes)
    navigation.to("overview", text, {"network": LARGER, "picture": sources.PHOTOGRAPH, "class": ""})


CARDS: list[tuple[str, Callable[[Frame, Any], None]]] = [
    ("filters", _kernels),
    ("maximisation", _ascent),
    ("saliency", _gradient),
    ("occlusion", _drop),
    ("lime", _superpixels),
]
BY_COST = ("filters", "saliency", "occlusion", "lime", "maximisation")  # the order in which they are filled
