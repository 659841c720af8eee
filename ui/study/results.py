"""A study's rows on the page: intervals, who beats whom, the table itself, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ui.frame import controls, network_cache
from ui.texts import number, t
from ui.texts.sentences import translated
from ui.viewer import show
from vizcore import methods as known
from vizcore.study import charts, plan, report, rows
from vizcore.study.bootstrap import Interval
from vizcore.study.rows import FIGURES, Row

SHOWN_ERRORS = 10
FEW = 10  # pictures, under which the bootstrap promises too much
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
    draw(found, look(names, kinds), names)
    whole(found)


def draw(found: Sequence[Row], view: View, names: Sequence[str]) -> None:
    """The chosen figure of the rows so far; ``names`` are the methods, in the order of the chart's lines."""
    own = {group.network: part for group, part in report.groups(found).items() if group.kind == view.kind}
    means = {network: report.intervals(part, view.figure) for network, part in own.items()}
    if not any(means.values()):
        st.info(t("study.not_here", figure=t(f"options.study_figure.{view.figure}")), icon=":material/grid_off:")
        return
    titles = [method(one) for one in names]
    better = FIGURES.get(view.figure, "none")
    st.markdown(f"**{t(f'options.study_figure.{view.figure}')}** · {t(f'study.better_{better}')}")
    st.caption(t(f"study.meaning_{view.figure}"))
    if len(means) > 1:
        show.key([(charts.colour(at), network(one)) for at, one in enumerate(means)])
    chart = charts.forest(titles, {network(one): _placed(part, names) for one, part in means.items()})
    show.chart(chart, f"study-means-{len(found)}")
    apart = {name: report.differences(part, view.figure, view.against) for name, part in own.items()}
    if not any(apart.values()):
        return
    st.markdown(f"**{t('study.differences', method=method(view.against))}**")
    st.caption(t("study.differences_meaning"))
    series = {network(one): _placed(part, names) for one, part in apart.items()}
    show.chart(charts.forest(titles, series, line=0.0), f"study-differences-{len(found)}")
    if any(one.count < FEW for part in apart.values() for one in part.values()):
        st.caption(t("study.few"))
    st.table(_statements(view, means, apart, names), width="stretch")


def _placed(intervals: dict[str, Interval], names: Sequence[str]) -> dict[int, Interval]:
    return {names.index(one): interval for one, interval in intervals.items()}


def _statements(
    view: View,
    means: dict[str, dict[str, Interval]],
    apart: dict[str, dict[str, Interval]],
    names: Sequence[str],
) -> list[dict[str, str]]:
    """One line per network and method: mean, interval, difference, and whether that is a finding."""
    lines = []
    for name, own in means.items():
        for one in (one for one in names if one in own):
            mean, difference = own[one], apart[name].get(one)
            line = {t("study.network"): network(name), t("study.method"): method(one), t("study.mean"): _told(mean)}
            line[t("study.difference")] = "" if difference is None else _told(difference, signed=True)
            line[t("study.finding")] = "" if difference is None else _finding(view, difference)
            lines.append(line)
    return lines


def _told(value: Interval, *, signed: bool = False) -> str:
    form = "+.3f" if signed else ".3f"
    if value.low != value.low:  # a single picture has no interval
        return number(value.mean, form)
    return t("study.interval", **{name: number(getattr(value, name), form) for name in ("mean", "low", "high")})


def _finding(view: View, difference: Interval) -> str:
    if not report.ranks(view.figure):
        return ""
    found = report.verdict(view.figure, difference)
    return f"{SIGNS[found]} {t(f'study.{found}', method=method(view.against))}"


def whole(found: Sequence[Row]) -> None:
    """What there is beside the charts: how many pictures, what failed, and the table to take along."""
    pictures = len({row.picture for row in found})
    st.caption(t("study.size", rows=len(found), pictures=pictures))
    failed = [row for row in found if row.error]
    if failed:
        with st.expander(t("study.failed", count=len(failed)), icon=":material/broken_image:"):
            for row in failed[:SHOWN_ERRORS]:
                st.text(f"{row.picture} · {method(row.method)}: {translated(row.error)}")
            if len(failed) > SHOWN_ERRORS:
                st.caption(t("study.more", count=len(failed) - SHOWN_ERRORS))
    table = f"{rows.HEADER}\n{rows.write(found)}"
    st.download_button(
        t("study.download"),
        table,
        "study.csv",
        "text/csv",
        key="study.download",
        on_click="ignore",
        icon=":material/download:",
    )


def method(one: str) -> str:
    """A method's name; a table from elsewhere may hold one that is not ours."""
    return t(f"options.method.{one}") if one in known.METHODS else one


def network(one: str) -> str:
    """A network's name, likewise."""
    return network_cache.title(one) if one in network_cache.names() else one
