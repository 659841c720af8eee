"""Input maximisation: the picture that scores highest for a class, drawn while it is being found."""

import time
from collections.abc import Iterator

import streamlit as st

from ui.frame import controls, export, formulas, layout
from ui.maximisation import panels
from ui.running import play
from ui.texts import t
from ui.viewer import show
from ui.viewer.viewer import viewer
from vizcore.techniques import maximize

FORMULA = ("lambda_", "step_size", "steps", "start", "output", "seed")
ADDITIONS = ("jitter", "blur", "variation")

with layout.page("maximisation") as page:
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

    def climb() -> Iterator[maximize.Ascent]:
        return maximize.maximize(page.clf, page.target, params, start)

    def look(ascent: maximize.Ascent | None) -> None:
        shown = ascent.image if ascent is not None else show.blank(page.clf)
        viewer("maximisation", shown, t("maximisation.picture", name=page.class_name))

    def draw(ascent: maximize.Ascent) -> None:
        look(ascent)
        if ascent.step >= ascent.of or time.monotonic() - drawn[-1] > 0.5:
            panels.curves(ascent, params, curves, len(drawn))
            drawn.append(time.monotonic())

    with right:
        picture, curves_column = st.columns(2)
        drawn = [0.0]  # charts are redrawn twice a second: they cost far more than the picture
        with curves_column, st.container(key="curves"):
            curves = st.empty()
        with picture:
            st.markdown(f"**{t('maximisation.picture', name=page.class_name)}**")
            look(play.previous("maximisation", key))
        run, closer = st.container(), st.container()
        with closer:
            part = controls.look(
                "maximisation.part", list(panels.PARTS), t("maximisation.part"), "maximisation_part", flat=True
            )
        with run:
            result = play.play(
                "maximisation",
                key,
                lambda: panels.filmed(climb(), key),
                draw,
                unit="units.steps",
                cost=params.steps,
                pace=("maximisation", page.clf.checksum),
            )
        if result is not None:
            with closer:
                panels.PARTS[part](panels.Ascending(page, params, start, key, climb), result)
    page.formula(formulas.maximisation(params))
    with left:
        export.offer(page, params, result)
        show.explain("maximisation")
