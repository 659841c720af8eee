"""A study too large for one text file: whole after interruptions, and summed up as its rows would be."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vizcore.study import bootstrap, columns, parts, plan, report, rows, summary
from vizcore.study.plan import Plan, Study
from vizcore.study.rows import Row
from vizcore.study.sources import Picture, StudyError
from vizcore.study.summary import Summary
from vizcore.study.table import ROWS, SUMMARY, Table

IDS = (*(f"scene:{k}" for k in range(8)), "stamped:3", "stamped:4", "a, \u201cb\u201d.png")
PLAN = Plan(
    Study(),
    tuple(Picture(one) for one in IDS),
    (("mini-alexnet", "1" * 64), ("mini-alexnet-shortcut", "2" * 64)),
    ("gradient", "edges", "random"),
)


def task_rows(at: int) -> list[Row]:
    task, dice = PLAN.tasks[at], np.random.default_rng(at)
    found = [
        Row(task.picture.id, task.network, method, "cat", 0.5, deletion=float(dice.random()), forward=k, seconds=0.25)
        for k, method in enumerate(PLAN.methods)
    ]
    if at % 5 == 0:
        found[1] = Row(task.picture.id, task.network, "edges", error="There was not enough memory for this.")
    return found


ALL = rows.rounded([row for at in range(PLAN.count) for row in task_rows(at)])


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of four tasks each."""
    monkeypatch.setattr(parts, "ROWS", 12)


def kept(folder: Path) -> list[Row]:
    return [Row(**one) for path in parts.files(folder) for one in parts._read(path, list(rows.COLUMNS)).to_pylist()]


@pytest.mark.parametrize("seed", range(3))
def test_in_any_order_and_interrupted_at_any_place_it_comes_to_the_same(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    left = PLAN.count
    while left:
        with Table(tmp_path, PLAN) as table:
            assert table.count == len(PLAN.methods) * (PLAN.count - left)
            remaining = list(table.remaining())
            assert len(remaining) == left
            dice.shuffle(remaining)
            for task in remaining[: dice.randint(1, 6)]:
                table.append(task_rows(PLAN.tasks.index(task)))
            left = len(table.remaining())
            if not left:
                table.settle()
    assert tuple(kept(tmp_path)) == ALL
    assert (tmp_path / ROWS).read_text() == f"{rows.HEADER}\n"
    with Table(tmp_path, PLAN) as table:  # nothing is left to do, and nothing changes
        assert table.count == len(ALL)
        assert not table.remaining()
        table.settle()
    assert tuple(kept(tmp_path)) == ALL


def test_a_crash_between_the_part_and_the_text_file_doubles_no_row(tmp_path: Path) -> None:
    with Table(tmp_path, PLAN) as table:
        for at in range(3):
            table.append(task_rows(at))
        before = (tmp_path / ROWS).read_bytes()
        table.append(task_rows(3))  # which makes a part
    (tmp_path / ROWS).write_bytes(before + rows.write(task_rows(3)).encode())
    with Table(tmp_path, PLAN) as table:
        assert table.count == 12
        assert table.rows == []
        assert len(table.remaining()) == PLAN.count - 4


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    with Table(tmp_path, PLAN) as table:
        for at in range(4):
            table.append(task_rows(at))
    (path,) = parts.files(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(StudyError, match=r"00001\.parquet is damaged; remove it"), Table(tmp_path, PLAN):
        pass
    path.unlink()
    with Table(tmp_path, PLAN) as table:
        assert table.count == 0


def test_rows_of_no_task_are_refused(tmp_path: Path) -> None:
    with Table(tmp_path, PLAN):
        pass
    parts.seal(tmp_path, rows.write(task_rows(0)), np.array([999] * 3), 1)
    with pytest.raises(StudyError, match="does not belong to this study"), Table(tmp_path, PLAN):
        pass


def finished(folder: Path) -> Summary:
    with Table(folder, PLAN) as table:
        for at in range(PLAN.count):
            table.append(task_rows(at))
        table.settle()
    return summary.read((folder / SUMMARY).read_text(encoding="utf-8"))


def test_the_summary_says_what_the_rows_say(tmp_path: Path) -> None:
    found = finished(tmp_path)
    assert found.count == len(ALL)
    assert found.methods == PLAN.methods
    groups = report.groups(ALL)
    assert [part.group for part in found.parts] == list(groups)
    for part in found.parts:
        own = groups[part.group]
        assert part.pictures == len({row.picture for row in own})
        assert part.failed == sum(bool(row.error) for row in own)
        assert list(part.figures) == report.available(own)
        for name, figure in part.figures.items():
            _same(figure.means, report.intervals(own, name))
            for against, differences in figure.differences.items():
                _same(differences, report.differences(own, name, against))


def _same(found: object, expected: dict[str, bootstrap.Interval]) -> None:
    assert isinstance(found, dict)
    assert set(found) == set(expected)
    for method, one in expected.items():
        other = found[method]
        assert other.count == one.count
        # The pictures stand in another order, so that other ones are resampled.
        width = max(one.high - one.low, 1e-9) if one.low == one.low else 1e-9
        assert other.mean == pytest.approx(one.mean, abs=1e-6)
        assert other.low == pytest.approx(one.low, abs=0.25 * width, nan_ok=True)
        assert other.high == pytest.approx(one.high, abs=0.25 * width, nan_ok=True)


def test_rows_in_memory_and_in_parts_have_the_same_columns(tmp_path: Path) -> None:
    finished(tmp_path)
    here, there = columns.of_rows(ALL), parts.columns(tmp_path)
    for name in ("picture", "kind", "network", "method", "failed"):
        assert np.array_equal(getattr(here, name), getattr(there, name)), name
    assert (here.networks, here.methods) == (there.networks, there.methods)
    for name, values in here.values.items():
        assert np.array_equal(values, there.values[name], equal_nan=True), name


def test_the_sample_is_whole_tasks_from_all_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "SAMPLE", 30)
    found = finished(tmp_path)
    assert 15 <= len(found.sample) <= 30
    tasks = [found.sample[at : at + 3] for at in range(0, len(found.sample), 3)]
    assert all(len({(row.picture, row.network) for row in task}) == 1 for task in tasks)
    assert all([row.method for row in task] == list(PLAN.methods) for task in tasks)
    assert set(found.sample) <= set(ALL)
    assert found.sample[0].picture == "scene:0"
    assert found.sample[-1].picture.startswith(("stamped", "a, "))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"rows": -1},
        {"rows": "many"},
        {"methods": ["<script>"]},
        {"methods": "random"},
        {"groups": [{}]},
        {"groups": None},
        {"sample": 3},
        {"sample": "a,b"},
        {"methods": [f"m{k}" for k in range(summary.MOST_METHODS + 1)]},
    ],
)
def test_what_is_no_summary_gets_a_sentence(tmp_path: Path, change: dict[str, object]) -> None:
    held = json.loads(summary.write(finished(tmp_path)))
    with pytest.raises(StudyError):
        summary.read(json.dumps({**held, **change}))


def test_damaged_summaries_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    whole, dice = summary.write(finished(tmp_path)), random.Random(1)
    for _ in range(150):
        text = list(whole)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(text))
            text[at : at + dice.choice((0, 1, 30))] = dice.choice(
                ("", ",", '"', "[", "}", "9", "e999", "null", "\ud800")
            )
        try:
            found = summary.read("".join(text))
        except StudyError:
            continue
        summary.text(found, "random")
    for hostile in ("", "[]", "null", "[" * 100_000, "x" * (summary.MAX_BYTES + 1), '{"format": NaN}'):
        with pytest.raises(StudyError):
            summary.read(hostile)


@pytest.mark.parametrize("draw", ["exponential", "normal", "binary"])
def test_of_very_many_values_the_interval_is_that_of_resampling(draw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(3)
    if draw == "binary":
        x = (dice.random(bootstrap.LARGE) < 0.02).astype(float)
    else:
        x = dice.exponential(size=bootstrap.LARGE) if draw == "exponential" else dice.normal(size=bootstrap.LARGE)
    written = bootstrap.interval(x)
    monkeypatch.setattr(bootstrap, "LARGE", len(x) + 1)
    drawn = bootstrap.interval(x, resamples=6000)
    width = drawn.high - drawn.low
    assert written.mean == drawn.mean
    assert written.low == pytest.approx(drawn.low, abs=0.04 * width)
    assert written.high == pytest.approx(drawn.high, abs=0.04 * width)
    if draw == "exponential":  # skewed to the right, and so is the interval
        assert written.high - written.mean > written.mean - written.low


def test_settings_name_pictures_one_by_one_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PLAN.settings["pictures"][0] == ["scene:0", ""]
    monkeypatch.setattr(plan, "LISTED", 5)
    many = replace(PLAN, methods=PLAN.methods)
    assert many.settings["pictures"]["count"] == len(IDS)
    other = replace(PLAN, pictures=(*PLAN.pictures[:-1], Picture("scene:9999999")))
    assert other.fingerprint != many.fingerprint
