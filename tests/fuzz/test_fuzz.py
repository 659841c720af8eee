"""A few hundred damaged files and addresses of each kind; the thousands are in ``python -m tests.fuzz.pictures``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import files, links, mutate, pictures, unruly, watch
from tests.pages.test_pages import PAGES, SMALL, opened
from vizcore.networks import catalogue, zoo


def test_the_watcher_notices_errors_crashes_hangs_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOST", 5.0)
    report = watch.watch(unruly.make, unruly.attempt, 0, 6)
    assert report.outcomes == {"fine": 2, "failed": 1, "crashed": 1, "hung": 1, "held 600 MB": 1}
    found = dict(report.failures)
    assert found[1] == "KeyError: 'seven'"
    assert "ended with -6" in found[2]
    assert "no answer" in found[3]
    assert int(found[4].removeprefix("it took ").removesuffix(" MB")) >= 600
    assert sorted(found) == [1, 2, 3, 4]
    assert report.largest[1] == 4
    assert "failures: 4" in str(report)


def test_a_number_names_the_same_input_for_ever() -> None:
    for maker in (pictures.make, files.make, links.make):
        assert [maker(k) for k in range(20)] == [maker(k) for k in range(20)]
    assert len({pictures.make(k) for k in range(100)}) > 95


def test_the_corpus_itself_is_shown() -> None:
    assert {pictures.attempt(data) for data in pictures.corpus()} == {"shown"}
    outcomes = [files.attempt(data) for data in files.corpus()]
    assert outcomes[-2:] == ["fits", "fits"]
    assert set(outcomes[:-2]) == {"read, and does not fit"}


def test_a_png_with_new_checksums_is_whole_again() -> None:
    data = bytearray(next(data for data in pictures.corpus() if data[1:4] == b"PNG"))
    assert mutate.checked(bytearray(data)) == data
    broken = data[:29] + b"\0\0\0\0" + data[33:]
    assert mutate.checked(bytearray(broken)) == data


def test_damaged_pictures_are_pictures_or_sentences() -> None:
    report = watch.watch(pictures.make, pictures.attempt, 0, 300)
    assert [found for found in report.failures if "of computing" not in found[1]] == []
    assert report.outcomes["shown"] > 30
    assert report.outcomes["refused"] > 30


def test_damaged_weights_are_tensors_or_sentences() -> None:
    report = watch.watch(files.make, files.attempt, 0, 100)
    assert [found for found in report.failures if "of computing" not in found[1]] == []
    assert report.outcomes["refused"] > 20
    assert report.outcomes["read, and does not fit"] > 5


def test_addresses_are_taken_within_bounds() -> None:
    outcomes = {links.attempt(links.make(number)) for number in range(1000)}
    assert outcomes == {"empty", "taken with repairs", "taken as it stands"}


def _valid(text: str) -> str:
    """Without lone surrogates, which no browser can send."""
    return text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("page", PAGES)
def test_pages_open_by_hostile_addresses(page: str) -> None:
    known = set(catalogue.names())
    for number in range(2):
        query = links.make(1000 * PAGES.index(page) + number)
        if query.get("network") in known & set(zoo.NAMES):  # nothing is to be downloaded
            del query["network"]
        whole = {_valid(key): _valid(value) for key, value in query.items()}
        app = opened(page, **{**whole, **SMALL})
        assert [one.value for one in app.exception] == []
        assert [one.value for one in app.error if "Something went wrong" in one.value] == []
        assert len(app.title) == 1


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for number in range(60):
        pictures.attempt(pictures.make(number))
        files.attempt(files.make(number))
    assert list(tmp_path.iterdir()) == []
