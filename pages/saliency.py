"""Saliency: the slope of the score at every pixel, plain and averaged over noisy copies."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.frame import controls, formulas, layout
from ui.frame.technique import technique
from ui.running import play
from ui.saliency import checks, maps
from ui.texts import t
from ui.viewer import show
from vizcore.techniques import saliency

with layout.page("saliency") as page:

    def settings() -> maps.Settings:
        params = controls.choose("saliency", page.params(saliency.SmoothGrad), ("noise", "copies"))
        view = controls.look("saliency.view", list(maps.VIEWS), t("saliency.view"), "view")
        scale = controls.look("saliency.scale", maps.SCALES, t("saliency.scale"), "saliency_scale")
        return maps.Settings(controls.more("saliency", params, ("output", "seed", "settled")), view, scale)

    def results(chosen: maps.Settings, closer: DeltaGenerator) -> maps.Both | None:
        params, pair = chosen.params, maps.Pair(page, chosen)
        with st.container(key="pair"):
            columns = st.columns(2)
        for name, column in zip(("gradient", "smoothgrad"), columns, strict=True):
            with column:
                show.title(t(f"saliency.{name}"))
                if pair.wait(name).started:
                    play.begin("saliency")
        gradient = play.once(
            ("gradient", *page.key, params.output),
            lambda: saliency.gradient(page.clf, page.image, page.target, saliency.Saliency(params.output)),
        )
        pair.gradient(gradient)
        run = st.container()
        with closer:
            part = controls.closer("saliency", "saliency.part", list(checks.PARTS), t("saliency.part"), "saliency_part")
            below = st.container()
        with run:
            latest = play.play(
                "saliency",
                ("smoothgrad", *page.key, params),
                lambda: saliency.smoothgrad(page.clf, page.image, page.target, params, play.previous("saliency")),
                pair.smoothgrad,
                unit="units.copies",
                cost=params.copies,
                pace=("saliency", page.clf.checksum),
                ask=lambda start: pair.wait("smoothgrad", start),
                later=below,
            )
        if latest is None:
            return None
        both = maps.Both(gradient, latest, chosen.view)
        with run:
            st.caption(maps.scales(page, chosen, both))
            if latest.step == latest.of < params.copies:
                st.caption(t("saliency.settled", copies=latest.step))
        with below:
            checks.PARTS[part](checks.Looking(page, params, chosen.view, latest))
        return both

    technique(page, settings, results, formula=lambda chosen: formulas.saliency(chosen.params), of=saliency.SmoothGrad)
