"""A study that runs on the page: begun by hand, drawn as its rows come, stopped and carried on."""

from __future__ import annotations

import time

import streamlit as st

from ui.running import play
from ui.running.results import RESULTS
from ui.study import results
from ui.study.choice import Choice
from ui.texts import t
from vizcore.study import local, report

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
    if RESULTS.get(key) is None and st.session_state.get(_BEGUN) != plan.fingerprint:
        st.button(
            t("study.begin"),
            type="primary",
            icon=":material/play_arrow:",
            on_click=lambda: st.session_state.update({_BEGUN: plan.fingerprint}),
        )
        return
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
        results.whole(found.rows)
