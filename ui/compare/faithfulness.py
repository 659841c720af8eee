"""Faithfulness: the score while each method's most important pixels go, or come, beside random orders."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from functools import partial
from typing import Any

import streamlit as st

from ui.compare import several
from ui.compare.choice import Choice, Row, method_name
from ui.compare.maps import Maps
from ui.frame import controls, tables
from ui.running.results import RESULTS
from ui.texts import number, t
from ui.viewer import show
from vizcore.evaluation import faithfulness
from vizcore.methods import METHODS
from vizcore.pictures import charts

CONTROLS = ("fill", "steps", "output")
BAND = "band"


def part(what: Choice, maps: Maps) -> None:
    """Both curves of every method of one row, the areas under them, and the band that chance leaves."""
    number = several.row_of(what)
    row = what.rows[number]
    params = what.page.params(faithfulness.Faithfulness, "compare.faithfulness")
    for column, name in zip(st.columns(len(CONTROLS)), CONTROLS, strict=True):
        with column:
            params = controls.choose("compare.faithfulness", params, (name,))
    several.key(what.methods, t("compare.band"))
    left, right = st.columns(2)
    places = {}
    for name, column in (("deletion", left), ("insertion", right)):
        with column:
            st.markdown(f"**{t(f'compare.{name}')}** · {t(f'compare.{name}_better')}")
            places[name] = st.empty()
    areas = st.empty()

    def draw(latest: several.Several, drawing: int) -> None:
        for name, place in places.items():
            _chart(name, latest, params, place, drawing)
        with areas.container():
            tables.table(_records(latest), [t(f"compare.{n}_area") for n in places], f"areas-{drawing}")
            for method, verdict in puzzling(latest.found):
                st.caption(t(f"verdicts.{verdict}", method=method_name(method)))

    several.show(
        "compare-faithfulness",
        work(what, row, maps.of_row(number), params),
        draw,
        unit="units.curves",
        pace=("faithfulness", row.clf.checksum),
    )


def work(
    what: Choice, row: Row, found: dict[str, Any], params: faithfulness.Faithfulness
) -> dict[str, tuple[Hashable, several.Start]]:
    """The band and the curves of every map, by method."""
    start = partial(faithfulness.random_band, row.clf, row.image, row.target, params)
    all_: dict[str, tuple[Hashable, several.Start]] = {BAND: (("band", *row.key, params), start)}
    for method, mapped in found.items():
        all_[method] = (("curves", *what.key(row, method), params), partial(_curves, row, mapped.heat, params))
    return all_


def known(what: Choice, row: Row, method: str) -> dict[str, Any]:
    """The areas of one map, if they were computed with the settings chosen now."""
    params = several.settings(faithfulness.Faithfulness, "faithfulness")
    curves: faithfulness.Curves | None = RESULTS.get(("curves", *what.key(row, method), params))
    if curves is None:
        return {}
    return {"deletion_area": curves.deletion_area, "insertion_area": curves.insertion_area}


def _curves(row: Row, heat: Any, params: faithfulness.Faithfulness) -> Iterator[faithfulness.Curves]:
    known = RESULTS.get_or(
        ("ends", *row.key, params), lambda: faithfulness.ends(row.clf, row.image, row.target, params)
    )
    return faithfulness.curves(row.clf, row.image, row.target, heat, params, known)


def _chart(name: str, latest: several.Several, params: faithfulness.Faithfulness, place: Any, drawing: int) -> None:
    lines = {
        method_name(method): (list(METHODS).index(method), getattr(latest.found[method], name))
        for method in METHODS
        if method in latest.found
    }
    band: faithfulness.Band | None = latest.found.get(BAND)
    if band is None:
        return
    figure = charts.curves(
        100 * band.fractions,
        lines,
        band=band.interval(getattr(band, name)),
        band_name=t("compare.band"),
        x_title=t(f"compare.{name}_share"),
        y_title=t(f"options.output.{params.output}"),
    )
    with place.container():
        show.chart(figure, f"compare-{name}-{drawing}", title=t(f"compare.{name}"))


def _records(latest: several.Several) -> list[dict[str, Any]]:
    """One record for each method, and the band's own as the last."""
    band: faithfulness.Band = latest.found[BAND]
    low, high = (float(side) for side in band.interval(band.areas))
    names = {name: t(f"compare.{name}_area") for name in ("deletion", "insertion")}
    records = []
    for method, curves in latest.found.items():
        if method == BAND:
            continue
        deletion, insertion = curves.deletion_area, curves.insertion_area
        record: dict[str, Any] = {t("compare.method"): method_name(method), names["deletion"]: deletion}
        record[t("compare.deletion_verdict")] = _verdict(low - deletion, deletion - high)
        record[names["insertion"]] = insertion
        record[t("compare.insertion_verdict")] = _verdict(insertion - high, low - insertion)
        records.append(record)
    middle = float(band.areas.mean())
    record = {t("compare.method"): t("compare.orders"), names["deletion"]: middle, names["insertion"]: middle}
    verdict = f"{number(low, '.3f')} – {number(high, '.3f')}"
    return [*records, record | {t("compare.deletion_verdict"): verdict, t("compare.insertion_verdict"): verdict}]


def puzzling(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The methods on which the two tests contradict each other, with how: most often none.

    They are worse than chance by one test and, of all methods, best by the other and better than chance.
    """
    band: faithfulness.Band | None = found.get(BAND)
    curves = {method: one for method, one in found.items() if method != BAND}
    if band is None or len(curves) < 2 or any(one.step < one.of for one in curves.values()):
        return []
    low, high = (float(side) for side in band.interval(band.areas))
    least = min(one.deletion_area for one in curves.values())
    most = max(one.insertion_area for one in curves.values())
    contradicted = []
    for method, one in curves.items():
        if one.deletion_area > high and one.insertion_area == most > high:
            contradicted.append((method, "enough_not_needed"))
        elif one.insertion_area < low and one.deletion_area == least < low:
            contradicted.append((method, "needed_not_enough"))
    return contradicted


def _verdict(better: float, worse: float) -> str:
    return t("compare.better" if better > 0 else "compare.worse" if worse > 0 else "compare.chance")
