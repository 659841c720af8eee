"""What the engine says in English, in the language of the session.

``vizcore`` knows no languages: its errors and remarks are English sentences with values filled in. As in gettext, the
English sentence is the key, but here it is finished when it arrives, so it is recognised by its template.
"""

from __future__ import annotations

import re
import string
import tomllib
from functools import cache
from pathlib import Path

from ui import texts
from ui.texts import formats

Templates = tuple[tuple[re.Pattern[str], str], ...]


def translated(sentence: str) -> str:
    """A sentence of ``vizcore``'s in the session's language; one that nobody translated stays English."""
    sentences, parts = _templates(texts.language())
    return _translated(sentence, sentences, parts) or sentence


def pairs(language: str) -> dict[str, list[tuple[str, str]]]:
    """(English template, its translation): whole ``sentences``, and ``parts`` that are filled into them."""
    path = Path(__file__).with_name(f"{language}_sentences.toml")
    if not path.is_file():  # English, for one
        return {"sentences": [], "parts": []}
    with path.open("rb") as file:
        found = tomllib.load(file)
    return {kind: [(one["en"], formats.bound(one[language], language)) for one in ones] for kind, ones in found.items()}


def _translated(text: str, templates: Templates, parts: Templates) -> str | None:
    for pattern, translation in templates:
        if found := pattern.fullmatch(text):
            # A value is shorter than the text that it stands in, so this comes to an end.
            values = {
                name: _translated(value, parts, parts) or _told(value) for name, value in found.groupdict().items()
            }
            return texts.formatter().vformat(translation, (), values)
    return None


def _told(value: str) -> str:
    return formats.told(value, texts.language())


@cache
def _templates(language: str) -> tuple[Templates, Templates]:
    both = pairs(language)
    return _compiled(both["sentences"]), _compiled(both["parts"])


def _compiled(translations: list[tuple[str, str]]) -> Templates:
    """The most specific first: "This is not a picture ..." before "This is {kind}"."""
    ordered = sorted(translations, key=lambda pair: -len(re.sub(r"\{\w+\}", "", pair[0])))
    return tuple((_pattern(english), translation) for english, translation in ordered)


def _pattern(english: str) -> re.Pattern[str]:
    pieces = string.Formatter().parse(english)
    # DOTALL: what the operating system or torch has to say may have several lines.
    return re.compile(
        "".join(re.escape(text) + (f"(?P<{name}>.+?)" if name else "") for text, name, _, _ in pieces), re.DOTALL
    )
