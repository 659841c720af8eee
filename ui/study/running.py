"""A study that runs on the page: begun by hand, drawn as its rows come, stopped and carried on."""

from __future__ import annotations

import time
from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.running import play
from ui.running.results import RESULTS
from ui.study import pictures, results
from ui.study.choice import Choice
from ui.texts import number, t
from vizcore.networks.classifier import Classifier
from vizcore.study import forecast, local, report
from vizcore.study.plan import Plan

SECONDS = 2.0  # between two drawings of what a running study has found
_BEGUN = "vizcore.study.begun"


def run(what: Choice) -> None:
    """The study that is chosen: what lies ahead and a button, or what it has found so far."""
    plan, networks = what.plan, what.networks
    assert plan is not None
    assert networks is not None
    size = {"pictures": len(plan.pictures), "networks": len(plan.networks), "methods": len(plan.methods)}
    st.markdown(t("study.ahead", **size, maps=plan.rows))
    key = ("study", plan.fingerprint, *(clf.device.type for clf in networks.values()))
    files = {one.id: one for one in plan.pictures if one.data is not None}
    if RESULTS.get(key) is None and st.session_state.get(_BEGUN) != plan.fingerprint:
        st.button(
            t("study.begin"),
            type="primary",
            icon=":material/play_arrow:",
            on_click=lambda: st.session_state.update({_BEGUN: plan.fingerprint}),
        )
        line = st.empty()
        pictures.ahead(plan.pictures, files)
        _foretell(line, plan, networks)
        return
    odd = st.container()
    status = st.container()
    view = results.look(plan.methods, list(dict.fromkeys(report.kind_of(one.id) for one in plan.pictures)))
    place = st.empty()
    drawn = 0.0

    def draw(estimate: local.Sofar) -> None:
        nonlocal drawn
        if estimate.step == estimate.of or time.monotonic() - drawn > SECONDS:
            with place.container():
                results.draw(estimate.rows, view, plan.methods)
            drawn = time.monotonic()

    with status:
        found = play.play(
            "study",
            key,
            lambda: local.estimates(plan, networks.__getitem__),
            draw,
            unit="units.maps",
            cost=plan.rows,
            pace=key,  # of its own: a study is begun by hand already
        )
    if found is not None:
        with odd:
            pictures.odd_ones(found.rows, files)
        results.each(found.rows, view, plan.methods, files)
        results.whole(found.rows, plan)


def _foretell(line: DeltaGenerator, plan: Plan, networks: Mapping[str, Classifier]) -> None:
    """How long the study will take on this machine, measured on one picture; nothing on the page waits for it."""
    line.caption(t("forecast.measuring"))
    key = ("forecast", plan.study, plan.methods, plan.networks, plan.pictures[0].id)
    devices = tuple(clf.device.type for clf in networks.values())

    def draw(found: forecast.Forecast) -> None:
        if found.step < found.of:
            return
        seconds = len(plan.pictures) * found.seconds
        line.caption(t("forecast.about", time=duration(seconds), each=duration(found.seconds)))

    play.quietly("study-forecast", (*key, devices), lambda: forecast.forecast(plan, networks.__getitem__), draw)


def duration(seconds: float) -> str:
    """A length of time as one says it: seconds up to two minutes, minutes up to two hours, then hours."""
    if seconds < 120:
        return t("forecast.seconds", count=number(seconds, ".2g" if seconds < 10 else ".0f"))
    if seconds < 7200:
        return t("forecast.minutes", count=number(seconds / 60, ".0f"))
    return t("forecast.hours", count=number(seconds / 3600, ".1f"))
