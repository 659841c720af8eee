"""The five techniques at a glance: each with settings small enough to answer within a second or two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from torch import Tensor

from ui.filters import sheets
from ui.frame.layout import Frame
from ui.maximisation import ascending, films
from ui.running import play
from ui.texts import t
from ui.texts.sentences import translated
from ui.viewer import show
from vizcore.networks.classifier import NetworkError
from vizcore.pictures import figures
from vizcore.techniques import filters, lime, occlusion, saliency

_SIGNED_OPACITY = 0.9


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
    usual = ascending.defaults(page)  # as its page opens, which finds the result and its film
    climbed = ascending.Ascending.of(page, usual, usual)
    play.quietly(
        "glance.maximisation",
        climbed.key,
        lambda: films.filmed(climbed.climb(), climbed.key),
        lambda ascent: show.picture(ascent.image, box=box, alt=t("overview.maximisation", name=page.class_name)),
    )


def _gradient(page: Frame, box: Any) -> None:
    params = saliency.SmoothGrad(copies=16)

    def draw(result: saliency.SaliencyMap) -> None:
        show.picture(figures.unsigned_colours(saliency.absolute_max(result)), box=box, alt=t("overview.saliency"))

    play.quietly(
        "glance.saliency",
        ("smoothgrad", *page.key, params),
        lambda: saliency.smoothgrad(page.clf, page.image, page.target, params),
        draw,
    )


def _drop(page: Frame, box: Any) -> None:
    side = min(page.image.shape[1:])
    params = occlusion.Occlusion(window=max(4, side // 5), stride=max(1, side // 10))
    play.quietly(
        "glance.occlusion",
        ("occlusion", *page.key, params),
        lambda: occlusion.occlude(page.clf, page.image, page.target, params),
        lambda result: _overlay(page.image, result.heat(), box, "occlusion"),
    )


def _superpixels(page: Frame, box: Any) -> None:
    params = lime.Lime(samples=200, segments=30)
    play.quietly(
        "glance.lime",
        ("lime", *page.key, params),
        lambda: lime.explain(page.clf, page.image, page.target, params),
        lambda result: _overlay(page.image, result.heat(), box, "lime"),
    )


def _overlay(image: Tensor, heat: Tensor, box: Any, name: str) -> None:
    show.picture(figures.overlay(image, heat, signed=True, opacity=_SIGNED_OPACITY), box=box, alt=t(f"overview.{name}"))


CARDS: list[tuple[str, Callable[[Frame, Any], None]]] = [
    ("filters", _kernels),
    ("maximisation", _ascent),
    ("saliency", _gradient),
    ("occlusion", _drop),
    ("lime", _superpixels),
]
