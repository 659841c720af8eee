"""Input maximisation: the picture that scores highest for a class, drawn while it is being found."""

import time

import streamlit as st

from ui.frame import controls, formulas, layout
from ui.frame.technique import technique
from ui.maximisation import panels
from ui.running import play
from ui.texts import t
from vizcore.techniques import maximize

FORMULA = ("lambda_", "step_size", "steps", "start", "output", "seed")
ADDITIONS = ("jitter", "blur", "variation")

with layout.page("maximisation") as page:

    def settings() -> maximize.Maximisation:
        params = controls.choose("maximisation", page.params(maximize.Maximisation), FORMULA)
        with st.expander(t("maximisation.additions"), expanded=any(getattr(params, name) for name in ADDITIONS)):
            return controls.choose("maximisation", params, ADDITIONS)

    def results(params: maximize.Maximisation) -> maximize.Ascent | None:
        ascending = panels.Ascending.of(page, params)
        picture, curves_column = st.columns(2)
        drawn = [0.0]  # charts are redrawn twice a second: they cost far more than the picture
        with curves_column, st.container(key="curves"):
            curves = st.empty()

        def draw(ascent: maximize.Ascent) -> None:
            panels.draw(page, ascent)
            if ascent.step >= ascent.of or time.monotonic() - drawn[-1] > 0.5:
                panels.curves(ascent, params, curves, len(drawn))
                drawn.append(time.monotonic())

        with picture:
            st.markdown(f"**{t('maximisation.picture', name=page.class_name)}**")
            panels.draw(page, play.previous("maximisation", ascending.key))
        run, closer = st.container(), st.container()
        with closer:
            part = controls.look(
                "maximisation.part", list(panels.PARTS), t("maximisation.part"), "maximisation_part", flat=True
            )
        with run:
            result = play.play(
                "maximisation",
                ascending.key,
                lambda: panels.filmed(ascending.climb(), ascending.key),
                draw,
                unit="units.steps",
                cost=params.steps,
                pace=("maximisation", page.clf.checksum),
            )
        if result is not None:
            with closer:
                panels.PARTS[part](ascending, result)
        return result

    technique(page, settings, results, formula=formulas.maximisation, of=maximize.Maximisation)
