"""How a step is answered, as its file says it."""

from __future__ import annotations

from collections.abc import Mapping

from vizcore.lessons import answers
from vizcore.lessons.lesson import LANGUAGES
from vizcore.lessons.lines import Path
from vizcore.lessons.tree import Tree

MOST_OPTIONS = 8
FIELDS = {
    "choose": ("kind", "options", "near"),
    "number": ("kind", "low", "high", "step", "right", "near", "unit", "ratio"),
    "order": ("kind", "options", "right", "near"),
    "draw": ("kind", "right", "near", "brush"),
}
UNITS = ("", "%", "points", "px", "copies", "times", "grey levels", "samples", "logits")


def answer(tree: Tree, given: object, path: Path) -> answers.Answer:
    """The kind of answer that a step asks for."""
    kind = given.get("kind") if isinstance(given, dict) else None
    if not isinstance(given, dict) or kind not in FIELDS:
        tree.wrong((*path, "kind"), f"kind is {kind!r}; accepted: one of {', '.join(FIELDS)}.")
        return answers.Draw()
    tree.known(given, path, FIELDS[kind])
    if kind == "draw":
        right, near = _shares(tree, given, path, 0.6, 0.3)
        return answers.Draw(right, near, int(tree.number(given, (*path, "brush"), 1, 40, default=8, whole=True)))
    if kind == "number":
        return _scale(tree, given, path)
    options = _options(tree, given.get("options"), (*path, "options"))
    if kind == "order":
        return answers.Order(options, *_shares(tree, given, path, 0.9, 0.7))
    near_ones = given.get("near", [])
    known = [one.id for one in options]
    if not isinstance(near_ones, list) or not all(one in known for one in near_ones):
        tree.wrong((*path, "near"), f"near is {near_ones!r}; accepted: a list of {', '.join(known)}.")
        near_ones = []
    return answers.Choose(options, tuple(near_ones))


def _scale(tree: Tree, given: Mapping[str, object], path: Path) -> answers.Number:
    ratio, unit = given.get("ratio", False), given.get("unit", "")
    if not isinstance(ratio, bool):
        tree.wrong((*path, "ratio"), f"ratio is {ratio!r}; accepted: true or false.")
    if unit not in UNITS:
        tree.wrong((*path, "unit"), f"unit is {unit!r}; accepted: one of {', '.join(filter(None, UNITS))}.")
    low = tree.number(given, (*path, "low"), 1e-6 if ratio else -1e6, 1e6)
    high = tree.number(given, (*path, "high"), 1e-6 if ratio else -1e6, 1e6)
    step = tree.number(given, (*path, "step"), 1e-6, 1e6, default=1)
    least = 1.0 if ratio else 0.0
    right = tree.number(given, (*path, "right"), least, 1e6)
    near = tree.number(given, (*path, "near"), least, 1e6)
    if not low < high or (not ratio and (high - low) / step > 1000):
        tree.wrong((*path, "high"), f"The scale goes from {low:g} to {high:g}; accepted: up to 1000 steps upwards.")
        low, high, step = 0.0, 1.0, 1.0
    if not least < near or right > near:
        tree.wrong(
            (*path, "near"), f"right is {right:g} and near {near:g}; accepted: near above {least:g}, right up to near."
        )
    return answers.Number(low, high, step, right, max(near, least + 1e-6), str(unit), ratio is True)


def _shares(tree: Tree, given: Mapping[str, object], path: Path, right: float, near: float) -> tuple[float, float]:
    """From what share on an answer is right, and from what share on near."""
    found = tree.number(given, (*path, "right"), 0, 1, default=right)
    close = tree.number(given, (*path, "near"), 0, 1, default=min(near, found))
    if close > found:
        tree.wrong((*path, "near"), f"near is {close:g} and right {found:g}; accepted: near up to right.")
    return found, close


def _options(tree: Tree, given: object, path: Path) -> tuple[answers.Option, ...]:
    if not isinstance(given, list) or not 2 <= len(given) <= MOST_OPTIONS:
        tree.wrong(path, f"options is no list of answers; accepted: 2 to {MOST_OPTIONS} of them.")
        return ()
    found = []
    for at, one in enumerate(given):
        if isinstance(one, str) and 0 < len(one) <= 60:
            found.append(answers.Option(one))
        elif isinstance(one, dict) and isinstance(one.get("is"), str):
            tree.known(one, (*path, at), ("is", *LANGUAGES))
            words = tree.text_of({key: one[key] for key in LANGUAGES if key in one}, (*path, at))
            found.append(answers.Option(str(one["is"])[:60], tuple(words.items())))
        else:
            tree.wrong((*path, at), 'An option is a text, or {is = "...", en = "...", cs = "..."}.')
    if len({one.id for one in found}) < len(found):
        tree.wrong(path, "Two options are the same.")
    return tuple(found)
