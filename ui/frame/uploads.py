"""The networks that a session has brought: seen by it alone, few of them, and gone with it."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass

import streamlit as st
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui.frame import state
from ui.server import leaving
from ui.server.quota import QUOTA
from vizcore import memory
from vizcore.networks import own
from vizcore.networks.classifier import Classifier
from vizcore.networks.weights import WeightsError

MOST = 2  # of one session
MEGABYTES = 1024  # of all sessions together
_KEY = "vizcore.brought"
_alive: weakref.WeakSet[Classifier] = weakref.WeakSet()
_one_at_a_time = threading.Lock()  # a file takes its size several times over while it is read


@dataclass(frozen=True)
class Brought:
    """A network, what was said about it, the name of its file, and whether its normalisation was converted."""

    clf: Classifier
    design: own.Design
    file: str
    converted: bool = False


def all_of() -> dict[str, Brought]:
    """This session's own networks by name."""
    found: dict[str, Brought] = st.session_state.setdefault(_KEY, {})
    return found


def count() -> int:
    """How many networks this session has brought so far."""
    return int(st.session_state.get(f"{_KEY}.count", 0))


def is_own(name: str) -> bool:
    """Whether ``name`` is that of a network that some session has brought."""
    return name.startswith("own:")


def admit(page: str) -> None:
    """Let this session bring as large files as ``page`` has use for, and be told when it leaves."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and runtime.exists():
        QUOTA.grant(context.session_id, own.most_bytes() if page == "network" else 0)
        leaving.stay()


def discard(file: UploadedFile) -> None:
    """Give the memory of a file back that has been read."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def add(data: bytes, design: own.Design, title: str, file: str, *, converted: bool = False) -> str:
    """Read a network, keep it for this session and choose it; its name. Raises :class:`WeightsError`."""
    with _one_at_a_time:
        held = sum(own.size_of(clf) for clf in _alive)
        if held + len(data) > MEGABYTES * 2**20:
            raise WeightsError("There is no more room here for people's own networks; try again later.")
        clf = own.network(data, design, title=title, source=file)
        _alive.add(clf)
    kept = all_of()
    kept.pop(clf.name, None)
    kept[clf.name] = Brought(clf, design, file, converted)
    st.session_state[f"{_KEY}.count"] = count() + 1
    while len(kept) > MOST:
        del kept[next(iter(kept))]
    _weigh()
    choose(clf.name)
    return clf.name


def drop(name: str, instead: str) -> None:
    """Forget one of this session's networks and choose another one."""
    all_of().pop(name, None)
    choose(instead)
    _weigh()
    memory.release()


def _weigh() -> None:
    leaving.weigh("networks", sum(own.size_of(one.clf) for one in all_of().values()))


def choose(name: str) -> None:
    """Make ``name`` the chosen network of all pages."""
    state.choices().frame |= {"network": name, "class": ""}
    state.forget("frame.network", f"frame.class.{name}")
