"""Small changes, large effects: a walk along the gradient, and the smallest change towards another class."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import get_args

import streamlit as st
import torch
from torch import Tensor

from ui.frame import controls, export, navigation, state
from ui.frame.classes import class_name
from ui.frame.layout import Frame
from ui.running import play
from ui.saliency import walking
from ui.texts import inert, t, worded
from vizcore.networks.bundled import network as bundled
from vizcore.techniques import saliency
from vizcore.techniques.smallest_change import (
    GREY,
    TRIES,
    Change,
    Norm,
    Rounded,
    SmallestChange,
    rounded,
    smallest_change,
)
from vizcore.techniques.walk import Walk, WalkAnswers, walk

WAYS = ("along", "towards")
_UP = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # grey levels
SIZES = {
    "along": (*(-s for s in reversed(_UP)), 0.0, *_UP),
    "towards": (0.0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0),  # shares of the change that was found
}
USUAL = {"along": -4.0, "towards": 1.0}
ROBUST = "mini-alexnet-robust"


@dataclass(frozen=True, eq=False)
class Way:
    """A direction from the picture, the class whose score is watched on it, and how its sizes are measured."""

    name: str
    norm: Norm
    target: int
    change: Tensor  # (C,H,W), of size 1


def small_changes(page: Frame, params: saliency.SmoothGrad) -> None:
    """The part of the page: which way, which size, and what it does."""
    st.markdown(t("changes.lead"))
    with st.container(horizontal=True):
        name = controls.look("saliency.way", WAYS, t("changes.way"), "change_way")
        norm: Norm = controls.look("saliency.norm", get_args(Norm), t("changes.norm"), "change_norm")
    way = _along(page, norm, params) if name == "along" else _towards(page, norm)
    if way is None:
        return
    answers = _walked(page, way, params)
    if answers is None:
        return
    at = _size(way.name)
    walking.step(page, way.change, way.target, answers, at, params.output)
    if way.name == "towards":
        _files(page, way)
    walking.chart(way.name, answers, params.output)
    _take_along(page, way, answers, params)
    if page.clf.name in bundled.NAMES and page.clf.name != ROBUST:
        navigation.to("saliency", t("changes.robust"), {"network": ROBUST})


def _along(page: Frame, norm: Norm, params: saliency.SmoothGrad) -> Way | None:
    """The gradient w, or its signs, by one grey level: the root of the mean of the squares, or each value."""
    found = play.once(
        ("gradient", *page.key, params.output),
        lambda: saliency.gradient(page.clf, page.image, page.target, saliency.Saliency(params.output)),
    )
    w = found.gradient
    length = float(w.double().norm())
    if length == 0:
        st.info(t("saliency.taylor_flat"), icon=":material/horizontal_rule:")
        return None
    change = w * (math.sqrt(w.numel()) / length) if norm == "l2" else w.sign()
    return Way("along", norm, page.target, change / GREY)


def _towards(page: Frame, norm: Norm) -> Way | None:
    target = _class(page)
    if target == int(page.probabilities.argmax()):
        st.info(t("changes.already", name=inert(class_name(page.clf, target))), icon=":material/done:")
        return None
    params = SmallestChange(norm)
    st.caption(t("changes.method", steps=params.steps))
    place = st.empty()

    def told(found: Change) -> None:
        name = inert(class_name(page.clf, target))
        if not found.reached:
            place.markdown(t("changes.searching", name=name))
            return
        most, root = walking.levels(found.change)
        place.markdown(t("changes.found", name=name, most=most, root=root, length=found.size("l2")))

    found = play.play(
        "saliency-smallest",
        ("smallest", *page.picture_key, target, params),
        lambda: smallest_change(page.clf, page.image, target, params),
        told,
        unit="units.steps",
        cost=TRIES * params.steps,
        pace=("smallest", page.clf.checksum),
    )
    if found is None or found.step < found.of:
        return None
    if not found.reached:
        st.info(t("changes.unreached", name=inert(class_name(page.clf, target))), icon=":material/block:")
        return None
    return Way("towards", norm, target, found.change)


def _class(page: Frame) -> int:
    """The class that the network shall say: the second most probable one, unless another is chosen."""
    looks, name = state.choices().looks, "saliency.towards"
    held = state.choices().linked.pop(name, looks.get(name, ""))
    count = len(page.clf.classes)
    options = ["auto", *map(str, range(count))]
    key = worded(f"look.{name}.{page.clf.name}")
    if st.session_state.get(key) not in options:
        st.session_state[key] = held if held in options else "auto"
    names = {str(k): class_name(page.clf, k) for k in range(count)} | {"auto": t("changes.second")}
    chosen = str(st.selectbox(t("changes.class"), options, key=key, format_func=lambda one: names[one]))
    if chosen == "auto":
        looks.pop(name, None)
        return int(page.probabilities.topk(2).indices[1])
    looks[name] = chosen
    return int(chosen)


def _size(way: str) -> int:
    """Which of the sizes is looked at, by its number."""
    looks, name, sizes = state.choices().looks, f"saliency.{way}_size", SIZES[way]
    held = state.choices().linked.pop(name, looks.get(name, ""))
    written = {f"{size:g}": size for size in sizes}
    key = worded(f"look.{name}")
    if st.session_state.get(key) not in sizes:
        st.session_state[key] = written.get(held, USUAL[way])
    label = t(f"changes.size_{way}")
    chosen = float(st.select_slider(label, sizes, key=key, format_func=controls.level))
    if chosen == USUAL[way]:
        looks.pop(name, None)
    else:
        looks[name] = f"{chosen:g}"
    return sizes.index(chosen)


def _walked(page: Frame, way: Way, params: saliency.SmoothGrad) -> WalkAnswers | None:
    sizes, settings = SIZES[way.name], Walk(seed=params.seed, output=params.output)
    key = ("walk", *page.picture_key, way.target, way.name, way.norm, settings)
    found = play.play(
        "saliency-walk",
        key,
        lambda: walk(page.clf, page.image, way.target, way.change, sizes, way.norm, settings),
        lambda _: None,
        unit="units.passes",
        cost=len(sizes) * (1 + settings.draws),
        pace=("walk", page.clf.checksum),
    )
    return found if found is not None and found.step == found.of else None


def _files(page: Frame, way: Way) -> None:
    """What becomes of the smallest change where a file keeps whole grey levels only."""
    file: Rounded = play.once(
        ("rounded", *page.picture_key, way.target, way.norm),
        lambda: rounded(page.clf, page.image, way.change, way.target),
    )
    kind = "lost" if not file.reached else "kept" if file.times == 1 else "stretched"
    st.caption(t(f"changes.rounded_{kind}", name=inert(class_name(page.clf, way.target)), times=file.times))


def _take_along(page: Frame, way: Way, answers: WalkAnswers, params: saliency.SmoothGrad) -> None:
    """The change and the answers on the way, as an archive of arrays and as JSON."""
    settings = export.record(page, SmallestChange(way.norm) if way.name == "towards" else None)
    settings |= {"way": way.name, "norm": way.norm, "target": way.target, "output": params.output, "seed": params.seed}
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    kept = {
        "change": way.change,
        "sizes": answers.sizes,
        "probabilities": answers.probabilities,
        "scores": answers.actual,
        "promised": answers.promised,
        "noise": answers.noise,
    }
    arrays = {name: torch.as_tensor(values).numpy() for name, values in kept.items()}
    with st.container(horizontal=True):
        export.download(
            "small-changes.npz", lambda: export.npz(arrays, text), t("export.npz"), "application/octet-stream"
        )
        export.download("small-changes.json", text.encode, t("export.json"), "application/json")
