"""Input maximisation: the picture that scores highest for a class, drawn while it is being found."""

import time

import streamlit as st

from ui.frame import controls, formulas, layout
from ui.frame.technique import technique
from ui.maximisation import ascending, films, panels
from ui.running import play
from ui.texts import t
from vizcore.techniques import maximize

FORMULA = ("lambda_", "step_size", "steps", "start", "output", "seed", "coordinates")
ADDITIONS = (*maximize.ADDITIONS, "draws")

with layout.page("maximisation") as page:
    usual = ascending.defaults(page)

    def settings() -> maximize.Maximisation:
        params = page.params(maximize.Maximisation, base=usual)
        params = controls.choose("maximisation", params, FORMULA)
        if params.coordinates == "fourier":
            params = controls.choose("maximisation", params, ("decay",))
        with st.expander(
            t("maximisation.additions"), expanded=any(getattr(params, name) for name in maximize.ADDITIONS)
        ):
            return controls.choose("maximisation", params, ADDITIONS)

    def results(params: maximize.Maximisation) -> maximize.Ascent | None:
        climbed = ascending.Ascending.of(page, params, usual)
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
            label = t("maximisation.picture", name=page.class_name)
            st.markdown(f"**{label}**")
            place = st.empty()
            with place.container():
                panels.draw(page, play.previous("maximisation", climbed.key))
        below, run, closer = st.container(), st.container(), st.container()
        with closer:
            part = controls.look(
                "maximisation.part", list(panels.PARTS), t("maximisation.part"), "maximisation_part", flat=True
            )
        with run:
            result = play.play(
                "maximisation",
                climbed.key,
                lambda: films.filmed(climbed.climb(), climbed.key),
                draw,
                unit="units.steps",
                cost=params.steps,
                pace=climbed.pace,
            )
        if result is not None:
            with place.container():
                films.draw(climbed, result, label)
            with below:
                panels.gauge(result, params)
                panels.remarks(result)
            with closer:
                panels.PARTS[part](climbed, result)
        return result

    technique(page, settings, results, formula=formulas.maximisation, of=maximize.Maximisation)
