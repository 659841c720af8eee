"""Input maximisation: the picture that scores highest for a class or a channel, drawn while it is being found."""

import time
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.frame import controls, formulas, layout
from ui.frame.technique import beside, technique
from ui.maximisation import ascending, films, panels, units
from ui.running import play
from ui.texts import t
from ui.viewer import show
from vizcore.techniques import maximize

FIRST = ("lambda_", "steps", "seed", "coordinates")
OTHERS = ("step_size", "start", "output")
ADDITIONS = (*maximize.ADDITIONS, "draws")

with layout.page("maximisation") as frame:
    page = units.chosen(frame)
    with st.container():  # there in any case, so that what follows keeps its place
        usual = ascending.defaults(page)

    def settings() -> maximize.Maximisation:
        params = page.params(maximize.Maximisation, base=usual)
        params = controls.choose("maximisation", params, FIRST)
        others = OTHERS if page.channel is None else tuple(name for name in OTHERS if name != "output")
        falling = ("decay",) * (params.coordinates == "fourier")
        params = controls.more("maximisation", params, (*others, *falling))
        params = controls.more("maximisation", params, ADDITIONS, t("maximisation.additions"))
        return params if page.channel is None else replace(params, output="logit")

    def results(params: maximize.Maximisation, closer: DeltaGenerator) -> maximize.Ascent | None:
        climbed = ascending.Ascending.of(page, params, usual)
        picture, curves_column = beside()
        # Charts are redrawn twice a second, and not beside the first picture: they cost far more than that.
        drawn = [time.monotonic() - 0.25]
        with curves_column, st.container(key="curves"):
            curves = st.empty()

        def draw(ascent: maximize.Ascent) -> None:
            panels.draw(page, ascent)
            if ascent.step >= ascent.of or time.monotonic() - drawn[-1] > 0.5:
                panels.curves(page, ascent, params, curves, len(drawn))
                drawn.append(time.monotonic())

        with picture:
            label = t("maximisation.picture", name=units.name(page))
            show.title(label)
            place = st.empty()
            earlier, known = play.previous("maximisation", climbed.key), play.finished(climbed.key)
            with place.container():
                if panels.draw(page, earlier, waiting=not known).started:
                    play.begin("maximisation")
        run, below = st.container(), st.container()
        with closer:
            part = controls.closer(
                "maximisation",
                "maximisation.part",
                panels.parts(page),
                t("maximisation.part"),
                "maximisation_part",
            )
            further = st.container()
        with run:
            result = play.play(
                "maximisation",
                climbed.key,
                lambda: films.filmed(climbed.climb(), climbed.key),
                draw,
                unit="units.steps",
                cost=params.steps,
                pace=climbed.pace,
                ask=lambda start: panels.draw(page, earlier, waiting=True, start=start),
                later=further,
            )
        if result is not None:
            with place.container():
                films.draw(climbed, result, label)
            with below:
                panels.gauge(page, result, params)
                panels.remarks(result)
            with further:
                panels.PARTS[part](climbed, result)
        return result

    technique(
        page,
        settings,
        results,
        formula=lambda params: formulas.maximisation(params, page.unit),
        of=maximize.Maximisation,
    )
