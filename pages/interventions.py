"""Interventions: parts of a scene moved, removed and exchanged, and what each of them truly does to the answer."""

import streamlit as st

from ui.frame import controls, formulas, layout, sources
from ui.frame.bottom_sheet import bottom_sheet
from ui.interventions import choice, claims, effects, export, live, nowhere
from ui.texts import t
from ui.viewer import show

PARTS = ("effects", "claims")

with layout.page("interventions") as page:
    heats = None
    if sources.scene(page.source.id) is None:
        choice.remember()
        nowhere.tell(page)
    else:
        with st.container(key="first"):
            main, beside = st.columns([2, 1], gap="large")
        with beside, bottom_sheet():
            params = choice.changes(page)
        with main, st.container(key="result"):
            show.formula(formulas.interventions(choice.known_output()))
            live.show(page, params)
        with st.container(key="closer"):
            with st.container(horizontal=True, gap="large"):
                part = controls.closer(
                    "interventions", "interventions.part", PARTS, t("interventions.closer"), "interventions"
                )
                output = choice.output()
            found = effects.of(page.clf, page.source.id, page.target, output)
            if part == "effects":
                effects.part(page, output)
            else:
                heats = claims.part(page, found, choice.chosen(), output)
        left, right = st.columns([1, 2])
        with left, st.container(key="more"):
            export.offer(page, params, found, heats, output)
        with right, st.container(key="code"):
            show.explain("interventions")
