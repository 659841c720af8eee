"""The networks, loaded once for all sessions, a bounded number of them at a time."""

from __future__ import annotations

import gc

import streamlit as st
import torch

from ui.texts import t
from ui.texts.sentences import said
from vizcore import classifier, memory, zoo
from vizcore.classifier import Classifier
from vizcore.weights import WeightsError

KEPT = 3


def _release(network: Classifier) -> None:
    gc.collect()
    memory.release()
    if network.device.type == "cuda":
        torch.cuda.empty_cache()


@st.cache_resource(max_entries=KEPT, show_spinner=False, on_release=_release)
def _load(name: str) -> Classifier:
    return classifier.load(name)


def title(name: str) -> str:
    """How a network is called in the list, with the size of its download where it is not on this machine yet."""
    if name not in zoo.NAMES:
        return t(f"networks.{name}")
    entry = zoo.entry(name)
    return (
        entry.title if entry.on_disk else t("frame.to_download", title=entry.title, megabytes=f"{entry.megabytes:.0f}")
    )


def network(name: str) -> Classifier | None:
    """The classifier called ``name``; where it cannot be had, None and a sentence on the page."""
    box = st.empty()
    try:
        if name in zoo.NAMES and not zoo.entry(name).on_disk:
            _download(name, box)
        with box, st.spinner(t("frame.loading", title=title(name))):
            return _load(name)
    except WeightsError as error:
        box.error(said(str(error)), icon=":material/cloud_off:")
    except (torch.OutOfMemoryError, MemoryError):
        _load.clear()
        box.error(t("errors.memory_network", network=title(name)), icon=":material/memory:")
    return None


def _download(name: str, box: st.delta_generator.DeltaGenerator) -> None:
    entry = zoo.entry(name)
    shown = -1

    def progress(done: int, total: int) -> None:
        nonlocal shown
        percent = int(100 * done / max(1, total))
        if percent != shown:
            shown = percent
            text = t("frame.downloading", title=entry.title, done=f"{done / 1e6:.0f}", total=f"{total / 1e6:.0f}")
            box.progress(min(percent, 100), text=text)

    box.progress(0, text=t("frame.downloading", title=entry.title, done="0", total=f"{entry.megabytes:.0f}"))
    zoo.fetch(name, progress)
    box.empty()
