"""Every word that a page shows, in every language, by key.

``en.toml`` and ``cs.toml`` hold the same keys (a test compares them). What ``vizcore`` itself names in English (labels
and helps of parameters, classes, photographs, summaries of networks) stands under keys of its own in the others only;
its whole sentences, such as its errors, have no keys and are in ``sentences.py``. How numbers and what they count are
written is said in ``formats.py``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui.texts import formats

_JOINER = "\u2060"  # of words, without width
LANGUAGES = {"en": "English", "cs": "Čeština"}


@cache
def table(language: str) -> dict[str, str]:
    """All texts of one language, flattened: ``{"occlusion.title": ...}``."""
    with open(Path(__file__).with_name(f"{language}.toml"), "rb") as file:
        return {key: formats.bound(text, language) for key, text in _flatten(tomllib.load(file))}


def _flatten(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in tree.items():
        pairs += _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return pairs


def language() -> str:
    """The language of this session: chosen in the frame, at first the browser's where we speak it, else English."""
    chosen = st.session_state.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    browser = (st.context.locale or "en").split("-")[0].lower()
    return browser if browser in LANGUAGES else "en"


def worded(key: str) -> str:
    """``key`` for a box whose options are words: one of its own in each language.

    The browser keeps what a box says as long as its key, whatever becomes of the options' words.
    """
    return f"{key}@{language()}"


def t(key: str, /, **values: object) -> str:
    """The text called ``key`` in the session's language, ``{names}`` filled in; KeyError if there is none."""
    return formatter().vformat(table(language())[key], (), values)


def formatter() -> formats.Formatter:
    """What fills in the texts of the session's language."""
    return formats.Formatter(language())


def number(value: float, spec: str = "g") -> str:
    """A number by Python's format ``spec``, as the session's language writes it."""
    return formats.written(value, spec, language())


def latex(value: float, spec: str = "g") -> str:
    """A number by Python's format ``spec``, as a formula in the session's language writes it."""
    return formats.latex(value, spec, language())


def percent(share: float, decimals: int = 1) -> str:
    """A share of 1 as "99.4 %", in the session's language."""
    return f"{number(100 * share, f'.{decimals}f')}{formats.NO_BREAK}%"


def listed(values: Sequence[float]) -> str:
    """Several numbers one after the other, as the session's language writes them: "0.5, 1" and "0,5; 1"."""
    return formats.BETWEEN[language()].join(map(number, values))


def separators() -> str:
    """The decimal mark of the session's language, and what it puts between thousands."""
    return formats.MARKS[language()] + formats.GROUPS[language()]


def quoted(text: str) -> str:
    """Somebody's words, such as a link's or a layer's name, cut short, as code in a place that understands Markdown."""
    line = " ".join(text[:40].split())
    if not line:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    room = " " * ("`" in (line[0], line[-1]))
    return f"{fence}{room}{line}{room}{fence}"


def inert(text: str) -> str:
    """A sentence or a name with somebody's words in it, as it is, in a place that understands Markdown.

    An escape alone does not keep an address, an icon or a colour from being recognised: behind their signs stands a
    joiner, which is not seen.
    """
    line = re.sub(r"([\\`*_\[\]<>#~$&:])", r"\\\1", re.sub(r"[ \t\n\r\f\v]+", " ", text.strip()))
    line = re.sub(r"^([-+=]|\d+(?=[.)]))", lambda found: f"{_JOINER}{found[1]}", line)
    return re.sub(r"(:(?=\S)|@|www(?=\.))", rf"\1{_JOINER}", line, flags=re.IGNORECASE)


def t_or(key: str, fallback: str) -> str:
    """The text called ``key`` in the session's language, or ``fallback`` where that language keeps the original."""
    return table(language()).get(key, fallback)
