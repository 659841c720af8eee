"""Sweep: one parameter of one method over a range, as a strip of maps with figures against it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from ui.compare import several
from ui.compare import truth as scene_truth
from ui.compare.choice import Choice, Row, method_name
from ui.compare.maps import Mapped, Maps, computed, drawn, passes, pool
from ui.frame import controls, navigation
from ui.running.results import RESULTS
from ui.texts import inert, number, t
from ui.texts.sentences import translated
from ui.viewer import show, shown
from ui.viewer.cards import cards
from ui.viewer.viewer import pooled_unit
from vizcore.evaluation import agreement, faithfulness, truth
from vizcore.params import specs
from vizcore.pictures import charts, figures, panels

CARD = 150
# What is worth a sweep, and where: from too little to more than enough.
SWEEPS: dict[str, tuple[float, ...]] = {
    "occlusion.window": (8, 16, 24, 32, 48, 64),
    "occlusion.stride": (4, 8, 16, 24, 32),
    "smoothgrad.noise": (0.0, 0.05, 0.15, 0.25, 0.35, 0.5),
    "smoothgrad.copies": (1, 5, 10, 25, 50, 100),
    "integrated.steps": (8, 16, 32, 64, 128),
    "adaline.samples": (50, 100, 200, 500, 1000),
    "adaline.segments": (10, 25, 50, 100, 200),
    "adaline.alpha": (0.0, 0.1, 1.0, 10.0, 100.0, 1000.0),
    "ridge.samples": (50, 100, 200, 500, 1000),
    "ridge.segments": (10, 25, 50, 100, 200),
    "ridge.alpha": (0.0, 0.1, 1.0, 10.0, 100.0, 1000.0),
}
FIGURES = ("deletion_area", "insertion_area", "same", "precision", "mass")


@dataclass(frozen=True, eq=False)
class Swept:
    """The map at one value of the parameter, and its figures by name; ``step`` of ``of`` parts of this are there."""

    step: int
    of: int
    mapped: Mapped
    figures: dict[str, float]


def part(what: Choice, maps: Maps) -> None:
    """The strip, and the figures against the parameter."""
    place = several.row_of(what)
    row, found = what.rows[place], maps.of_row(place)
    able = [name for name in SWEEPS if name.partition(".")[0] in found]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        navigation.to("maximisation", t("compare.lambda_strip"))
    if not able:
        st.info(t("compare.nothing_to_sweep"), icon=":material/grid_off:")
        return
    name = controls.look("compare.sweep", able, t("compare.sweep"), names=partial(_name, what))
    method, _, field = name.partition(".")
    key = ("sweep", *what.key(row, method), field)
    values = _values(row, field, name)
    own, inside = found[method], scene_truth.object_of(what, row)
    boxes = {}
    with cards("sweep", len(values), CARD):
        for value in values:
            with st.container(gap="xsmall"):
                boxes[number(value)] = st.empty()
    chart = st.empty()

    def draw(latest: several.Several, drawing: int) -> None:
        for value, swept in latest.found.items():
            _card(boxes[value], what, row, (method, field), value, swept)
        with chart.container():
            _chart(latest, _label(what, method, field), drawing)

    work = {
        number(value): ((*key, value), partial(_swept, what, row, method, field, value, own, inside))
        for value in values
    }
    several.show("compare-sweep", work, draw, unit="units.values", pace=("sweep", name, row.clf.checksum))
    st.caption(t("compare.sweep_figures"))


def _values(row: Row, field: str, name: str) -> list[float]:
    """The values of the sweep that this picture has room for."""
    side = min(row.image.shape[1:])
    return [value for value in SWEEPS[name] if field != "window" or value <= side]


def _label(what: Choice, method: str, field: str) -> str:
    kind = type(what.params[method])
    return controls.label_of(kind, field, specs(kind)[field])


def _name(what: Choice, name: str) -> str:
    method, _, field = name.partition(".")
    return f"{method_name(method)}: {_label(what, method, field)}"


def _swept(what: Choice, row: Row, method: str, field: str, value: float, own: Mapped, inside: Any) -> Iterator[Swept]:
    """The map with the parameter at ``value``, then its figures."""
    current = getattr(what.params[method], field)
    params = replace(what.params[method], **{field: type(current)(value)})
    changed = replace(what, params={**what.params, method: params})
    *_, mapped = computed(changed, row, method)
    if mapped.found is None:
        yield Swept(1, 1, mapped, {})
        return
    yield Swept(0, 1, mapped, {})
    heat = mapped.heat
    curves_key = ("curves", *changed.key(row, method), faithfulness.Faithfulness())
    curves = RESULTS.get(curves_key)
    if curves is None:
        *_, curves = faithfulness.curves(row.clf, row.image, row.target, heat)
        RESULTS.put(curves_key, curves)
    found = {"deletion_area": curves.deletion_area, "insertion_area": curves.insertion_area}
    found["same"] = agreement.spearman(heat, own.heat)
    if inside is not None:
        found |= {"precision": truth.precision(heat, inside), "mass": truth.mass(heat, inside)}
    yield Swept(1, 1, mapped, found)


def _card(box: Any, what: Choice, row: Row, of: tuple[str, str], value: str, swept: Swept) -> None:
    method, field = of
    with box.container(gap="xsmall"):
        if swept.mapped.found is None:
            st.markdown(f"**{value}**")
            st.caption(inert(translated(swept.mapped.error)))
            return
        heat = drawn(what, method, swept.mapped.heat)
        limit = figures.robust_limit(heat)
        picture = figures.overlay(row.image, heat, signed=True, opacity=0.9, limit=limit)
        st.image(picture, width="stretch", output_format="PNG", alt=f"{field} = {value}")
        meaning = pooled_unit("", pool(what, method, row.image))
        tile = partial(panels.Tile, f"{field} = {value}", picture, limit, True, meaning)
        shown.keep(value, field, tile, within="compare-sweep-maps", heading=t("options.compare_part.sweep"))
        st.markdown(f"**{value}**")
        st.caption(passes(swept.mapped))


def _chart(latest: several.Several, label: str, drawing: int) -> None:
    known = {value: swept.figures for value, swept in latest.found.items() if swept.figures}
    if not known:
        return
    lines = {}
    for index, name in enumerate(FIGURES):
        values = [one.get(name, math.nan) for one in known.values()]
        if not np.isnan(values).all():
            lines[t(f"compare.{name}")] = (index, values)
    shown = [(name, charts.style(index)) for name, (index, _) in lines.items()]
    show.line_key([(name, str(style["color"]), str(style["dash"])) for name, style in shown])
    figure = charts.curves(range(len(known)), lines, x_title=label, x_names=list(known), markers=True, height=300)
    title = f"{t('options.compare_part.sweep')}: {label}"
    show.chart(figure, f"compare-sweep-{drawing}", title=title)
