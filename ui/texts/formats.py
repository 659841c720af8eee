"""Numbers as a language writes them, the form of a word that goes with a number, and spaces where no line may break.

In a text, ``{value:.2f}`` is a number with the language's decimal mark, and ``{count:map|maps}`` the form of a word
that goes with ``count``: in English for 1 and for all others, in Czech for 1, for 2 to 4 and for all others (0, too).
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

NO_BREAK = "\u00a0"
MARKS = {"en": ".", "cs": ","}  # before the decimals
BETWEEN = {"en": ", ", "cs": "; "}  # numbers in a row
GROUPS = {"en": ",", "cs": NO_BREAK}  # between thousands
# How many forms a word has, and which of them goes with a number.
FORMS: dict[str, tuple[int, Callable[[int], int]]] = {
    "en": (2, lambda n: 0 if n == 1 else 1),
    "cs": (3, lambda n: 0 if n == 1 else 1 if 2 <= n <= 4 else 2),
}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NUMERAL = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_ONE, _ROW = re.compile(rf"({_NUMERAL})(%?)"), re.compile(rf"{_NUMERAL}(?:, {_NUMERAL})+")
# Behind a number: its unit, the word that it counts, and the other side of "3 × 4".
_UNITS = re.compile(r"([}\d]) (?=(?:%|s|min|h|px|MB)(?!\w))|(\{\w+\}) (?=\{\w+:[^{}]*\|)")
_TIMES = re.compile(r"(?<=[}\d]) × (?=[{\d])")
_SHORT = {"cs": re.compile(r"(?<![\w{}])([aikosuvzAIKOSUVZ]) (?=\S)")}  # no line of Czech ends with one of these


def written(value: float, spec: str, language: str) -> str:
    """A number by Python's format ``spec``, as the language writes it: "0.5", "0,5", "1.2·10⁻⁵", "−3"."""
    if not math.isfinite(value):
        return "–" if value != value else "∞" if value > 0 else "−∞"
    return localised(format(value, spec), language)


def localised(text: str, language: str) -> str:
    """A number that Python has written, perhaps with commas between thousands, as the language writes it."""
    mantissa, scientific, exponent = text.partition("e")
    if float(mantissa.replace(",", "")) == 0:
        mantissa = mantissa.removeprefix("-")  # what rounds to zero has no sign
    marks = str.maketrans({".": MARKS[language], ",": GROUPS[language], "-": "−"})
    number = mantissa.translate(marks)
    if not scientific:
        return number
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return power if number == "1" else f"{number}·{power}"


def told(text: str, language: str) -> str:
    """What was filled into a sentence: where it is a number, a percentage or numbers in a row, localised."""
    if language == "en":
        return text
    if "." in text and _ROW.fullmatch(text):
        return BETWEEN[language].join(localised(one, language) for one in text.split(", "))
    found = _ONE.fullmatch(text)
    if found is None:
        return text
    return localised(found[1], language) + (f"{NO_BREAK}%" if found[2] else "")


def latex(value: float, spec: str, language: str) -> str:
    """As :func:`written`, in a formula: without braces TeX would put a space behind a decimal comma."""
    mantissa, scientific, exponent = format(value, spec).partition("e")
    shortest = f"{float(mantissa):g}" if scientific else mantissa
    number = shortest if language == "en" else shortest.replace(".", f"{{{MARKS[language]}}}")
    if not scientific:
        return number
    power = rf"10^{{{int(exponent)}}}"
    return power if number == "1" else rf"{number}\cdot{power}"


def form(count: int, forms: Sequence[str], language: str) -> str:
    """The one of a word's ``forms`` that goes with ``count``. Raises ValueError where there is one too many or few."""
    most, which = FORMS[language]
    if len(forms) != most:
        raise ValueError(f"forms is {list(forms)!r}; accepted: {most} of them.")
    return forms[which(abs(count))]


def _counted(value: Any) -> int:
    """A number, or what a sentence says in its place: what is no number goes with the form for many."""
    if isinstance(value, Real):
        return round(float(value))
    return int(value) if str(value).isdecimal() else 5


def bound(text: str, language: str) -> str:
    """A text from the tables, its spaces made no-break ones where a line may not end."""
    text = _TIMES.sub(f"{NO_BREAK}×{NO_BREAK}", _UNITS.sub(lambda found: found[0][:-1] + NO_BREAK, text))
    return _SHORT[language].sub(rf"\1{NO_BREAK}", text) if language in _SHORT else text


class Formatter(string.Formatter):
    """``str.format`` for texts of one language."""

    def __init__(self, language: str) -> None:
        self._language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if "|" in format_spec:
            return form(_counted(value), format_spec.split("|"), self._language)
        if isinstance(value, Real) and (format_spec or not isinstance(value, Integral)):
            return written(float(value), format_spec, self._language)
        return format(value, format_spec)
