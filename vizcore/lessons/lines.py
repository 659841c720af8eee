"""In which line of a TOML file each of its keys stands: the standard library's reader does not say."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]  # ("step", 2, "question", "en")

_BARE = r"[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*'"
_KEY = re.compile(rf"\s*((?:{_BARE})(?:\s*\.\s*(?:{_BARE}))*)\s*=")
_HEAD = re.compile(rf"\s*(\[\[?)\s*((?:{_BARE})(?:\s*\.\s*(?:{_BARE}))*)\s*\]")
_PART = re.compile(_BARE)
_TOKEN = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'|#[^\n]*|[\[\]{}]")


def lines(text: str) -> dict[Path, int]:
    """The line, from 1 on, of every table, key and entry of a list in a ``text`` that is TOML."""
    found: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    table: Path = ()
    position, number = 0, 1
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end]
        head, key = _HEAD.match(line), _KEY.match(line)
        if head:
            table = _resolved(_parts(head[2]), counts, head[1] == "[[")
            _keep(found, table, number)
        elif key:
            path = (*table, *_parts(key[1]))
            _keep(found, path, number)
            stop = _value(text, position + key.end(), number, path, found)
            number += text.count("\n", position, stop)
            position = stop
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
        position, number = end + 1, number + 1
    return found


def nearest(found: dict[Path, int], path: Path) -> int:
    """The line of ``path``, or of what it stands in, where it does not stand there itself."""
    while path not in found:
        path = path[:-1]
    return found[path]


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _resolved(path: Path, counts: dict[Path, int], listed: bool) -> Path:
    """The path of a table's header: a list of tables that it passes through stands for its latest table."""
    full: Path = ()
    for at, part in enumerate(path):
        full = (*full, part)
        if listed and at == len(path) - 1:
            counts[full] = counts.get(full, -1) + 1
        if full in counts:
            full = (*full, counts[full])
    return full


def _keep(found: dict[Path, int], path: Path, number: int) -> None:
    for length in range(1, len(path) + 1):
        found.setdefault(path[:length], number)


def _value(text: str, start: int, number: int, path: Path, found: dict[Path, int]) -> int:
    """Where the value that begins at ``start`` ends; the lines of the entries of a list are kept."""
    depth, entry, position = 0, 0, start
    while True:
        token = _TOKEN.search(text, position)
        newline = text.find("\n", position)
        if depth == 0 and (token is None or 0 <= newline < token.start()):
            return newline if newline >= 0 else len(text)
        if token is None:
            return len(text)
        position = token.end()
        if token[0] in ('"""', "'''"):
            close = text.find(token[0], position)
            position = len(text) if close < 0 else close + 3
            while position < len(text) and text[position] == token[0][0]:  # quotes that belong to the text
                position += 1
        elif token[0] in "[{":
            if depth == 1 and token[0] == "{":
                _keep(found, (*path, entry), number + text.count("\n", start, token.start()))
                entry += 1
            depth += 1
        elif token[0] in "]}":
            depth -= 1
