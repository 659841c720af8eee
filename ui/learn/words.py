"""A lesson's own words, and the names of what it speaks of, in the session's language."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from ui.texts import formats, inert, language, number, t, t_or
from vizcore.lessons.answers import Answer, Choose, Number, Option, Order
from vizcore.lessons.lesson import Words

_KNOWN = (
    *("classes", "options.fill", "options.method", "options.model", "options.output", "options.part", "networks"),
    "learn.rows",
)


class _Formatter(formats.Formatter):
    """As for the pages' own texts; a number without a format has three digits that count."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if not format_spec and isinstance(value, Real) and not isinstance(value, int):
            return number(float(value), ".3g")
        return super().format_field(value, format_spec)


def own(words: Words) -> str:
    """A lesson's text in the session's language, its lines not ending where they may not."""
    return formats.bound(words.get(language()) or words["en"], language())


def filled(words: Words, values: Mapping[str, object]) -> str:
    """A lesson's text with what was computed filled in; as it stands where that does not fit."""
    text = own(words)
    told = {name: named(value) if isinstance(value, str) else value for name, value in values.items()}
    try:
        return _Formatter(language()).vformat(text, (), told)
    except (KeyError, ValueError, IndexError, TypeError, AttributeError):
        return text


def named(name: str) -> str:
    """What a class, a fill, a method or a network is called; any other name is its own."""
    for kind in _KNOWN:
        found = t_or(f"{kind}.{name}", "")
        if found:
            return found
    return inert(name)


def called(option: Option) -> str:
    """What an option is called: by its file, or by its name."""
    given = option.words(language())
    return inert(given) if given else named(option.id)


def told(answer: Answer, value: Any) -> str:
    """A guess or a truth in words; of a drawing there are none."""
    if isinstance(answer, Choose | Order):
        names = {one.id: called(one) for one in answer.options}
        ids = value if isinstance(value, (tuple, list)) else (value,)
        return " > ".join(names.get(one, str(one)) for one in ids)
    if isinstance(answer, Number):
        return measured(float(value), answer)
    return ""


def measured(value: float, answer: Number) -> str:
    """A number with its unit."""
    digits = number(value, ".3g") if abs(value) < 1000 else number(value, ".0f")
    return t(f"learn.in_{UNITS[answer.unit]}", amount=digits)


UNITS = {
    "": "numbers",
    "%": "percent",
    "points": "points",
    "px": "pixels",
    "copies": "copies",
    "times": "times",
    "grey levels": "levels",
    "samples": "samples",
    "logits": "logits",
}
