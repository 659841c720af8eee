"""The frame that all pages share: links, network, picture, class, device and the five most probable classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from ui.frame import (
    bottom_sheet,
    classes,
    controls,
    copying,
    examination,
    link,
    marks,
    navigation,
    network_cache,
    playlist,
    present,
    process,
    qr,
    reconnect,
    sources,
    state,
    uploads,
)
from ui.frame.errors import reported
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import inert, quoted, t, worded
from ui.texts.sentences import translated
from ui.viewer import show
from ui.viewer.viewer import new_run
from vizcore import params as declared
from vizcore.networks.classifier import Classifier
from vizcore.targets import Channel, Unit

P = TypeVar("P")
_LAST = "vizcore.network"  # the network that was shown last
# A file of our own: an icon by name would be fetched from its maker at every visit.
ICON = str(Path(__file__).with_name("icon.png"))

process.prepare()
play.before_computing(link.keep_up)


@dataclass(frozen=True)
class Hall:
    """A page, and how the user came to it."""

    page: str
    query: Mapping[str, str] | None
    remarks: DeltaGenerator  # the place under the title, for what could not be taken as it was given

    def params(self, technique: type[P], name: str | None = None, base: P | None = None) -> P:
        """This session's parameters of the page's technique, from the link where the user came by one.

        ``base`` holds their defaults, where those depend on the network.
        """
        called = name or self.page
        params, complaints = state.take_params(called, technique, state.asked(self.page, called), base)
        for complaint in complaints:
            label = controls.label_of(technique, complaint.name, declared.specs(technique)[complaint.name])
            text = t("link.param", name=label, given=quoted(complaint.given), taken=complaint.taken)
            self.remarks.warning(text, icon=":material/link_off:")
        return params


@dataclass(frozen=True)
class Frame(Hall):
    """What the user has chosen to look at: a network, a picture as that network sees it, and a class."""

    clf: Classifier
    source: sources.Source
    image: Tensor  # (C,H,W) in [0,1]
    target: int
    probabilities: Tensor  # (K,)
    channel: Channel | None = None  # what is maximised in place of the class

    @property
    def key(self) -> tuple[str, str, int]:
        """The identity of network, picture and class, for results that depend on all three."""
        return (*self.picture_key, self.target)

    @property
    def picture_key(self) -> tuple[str, str]:
        """The identity of network and picture."""
        return (f"{self.clf.checksum}@{self.clf.device.type}", self.source.digest)

    @property
    def unit(self) -> Unit:
        """What is maximised: the class, or the channel that was chosen in its place."""
        return self.target if self.channel is None else self.channel

    @property
    def class_name(self) -> str:
        """The chosen class, in the session's language where it has a word for it."""
        return classes.class_name(self.clf, self.target)


@contextmanager
def page(name: str) -> Iterator[Frame]:
    """Draw the frame around page ``name`` and yield what the user has chosen; keep the address bar up to date.

    Whatever goes wrong inside is written to the log under a number that the user sees; other pages and sessions are not
    touched by it.
    """
    st.set_page_config(page_title=f"{t(f'{name}.title')} · vizcore", page_icon=ICON, layout="wide")
    show.style(bottom_sheet.RULES)
    new_run()
    uploads.admit(name)
    with reported(name, state.settle):
        frame = _open(name)
        state.taken(name, frame.query)
    with reported(name, link.write):
        yield frame
        marks.prune(frame.picture_key)
        link.write(name)
        if state.presenting():
            qr.draw(name)


@contextmanager
def hall(name: str) -> Iterator[Hall]:
    """As :func:`page`, for a page that is about no single picture."""
    st.set_page_config(page_title=f"{t(f'{name}.title')} · vizcore", page_icon=ICON, layout="wide")
    show.style()
    new_run()
    uploads.admit(name)
    with reported(name, state.settle):
        query = _arrive(name)
        state.choices().frame.setdefault("network", link.default_network())
        with st.sidebar:
            navigation.links(name, st.empty())
            controls.choose_language()
            copying.button("copy-link", t("frame.copy_link"))
            present.begin()
        entered = Hall(name, query, _head(name))
    with reported(name, link.write):
        yield entered
        link.write(name)


def _arrive(name: str) -> Mapping[str, str] | None:
    """Enter the page; the address's parameters if the user came by a link."""
    state.enter(name)
    query = state.arrived(name)
    if query is not None:
        link.take(query)
        playlist.arrive(query)
        state.choices().asked = state.Asked(name, query)
    return query


def _head(name: str) -> DeltaGenerator:
    """The page's title and lead, and under them the place for what could not be taken as it was given."""
    with st.container(key="bar"):  # there in any case, so that what follows keeps its place
        if state.presenting():
            present.bar(name)
            present.read(name)
    st.title(t(f"{name}.title"), anchor=False)
    with st.container(key="lead"):
        st.markdown(t(f"{name}.lead"))
    remarks = st.container()
    for complaint in state.choices().complaints:
        remarks.warning(complaint, icon=":material/warning:")
    state.choices().complaints.clear()
    return remarks


def _open(name: str) -> Frame:
    query = _arrive(name)
    chosen = state.choices().frame
    with st.sidebar:
        links = st.empty()
        drawn = navigation.links(name, links)
        chosen["network"] = _network()
    remarks = _head(name)
    clf = network_cache.fetched(chosen["network"])
    if isinstance(clf, network_cache.Problem):
        _keep_last(name, clf)
    st.session_state[_LAST] = chosen["network"]
    with st.sidebar:
        summary, device = inert(network_cache.summary(clf)), t("frame.device", device=_device(clf))
        st.caption(f"{summary} {device} {examination.remarks(clf)}")
        chosen["picture"] = sources.choose(chosen.get("picture", sources.usual(chosen["network"])))
    source = sources.picture(chosen["picture"])
    image = RESULTS.get_or(("pixels", clf.checksum, source.digest), lambda: clf.pixels(source.picture))
    probabilities = play.once(
        ("probabilities", f"{clf.checksum}@{clf.device.type}", source.digest), lambda: clf.all_scores(image[None])[0]
    )
    if query is not None and int(chosen.get("class") or 0) >= len(clf.classes):
        beyond = {"given": chosen["class"], "last": len(clf.classes) - 1}
        text = t("link.class_beyond", network=inert(network_cache.title(clf.name)), **beyond)
        remarks.warning(text, icon=":material/link_off:")
    with st.sidebar:
        target = classes.choose(clf, probabilities)
        navigation.links(name, links, drawn)  # to what has been chosen now
        controls.choose_language()
        copying.button("copy-link", t("frame.copy_link"))
        present.begin()
        reconnect.watch()
    for note in source.notes:
        remarks.info(inert(translated(note)), icon=":material/info:")
    classes.strip(clf, image, probabilities, target, source)
    return Frame(name, query, remarks, clf, source, image, target, probabilities)


def _keep_last(page: str, problem: network_cache.Problem) -> NoReturn:
    """Go on with the network that was shown last, or with the usual one, and say why."""
    state.settle(page)
    chosen = state.choices().frame
    lost, last = chosen["network"], st.session_state.get(_LAST, link.default_network())
    if last == lost:
        st.error(inert(problem.sentence), icon=problem.icon)
        st.stop()
    state.choices().complaints.append(inert(problem.sentence))
    chosen |= {"network": last, "class": "", "picture": sources.follow(chosen.get("picture", ""), lost, last)}
    state.forget("frame.")
    st.rerun()


def _network() -> str:
    titles = {name: network_cache.title(name) for name in network_cache.names()}
    current = state.choices().frame.get("network", "")
    key = worded("frame.network")
    st.session_state.setdefault(key, current if current in titles else link.default_network())
    name = str(st.selectbox(t("frame.network"), list(titles), key=key, format_func=lambda one: titles[one]))
    if current and name != current:
        chosen = state.choices().frame
        chosen["picture"] = sources.follow(chosen.get("picture", ""), current, name)
        state.forget("frame.picture")
    return name


def _device(clf: Classifier) -> str:
    if clf.device.type == "cuda":
        return torch.cuda.get_device_name(clf.device)
    return {"mps": t("frame.mps"), "cpu": t("frame.cpu", threads=torch.get_num_threads())}[clf.device.type]
