"""Saliency: the slope of the score at every pixel, plain and averaged over noisy copies."""

import streamlit as st
import torch

from ui import controls, export, formulas, frame, play, show
from ui.texts import t
from ui.viewer import viewer
from vizcore import figures, saliency

VIEWS = {"absolute": saliency.absolute_max, "signed": saliency.signed, "times_input": saliency.times_input}

with frame.page("saliency") as page:
    params = page.params(saliency.SmoothGrad)
    right, left = st.columns([2, 1], gap="large")
    with left, st.container(key="settings"):
        st.subheader(t("controls.heading"), anchor=False)
        params = controls.choose("saliency", params)
        view = controls.look("saliency.view", list(VIEWS), t("saliency.view"), "view")
        controls.reset("saliency", saliency.SmoothGrad)
    unit = t(f"saliency.unit_{params.output}") if view != "times_input" else t(f"options.output.{params.output}")

    def draw(name: str, result: saliency.SaliencyMap | None = None) -> None:
        viewer(
            f"saliency-{name}",
            page.image,
            t("saliency.map", method=t(f"saliency.{name}"), name=page.class_name),
            heat=None if result is None else VIEWS[view](result),
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
        latest = play.play(
            "saliency",
            ("smoothgrad", *page.key, params),
            lambda: saliency.smoothgrad(page.clf, page.image, page.target, params, play.previous("saliency")),
            lambda estimate: draw("smoothgrad", estimate),
            unit="units.copies",
            cost=params.copies,
            pace=("saliency", page.clf.checksum),
        )
        if latest is not None and latest.of > 1:
            curve = figures.lines(
                torch.arange(1, latest.step + 1),
                {t("saliency.smoothgrad"): latest.changes},
                x_title=t("saliency.copies_title"),
                y_title=t("saliency.change_title"),
                height=220,
            )
            st.caption(t("saliency.convergence"))
            show.chart(curve, "saliency-convergence")
    page.formula(formulas.saliency(params))
    with left:
        export.offer(page, params, latest)
        show.explain("saliency")
