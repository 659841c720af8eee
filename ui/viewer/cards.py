"""Pictures beside each other, as many as fit, at every width of the page without a lonely one in the last row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from vizcore.pictures.columns import columns, lonely

_GAP = 16  # pixels of a page whose type is as large as usual; all widths grow with it
_MOST = 12  # beside each other


@contextmanager
def cards(
    key: str, count: int, width: int, *, least: int | None = None, few: int | None = None, most: int = _MOST
) -> Iterator[None]:
    """A place for ``count`` containers, each about ``width`` pixels wide and never below ``least`` (3/5 of it).

    ``few`` are the columns of a single row that is not full, so that fewer cards become larger; without it they keep
    their width. Of many, ``most`` stand beside each other, or one more. ``key`` is the place's own on the page.
    """
    with st.container(key=f"cards-{key}"):
        found = rules(key, count, width, least or 3 * width // 5, few, most)
        # Beside something else than style Streamlit keeps the rules where they are, as in show.style.
        st.html(f'<div class="vz-style"></div><style>{found}</style>')
        yield


def rules(key: str, count: int, width: int, least: int, few: int | None = None, most: int = _MOST) -> str:
    """The place's style: for every number of cards that fit into its width, into how many columns they go."""
    place = f".st-key-cards-{key}"
    lines = [
        f'[data-testid="stLayoutWrapper"]:has(> {place}) {{container-type: inline-size;}}',
        f"{place} {{display: grid; gap: {_GAP / 16:g}rem; align-items: start;}}",
        f"{place} > * {{width: auto; min-width: 0; container-type: inline-size;}}",
    ]
    for fit in range(1, most + 1):
        room = fit * width + (fit - 1) * _GAP
        taken, wide = layout(count, fit, room, least, few)
        rule = f"{place} {{grid-template-columns: repeat({taken}, minmax(0, 1fr));}}"
        # The style's own element comes first.
        rule += f" {place} > :nth-child(2) {{grid-column: {'1 / -1' if wide else 'auto'};}}"
        lines.append(rule if fit == 1 else f"@container (min-width: {room / 16:g}rem) {{{rule}}}")
    return "\n".join(lines)


def layout(count: int, fit: int, room: int, least: int, few: int | None = None) -> tuple[int, bool]:
    """The columns for ``count`` cards of which ``fit`` go into ``room`` pixels, and whether the first fills a row.

    It does where another one would be alone otherwise.
    """
    if few is not None and count <= fit:
        return min(fit, max(few, count)), False
    taken = columns(count, fit, wider=(room + _GAP) // (least + _GAP))
    return taken, lonely(count, taken)
