"""A study's rows on the page: intervals, who beats whom, the table itself, and what failed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.frame import controls, tables
from ui.study import export, pictures
from ui.study.names import method, network
from ui.texts import inert, number, t
from ui.texts.sentences import translated
from ui.viewer import show
from vizcore.study import charts, plan, report
from vizcore.study.bootstrap import Interval
from vizcore.study.plan import Plan
from vizcore.study.rows import FIGURES, Row
from vizcore.study.summary import Summary

SHOWN_ERRORS = 10
FEW = 10  # pictures, under which the bootstrap promises too much
Means = Mapping[str, Interval]
SIGNS = {"better": "▲", "worse": "▼", "open": "="}
_FIGURES = (*FIGURES, *report.COSTS)


@dataclass(frozen=True)
class View:
    """How the rows are looked at: which figure, of which kind of picture, against which method."""

    figure: str
    kind: report.Kind
    against: str


def look(methods: Sequence[str], kinds: Sequence[report.Kind]) -> View:
    """Draw the controls over the results."""
    left, right = st.columns(2)
    with left:
        figure = controls.look("study.figure", _FIGURES, t("study.figure"), "study_figure")
    others = [plan.BASELINE, *(one for one in methods if one != plan.BASELINE)]
    with right:
        against = controls.look("study.against", others, t("study.against"), names=method)
    kind = controls.look("study.kind", kinds, t("study.kind"), "study_kind") if len(kinds) > 1 else kinds[0]
    return View(figure, kind, against)


def opened(found: Sequence[Row]) -> None:
    """A finished study, from its table."""
    if not found:
        st.info(t("study.no_rows"), icon=":material/playlist_add:")
        return
    names, kinds = report.methods_of(found), list(dict.fromkeys(report.kind_of(row.picture) for row in found))
    pictures.odd_ones(found, {})
    view = look(names, kinds)
    draw(found, view, names)
    each(found, view, names, {})
    whole(found)


def summarised(found: Summary) -> None:
    """A finished study too large for a page, from its summary, and single pictures from its sample."""
    kinds = list(dict.fromkeys(part.group.kind for part in found.parts))
    if not kinds:
        st.info(t("study.no_rows"), icon=":material/playlist_add:")
        return
    st.caption(t("study.sample", shown=len({row.picture for row in found.sample}), rows=found.count))
    pictures.odd_ones(found.sample, {})
    view = look(found.methods, kinds)
    own = [part for part in found.parts if part.group.kind == view.kind and view.figure in part.figures]
    means = {part.group.network: dict(part.figures[view.figure].means) for part in own}
    apart = {part.group.network: dict(part.figures[view.figure].differences.get(view.against, {})) for part in own}
    _draw(view, found.methods, means, apart, found.count)
    each(found.sample, view, found.methods, {})
    failed = sum(part.failed for part in found.parts)
    if failed:
        st.caption(t("study.failed", count=failed))


def each(found: Sequence[Row], view: View, names: Sequence[str], files: pictures.Files) -> None:
    """The chosen figure picture by picture."""
    own = [row for row in found if report.kind_of(row.picture) == view.kind]
    pictures.every(own, view.figure, names, files, f"study-points-{view.figure}-{view.kind}")


def draw(found: Sequence[Row], view: View, names: Sequence[str]) -> None:
    """The chosen figure of the rows so far; ``names`` are the methods, in the order of the chart's lines."""
    own = {group.network: part for group, part in report.groups(found).items() if group.kind == view.kind}
    means = {name: report.intervals(part, view.figure) for name, part in own.items()}
    apart = {name: report.differences(part, view.figure, view.against) for name, part in own.items()}
    _draw(view, names, means, apart, len(found))


def _draw(view: View, names: Sequence[str], means: Mapping[str, Means], apart: Mapping[str, Means], rows: int) -> None:
    if not any(means.values()):
        st.info(t("study.not_here", figure=t(f"options.study_figure.{view.figure}")), icon=":material/grid_off:")
        return
    titles = [method(one) for one in names]
    better = FIGURES.get(view.figure, "none")
    st.markdown(f"**{t(f'options.study_figure.{view.figure}')}** · {t(f'study.better_{better}')}")
    st.caption(t(f"study.meaning_{view.figure}"))
    if len(means) > 1:
        show.key([(charts.colour(at), network(one)) for at, one in enumerate(means)])
    figure = t(f"options.study_figure.{view.figure}")
    y = t("study.method")
    chart = charts.forest(
        titles, {network(one): _placed(part, names) for one, part in means.items()}, x_title=figure, y_title=y
    )
    show.chart(chart, f"study-means-{rows}", title=figure)
    if not any(apart.values()):
        return
    title = t("study.differences", method=method(view.against))
    st.markdown(f"**{inert(title)}**")
    st.caption(t("study.differences_meaning"))
    series = {network(one): _placed(part, names) for one, part in apart.items()}
    x = f"{t('study.difference')}: {figure}"
    chart = charts.forest(titles, series, x_title=x, y_title=y, line=0.0)
    show.chart(chart, f"study-differences-{rows}", title=f"{figure} · {title}")
    if any(one.count < FEW for part in apart.values() for one in part.values()):
        st.caption(t("study.few"))
    _table(_statements(view, means, apart, names), f"study-table-{rows}")


def _placed(intervals: Means, names: Sequence[str]) -> dict[int, Interval]:
    return {names.index(one): interval for one, interval in intervals.items()}


def _statements(
    view: View,
    means: Mapping[str, Means],
    apart: Mapping[str, Means],
    names: Sequence[str],
) -> list[dict[str, Any]]:
    """One line per network and method: mean, interval, difference, and whether that is a finding."""
    lines = []
    for name, own in means.items():
        for one in (one for one in names if one in own):
            line: dict[str, Any] = {t("study.network"): network(name), t("study.method"): method(one)}
            difference = apart[name].get(one)
            line[t("study.finding")] = "" if difference is None else _finding(view, difference)
            line |= _numbers("mean", own[one]) | _numbers("difference", difference)
            lines.append(line)
    return lines


def _numbers(name: str, value: Interval | None) -> dict[str, float | None]:
    """Mean and ends as columns of their own, so that they can be sorted; a single picture has no interval."""
    ends = (None, None, None) if value is None else (value.mean, value.low, value.high)
    columns = (t(f"study.{name}"), *(t(f"study_table.{side}", name=t(f"study.{name}")) for side in ("low", "high")))
    return {column: None if end is None or math.isnan(end) else end for column, end in zip(columns, ends, strict=True)}


def _table(lines: list[dict[str, Any]], key: str) -> None:
    """The lines as a table that sorts by a click; what is the same in all of them is told under it once."""
    same, shown = apart_from_the_same(lines)
    tables.table(shown, [name for name in shown[0] if any(isinstance(one[name], float) for one in shown)], key)
    told = [f"{inert(name)}: {inert(_told(value))}" for name, value in same.items() if value not in ("", None)]
    if told:
        st.caption(t("study_table.same", columns=" · ".join(told)))


def apart_from_the_same(lines: list[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What has one value in all of several lines, and the lines without it; a single line is left as it is."""
    if len(lines) < 2:
        return {}, lines
    same = {name: value for name, value in lines[0].items() if all(one[name] == value for one in lines)}
    return same, [{name: value for name, value in one.items() if name not in same} for one in lines]


def _told(value: Any) -> str:
    return number(value, ".3f") if isinstance(value, float) else str(value)


def _finding(view: View, difference: Interval) -> str:
    if not report.ranks(view.figure):
        return ""
    found = report.verdict(view.figure, difference)
    return f"{SIGNS[found]} {t(f'study.{found}', method=method(view.against))}"


def whole(found: Sequence[Row], plan: Plan | None = None) -> None:
    """What there is beside the charts: how many pictures, what failed, and what can be taken along."""
    pictures = len({row.picture for row in found})
    st.caption(t("study.size", rows=len(found), pictures=pictures))
    failed = [row for row in found if row.error]
    if failed:
        with st.expander(t("study.failed", count=len(failed)), icon=":material/broken_image:"):
            for row in failed[:SHOWN_ERRORS]:
                st.text(f"{row.picture} · {method(row.method)}: {translated(row.error)}")
            if len(failed) > SHOWN_ERRORS:
                st.caption(t("study.more", count=len(failed) - SHOWN_ERRORS))
    export.offer(found, plan)
