"""The single pictures of a study: the odd ones first, every one as a point, and the way from each to Compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from PIL import Image

from ui.frame import navigation, network_cache, sources
from ui.running.results import RESULTS
from ui.study.names import method, network
from ui.texts import inert, t
from ui.texts.sentences import translated
from ui.viewer import show
from ui.viewer.cards import cards
from vizcore import methods as known
from vizcore.pictures.decoding import PictureError
from vizcore.study import charts, odd
from vizcore.study.odd import Odd
from vizcore.study.rows import Row, line
from vizcore.study.sources import Picture

SHOWN = 3  # odd pictures of each kind
AHEAD = 12  # pictures of a study that has not begun
CARD = 168  # pixels: two in a row on a telephone
MOST_POINTS = 4000  # a browser draws more of them slowly
Files = Mapping[str, Picture]


def odd_ones(found: Sequence[Row], files: Files) -> None:
    """The pictures on which the methods part most, and on which they are least faithful, with a way to Compare."""
    kinds: dict[str, Callable[[Sequence[Row]], list[Odd]]] = {
        "disagreement": odd.disagreements,
        "least_faithful": odd.least_faithful,
    }
    for name, ranked in kinds.items():
        first = ranked(found)[:SHOWN]
        if not first:
            continue
        st.markdown(f"**{t(f'odd.{name}')}**")
        st.caption(t(f"odd.{name}_meaning"))
        with cards(f"odd-{name}", len(first), CARD):
            for number, one in enumerate(first):
                with st.container(gap="xsmall"):
                    _card(f"{name}-{number}", one, found, files, name)


def ahead(pictures: Sequence[Picture], files: Files) -> None:
    """The first pictures that a study will look at."""
    first = [(one, picture) for one in pictures[:AHEAD] if (picture := thumbnail(one.id, files)) is not None]
    if not first:
        return
    st.markdown(t("study.first_pictures", shown=len(first), of=len(pictures)))
    with cards("ahead", len(first), CARD // 2):
        for one, picture in first:
            with st.container():
                st.image(picture, width="stretch", output_format="PNG", alt=one.id)


def _card(key: str, one: Odd, found: Sequence[Row], files: Files, name: str) -> None:
    picture = thumbnail(one.picture, files)
    if picture is not None:
        st.image(picture, width="stretch", output_format="PNG", alt=one.picture)
    (best, high), (worst, low) = one.best, one.worst
    ends = {"best": method(best), "high": high, "worst": method(worst), "low": low, "value": one.value}
    st.caption(inert(f"{one.picture} · {network(one.network)}: {t(f'odd.{name}_value', **ends)}"))
    if st.button(t("odd.open"), key=f"odd.{key}", icon=":material/compare:"):
        opened(one.picture, one.network, one.target, list(dict.fromkeys(row.method for row in found)), files)


def every(found: Sequence[Row], figure: str, names: Sequence[str], files: Files, key: str) -> None:
    """The chosen figure of every picture as a point; a click opens the picture in Compare."""
    series: dict[str, list[charts.Point]] = {}
    rows = [row for row in found if getattr(row, figure) is not None]
    step = -(-len(rows) // MOST_POINTS)
    for row in rows[:: max(1, step)]:
        at = names.index(row.method)
        data = (row.picture, row.network, row.target)
        point = charts.Point(at, float(getattr(row, figure)), row.picture, data)
        series.setdefault(network(row.network), []).append(point)
    if not series:
        return
    title = t("odd.every", figure=t(f"options.study_figure.{figure}"))
    st.markdown(f"**{title}**")
    st.caption(t("odd.every_meaning") if step <= 1 else f"{t('odd.every_meaning')} {t('odd.some', step=step)}")
    titles = [method(one) for one in names]
    chart = charts.points(titles, series, x_title=t(f"options.study_figure.{figure}"), y_title=t("study.method"))
    event = show.chart(chart, key, title=title, select=True)
    clicked = _clicked(event)
    if clicked is not None:
        opened(*clicked, list(names), files)


def _clicked(event: Any) -> tuple[str, str, str] | None:
    """Picture, network and class of the point that was clicked, as the page itself has written them into the chart."""
    points = getattr(getattr(event, "selection", None), "points", None) or []
    data = points[0].get("customdata") if points else None
    whole = isinstance(data, (list, tuple)) and len(data) == 3 and all(isinstance(one, str) for one in data)
    return (data[0], data[1], data[2]) if whole and data is not None else None


def opened(picture: str, name: str, target: str, methods: Sequence[str], files: Files) -> None:
    """Show the picture in Compare, under the network and class that the study explained; or say why it cannot be."""
    if picture in files and files[picture].content() is not None:
        try:
            identifier = sources.take(sources.decode(files[picture].content() or b""), picture)
        except (PictureError, OSError) as error:
            st.error(inert(translated(str(error))), icon=":material/broken_image:")
            return
    elif sources.valid(picture) and picture.startswith(("scene:", "stamped:")):
        identifier = sources.canonical(picture)
    else:
        st.info(t("odd.no_file", picture=inert(picture)), icon=":material/broken_image:")
        return
    more = {"picture": identifier}
    requested = [one for one in methods if one in known.METHODS]
    if requested:
        more["compare.methods"] = ",".join(requested)
    if name in network_cache.names():
        clf = network_cache.network(name)
        if clf is None:
            return  # the page says why
        more["network"] = name
        classes = [line(one) for one in clf.classes]
        more["class"] = str(classes.index(target)) if target in classes else ""
    navigation.open_link("compare", more)


def thumbnail(picture: str, files: Files) -> Image.Image | None:
    """The picture itself, small; None where it is not here."""
    if picture.startswith(("scene:", "stamped:")) and sources.valid(picture):
        found = sources.scene(sources.canonical(picture))
        return None if found is None else Image.fromarray(found.picture)
    if picture not in files:
        return None

    def small() -> Image.Image:
        image = sources.decode(files[picture].content() or b"").picture
        image.thumbnail((256, 256))
        return image

    try:
        return RESULTS.get_or(("thumbnail", picture, files[picture].digest), small)
    except (PictureError, OSError):
        return None
