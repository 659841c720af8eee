"""The changed scene and the network's answer to it, while a part is dragged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ui.frame import network_cache, sources, state
from ui.frame.classes import class_name
from ui.frame.layout import Frame
from ui.interventions.mover import moved, mover
from ui.running import play
from ui.texts import number, percent, t
from ui.viewer import shown
from vizcore.evaluation import interventions
from vizcore.evaluation.arrangement import REMOVE, Arrangement
from vizcore.networks.classifier import Classifier
from vizcore.pictures import figures, panels
from vizcore.pictures.scene_parts import PARTS, Part
from vizcore.study.sources import compose

NAME = "interventions"
ROWS = 5
_LIVE = "vizcore.interventions.live"


@dataclass(frozen=True, eq=False)
class Drawn:
    """A changed scene as the network sees it, (C,H,W), where its parts are, and the network's probabilities (K,)."""

    image: Tensor
    places: dict[Part, NDArray[np.bool_]]
    probabilities: Tensor


@dataclass(frozen=True)
class Live:
    """What is shown now, by name: Streamlit keeps what a fragment is given beyond the session's end."""

    network: str
    picture: str
    target: int
    params: Arrangement
    seq: int = 0


def show(page: Frame, params: Arrangement) -> Drawn:
    """The scene with its changes, and the five answers; dragging in it draws only this part of the page again."""
    held = st.session_state.get(_LIVE)
    seq = held.seq if isinstance(held, Live) else 0
    st.session_state[_LIVE] = Live(page.clf.name, page.source.id, page.target, params, seq)
    _fragment()
    drawn = draw(page.clf, page.source.id, params)
    shown.keep(NAME, t("interventions.changed"), partial(panels.Tile, t("interventions.changed"), _picture(drawn)))
    return drawn


def draw(clf: Classifier, picture: str, params: Arrangement) -> Drawn:
    """The scene called ``picture`` with what is changed about it, remembered as long as other results are."""

    def compute() -> Drawn:
        made = compose(picture, sources.SCENE_SIZE, params.changes())
        image = clf.pixels(Image.fromarray(made.picture))
        return Drawn(image, interventions.regions_as_seen(clf, made), clf.all_scores(image[None])[0])

    return play.once((NAME, f"{clf.checksum}@{clf.device.type}", picture, params), compute)


@st.fragment
def _fragment() -> None:
    live: Live = st.session_state[_LIVE]
    move = moved()
    if move is not None:
        to: dict[str, Any] = {f"{move.part}_x": move.x, f"{move.part}_y": move.y}
        live = replace(live, params=replace(live.params, **to), seq=move.seq)
        st.session_state[_LIVE] = live
        if move.chosen:
            state.choices().params[NAME] = live.params
            state.forget(f"param.{NAME}.")
            st.rerun(scope="app")
    clf = network_cache.network(live.network)
    if clf is None:
        return
    before, now = draw(clf, live.picture, Arrangement()), draw(clf, live.picture, live.params)
    with st.container(key="beside"):
        picture, answers = st.columns([3, 2])
    with picture:
        at = {part: live.params.shift(part) for part in movable(live.params, now)}
        name, scene = class_name(clf, live.target), f"{clf.checksum} {live.picture}"
        share = 100 * float(now.probabilities[live.target])
        status = "" if live.params == Arrangement() else t("interventions.says", name=name, share=share)
        label = t("interventions.changed")
        mover(now.image, now.places, at, label, seq=live.seq, scene=scene, status=status)
    with answers:
        bars(clf, live.target, before.probabilities, now.probabilities)


def movable(params: Arrangement, drawn: Drawn) -> list[Part]:
    """The parts that are there to be dragged: a part that was moved out of sight can be dragged back."""
    there = [part for part in PARTS if part in drawn.places or any(params.shift(part))]
    return [part for part in there if getattr(params, part) != REMOVE]


def bars(clf: Classifier, target: int, before: Tensor, now: Tensor) -> None:
    """The five most probable classes of the scene as it was, the winner of now among them: before and now."""
    order = before.topk(min(ROWS, len(before))).indices.tolist()
    for must in (int(now.argmax()), target):  # what became of the class, and which one took its place
        if must not in order:
            order[-1 if must == target else -2] = must
    cells = []
    for k in order:
        mark = " chosen" if k == target else ""
        was, new = float(before[k]), float(now[k])
        change = "" if abs(new - was) < 5e-4 else number(100 * (new - was), "+.1f")
        cells.append(
            f'<div class="name{mark}">{escape(class_name(clf, k))}</div>'
            f'<div class="value">{change}</div><div class="value{mark}">{percent(new)}</div>'
            f'<div class="vz-before"><div class="bar{mark}" style="width:{100 * new:.2f}%"></div>'
            f'<i style="left:{100 * was:.2f}%"></i></div>'
        )
    title, key = t("interventions.answers"), t("interventions.before_key")
    st.html(
        f'{_STYLE}<div><strong>{escape(title)}</strong><div class="vz-bars vz-changes">{"".join(cells)}</div></div>'
    )
    st.caption(key)


def _picture(drawn: Drawn) -> figures.Picture:
    return figures.picture(drawn.image)


_STYLE = """<style>
.vz-changes {grid-template-columns: minmax(0, 1fr) auto auto; row-gap: .2rem;}
.vz-before {position: relative; grid-column: 1 / -1; margin-bottom: .5rem;}
.vz-before > i {position: absolute; top: -.2rem; bottom: -.2rem; width: 0; border-left: 2px solid currentColor;}
</style>"""
