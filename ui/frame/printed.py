"""The page's figures for print: each map and chart that it shows, with what it is of; drawn when one is asked for."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, get_args

import streamlit as st

from ui.frame import controls, network_cache, sources, state
from ui.frame.layout import Frame
from ui.texts import number, separators, t, t_or
from ui.viewer import shown
from vizcore import params as declared
from vizcore.pictures import sheets
from vizcore.pictures.columns import columns
from vizcore.pictures.panels import Sheet
from vizcore.techniques import filters

MIME: dict[sheets.Format, str] = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
IN_ZIP: tuple[sheets.Format, ...] = ("png", "pdf")
_PAIRS = 4  # panels in a row where there are many and they may come in pairs
# What recolours the results of a page and is no parameter: (the name of the look, its default).
_LOOKS = {"filters": (("scaling", get_args(filters.Scaling)[0]), ("order", get_args(filters.Order)[0]))}


@dataclass(frozen=True)
class Heading:
    """What a figure is of: lines under its title, notes at its foot, and the decimal mark of the session's language."""

    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()
    mark: str = field(default_factory=lambda: separators()[0])


@dataclass(frozen=True)
class Printed:
    """A figure by the name of its file, its title, and how its sheet comes about."""

    name: str
    title: str
    sheet: Callable[[], Sheet]


def heading(page: Frame, params: Any | None, result: Any | None = None) -> Heading:
    """Network, picture, class and settings of a technique's page, and how far the result is."""
    of = [told("network", network_cache.title(page.clf.name)), told("picture", sources.label(page.source.id))]
    if page.channel is None:
        of.append(told("class", page.class_name))
    else:
        of.append(f"{page.channel.layer}, {page.channel.channel} ({page.channel.of})")
    lines = [" · ".join(of)]
    chosen = [] if params is None else [settings(params)]
    view = getattr(result, "view", None)
    chosen += [f"{t('saliency.view')} {t(f'options.view.{view}')}"] if view else []
    deep = page.page == "filters" and state.choices().looks.get("filters.view") == "channels"  # has no such looks
    for name, usual in () if deep else _LOOKS.get(page.page, ()):
        look = state.choices().looks.get(f"{page.page}.{name}", usual)
        chosen.append(f"{t(f'{page.page}.{name}')} {t(f'options.{name}.{look}')}")
    lines += [" · ".join(chosen)] if chosen else []
    step, whole = getattr(result, "step", None), getattr(result, "of", None)
    if step is not None and whole is not None and step < whole:
        lines.append(t("figure.unfinished", step=step, of=whole))
    return Heading(tuple(lines), (provenance(page),))


def told(name: str, value: str) -> str:
    """One of the frame's choices by its label and value."""
    return f"{t(f'frame.{name}')}: {value}"


def provenance(page: Frame) -> str:
    """What another machine needs in order to find the same: checksums, the picture's id, the version."""
    try:
        own = version("vizcore")
    except PackageNotFoundError:  # run from its folder, without being installed
        own = ""
    weights, picture = page.clf.checksum[:12], page.source.digest[:12]
    return (
        f"{f'vizcore {own}'.strip()} · {page.clf.name} {weights} · {page.source.id} {picture} · {page.clf.device.type}"
    )


def settings(params: Any, only: Sequence[str] | None = None) -> str:
    """The settings by their labels, with their units, in the session's language."""
    kind, found = type(params), []
    for name, spec in declared.specs(kind).items():
        if only is None or name in only:
            found.append(f"{controls.label_of(kind, name, spec)} {_value(name, spec, getattr(params, name))}")
    return " · ".join(found)


def _value(name: str, spec: declared.Spec, value: Any) -> str:
    if isinstance(spec, declared.Flag):
        return t("figure.on" if value else "figure.off")
    if isinstance(value, str):
        return t_or(f"options.{name}.{value}", value)
    return f"{number(value)} {getattr(spec, 'unit', '')}".rstrip()


def on_page(title: str, what: Heading | Callable[[str], Heading | None]) -> list[Printed]:
    """Every figure that the page shows now, under ``what``; a function gives it by the figure's name, None for none."""
    found = []
    for name, one in shown.found().items():
        own = what(name) if callable(what) else what
        if own is not None:
            label = sheets.plain(one.title)
            sheet = partial(together, f"{title} · {label}", own, tuple(one.panels.values()))
            found.append(Printed(name, label, sheet))
    return found


def together(title: str, what: Heading, draw: Sequence[shown.Draw]) -> Sheet:
    """Panels, each drawn now, in rows under one heading."""
    panels = tuple(one() for one in draw)
    if len(panels) == 1:  # its title stands over the sheet already
        panels = (replace(panels[0], title=""),)
    pairs = len(panels) > sheets.ACROSS and len(panels) % 2 == 0
    across = _PAIRS if pairs else columns(len(panels), sheets.ACROSS)
    rows = tuple(("", panels[at : at + across]) for at in range(0, len(panels), across))
    return Sheet(title, what.lines, rows, what.notes, what.mark)


def offer(figures: Sequence[Printed], page: str) -> None:
    """A choice of figure and format with its download; the file is drawn when the button is pressed."""
    if not figures:
        return
    titles = [one.title for one in figures]
    # The browser keeps the labels of options: others belong to another choice.
    key = hashlib.sha256("\0".join([t("figure.which"), *titles]).encode()).hexdigest()[:12]
    options = list(range(len(figures)))
    at = st.selectbox(t("figure.which"), options, format_func=titles.__getitem__, key=f"figure.{key}")
    kind = st.segmented_control(
        t("figure.format"), sheets.FORMATS, default="png", format_func=str.upper, key="figure.format", required=True
    )
    chosen, kind = figures[at or 0], kind or "png"
    save = partial(_save, chosen, kind)
    st.download_button(
        t("figure.download"),
        save,
        file_name=f"{page}-{filename(chosen.name)}.{kind}",
        mime=MIME[kind],
        key=f"figure.download.{key}",
        on_click="ignore",
        icon=":material/print:",
    )
    st.caption(t("figure.note"))


def _save(figure: Printed, kind: sheets.Format) -> bytes:
    return sheets.save(figure.sheet(), kind)


def archive(page: str, figures: Sequence[Printed], files: Mapping[str, Callable[[], bytes]]) -> bytes:
    """One ZIP with ``files`` and every figure as PNG and PDF; all are made now, which takes about a second for each."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(f"{page}/{name}"), data())  # undated: the same again is the same file
        for number, one in enumerate(figures, start=1):
            sheet = one.sheet()
            for kind in IN_ZIP:
                name = f"{page}/figures/{number:02d}-{filename(one.name)}.{kind}"
                packed.writestr(zipfile.ZipInfo(name), sheets.save(sheet, kind))
    return file.getvalue()


def filename(name: str) -> str:
    """A name as part of the name of a file, on every system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "figure"
