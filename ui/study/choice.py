"""The settings of a study on the page: which pictures, which networks, which methods, and what is computed of each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from ui.frame import controls, link, network_cache
from ui.frame.layout import Hall
from ui.running import play
from ui.texts import inert, t
from ui.texts.sentences import translated
from vizcore import methods
from vizcore.networks.classifier import Classifier
from vizcore.pictures import decoding
from vizcore.study import plan, rows, sources, summary
from vizcore.study.plan import Plan, Study
from vizcore.study.rows import Row
from vizcore.study.sources import Picture, StudyError
from vizcore.study.summary import Summary

SOURCES = ("scenes", "stamped", "files", "finished")
MOST_SCENES = 500
MOST_FILES = 50
MOST_ROWS, MOST_NETWORKS, MOST_METHODS = 20_000, 12, 40  # of a table that a page shows
QUICK = ("gradient", "smoothgrad", "gradcam", "occlusion", "random", "edges")


@dataclass(frozen=True, eq=False)
class Choice:
    """What is to be shown: a plan with its networks, or the rows or the summary of a finished study; or nothing yet."""

    plan: Plan | None = None
    networks: Mapping[str, Classifier] | None = None
    rows: tuple[Row, ...] | None = None
    summary: Summary | None = None


def choose(page: Hall) -> Choice:
    """Draw the settings and return what they ask for; a mistake becomes a sentence beside them."""
    st.subheader(t("controls.heading"), anchor=False)
    params = page.params(Study)
    source = controls.look("study.source", SOURCES, t("study.source"), "study_source")
    try:
        if source == "finished":
            return _finished()
        found = _files() if source == "files" else _scenes(source)
        kinds = controls.several(
            "study.methods", list(methods.METHODS), QUICK, t("study.methods"), controls.option("method")
        )
        names = controls.several(
            "study.networks",
            network_cache.names(),
            (link.default_network(),),
            t("study.networks"),
            network_cache.title,
            most=3,
        )
        params = controls.choose("study", params)
        controls.reset("study", Study)
        networks = {name: network_cache.network(name) for name in names}
        if not found or not names or None in networks.values():
            return Choice()
        loaded = {name: clf for name, clf in networks.items() if clf is not None}
        return Choice(plan.make(params, found, names, kinds, loaded.__getitem__), loaded)
    except StudyError as error:
        st.error(inert(translated(str(error))), icon=":material/error:")
        return Choice()


def _scenes(source: str) -> tuple[Picture, ...]:
    count = controls.whole("study.count", 1, MOST_SCENES, t("study.count"), 20)
    st.caption(t(f"study.{source}_help", first=sources.FIRST, last=sources.FIRST + count - 1))
    return sources.find([f"{source}:{count}"])


def _files() -> tuple[Picture, ...]:
    given = st.file_uploader(
        t("study.files"),
        accept_multiple_files=True,
        key="study.files",
        help=t("picture.file_help"),
        max_upload_size=decoding.MAX_BYTES >> 20,
    )
    if len(given) > MOST_FILES:
        st.warning(t("study.too_many", most=MOST_FILES), icon=":material/filter_none:")
    return sources.distinct([sources.uploaded(file.name, file.getvalue()) for file in given[:MOST_FILES]])


def _finished() -> Choice:
    file = st.file_uploader(
        t("study.table"), key="study.table", help=t("study.table_help"), max_upload_size=rows.MAX_BYTES >> 20
    )
    if file is None:
        return Choice()
    if file.size > rows.MAX_BYTES:
        raise StudyError(
            f"The table has {file.size / 2**20:.0f} MB; tables of up to {rows.MAX_BYTES // 2**20} MB are taken."
        )
    data = file.getvalue()
    # Once for each file, and on a worker's thread, for which this one waits where it can be interrupted.
    found, whole = play.once(("study.table", hashlib.sha256(data).digest()), lambda: _read(data))
    if not whole:
        most = {"rows": MOST_ROWS, "networks": MOST_NETWORKS, "methods": MOST_METHODS}
        st.warning(t("study.shortened", **most), icon=":material/filter_none:")
    return found


def _read(data: bytes) -> tuple[Choice, bool]:
    """The rows that a page can show, or the summary of a large study, and whether that is all of the file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StudyError("This is no table of a study: it is not a text.") from None
    if text.startswith("{"):
        held = summary.read(text)
        networks = list(dict.fromkeys(part.group.network for part in held.parts))[:MOST_NETWORKS]
        parts = tuple(part for part in held.parts if part.group.network in networks)
        return Choice(summary=replace(held, parts=parts)), len(parts) == len(held.parts)
    found = rows.read(text, MOST_ROWS + 1)
    shown = rows.shortened(found[:MOST_ROWS], MOST_NETWORKS, MOST_METHODS)
    return Choice(rows=shown), len(shown) == len(found)
