"""Numbers, and words that go with numbers, as each language writes them."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

import pytest

from ui import texts
from ui.frame import controls, formulas
from ui.texts import formats, sentences
from vizcore import params as declared
from vizcore.targets import Contrast
from vizcore.techniques import maximize, saliency

COUNTS = (0, 1, 2, 5, 21, 101)
# Which of a word's forms goes with each of them.
EXPECTED = {"en": (1, 0, 1, 1, 1, 1), "cs": (2, 0, 1, 2, 2, 2)}
# Every name that texts fill in: a number that may count something, a measurement, or words.
NUMBERS = {
    "count",
    "of",
    "shown",
    "n",
    "steps",
    "side",
    "samples",
    "copies",
    "off",
    "most",
    "rows",
    "runs",
    "threads",
    "classes",
    "million",
    "minutes",
}
NUMBERS |= {
    "others",
    "pictures",
    "forward",
    "backward",
    "networks",
    "methods",
    "maps",
    "width",
    "height",
    "window",
    "limit",
}
NAMING = {
    "number",
    "seed",
    "first",
    "last",
    "step",
    "row",
    "column",
    "channel",
    "index",
    "place",
    "top",
    "line",
}  # one, by number
MEASURED = {"value", "mean", "percent", "logit", "noise", "usual", "sum", "rise", "radius", "levels", "times", "share"}
MEASURED |= {"drop", "change", "r2", "rate", "used", "seconds", "megabytes", "done", "total", "size", "hours", "away"}
MEASURED |= {"score", "maximum", "plain", "smooth", "effect"}
MEASURED |= {"points", "plus", "minus", "bias", "found"}
NUMBERS |= {"guests", "answered", "hits", "close", "misses"}
MEASURED |= {"before", "promised", "actual", "spread", "root", "length"}
WORDS = {
    "name",
    "layer",
    "method",
    "output",
    "given",
    "taken",
    "network",
    "title",
    "architecture",
    "shape",
    "std",
    "what",
}
WORDS |= {"one", "other", "figure", "against", "work", "whole", "device", "up", "down", "random", "low", "high"}
WORDS |= {"time", "each", "best", "worst", "columns", "picture", "ahead", "part", "parts"}
WORDS |= {"sign", "which", "letter", "names"}
WORDS |= {"middle", "link", "answer", "code", "letter", "truth", "page", "file", "why", "unit", "fill", "amount"}
WORDS |= {"winner", "x", "y"}  # the browser's, in its own format
UNITS = {"s", "min", "px", "h", "MB", "million"}
JOINING = {
    "of",
    "in",
    "to",
    "at",
    "more",
    "is",
    "z",
    "ve",
    "až",
    "včetně",
    "není",
}  # not what a number before them counts


@pytest.fixture(params=list(texts.LANGUAGES))
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(texts, "language", lambda: request.param)
    monkeypatch.setattr(controls, "language", lambda: request.param)
    return str(request.param)


def _fields(text: str) -> Iterator[tuple[str, str, str]]:
    """(name, format, the text that follows it) of everything that is filled in, within forms of words, too."""
    parts = list(string.Formatter().parse(text))
    for at, (_, name, spec, _) in enumerate(parts):
        if name is not None:
            yield name, spec or "", parts[at + 1][0] if at + 1 < len(parts) else ""
            yield from _fields(spec or "")


def _counted(language: str) -> Iterator[tuple[str, str]]:
    """(key, text) of all texts and sentences of a language."""
    yield from texts.table(language).items()
    for kind, pairs in sentences.pairs(language).items():
        yield from ((f"{kind}: {english}", translation) for english, translation in pairs)


@pytest.mark.parametrize("language", list(texts.LANGUAGES), indirect=True)
def test_a_word_has_the_form_that_goes_with_its_number(language: str) -> None:
    count, _ = formats.FORMS[language]
    forms = [f"form {k}" for k in range(count)]
    assert tuple(forms.index(formats.form(n, forms, language)) for n in COUNTS) == EXPECTED[language]
    with pytest.raises(ValueError, match="accepted"):
        formats.form(1, [*forms, "one too many"], language)


def test_every_text_with_a_count_has_its_forms(language: str) -> None:
    most, _ = formats.FORMS[language]
    found = 0
    for key, text in _counted(language):
        for name, spec, _ in _fields(text):
            if "|" not in spec:
                continue
            found += 1
            forms = spec.split("|")
            assert len(forms) == most, key
            assert all(form == form.strip() and form for form in forms), key
            for n, expected in zip(COUNTS, EXPECTED[language], strict=True):
                values = {other: 3.0 if kind else "x" for other, kind, _ in _fields(text)}
                values = {other: 3 if "|" in kind else values[other] for other, kind, _ in _fields(text)} | {name: n}
                told = formats.Formatter(language).vformat(text, (), values)
                assert forms[expected].replace(f"{{{name}}}", str(n)) in told, key
    assert found > 40


def test_a_number_before_a_word_chooses_its_form(language: str) -> None:
    """Whoever adds "{count} maps" is told here: "1 maps" and "2 map" are wrong."""
    bare = []
    for key, text in _counted(language):
        fields = list(_fields(text))
        with_forms = {name for name, spec, _ in fields if "|" in spec}
        for name, spec, after in fields:
            word = re.match(r"[ \u00a0]([^\W\d_]+)", after)
            if word and word[1] not in UNITS | JOINING and "|" not in spec and name in NUMBERS - with_forms:
                bare.append(f"{key}: {{{name}}} {word[1]}")
    assert bare == []


def test_it_is_known_of_every_name_whether_it_is_a_number() -> None:
    names = {name for text in texts.table("en").values() for name, _, _ in _fields(text)}
    assert names - NUMBERS - NAMING - MEASURED - WORDS == set()
    assert len(NUMBERS | NAMING | MEASURED | WORDS) == sum(map(len, (NUMBERS, NAMING, MEASURED, WORDS)))
    for language in texts.LANGUAGES:
        for key, text in texts.table(language).items():
            for name, spec, _ in _fields(text):
                assert (
                    name not in MEASURED or spec or key in ("network.normal", "network.converted", "study.interval")
                ), key


WRITTEN = [
    (0.5, "g", "0.5", "0,5"),
    (-3.25, ".2f", "−3.25", "−3,25"),
    (12.0, "+.3g", "+12", "+12"),
    (1234.5, ".1f", "1234.5", "1234,5"),
    (1.2e-05, ".3g", "1.2·10⁻⁵", "1,2·10⁻⁵"),
    (1e-05, "g", "10⁻⁵", "10⁻⁵"),
    (3, "g", "3", "3"),
    (-0.001, ".2f", "0.00", "0,00"),
    (float("nan"), ".2f", "–", "–"),
    (float("-inf"), ".2f", "−∞", "−∞"),
]


@pytest.mark.parametrize(("value", "spec", "english", "czech"), WRITTEN)
def test_numbers_have_the_decimal_mark_of_the_language(value: float, spec: str, english: str, czech: str) -> None:
    assert (formats.written(value, spec, "en"), formats.written(value, spec, "cs")) == (english, czech)


def test_numbers_in_texts_and_beside_controls(language: str) -> None:
    mark = {"en": ".", "cs": ","}[language]
    assert f"0{mark}75" in texts.t("compare.truth_chance", share=0.75)
    assert texts.percent(0.994) == f"99{mark}4\u00a0%"
    assert texts.separators()[0] == mark
    assert controls.level(0.15) == f"0{mark}15"
    assert controls.level(2.5e-7).endswith("·10⁻⁷")
    assert texts.t("run.done", work=texts.t("units.maps", n=2), seconds=1.25).count(f"1{mark}2") == 1


def test_formulas_have_the_decimal_mark_of_the_language(language: str) -> None:
    mark = {"en": ".", "cs": "{,}"}[language]  # TeX puts a space behind a bare comma
    shown = [
        (formulas.maximisation(maximize.Maximisation(lambda_=3e-3, blur=0.5)), f"0{mark}003", f"G_{{0{mark}5}}"),
        (formulas.saliency(saliency.SmoothGrad(noise=0.25)), f"0{mark}25"),
        (formulas.compare("logit", 0, [1.5]), f"1{mark}500"),
        (formulas.compare("logit", Contrast(0, 1), [1.5, -0.25]), f"(-0{mark}250)", f"1{mark}750"),
        (formulas.number(2.5e-7), rf"2{mark}5\cdot10^{{-7}}"),
    ]
    for formula, *parts in shown:
        assert all(part in formula for part in parts), formula
        assert language == "en" or not re.search(r"\d\.\d", formula)


def test_numbers_in_the_engines_sentences() -> None:
    assert [formats.told(text, "cs") for text in ("1.02", "0.3%", "-4", "7", "1e-05", "v1.2", "1, 2")] == [
        "1,02",
        "0,3\u00a0%",
        "−4",
        "7",
        "10⁻⁵",
        "v1.2",
        "1, 2",
    ]
    assert formats.told("0.485, 1", "cs") == "0,485; 1"
    assert formats.told("1.02", "en") == "1.02"


def test_lines_do_not_end_between_a_number_and_its_unit_or_word() -> None:
    assert formats.bound("{a} × {b} px, {c} s", "en") == "{a}\u00a0×\u00a0{b}\u00a0px, {c}\u00a0s"
    assert formats.bound("{n} {n:map|maps} of 5 %", "en") == "{n}\u00a0{n:map|maps} of 5\u00a0%"
    assert formats.bound("{n:map|maps} {n:is|are}", "en") == "{n:map|maps} {n:is|are}"
    assert formats.bound("mapa v síti a z ní", "cs") == "mapa v\u00a0síti a\u00a0z\u00a0ní"
    assert formats.bound("a map", "en") == "a map"


def test_a_slider_of_decimals_has_every_value_that_its_parameter_takes() -> None:
    decimals = 0
    for technique in (saliency.SmoothGrad, maximize.Maximisation):
        for spec in declared.specs(technique).values():
            if isinstance(spec, declared.Number) and not spec.integer:
                decimals += 1
                stops = controls._stops(spec)
                assert (stops[0], stops[-1]) == (spec.low, pytest.approx(spec.high, abs=spec.step))
                assert len(set(stops)) == len(stops)
                assert all(spec.nearest(stop) == stop for stop in stops)
    assert decimals >= 3
