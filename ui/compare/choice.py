"""What is compared: methods, classes (or one against another), networks, and the settings of every method."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import streamlit as st
from torch import Tensor

from ui.frame import controls, network_cache, state
from ui.frame.classes import class_name
from ui.frame.layout import Frame
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import t
from vizcore import methods
from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.params import specs
from vizcore.targets import Contrast, Output, Target
from vizcore.techniques import gradcam

DEFAULT = tuple(method for method in methods.METHODS if method != "edges")
MOST = 32  # maps on one page
SCALES = ("method", "one")
LAYER = "compare.layer"  # whose feature maps Grad-CAM takes
OUTPUTS: tuple[Output, ...] = ("logit", "probability")  # the logit first: maps of it do not vanish where it saturates


@dataclass(frozen=True, eq=False)
class Row:
    """One network's answer that all methods explain: ``target`` of ``clf`` on ``image`` (C,H,W) in [0,1]."""

    clf: Classifier
    image: Tensor
    target: Target
    digest: str
    name: str  # of the target
    title: str  # of target and network

    @property
    def key(self) -> tuple[Hashable, ...]:
        """The identity of network, picture and target."""
        return (f"{self.clf.checksum}@{self.clf.device.type}", self.digest, self.target)


@dataclass(frozen=True, eq=False)
class Choice:
    """The page's whole choice. ``params`` holds the settings of every chosen method, all about the same score."""

    page: Frame
    rows: tuple[Row, ...]
    methods: tuple[str, ...]
    params: dict[str, Any]
    output: Output
    scale: str

    def key(self, row: Row, method: str) -> tuple[Hashable, ...]:
        """Under which name the map of one method for one row is kept."""
        return ("map", *row.key, method, self.params[method])

    @property
    def maps(self) -> list[tuple[int, str]]:
        """(number of the row, method) of all maps, in the order in which they are shown."""
        return [(number, method) for number in range(len(self.rows)) for method in self.methods]

    @property
    def whole_key(self) -> tuple[Hashable, ...]:
        return ("maps", *(self.key(self.rows[number], method) for number, method in self.maps))


def method_name(method: str) -> str:
    """How a method is called."""
    return t(f"options.method.{method}")


def choose(page: Frame) -> Choice:
    """Draw the controls and return what they are set to."""
    chosen = controls.several(
        "compare.methods", list(methods.METHODS), DEFAULT, t("compare.methods"), method_name, flat=True
    )
    left, right = st.columns(2)
    with (
        left,
        st.expander(t("compare.further"), icon=":material/add:", expanded=controls.stays_open("compare", _further())),
    ):
        more, against, networks, output, scale = _what(page)
    targets: list[Target] = [page.target, *map(int, more)]
    if against != "none":
        targets.append(Contrast(page.target, int(against)))
    params = {method: methods.with_output(_params(page, method), output) for method in methods.METHODS}
    if chosen:
        with right:
            params |= _settings(page, chosen, params)
    if "gradcam" in chosen:
        params["gradcam"] = replace(params["gradcam"], layer=_layer(page))
    rows = _rows(page, targets, networks)
    most = max(1, MOST // max(1, len(chosen)))
    if len(rows) > most:
        st.info(t("compare.too_many", most=MOST, rows=most), icon=":material/grid_on:")
    return Choice(page, tuple(rows[:most]), chosen, params, output, scale)


def _what(page: Frame) -> tuple[tuple[str, ...], str, tuple[str, ...], Output, str]:
    """Further classes, the class against which the page's is explained, further networks, the score, and the scale."""
    first, second = st.columns(2)
    indices = [str(k) for k in range(len(page.clf.classes))]
    name = partial(_class_name, page)
    with first:
        others = [k for k in indices if int(k) != page.target]
        more = controls.several("compare.classes", others, (), t("compare.classes"), name)
        known = [one for one in network_cache.names() if one != page.clf.name]
        networks = controls.several(
            "compare.networks", known, (), t("compare.networks"), network_cache.title, most=network_cache.KEPT - 1
        )
    with second:
        against = controls.look("compare.against", ["none", *others], t("compare.against"), names=name)
        output = controls.look("compare.output", OUTPUTS, t("compare.output"), "output")
        scale = controls.look("compare.scale", SCALES, t("compare.scale"), "compare_scale")
    return more, against, networks, output, scale


def _further() -> bool:
    """Whether any of :func:`_what` is not as at first."""
    known = {**state.choices().linked, **state.choices().looks}
    return any(f"compare.{name}" in known for name in ("classes", "against", "networks", "output", "scale"))


def scores(what: Choice) -> tuple[Target, list[float]]:
    """What the formula is about, the contrast if there is one and else the frame's class, and the scores (K) of all."""
    page = what.page
    contrasts = [row.target for row in what.rows if row.clf is page.clf and isinstance(row.target, Contrast)]
    key = ("scores", *page.picture_key, what.output)
    found: Tensor = play.once(key, lambda: page.clf.all_scores(page.image[None], what.output)[0])
    target: Target = contrasts[-1] if contrasts else page.target
    return target, found.tolist()


def _class_name(page: Frame, index: str) -> str:
    return t("compare.nothing") if index == "none" else class_name(page.clf, int(index))


def _rows(page: Frame, targets: list[Target], networks: tuple[str, ...]) -> list[Row]:
    """Every target for every network; a network that knows other classes explains its own most probable one."""
    found = [_row(page, page.clf, target) for target in targets]
    for name in networks:
        clf = network_cache.network(name)
        if clf is None:
            continue
        if clf.classes == page.clf.classes:
            found += [_row(page, clf, target) for target in targets]
        else:
            found.append(_row(page, clf, None))
    return found


def _row(page: Frame, clf: Classifier, target: Target | None) -> Row:
    digest = page.source.digest
    image = RESULTS.get_or(("pixels", clf.checksum, digest), lambda: clf.pixels(page.source.picture))
    if target is None:
        target = play.once(("top", clf.checksum, digest), lambda: clf.top(image, 1)[0][0])
    if isinstance(target, Contrast):
        name = t("compare.contrast", of=class_name(clf, target.of), against=class_name(clf, target.against))
    else:
        name = class_name(clf, target)
    return Row(clf, image, target, digest, name, f"{name} · {network_cache.title(clf.name)}")


def _params(page: Frame, method: str) -> Any:
    return page.params(methods.METHODS[method], f"compare.{method}")


def _settings(page: Frame, chosen: tuple[str, ...], params: dict[str, Any]) -> dict[str, Any]:
    """The settings of one of the chosen methods, in a closed box."""
    with st.expander(t("compare.settings"), icon=":material/tune:"):
        able = [method for method in chosen if _own(method)]
        if not able:
            st.caption(t("compare.no_settings"))
            return {}
        method = controls.look("compare.of", able, t("compare.settings_of"), "method")
        with st.container(key="compare-settings"):
            changed = controls.choose(f"compare.{method}", params[method], _own(method))
            if method == "gradcam" and (names := _map_layers(page)):
                controls.look(LAYER, names, t("compare.layer"), tip=t("compare.layer_help"))
            controls.reset(f"compare.{method}", methods.METHODS[method], *([LAYER] if method == "gradcam" else []))
    # The score is chosen once for all: kept at its default here, it stays out of the link.
    plain = methods.METHODS[method]()
    state.choices().params[f"compare.{method}"] = methods.with_output(changed, plain.output)
    return {method: changed}


def _map_layers(page: Frame) -> list[str]:
    """The layers that Grad-CAM can take, the last one first; none where the network has no maps, as its card says."""
    try:
        found: list[str] = play.once(("map layers", page.clf.checksum), lambda: gradcam.map_layers(page.clf))
    except NetworkError:
        return []
    return found


def _layer(page: Frame) -> str:
    """The layer whose maps Grad-CAM takes: empty for the last one, and where the network has none of the chosen name.

    It is also known while another method's settings are shown.
    """
    linked = state.choices().linked.pop(LAYER, None)
    if linked is not None:
        state.choices().looks[LAYER] = linked
    chosen = state.choices().looks.get(LAYER, "")
    if chosen not in _map_layers(page)[1:]:
        state.choices().looks.pop(LAYER, None)
        return ""
    return chosen


def _own(method: str) -> tuple[str, ...]:
    """The parameters of a method that are its own: without the score, which is one for all."""
    unused = {"ridge": ("learning_rate", "epochs")}.get(method, ())
    return tuple(field for field in specs(methods.METHODS[method]) if field != "output" and field not in unused)


def constructor(params: Any) -> str:
    """The Python expression that makes ``params`` anew, from what differs from its defaults."""
    kind = type(params)
    plain = kind()
    given = [f.name for f in fields(params) if f.init and getattr(params, f.name) != getattr(plain, f.name)]
    return ", ".join(f"{name}={getattr(params, name)!r}" for name in given)
