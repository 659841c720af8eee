"""Class names as people have them: one in each line, or a list or dictionary in Python or JSON. Nothing is run."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from vizcore.jobs.syntax import parsed
from vizcore.networks.weights import WeightsError

LONGEST = 60  # characters of a name
_LONGEST_TEXT = 10**6
_STRING = r"(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
_ENTRY = rf"(?:(?:\d+|{_STRING})\s*:\s*(?:[\[(].*|{_STRING})|{_STRING}\s*:\s*\d+),?"  # a line within a dictionary
_ASSIGNED = r"^\w+\s*(?::[^=\n{]*)?=\s*(?=[\[{(])"  # names: list[str] = [...]
_WORDNET = re.compile(r"n\d{8}")
_ACCEPTED = "Accepted: one name in each line, or a list or dictionary of names in Python or JSON."


class _Pairs(list[tuple[Any, Any]]):
    """The entries of a dictionary in their order, the doubled ones, too."""


def lines(text: str) -> tuple[str, ...]:
    """The names in a text, one in each line; empty lines do not count, long names are cut."""
    cleaned = (_clean(line) for line in text.splitlines())
    return tuple(line for line in cleaned if line)


def read(text: str) -> tuple[str, ...]:
    """The class names in a text, in the order of the network's outputs.

    Takes one name in each line, a list, a dictionary from index to name (also to ``["n01440764", "tench"]``) and one
    from name to index, in Python or JSON; also ``0: tench`` in each line. Raises :class:`WeightsError` where such a
    text cannot be read, and where an index is missing or stands there twice.
    """
    if len(text) > _LONGEST_TEXT:
        raise WeightsError(f"The class names have {len(text)} characters; accepted: up to {_LONGEST_TEXT}.")
    plain = re.sub(_ASSIGNED, "", text.strip()).rstrip(" \t\r\n;,")
    rows = [line.strip() for line in plain.splitlines() if line.strip()]
    bracketed = plain[:1] == "[" and not re.fullmatch(r"\[[^\]'\",]*\]", rows[0])  # no name like "[background]"
    if plain[:1] == "{" or bracketed or (plain[-1:] == ")" and re.match(rf"\(\s*{_STRING}\s*,", plain)):
        return _ordered(_parsed(plain))
    if rows and all(re.fullmatch(_ENTRY, row) for row in rows):
        return _ordered(_parsed("{" + plain + "}"))
    if rows and all(re.fullmatch(rf"{_STRING},", row) for row in rows[:-1]) and re.fullmatch(_STRING, rows[-1]):
        return _ordered(_parsed("[" + plain + "]"))
    if rows and all(re.match(r"\d+\s*:\s+\S", row) for row in rows):  # YAML
        return _ordered(_Pairs((int(row.partition(":")[0]), row.partition(":")[2].strip(" '\"")) for row in rows))
    return lines(text)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        pass
    # Python's parser is asked only where there is nothing but strings, numbers and brackets to be parsed.
    rest = re.sub(rf"{_STRING}|#[^\n]*", "", text)
    try:
        if not re.fullmatch(r"[\s\d,:\[\]{}()]*", rest):
            raise ValueError("there is more in it than names and numbers")
        return _value(parsed(text, "eval").body)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise WeightsError(
            f"The class names look like a list or dictionary that cannot be read. {_ACCEPTED}"
        ) from error


def _value(node: ast.expr) -> Any:
    """As ``ast.literal_eval``, but a dictionary keeps its doubled entries."""
    if isinstance(node, ast.Dict):
        keys = [None if key is None else _value(key) for key in node.keys]
        return _Pairs(zip(keys, map(_value, node.values), strict=True))
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(one) for one in node.elts]
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int)):
        return node.value
    raise ValueError("there is more in it than names and numbers")


def _ordered(found: Any) -> tuple[str, ...]:
    for _ in range(3):  # {"names": {...}}, as in the settings of some programs
        if (
            isinstance(found, _Pairs)
            and len(found) == 1
            and isinstance(found[0][1], list)
            and _index(found[0][0]) is None
        ):
            found = found[0][1]
    if not isinstance(found, list) or not found:
        raise WeightsError(f"The class names look like a list or dictionary that cannot be read. {_ACCEPTED}")
    if not isinstance(found, _Pairs):
        return tuple(_name(one) for one in found)
    if all(isinstance(value, int) for _, value in found):  # as ImageFolder's class_to_idx
        found = _Pairs((value, key) for key, value in found)
    by_index: dict[int, str] = {}
    for key, value in found:
        index = _index(key)
        if index is None:
            raise WeightsError(
                f"The class names have {str(key)[:LONGEST]!r} as an index; accepted: whole numbers from 0 on."
            )
        if index in by_index:
            raise WeightsError(f"The index {index} stands twice among the class names; each is needed once.")
        by_index[index] = _name(value)
    for index in range(len(by_index)):
        if index not in by_index:
            raise WeightsError(
                f"The index {index} is missing among the class names; for {len(by_index)} names, 0 to "
                f"{len(by_index) - 1} are needed, each once."
            )
    return tuple(by_index[index] for index in range(len(by_index)))


def _index(key: Any) -> int | None:
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 9:
        return int(key)
    return key if isinstance(key, int) and not isinstance(key, bool) and key >= 0 else None


def _name(value: Any) -> str:
    """The name in an entry; a WordNet id in front of it is left out."""
    if isinstance(value, list) and value and not isinstance(value, _Pairs):
        value = value[1] if len(value) > 1 and isinstance(value[0], str) and _WORDNET.fullmatch(value[0]) else value[0]
    name = _clean(str(value)) if isinstance(value, (str, int)) else ""
    if not name:
        raise WeightsError(f"One of the class names is empty or no text. {_ACCEPTED}")
    return name


def _clean(line: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in line).split())[:LONGEST]
