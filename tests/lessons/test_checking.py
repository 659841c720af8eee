"""The checker: the documentation's example passes, and what cannot be computed or said is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lessons.test_reading import WHOLE
from vizcore.lessons import __main__ as command
from vizcore.lessons import checking, links
from vizcore.lessons.quantities import table

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs/how-to/lessons.md").read_text(encoding="utf-8")


def test_the_documentations_example_has_no_mistake() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
    assert checking.check(example.encode(), "eye") == []


def test_the_documentation_lists_every_quantity_with_its_arguments() -> None:
    rows = dict(re.findall(r"^\| `([\w² -]+)` \| (?:choose|number|order|draw) \|([^|]*)\|", DOCS, re.MULTILINE))
    assert set(rows) == set(table.QUANTITIES)
    for name, listed in rows.items():
        assert set(re.findall(r"`(\w+)`", listed)) == set(table.arguments(name)), name


def test_every_argument_is_of_a_kind_that_a_file_can_give() -> None:
    for name in table.QUANTITIES:
        assert all(kind in table.KINDS for kind, _ in table.arguments(name).values()), name


def test_every_look_that_a_link_may_have_is_one_of_its_page() -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8") for top in ("ui", "pages") for path in (ROOT / top).rglob("*.py")
    )
    for page, looks in links.LOOKS.items():
        for look in looks:
            assert f'"{page}.{look}"' in sources, (page, look)


UNFIT = [
    ("row = 1,", "row = 9,", 11, "The answer cannot be computed: row and column are 9 and 1; accepted: 0 to 4 and"),
    ("low = 0, high = 100", "low = 90, high = 100", 11, "The truth is 11.54; accepted: 90 to 100, the scale."),
    (
        'quantity = "drop", row = 1, column = 1',
        'quantity = "occlusion map"',
        11,
        "The truth is a map, and what is guessed",
    ),
    ("Klesne o {drop:.0f}", "Klesne o {fall:.0f}", 25, "The text names {fall}; accepted: {after}, {before}, {drop}"),
    ("Klesne o {drop:.0f}", "Klesne o {drop", 25, "The braces of the text do not match"),
    ("Klesne o {drop:.0f}", "{drop:bod|body}", 25, "{drop:bod|body} has 2 forms; accepted: 3 in 'cs'."),
    ("Klesne o {drop:.0f}", "{name:.0f}", 25, "{name:.0f} is no format of its value"),
    (
        '"cat", {is = "horse"',
        '"dog", {is = "horse"',
        34,
        "The truth is 'cat'; accepted: one of the options dog, horse.",
    ),
    ("?class=3", "?class=33", 34, "The answer cannot be computed: target is 33"),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), UNFIT, ids=[one[3][:40] for one in UNFIT])
def test_what_cannot_be_computed_or_said_is_named_with_its_line(old: str, new: str, line: int, says: str) -> None:
    found = checking.check(WHOLE.replace(old, new, 1).encode(), "eye")
    assert (found[0].line, found[0].sentence[: len(says)]) == (line, says), found


def test_the_command_names_each_mistake_in_a_line_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(WHOLE, encoding="utf-8")
    assert command.main(["check", str(good)]) == 0
    assert capsys.readouterr().out == ""
    bad.write_text(WHOLE.replace("row = 1", "row = 1.5").replace("minutes = 2", "minutes = 0"), encoding="utf-8")
    assert command.main(["check", str(tmp_path), str(tmp_path / "none.toml")]) == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"{bad}:4: minutes is 0; accepted: a whole number from 1 to 60."
    assert second == f"{bad}:11: row is 1.5; accepted: a whole number."
    assert third.startswith(f"{tmp_path / 'none.toml'}:1: The file cannot be read: ")
