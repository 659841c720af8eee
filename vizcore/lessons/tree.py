"""A file's tree taken apart: what is wrong is noted with its line and stood in for, so that all of it is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vizcore.lessons.lesson import LANGUAGES, Words
from vizcore.lessons.lines import Path, nearest

LONGEST = 2000  # characters of a text


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a file, as a sentence, and in which line of it."""

    line: int
    sentence: str


class Tree:
    """The mistakes found so far, and where the parts of the tree stand in the file."""

    def __init__(self, places: dict[Path, int]) -> None:
        self.places = places
        self.mistakes: list[Mistake] = []

    def line(self, path: Path) -> int:
        """The line of a part, or of what it would stand in."""
        return nearest(self.places, path)

    def wrong(self, path: Path, sentence: str) -> None:
        """Note what is wrong with a part."""
        mistake = Mistake(self.line(path), sentence)
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)

    def words(self, tree: Mapping[str, object], path: Path) -> Words:
        """The texts called by the path's last name, in all languages."""
        name = str(path[-1])
        if name not in tree:
            self.wrong(path, f"{name} is missing.")
            return dict.fromkeys(LANGUAGES, "")
        return self.text_of(tree[name], path)

    def text_of(self, given: object, path: Path) -> Words:
        """A text in all languages."""
        name = next(str(part) for part in reversed(path) if isinstance(part, str))
        found = given if isinstance(given, dict) else {}
        if not isinstance(given, dict):
            self.wrong(path, f"{name} is no text in each language; accepted: {name}.en and {name}.cs.")
            return dict.fromkeys(LANGUAGES, "")
        self.known(found, path, LANGUAGES)
        for language in LANGUAGES:
            one = found.get(language)
            if not isinstance(one, str) or not one.strip():
                self.wrong((*path, language), f"{name} has no text in {language!r}.")
            elif len(one) > LONGEST:
                self.wrong((*path, language), f"{name} has {len(one)} characters; accepted: up to {LONGEST}.")
        return {language: str(found.get(language, "")).strip() for language in LANGUAGES}

    def number(
        self,
        tree: Mapping[str, object],
        path: Path,
        low: float,
        high: float,
        *,
        default: float | None = None,
        whole: bool = False,
    ) -> float:
        """The number called by the path's last name, within its bounds."""
        name = str(path[-1])
        value = tree.get(name, default)
        if value is None:
            self.wrong(path, f"{name} is missing.")
            return low
        kinds = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            self.wrong(path, f"{name} is {str(value)[:40]}; accepted: {kind} from {low:g} to {high:g}.")
            return low
        return value

    def known(self, tree: Mapping[str, object], path: Path, accepted: Sequence[str]) -> None:
        """Note every key that is none of the accepted."""
        for key in tree:
            if key not in accepted:
                self.wrong(
                    (*path, key), f"{key[:40]!r} is not known here; accepted: {', '.join(accepted) or 'nothing'}."
                )
