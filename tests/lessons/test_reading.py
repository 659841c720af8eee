"""Reading a lesson: every kind of mistake is named with its line, and in Czech as well."""

from __future__ import annotations

import pytest

from ui import texts
from ui.texts import sentences
from vizcore.lessons import reading
from vizcore.lessons.answers import Choose, Number

WHOLE = """\
title.en = "An eye"
title.cs = "Oko"
about = {en = "How much does an eye count?", cs = "Kolik váží oko?"}
minutes = 2

[[step]]
link = "/occlusion?picture=scene:34&occlusion.window=40&occlusion.stride=22"
question.en = "How far?"
question.cs = "O kolik?"
answer = {kind = "number", low = 0, high = 100, right = 5, near = 10}
truth = {quantity = "drop", row = 1, column = 1}
hints = [
  {en = "a", cs = "b"},
  {en = "c", cs = "d"},
]
right = {en = "Yes.", cs = "Ano."}
near.en = "Near."
near.cs = "Blízko."
wrong.en = "No."
wrong.cs = "Ne."
why.en = \"\"\"
It falls by {drop:.0f}.
key = "of no table"
\"\"\"
why.cs = "Klesne o {drop:.0f}."

[[step]]
link = "https://somewhere.org/app/?class=3"
question.en = "Which?"
question.cs = "Která?"
[step.answer]
kind = "choose"
options = ["cat", {is = "horse", en = "a horse", cs = "kůň"}]
[step.truth]
quantity = "top class"
[step.right]
en = "Yes."
cs = "Ano."
[step.wrong]
en = "No."
cs = "Ne."
[step.why]
en = "So it is."
cs = "Tak to je."
"""


def test_a_whole_file_becomes_a_lesson() -> None:
    lesson = reading.read(WHOLE.encode(), "eye")
    assert (lesson.id, lesson.minutes, lesson.title["cs"], len(lesson.steps)) == ("eye", 2, "Oko", 2)
    first, second = lesson.steps
    assert isinstance(first.question.answer, Number)
    assert first.question.arguments == {"row": 1, "column": 1}
    assert (first.link.page, first.link.picture, first.link.network) == ("occlusion", "scene:34", "mini-alexnet")
    assert [one["en"] for one in first.hints] == ["a", "c"]
    assert first.why["en"] == 'It falls by {drop:.0f}.\nkey = "of no table"'
    assert isinstance(second.question.answer, Choose)
    assert (second.link.page, second.link.target) == ("overview", 3)
    assert second.question.answer.options[1].words("cs") == "kůň"
    assert (first.line, second.line) == (6, 27)


# What is replaced by what, the line of the mistake, and what its sentence says.
MISTAKES = [
    ("minutes = 2", "minutes = 2\nminuts = 3", 5, "'minuts' is not known here; accepted: title"),
    ("minutes = 2", "minutes = 200", 4, "minutes is 200; accepted: a whole number from 1 to 60."),
    ("minutes = 2", "minutes = [", 6, "This is not TOML: "),
    ("minutes = 2\n", "", 1, "minutes is missing."),
    ('title.cs = "Oko"\n', "", 1, "title has no text in 'cs'."),
    ('title.cs = "Oko"', 'title.cs = ""', 2, "title has no text in 'cs'."),
    ('title.cs = "Oko"', 'title.cs = "Oko"\ntitle.de = "Auge"', 3, "'de' is not known here"),
    ('title.cs = "Oko"', f'title.cs = "{"x" * 3000}"', 2, "title has 3000 characters; accepted: up to 2000."),
    ("window=40", "window=41", 7, "The link's occlusion.window is '41'; accepted: a whole number from 4 to 128 px."),
    ("window=40", "windw=40", 7, "The link has 'occlusion.windw', which its page does not know"),
    ("window=40", "window=40&colour=red", 7, "The link has 'colour'"),
    ("scene:34", "scene:x", 7, "The link's picture is 'scene:x'"),
    ("scene:34", "scene:34&network=none", 7, "The link's network is 'none'"),
    ("scene:34", "scene:34&class=cat", 7, "The link's class is 'cat'"),
    ("/occlusion?", "/nowhere?", 7, "The link leads to the page 'nowhere'"),
    ('link = "/occlusion?', 'link = "http://[/occlusion?', 7, "The link is 'http://["),
    ('question.cs = "O kolik?"\n', "", 8, "question has no text in 'cs'."),
    ('kind = "number"', 'kind = "guess"', 10, "kind is 'guess'; accepted: one of choose, number, order, draw."),
    ("low = 0, high = 100", "low = 100, high = 0", 10, "The scale goes from 100 to 0"),
    ("low = 0,", "lowest = 0,", 10, "'lowest' is not known here; accepted: kind, low"),
    ("low = 0,", "", 10, "low is missing."),
    ("right = 5, near = 10", "right = 10, near = 5", 10, "right is 10 and near 5; accepted: near above 0"),
    ("near = 10}", 'near = 10, unit = "miles"}', 10, "unit is 'miles'; accepted: one of %, points"),
    ("near = 10}", 'near = 10, ratio = "yes"}', 10, "ratio is 'yes'; accepted: true or false."),
    ('quantity = "drop"', 'quantity = "dorp"', 11, "quantity is 'dorp'; accepted: one of "),
    ('quantity = "drop", ', "", 11, "truth has no quantity"),
    ("row = 1, ", "", 11, "truth has no row, which drop needs: a whole number."),
    ("row = 1,", 'row = "one",', 11, "row is 'one'; accepted: a whole number."),
    ("row = 1,", "row = 1, fill = 2,", 11, "'fill' is not known here; accepted: row, column."),
    ('  {en = "c", cs = "d"},', '  {en = "c"},', 14, "hints has no text in 'cs'."),
    ('  {en = "c", cs = "d"},', '  {en = "c", cs = "d"},\n' * 4, 12, "hints is no list of texts"),
    ('near.en = "Near."\nnear.cs = "Blízko."\n', "", 6, "near is missing."),
    ('right = {en = "Yes.", cs = "Ano."}', 'right = "Yes."', 16, "right is no text in each language"),
    ('options = ["cat", {is', 'options = ["cat", 3, {is', 33, "An option is a text, or"),
    ('options = ["cat", {is = "horse"', 'options = ["cat", "cat", {is = "horse"', 33, "Two options are the same."),
    ('options = ["cat", {', "options = [{", 33, "options is no list of answers; accepted: 2 to 8 of them."),
    ('kind = "choose"', 'kind = "choose"\nnear = ["dog"]', 33, "near is ['dog']; accepted: a list of cat, horse."),
    ('kind = "choose"', 'kind = "order"\nright = 0.5\nnear = 0.8', 34, "near is 0.8 and right 0.5"),
    ("[step.right]", 'near = {en = "a", cs = "b"}\n[step.right]', 36, "'near' is not known here"),
    ("[step.right]", '[step.near]\nen = "a"\ncs = "b"\n[step.right]', 36, "A choice without answers that are nearly"),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), MISTAKES, ids=[one[3][:40] for one in MISTAKES])
def test_every_mistake_has_its_line_and_its_sentence(
    old: str, new: str, line: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert old in WHOLE
    with pytest.raises(reading.LessonError) as caught:
        reading.read(WHOLE.replace(old, new, 1).encode(), "eye")
    assert any(one.line == line and one.sentence.startswith(says) for one in caught.value.mistakes), [
        (one.line, one.sentence) for one in caught.value.mistakes
    ]
    monkeypatch.setattr(texts, "language", lambda: "cs")
    for one in caught.value.mistakes:
        assert sentences.translated(one.sentence) != one.sentence, "it has no Czech"


def test_all_mistakes_are_named_at_once_in_the_order_of_their_lines() -> None:
    text = WHOLE.replace("window=40", "window=41").replace("row = 1", "row = 1.5").replace('title.cs = "Oko"\n', "")
    with pytest.raises(reading.LessonError) as caught:
        reading.read(text.encode(), "eye")
    assert [one.line for one in caught.value.mistakes] == [1, 6, 10]


def test_what_is_no_text_or_too_much_of_it_is_refused() -> None:
    for data, line, says in (
        (b'title.en = "\n\xff"', 2, "The file is not in UTF-8"),
        (b"# " + b"x" * reading.LARGEST, 1, "The file has 65538 bytes; accepted: up to 65536."),
        (b"x = " + b"[" * 20000, 1, "This is not TOML"),
        (b"", 1, "There are no steps"),
        (b"step = 3", 1, "There are no steps"),
        (b"step = [1, 2]", 1, "There are no steps"),
        (b"[[step]]\n" * 30, 1, "There are no steps"),
    ):
        with pytest.raises(reading.LessonError) as caught:
            reading.read(data, "eye")
        assert any(one.line == line and one.sentence.startswith(says) for one in caught.value.mistakes), data[:20]


def test_windows_line_ends_change_no_line() -> None:
    with pytest.raises(reading.LessonError) as caught:
        reading.read(WHOLE.replace("row = 1", "row = 1.5").replace("\n", "\r\n").encode(), "eye")
    assert [one.line for one in caught.value.mistakes] == [11]
