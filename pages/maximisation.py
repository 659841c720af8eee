"""Input maximisation: the picture that scores highest for a class or a channel, drawn while it is being found."""

import time
from dataclasses import replace

import streamlit as st

from ui.frame import controls, formulas, layout
from ui.frame.technique import technique
from ui.maximisation import ascending, films, panels, units
from ui.running import play
from ui.texts import t
from vizcore.techniques import maximize

FORMULA = ("lambda_", "step_size", "steps", "start", "output", "seed", "coordinates")
ADDITIONS = (*maximize.ADDITIONS, "draws")

with layout.page("maximisation") as frame:
    page = units.chosen(frame)
    with st.container():  # there in any case, so that what follows keeps its place
        usual = ascending.defaults(page)

    def settings() -> maximize.Maximisation:
        params = page.params(maximize.Maximisation, base=usual)
        shown = FORMULA if page.channel is None else tuple(name for name in FORMULA if name != "output")
        params = controls.choose("maximisation", params, shown)
        if params.coordinates == "fourier":
            params = controls.choose("maximisation", params, ("decay",))
        with st.expander(
            t("maximisation.additions"), expanded=any(getattr(params, name) for name in maximize.ADDITIONS)
        ):
            params = controls.choose("maximisation", params, ADDITIONS)
        return params if page.channel is None else replace(params, output="logit")

    def results(params: maximize.Maximisation) -> maximize.Ascent | None:
        climbed = ascending.Ascending.of(page, params, usual)
        picture, curves_column = st.columns(2)
        drawn = [0.0]  # charts are redrawn twice a second: they cost far more than the picture
        with curves_column, st.container(key="curves"):
            curves = st.empty()

        def draw(ascent: maximize.Ascent) -> None:
            panels.draw(page, ascent)
            if ascent.step >= ascent.of or time.monotonic() - drawn[-1] > 0.5:
                panels.curves(page, ascent, params, curves, len(drawn))
                drawn.append(time.monotonic())

        with picture:
            label = t("maximisation.picture", name=units.name(page))
            st.markdown(f"**{t('maximisation.picture', name=units.name(page, markdown=True))}**")
            place = st.empty()
            with place.container():
                panels.draw(page, play.previous("maximisation", climbed.key))
        below, run, closer = st.container(), st.container(), st.container()
        with closer:
            part = controls.look(
                "maximisation.part", panels.parts(page), t("maximisation.part"), "maximisation_part", flat=True
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
                panels.gauge(page, result, params)
                panels.remarks(result)
            with closer:
                panels.PARTS[part](climbed, result)
        return result

    technique(
        page,
        settings,
        results,
        formula=lambda params: formulas.maximisation(params, page.unit),
        of=maximize.Maximisation,
    )
