"""Sanity: does a map change when what the network has learned is taken away, layer after layer?"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import streamlit as st
from torch import Tensor

from ui.compare import several
from ui.compare.choice import Choice, Row, method_name
from ui.compare.maps import Maps, pool
from ui.compare.maps import drawn as map_drawn
from ui.frame import controls
from ui.running.results import RESULTS
from ui.texts import inert, t
from ui.texts.sentences import translated
from ui.viewer import show, shown
from ui.viewer.cards import cards
from ui.viewer.viewer import pooled_unit
from vizcore import methods
from vizcore.evaluation import sanity
from vizcore.methods import METHODS
from vizcore.networks.classifier import Classifier
from vizcore.pictures import charts, figures, panels
from vizcore.techniques.lime import Known

QUICK = ("gradient", "gradcam")  # those that are looked at before the user asks for more
CARD = 112
Sampled = WeakKeyDictionary[Classifier, Known]
MEASURES = ("rank", "rank_absolute", "ssim")


def part(what: Choice, maps: Maps) -> None:
    """Similarity by layer of every method asked for, and the strip of maps of each; the edge detector beside them."""
    number = several.row_of(what)
    row = what.rows[number]
    options = [method for method in METHODS if method in maps.of_row(number) and method not in ("random", "edges")]
    default = [method for method in QUICK if method in options] or options[:1]
    requested = controls.several("compare.sane", options, default, t("compare.sane"), method_name, flat=True)
    params = what.page.params(sanity.Randomisation, "compare.randomisation")
    left, middle, right = st.columns(3)
    with left:
        params = controls.choose("compare.randomisation", params, ("stages",))
    with middle:
        params = controls.choose("compare.randomisation", params, ("networks",))
    with right:
        measure = controls.look("compare.similarity", MEASURES, t("compare.similarity"), "similarity")
    chosen = (*requested, "edges")
    several.key(chosen)
    chart, strips = st.empty(), {method: st.container() for method in chosen}
    places = {method: box.empty() for method, box in strips.items()}
    drawn: set[str] = set()

    def draw(latest: several.Several, drawing: int) -> None:
        finished = {m: found for m, found in latest.found.items() if found.step >= found.of}
        if not finished:
            return
        with chart.container():
            title = t("options.compare_part.sanity")
            show.chart(_chart(finished, measure), f"compare-sanity-{drawing}", title=title)
        for method in [m for m in finished if m not in drawn]:
            drawn.add(method)
            with places[method].container():
                _strip(what, row, method, finished[method])

    @cache
    def twins() -> sanity.Twins:
        return sanity.Twins(row.clf, row.image, params)

    sub_images: Sampled = WeakKeyDictionary()  # of each random network, for LIME's two models

    def start(method: str) -> Iterator[sanity.Cascade]:
        explain = partial(_explain, what, row, method, sub_images)
        return sanity.cascade(row.clf, row.image, explain, params, twins())

    work = {method: (_key(what, row, method, params), partial(start, method)) for method in chosen}
    several.show("compare-sanity", work, draw, unit="units.cascades", pace=("cascade", row.clf.checksum))


def known(what: Choice, row: Row, method: str) -> dict[str, Any]:
    """What is left of one map on random networks, if it was computed with the settings chosen now."""
    params = several.settings(sanity.Randomisation, "randomisation")
    cascade: sanity.Cascade | None = RESULTS.get(_key(what, row, method, params))
    return {} if cascade is None else {"remaining": cascade.remaining, "sane": cascade.passed}


def _key(what: Choice, row: Row, method: str, params: sanity.Randomisation) -> tuple[Hashable, ...]:
    return ("cascade", *what.key(row, method), params)


def _explain(what: Choice, row: Row, method: str, sub_images: Sampled, clf: Classifier) -> Tensor:
    known = sub_images.setdefault(clf, Known())
    *_, last = methods.explain(clf, row.image, row.target, method, what.params[method], known)
    return last.heat


def _chart(found: dict[str, sanity.Cascade], measure: str) -> Any:
    one = next(iter(found.values()))
    lines = {
        method_name(method): (list(METHODS).index(method), getattr(cascade, measure))
        for method, cascade in found.items()
    }
    names = [t("compare.untouched"), *one.layers[1:]]
    return charts.curves(
        range(len(names)),
        lines,
        x_title=t("compare.randomised"),
        y_title=t(f"options.similarity.{measure}"),
        x_names=names,
        markers=True,
    )


def _strip(what: Choice, row: Row, method: str, cascade: sanity.Cascade) -> None:
    """The map before, and after each stage, each on its own scale: what counts is where it points."""
    mark = ":green[:material/check:]" if cascade.passed else ":red[:material/close:]"
    title = f"{t('options.compare_part.sanity')}: {method_name(method)}"
    meaning = pooled_unit("", pool(what, method, row.image))
    st.markdown(f"**{method_name(method)}** {mark} {inert(translated(cascade.verdict))}")
    with cards(f"sanity-{method}", len(cascade.layers), CARD):
        for k, name in enumerate(cascade.layers):
            heat = map_drawn(what, method, cascade.maps[k])
            with st.container(gap="xsmall"):
                limit = figures.robust_limit(heat)
                picture = figures.overlay(row.image, heat, signed=True, opacity=0.9, limit=limit)
                caption = t("compare.untouched") if k == 0 else t("compare.down_to", layer=name)
                label = t("compare.map", method=method_name(method), name=caption)
                st.image(picture, caption=inert(caption), width="stretch", output_format="PNG", alt=label)
                tile = partial(panels.Tile, caption, picture, limit, True, meaning)
                shown.keep(str(k), caption, tile, within=f"compare-sanity-{method}", heading=title)
