"""Which lessons there are: the bundled ones and one's own, of which a broken one is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.lessons.test_reading import WHOLE
from vizcore.lessons import shelf


def test_ones_own_lessons_stand_among_the_bundled_ones_and_broken_ones_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = [one.id for one in shelf.shelf().lessons]
    assert len(bundled) == len(list(shelf.BUNDLED.glob("*.toml")))
    monkeypatch.setenv("VIZCORE_LESSONS", str(tmp_path))
    for name, text in {
        "eye.toml": WHOLE,
        "first.toml": WHOLE.replace("minutes = 2", "minutes = 2\nplace = 1"),
        "broken.toml": WHOLE.replace("minutes = 2", "minutes = 0"),
        "Two Words.toml": WHOLE,
        f"{bundled[0]}.toml": WHOLE,
        "large.toml": "#" * 100_000,
        "remarks.txt": "no lesson",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = shelf.shelf()
    assert [one.id for one in found.lessons] == ["first", *bundled, "eye"]
    told = {one.file: (one.mistakes[0].line, one.mistakes[0].sentence) for one in found.broken}
    assert told == {
        "broken.toml": (4, "minutes is 0; accepted: a whole number from 1 to 60."),
        "Two Words.toml": (1, "A lesson's file is called by up to 40 of the letters a-z, digits and hyphens."),
        f"{bundled[0]}.toml": (1, f"There is another lesson called {bundled[0]!r}."),
        "large.toml": (1, "The file has 65537 bytes; accepted: up to 65536."),
    }


def test_a_changed_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIZCORE_LESSONS", str(tmp_path))
    path = tmp_path / "eye.toml"
    path.write_text(WHOLE, encoding="utf-8")
    before = shelf.shelf().find("eye")
    assert before is not None
    path.write_text(WHOLE.replace("An eye", "An ear"), encoding="utf-8")
    os.utime(path, ns=(1, 1))
    after = shelf.shelf().find("eye")
    assert after is not None
    assert (before.title["en"], after.title["en"]) == ("An eye", "An ear")


def test_a_folder_that_is_none_or_too_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIZCORE_LESSONS", str(tmp_path / "none"))
    assert [one.mistakes[0].sentence for one in shelf.shelf().broken] == ["The folder of lessons cannot be read."]
    monkeypatch.setenv("VIZCORE_LESSONS", str(tmp_path))
    monkeypatch.setattr(shelf, "MOST", 2)
    for name in "abc":
        (tmp_path / f"{name}.toml").write_text(WHOLE, encoding="utf-8")
    found = shelf.shelf()
    assert [one.mistakes[0].sentence for one in found.broken] == ["There are 3 files; accepted: up to 2."]
    assert found.find("b") is not None
    assert found.find("c") is None
