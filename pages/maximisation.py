"""Input maximisation: the picture that scores highest for a class, drawn while it is being found."""

import time

import streamlit as st

from ui import controls, details, export, formulas, frame, play, show
from ui.texts import t
from ui.viewer import viewer
from vizcore import maximize

FORMULA = ("lambda_", "step_size", "steps", "start", "output", "seed")
ADDITIONS = ("jitter", "blur", "variation")

with frame.page("maximisation") as page:
    params = page.params(maximize.Maximisation)
    right, left = st.columns([2, 1], gap="large")
    with left, st.container(key="settings"):
        st.subheader(t("controls.heading"), anchor=False)
        params = controls.choose("maximisation", params, FORMULA)
        with st.expander(t("maximisation.additions"), expanded=any(getattr(params, name) for name in ADDITIONS)):
            params = controls.choose("maximisation", params, ADDITIONS)
        controls.reset("maximisation", maximize.Maximisation)
    start = page.image if params.start == "picture" else None
    key = ("maximise", *page.key[::2], params, page.source.digest if start is not None else "")

    def draw(ascent: maximize.Ascent | None) -> None:
        viewer(
            "maximisation",
            ascent.image if ascent is not None else details.blank(page.clf),
            t("maximisation.picture", name=page.class_name),
        )
        if ascent is not None and (ascent.step >= ascent.of or time.monotonic() - drawn[0] > 0.5):
            drawn[0] = time.monotonic()
            with curves:
                details.ascent(ascent, params)

    with right:
        picture, curves_column = st.columns(2)
        drawn = [0.0]  # charts are redrawn twice a second: they cost far more than the picture
        with curves_column:
            curves = st.empty()
        with picture:
            st.markdown(f"**{t('maximisation.picture', name=page.class_name)}**")
            draw(play.previous("maximisation", key))
        result = play.play(
            "maximisation",
            key,
            lambda: maximize.maximize(page.clf, page.target, params, start),
            draw,
            unit="units.steps",
            cost=params.steps,
            pace=("maximisation", page.clf.checksum),
        )
    page.formula(formulas.maximisation(params))
    with left:
        export.offer(page, params, result)
        show.explain("maximisation")
