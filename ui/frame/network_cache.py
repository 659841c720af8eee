"""The networks, loaded once for all sessions, a bounded number of them at a time."""

from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import dataclass

import streamlit as st
import torch

from ui.frame import uploads
from ui.texts import inert, t, t_or
from ui.texts.sentences import translated
from vizcore import memory
from vizcore.networks import catalogue, own, zoo
from vizcore.networks.classifier import Classifier
from vizcore.networks.weights import WeightsError

KEPT = 3
LOADED: weakref.WeakValueDictionary[str, Classifier] = weakref.WeakValueDictionary()  # what is in memory now
_LOADING = threading.Lock()  # two at once would need the memory of both, and neither would come faster


def _release(network: Classifier) -> None:
    gc.collect()
    memory.release()
    if network.device.type == "cuda":
        torch.cuda.empty_cache()


@st.cache_resource(max_entries=KEPT, show_spinner=False, on_release=_release)
def _load(name: str) -> Classifier:
    LOADED[name] = found = catalogue.load(name)
    return found


def _shared(name: str) -> Classifier:
    """The network that all sessions share; loaded after those that are being loaded already."""
    if name in LOADED:
        return _load(name)
    while not _LOADING.acquire(timeout=0.25):
        st.session_state["vizcore.loading"] = name  # a call of Streamlit's, so that it can interrupt
    try:
        return _load(name)
    finally:
        _LOADING.release()


def names() -> list[str]:
    """The networks that this session can choose from: everybody's, and those that it has brought itself."""
    return [*catalogue.names(), *uploads.all_of()]


def title(name: str) -> str:
    """How a network is called in the list, with the size of its download where it is not on this machine yet."""
    if name in uploads.all_of():
        return t("network.yours", title=uploads.all_of()[name].clf.title)
    if name not in zoo.NAMES:
        return t_or(f"networks.{name}", name.partition(":")[2] or name)
    entry = zoo.entry(name)
    return entry.title if entry.on_disk else t("frame.to_download", title=entry.title, megabytes=entry.megabytes)


def summary(clf: Classifier) -> str:
    """What there is to say of a network in the sidebar."""
    if clf.name in uploads.all_of():
        design = uploads.all_of()[clf.name].design
        return t("network.summary", architecture=design.architecture, megabytes=own.size_of(clf) / 2**20)
    return t_or(f"summaries.{clf.name}", clf.summary)


@dataclass(frozen=True)
class Problem:
    """Why a network cannot be had."""

    sentence: str
    icon: str


def network(name: str) -> Classifier | None:
    """The classifier called ``name``; where it cannot be had, None and a sentence on the page."""
    found = fetched(name)
    if isinstance(found, Problem):
        st.error(inert(found.sentence), icon=found.icon)
        return None
    return found


def fetched(name: str) -> Classifier | Problem:
    """The classifier called ``name``, downloaded where it must be, or why it cannot be had."""
    if name in uploads.all_of():
        return uploads.all_of()[name].clf
    box = st.empty()
    try:
        if name in zoo.NAMES and not zoo.entry(name).on_disk:
            _download(name, box)
        with box, st.spinner(t("frame.loading", title=inert(title(name)))):
            return _shared(name)
    except WeightsError as error:
        return Problem(translated(str(error)), ":material/cloud_off:")
    except (torch.OutOfMemoryError, MemoryError):
        _load.clear()
        return Problem(t("errors.memory_network", network=title(name)), ":material/memory:")
    finally:
        box.empty()


def _download(name: str, box: st.delta_generator.DeltaGenerator) -> None:
    entry = zoo.entry(name)
    shown = -1

    def progress(done: int, total: int) -> None:
        nonlocal shown
        percent = int(100 * done / max(1, total))
        if percent != shown:
            shown = percent
            text = t("frame.downloading", title=entry.title, done=done / 1e6, total=total / 1e6)
            box.progress(min(percent, 100), text=text)

    box.progress(0, text=t("frame.downloading", title=entry.title, done=0.0, total=entry.megabytes))
    zoo.fetch(name, progress)
    box.empty()
