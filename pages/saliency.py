"""Saliency: the slope of the score at every pixel, plain and averaged over noisy copies."""

import streamlit as st

from ui.frame import controls, export, formulas, layout
from ui.running import play
from ui.saliency import checks
from ui.texts import t
from ui.viewer import show
from ui.viewer.viewer import viewer
from vizcore.techniques import saliency

with layout.page("saliency") as page:
    params = page.params(saliency.SmoothGrad)
    right, left = st.columns([2, 1], gap="large")
    with left, st.container(key="settings"):
        st.subheader(t("controls.heading"), anchor=False)
        params = controls.choose("saliency", params)
        view = controls.look("saliency.view", list(checks.VIEWS), t("saliency.view"), "view")
        controls.reset("saliency", saliency.SmoothGrad)
    unit = t(f"saliency.unit_{params.output}") if view != "times_input" else t(f"options.output.{params.output}")

    def draw(name: str, result: saliency.SaliencyMap | None = None) -> None:
        viewer(
            f"saliency-{name}",
            page.image,
            t("saliency.map", method=t(f"saliency.{name}"), name=page.class_name),
            heat=None if result is None else checks.VIEWS[view](result),
            signed=view != "absolute",
            unit=unit,
            meaning=t(f"saliency.meaning_{view}"),
            opacity=1.0 if view == "absolute" else 0.5,
            waiting=result is None,
        )

    with right:
        for name, column in zip(("gradient", "smoothgrad"), st.columns(2), strict=True):
            with column:
                st.markdown(f"**{t(f'saliency.{name}')}**")
                draw(name)
        draw(
            "gradient",
            play.once(
                ("gradient", *page.key, params.output),
                lambda: saliency.gradient(page.clf, page.image, page.target, saliency.Saliency(params.output)),
            ),
        )
        run, closer = st.container(), st.container()
        with closer:
            part = controls.look("saliency.part", list(checks.PARTS), t("saliency.part"), "saliency_part", flat=True)
        with run:
            latest = play.play(
                "saliency",
                ("smoothgrad", *page.key, params),
                lambda: saliency.smoothgrad(page.clf, page.image, page.target, params, play.previous("saliency")),
                lambda estimate: draw("smoothgrad", estimate),
                unit="units.copies",
                cost=params.copies,
                pace=("saliency", page.clf.checksum),
            )
        if latest is not None:
            with closer:
                checks.PARTS[part](checks.Looking(page, params, view, latest))
    page.formula(formulas.saliency(params))
    with left:
        export.offer(page, params, latest)
        show.explain("saliency")
