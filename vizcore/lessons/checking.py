"""Whether a lesson's truths can be computed, and whether its texts fit them."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from functools import cache

from torch import Tensor

from vizcore.lessons import answers, dealing, reading
from vizcore.lessons.lesson import Lesson, Step, Words
from vizcore.lessons.quantities import table
from vizcore.lessons.tree import Mistake
from vizcore.lessons.truths import Given, Load, Truth
from vizcore.networks import catalogue
from vizcore.networks.classifier import NetworkError
from vizcore.networks.weights import WeightsError

ALWAYS = {"truth": "x"}  # what every text may name
GUESSED = {"guess": "x", "points": 1.0}  # and what the texts for an outcome may
FORMS = {"en": 2, "cs": 3}  # of a word that goes with a number: {n:map|maps}


@cache
def loaded(name: str) -> object:
    """A network by its name, kept: many steps have the same."""
    return catalogue.load(name)


def check(data: bytes, name: str, load: Load | None = None) -> list[Mistake]:
    """Every mistake in a lesson's file; where it can be read, its truths are computed, too."""
    try:
        lesson = reading.read(data, name)
    except reading.LessonError as error:
        return list(error.mistakes)
    return computed(lesson, load or (lambda one: loaded(one)))  # type: ignore[return-value, arg-type]


def computed(lesson: Lesson, load: Load) -> list[Mistake]:
    """What is wrong with the lesson's truths, and with the numbers that its texts name."""
    found: dict[Mistake, None] = {}  # each once, though the networks may be dealt in two ways
    for deal in dealing.BOTH if lesson.deal else (0,):
        for step in dealing.dealt(lesson, deal).steps:
            found |= dict.fromkeys(_of_step(step, load))
    return list(found)


def truth(step: Step, load: Load) -> Truth:
    """The step's truth. Raises ValueError where it cannot be computed."""
    *_, last = estimates(step, load)
    return last


def estimates(step: Step, load: Load) -> Iterator[Truth]:
    """The step's truth, estimate by estimate. Raises ValueError where it cannot be computed."""
    return table.compute(step.question.quantity, Given(step.link, load), step.question.arguments)


def _of_step(step: Step, load: Load) -> list[Mistake]:
    line = step.lines["truth"]
    try:
        found = truth(step, load)
    except (ValueError, IndexError, KeyError, NetworkError, WeightsError) as error:
        return [Mistake(line, f"The answer cannot be computed: {error}")]
    sentence = unfit(step.question.answer, found)
    mistakes = [Mistake(line, sentence)] if sentence else []
    values: dict[str, object] = {**ALWAYS, **found.numbers}
    texts: list[tuple[str, Words, dict[str, object]]] = [("why", step.why, values)]
    texts += [(outcome, words, values | GUESSED) for outcome, words in step.said.items()]
    for name, words, known in texts:
        for language, text in words.items():
            mistakes += [
                Mistake(step.lines[f"{name}.{language}"], sentence) for sentence in _misnamed(text, known, language)
            ]
    return mistakes


def unfit(answer: answers.Answer, found: Truth) -> str:
    """Why the truth answers no question of this kind; empty where it does."""
    value = found.value
    if isinstance(answer, answers.Choose):
        ids = [one.id for one in answer.options]
        if not isinstance(value, str):
            return f"The truth is {_shown(value)}, and what is chosen is one of the options."
        return "" if value in ids else f"The truth is {value!r}; accepted: one of the options {', '.join(ids)}."
    if isinstance(answer, answers.Order):
        ids = [one.id for one in answer.options]
        if not isinstance(value, tuple) or sorted(value) != sorted(ids):
            return f"The truth is {_shown(value)}; accepted: the options {', '.join(ids)} in their order."
        return ""
    if isinstance(answer, answers.Number):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"The truth is {_shown(value)}, and what is guessed is a number."
        inside = answer.low <= value <= answer.high
        return "" if inside else f"The truth is {value:.4g}; accepted: {answer.low:g} to {answer.high:g}, the scale."
    return "" if isinstance(value, Tensor) and value.ndim == 2 else f"The truth is {_shown(value)}, and no map."


def _shown(value: object) -> str:
    return "a map" if isinstance(value, Tensor) else repr(value)[:60]


def _misnamed(text: str, known: Mapping[str, object], language: str) -> Iterator[str]:
    """What is wrong with the names in braces of a text."""
    try:
        fields = [(name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        yield f"The braces of the text do not match: {error}."
        return
    for name, spec in fields:
        if name not in known:
            yield f"The text names {{{name}}}; accepted: {', '.join(f'{{{one}}}' for one in sorted(known))}."
        elif "|" in spec:
            if len(spec.split("|")) != FORMS[language]:
                forms = len(spec.split("|"))
                yield f"{{{name}:{spec}}} has {forms} forms; accepted: {FORMS[language]} in {language!r}."
        elif spec:
            try:
                format(known[name], spec)
            except (ValueError, TypeError):
                yield f"{{{name}:{spec}}} is no format of its value; accepted: {{{name}}}, of a number {{{name}:.1f}}."
