"""Reading a lesson's file: every mistake is named with its line, and all of them at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence

from vizcore.lessons import answers, asking, links
from vizcore.lessons.lesson import LANGUAGES, Lesson, Question, Step
from vizcore.lessons.lines import Path, lines
from vizcore.lessons.quantities import table
from vizcore.lessons.tree import LONGEST, Mistake, Tree
from vizcore.networks import catalogue

LARGEST = 64 * 1024  # bytes of a file
MOST_STEPS, MOST_HINTS = 20, 3
TOP = ("title", "about", "minutes", "place", "deal", "step")
STEP = ("link", "question", "answer", "truth", "right", "near", "wrong", "why", "hints")
OUTCOMES = ("right", "near", "wrong")


class LessonError(ValueError):
    """A file that is no lesson; ``mistakes`` say why, in the order of their lines."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda one: one.line))
        super().__init__(self.mistakes[0].sentence)


def read(data: bytes, name: str) -> Lesson:
    """The lesson that a file holds, called ``name``. Raises :class:`LessonError` with every mistake in it.

    That its truths can be computed is for :mod:`vizcore.lessons.checking` to say, since that takes a while.
    """
    if len(data) > LARGEST:
        raise LessonError([Mistake(1, f"The file has {len(data)} bytes; accepted: up to {LARGEST}.")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LessonError([Mistake(line, "The file is not in UTF-8; save it as UTF-8.")]) from error
    text = text.replace("\r\n", "\n")
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = re.search(r"line (\d+)", str(error))
        reason = re.sub(r"\s*\(at .*\)$", "", str(error)) or "nested too deeply"
        line = int(place[1]) if place else text.count("\n") + 1
        raise LessonError([Mistake(line, f"This is not TOML: {reason}.")]) from error
    reader = _Reader(lines(text))
    lesson = reader.lesson(tree, name)
    if reader.mistakes:
        raise LessonError(reader.mistakes)
    return lesson


class _Reader(Tree):
    def lesson(self, tree: Mapping[str, object], name: str) -> Lesson:
        self.known(tree, (), TOP)
        steps = tree.get("step")
        if (
            not isinstance(steps, list)
            or not 0 < len(steps) <= MOST_STEPS
            or not all(isinstance(one, dict) for one in steps)
        ):
            self.wrong(("step",), f"There are no steps; accepted: 1 to {MOST_STEPS} tables called [[step]].")
            steps = []
        return Lesson(
            name,
            self.words(tree, ("title",)),
            self.words(tree, ("about",)),
            int(self.number(tree, ("minutes",), 1, 60, whole=True)),
            int(self.number(tree, ("place",), 0, 999, default=100, whole=True)),
            tuple(self.step(one, ("step", at)) for at, one in enumerate(steps)),
            self.deal(tree.get("deal", [])),
        )

    def deal(self, given: object) -> tuple[str, ...]:
        known = catalogue.names()
        two = isinstance(given, list) and len(given) in (0, 2) and all(one in known for one in given)
        if not two or len(set(given)) < len(given):  # type: ignore[call-overload, arg-type]
            self.wrong(("deal",), f"deal is {given!r}; accepted: two different networks of {', '.join(known)}.")
            return ()
        return tuple(given)  # type: ignore[arg-type]

    def step(self, tree: Mapping[str, object], path: Path) -> Step:
        self.known(tree, path, STEP)
        answer = asking.answer(self, tree.get("answer"), (*path, "answer"))
        asked = self.words(tree, (*path, "question"))
        outcomes = ("right", "wrong") if isinstance(answer, answers.Choose) and not answer.near else OUTCOMES
        if "near" in tree and "near" not in outcomes:
            self.wrong((*path, "near"), "A choice without answers that are nearly right has no text near.")
        hints = tree.get("hints", [])
        if not isinstance(hints, list) or len(hints) > MOST_HINTS:
            self.wrong((*path, "hints"), f"hints is no list of texts; accepted: up to {MOST_HINTS} of them.")
            hints = []
        quantity, arguments = self.truth(tree.get("truth"), (*path, "truth"))
        said = {outcome: self.words(tree, (*path, outcome)) for outcome in outcomes}
        told = {name: self.line((*path, name)) for name in STEP}
        told |= {f"{name}.{one}": self.line((*path, name, one)) for name in STEP for one in LANGUAGES}
        return Step(
            self.link(tree, (*path, "link")),
            Question(asked, answer, quantity, arguments),
            said,
            self.words(tree, (*path, "why")),
            tuple(self.text_of(one, (*path, "hints", at)) for at, one in enumerate(hints)),
            self.line(path),
            told,
        )

    def link(self, tree: Mapping[str, object], path: Path) -> links.Link:
        given = tree.get("link")
        if not isinstance(given, str) or len(given) > LONGEST:
            self.wrong(path, 'link is missing; accepted: an address of the app, such as "/occlusion?picture=scene:34".')
            return links.Link("overview", ())
        try:
            return links.read(given)
        except links.LinkError as error:
            self.wrong(path, str(error))
        except ValueError:
            self.wrong(path, f"The link is {given[:60]!r}; accepted: an address of the app.")
        return links.Link("overview", ())

    def truth(self, given: object, path: Path) -> tuple[str, Mapping[str, object]]:
        if not isinstance(given, dict) or not isinstance(given.get("quantity"), str):
            self.wrong(path, 'truth has no quantity; accepted: {quantity = "..."} and its arguments.')
            return "", {}
        name, values = str(given["quantity"]), {key: value for key, value in given.items() if key != "quantity"}
        if name not in table.QUANTITIES:
            self.wrong((*path, "quantity"), f"quantity is {name!r}; accepted: one of {', '.join(table.QUANTITIES)}.")
            return "", {}
        wanted = table.arguments(name)
        self.known(values, path, tuple(wanted))
        for argument, (kind, needed) in wanted.items():
            if argument not in values:
                if needed:
                    self.wrong(path, f"truth has no {argument}, which {name} needs: {table.KINDS[kind]}.")
            elif not table.fits(values[argument], kind):
                shown = repr(values[argument])[:60]
                self.wrong((*path, argument), f"{argument} is {shown}; accepted: {table.KINDS[kind]}.")
        return name, values
