"""The Taylor check as the saliency page shows it: where the line that the gradient promises leaves the network."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st
import torch
from torch import Tensor

from ui.frame import formulas
from ui.frame.layout import Frame
from ui.running import play
from ui.texts import number, t
from ui.viewer import show
from vizcore.networks.classifier import Output
from vizcore.pictures import figures
from vizcore.techniques.taylor import RADII, Taylor, TaylorCheck, taylor_check

REACH = 4.0  # how far past the break-down the line and the network are drawn, in break-down radii


def check(page: Frame, output: Output, seed: int) -> None:
    """The score on straight ways from the picture against the line that the gradient promises."""
    params = Taylor(seed=seed, output=output)
    st.markdown(t("saliency.taylor"))
    st.latex(formulas.gradient(params.output))
    found = play.play(
        "saliency-taylor",
        ("taylor", *page.key, params),
        lambda: taylor_check(page.clf, page.image, page.target, params),
        lambda _: None,
        unit="units.passes",
        cost=(2 + params.directions) * RADII[2],
        pace=("taylor", page.clf.checksum),
    )
    if found is None or found.step < found.of:
        return
    st.markdown(_verdict(found, params, page.image.numel()))
    left, right = st.columns(2)
    y = t(f"saliency.change_{params.output}")
    with left:
        st.caption(t("saliency.taylor_along"))
        show.chart(_both_ways(found, y), "saliency-taylor-along", title=t("saliency.taylor_along"))
    with right:
        st.caption(t("saliency.taylor_sideways"))
        show.chart(_one_way(found, _middle(found), y), "saliency-taylor-sideways", title=t("saliency.taylor_sideways"))
    st.caption(t("saliency.taylor_error"))
    show.chart(_errors(found, params), "saliency-taylor-error", title=t("saliency.taylor_error"))


def _verdict(found: TaylorCheck, params: Taylor, values: int) -> str:
    """Where the line breaks down, and how much that is per value of the picture."""
    if found.slope == 0:
        return t("saliency.taylor_flat")
    up, down, middle = (float(found.radius[k]) for k in (0, 1, _middle(found)))
    if min(up, down, middle) == math.inf:
        return t("saliency.taylor_holds", last=RADII[1], percent=100 * params.tolerance)
    text = t(
        "saliency.taylor_radius",
        percent=100 * params.tolerance,
        up=_distance(up),
        down=_distance(down),
        random=_distance(middle),
        count=params.directions,
    )
    rise = abs(float(found.linear[_middle(found), -1]) - found.score) / RADII[1]  # per unit of distance
    if rise > 0:
        text += " " + t("saliency.taylor_flatter", times=found.slope / rise)
    if math.isfinite(up):
        text += " " + t("saliency.taylor_levels", radius=up, levels=255 * up / math.sqrt(values))
    return text


def _distance(radius: float) -> str:
    return number(radius, ".2g") if math.isfinite(radius) else t("saliency.taylor_never", last=RADII[1])


def _middle(found: TaylorCheck) -> int:
    """The random direction whose radius lies in the middle."""
    return 2 + int(found.radius[2:].argsort()[(len(found.radius) - 3) // 2])


def _reach(found: TaylorCheck, *directions: int) -> int:
    """How many radii to draw: a little past the break-down in every one of ``directions``."""
    farthest = max(float(found.radius[k]) for k in directions)
    return max(2, int((found.radii <= REACH * farthest).sum()))


def _both_ways(found: TaylorCheck, y: str) -> Any:
    count = _reach(found, 0, 1)
    radii = found.radii[:count]
    here = torch.zeros(1, dtype=torch.float64)
    distances = torch.cat([-radii.flip(0), here, radii])
    changes = ([side[k, :count] - found.score for k in (1, 0)] for side in (found.actual, found.linear))
    real, line = (torch.cat([down.flip(0), here, up]) for down, up in changes)
    return _against(distances, real, line, y)


def _one_way(found: TaylorCheck, direction: int, y: str) -> Any:
    count = _reach(found, direction)
    real, line = (side[direction, :count] - found.score for side in (found.actual, found.linear))
    return _against(found.radii[:count], real, line, y)


def _against(distances: Tensor, real: Tensor, line: Tensor, y: str) -> Any:
    curves = {t("saliency.real"): real, t("saliency.line"): line}
    figure = figures.lines(distances, curves, x_title=t("saliency.distance"), y_title=y, height=260)
    return figure.update_yaxes(exponentformat="power")


def _errors(found: TaylorCheck, params: Taylor) -> Any:
    """Relative errors over the distance, both on logarithmic axes; zero has no place there and is left out."""
    error = torch.where(found.error > 0, found.error, torch.nan)
    curves = {
        t("saliency.along"): error[0],
        t("saliency.against"): error[1],
        t("saliency.random"): error[_middle(found)],
        t("saliency.tolerance", percent=100 * params.tolerance): torch.full_like(found.radii, params.tolerance),
    }
    figure = figures.lines(
        found.radii, curves, x_title=t("saliency.distance"), y_title=t("saliency.error_title"), height=300
    )
    figure.update_layout(margin_t=56)  # on a telephone the legend needs two rows
    return figure.update_xaxes(type="log", dtick=1).update_yaxes(type="log", dtick=1)
