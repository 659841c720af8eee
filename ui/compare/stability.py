"""Stability: what of a map is chance, and what a change of the picture too small to see does to it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import partial
from typing import Any

import streamlit as st
from torch import Tensor

from ui.compare import several
from ui.compare.choice import Choice, Row, method_name
from ui.compare.maps import CARD, LEAST, Maps, drawn, pool, unit
from ui.frame import controls, tables
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import t
from ui.viewer.cards import cards
from ui.viewer.viewer import viewer
from vizcore import methods
from vizcore.evaluation import stability
from vizcore.methods import BASELINES, SEEDED
from vizcore.pictures import figures

UNMOVED = ("random",)  # it does not look at the picture


def part(what: Choice, maps: Maps) -> None:
    """The maps of one method under several seeds, and of pictures changed by less than one sees; figures of all."""
    number = several.row_of(what)
    row, found = what.rows[number], maps.of_row(number)
    able = [method for method in found if method in SEEDED or method not in BASELINES]
    if not able:
        st.info(t("compare.nothing_to_repeat"), icon=":material/grid_off:")
        return
    preferred = [*(m for m in able if m in SEEDED and m not in BASELINES), *able]
    method = controls.look("compare.stable", list(dict.fromkeys(preferred)), t("compare.stable"), "method", flat=True)
    repeats = what.page.params(stability.Repeats, "compare.repeats")
    changes = what.page.params(stability.Sensitivity, "compare.sensitivity")
    left, middle, right = st.columns(3)
    with left:
        repeats = controls.choose("compare.repeats", repeats, ("runs",))
    with middle:
        changes = controls.choose("compare.sensitivity", changes, ("radius",))
    with right:
        changes = controls.choose("compare.sensitivity", changes, ("samples",))
    with cards("stability", 4, CARD, least=LEAST, few=4):
        boxes = [st.container(gap="xsmall") for _ in range(4)]
    if method in SEEDED:
        _repeated(what, row, method, repeats, boxes[:2])
    else:
        boxes[0].info(t("compare.no_chance", method=method_name(method)), icon=":material/lock:")
    if method not in UNMOVED:
        _changed(what, row, method, changes, boxes[2:])
    records = list(_records(what, row, able, repeats, changes))
    if records:
        st.markdown(f"**{t('compare.so_far')}**")
        tables.table(records, [t("compare.seeds_agree"), t("compare.max_sensitivity")], "compare-stability")


def _explain(what: Choice, row: Row, method: str, params: Any, picture: Tensor) -> Tensor:
    *_, last = methods.explain(row.clf, picture, row.target, method, params)
    return last.heat


def _repeats_key(what: Choice, row: Row, method: str, params: stability.Repeats) -> tuple[Hashable, ...]:
    return ("repeats", *what.key(row, method), params)


def _changes_key(what: Choice, row: Row, method: str, params: stability.Sensitivity) -> tuple[Hashable, ...]:
    return ("sensitivity", *what.key(row, method), params)


def known(what: Choice, row: Row, method: str) -> dict[str, Any]:
    """The stability of one map, as far as it was computed with the settings chosen now."""
    seeds = RESULTS.get(_repeats_key(what, row, method, several.settings(stability.Repeats, "repeats")))
    moved = RESULTS.get(_changes_key(what, row, method, several.settings(stability.Sensitivity, "sensitivity")))
    found = {} if seeds is None else {"seeds_agreement": seeds.agreement}
    return found if moved is None else found | {"max_sensitivity": moved.maximum}


def _repeated(what: Choice, row: Row, method: str, params: stability.Repeats, boxes: Sequence[Any]) -> None:
    """The mean map and the deviation of a single one, on one scale."""
    note = st.empty()

    def explain(seed: int) -> Tensor:
        return _explain(what, row, method, methods.with_seed(what.params[method], seed), row.image)

    def draw(result: stability.Stability | None) -> None:
        limit = 1.0 if result is None else figures.robust_limit(result.mean)
        _map(boxes[0], what, row, method, "mean", None if result is None else result.mean, limit)
        _map(boxes[1], what, row, method, "deviation", None if result is None else result.deviation, limit)
        if result is not None:
            note.markdown(t("compare.agree", runs=result.step, value=result.agreement))

    _titles(boxes, "mean", "deviation")
    draw(None)
    play.play(
        "compare-repeats",
        _repeats_key(what, row, method, params),
        lambda: stability.repeat(explain, params),
        draw,
        unit="units.runs",
        cost=params.runs,
        pace=("repeats", method, row.clf.checksum),
    )


def _changed(what: Choice, row: Row, method: str, params: stability.Sensitivity, boxes: Sequence[Any]) -> None:
    """The map, and that of the changed picture whose map differs most; on one scale."""
    note = st.empty()

    def draw(result: stability.MaxSensitivity | None) -> None:
        limit = 1.0 if result is None else figures.robust_limit(drawn(what, method, result.heat))
        _map(boxes[0], what, row, method, "heat", None if result is None else result.heat, limit)
        _map(boxes[1], what, row, method, "worst_heat", None if result is None else result.worst_heat, limit)
        if result is not None:
            note.markdown(t("compare.changed", count=result.step, maximum=result.maximum, mean=result.mean))

    _titles(boxes, "heat", "worst_heat")
    draw(None)
    play.play(
        "compare-sensitivity",
        _changes_key(what, row, method, params),
        lambda: stability.max_sensitivity(row.image, partial(_explain, what, row, method, what.params[method]), params),
        draw,
        unit="units.pictures",
        cost=params.samples,
        pace=("sensitivity", method, row.clf.checksum),
    )


def _titles(boxes: Sequence[Any], *names: str) -> None:
    for box, name in zip(boxes, names, strict=True):
        box.markdown(f"**{t(f'compare.{name}')}**")


def _map(box: Any, what: Choice, row: Row, method: str, name: str, heat: Tensor | None, limit: float) -> None:
    """One of the four maps; they zoom and are read off together with those above."""
    with box:
        viewer(
            f"compare-{name}",
            row.image,
            t("compare.map", method=method_name(method), name=t(f"compare.{name}")),
            heat=heat,
            signed=name != "deviation",
            limit=limit,
            unit=unit(what, method),
            # A mean cancels within a block and a deviation does not: on one scale they are shown pixel by pixel.
            pool=1 if name in ("mean", "deviation") else pool(what, method, row.image),
            waiting=heat is None,
            controls="compact",
            group="compare",
            follow=True,
        )


def _records(
    what: Choice, row: Row, able: list[str], repeats: stability.Repeats, changes: stability.Sensitivity
) -> Iterator[dict[str, Any]]:
    """The figures of every method that was looked at so far."""
    for method in able:
        seeds = RESULTS.get(_repeats_key(what, row, method, repeats))
        moved = RESULTS.get(_changes_key(what, row, method, changes))
        if seeds is not None or moved is not None:
            yield {
                t("compare.method"): method_name(method),
                t("compare.seeds_agree"): None if seeds is None else seeds.agreement,
                t("compare.max_sensitivity"): None if moved is None else moved.maximum,
            }
