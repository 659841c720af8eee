"""The rows of a study survive every interruption, and nothing else gets among them."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from vizcore.study import rows
from vizcore.study.plan import Plan, Study
from vizcore.study.rows import HEADER, Row, read, write
from vizcore.study.sources import Picture, StudyError
from vizcore.study.table import ROWS, SETTINGS, Table

PLAN = Plan(
    Study(),
    tuple(Picture(one) for one in ("scene:1", "scene:2", "a, “b”\u00e9.png", "d.png")),
    (("mini-alexnet", "1" * 64), ("mini-alexnet-shortcut", "2" * 64)),
    ("gradient", "edges", "random"),
)


def task_rows(at: int, plan: Plan = PLAN) -> list[Row]:
    task = plan.tasks[at]
    return [
        Row(task.picture.id, task.network, method, "cat", 0.5, deletion=at + k / 7, seconds=0.1, forward=k)
        for k, method in enumerate(plan.methods)
    ]


ALL = [row for at in range(len(PLAN.tasks)) for row in task_rows(at)]
WHOLE = f"{HEADER}\n{write(ALL)}".encode()


def finish(folder: Path, plan: Plan = PLAN) -> bytes:
    """Carry a study on to its end, and read its table."""
    with Table(folder, plan) as table:
        for task in table.remaining():
            table.append(task_rows(plan.tasks.index(task), plan))
        table.settle()
    return (folder / ROWS).read_bytes()


def test_a_study_in_one_go(tmp_path: Path) -> None:
    assert finish(tmp_path) == WHOLE
    assert finish(tmp_path) == WHOLE  # nothing is left to do
    assert read(WHOLE.decode()) == rows.rounded(ALL)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_gives_the_same_table(tmp_path: Path, seed: int) -> None:
    order = list(range(len(PLAN.tasks)))
    random.Random(seed).shuffle(order)
    with Table(tmp_path, PLAN) as table:
        for at in order:
            table.append(task_rows(at))
        assert not table.remaining()
        table.settle()
    assert (tmp_path / ROWS).read_bytes() == WHOLE


def test_cut_off_after_any_byte_it_goes_on_to_the_same_table(tmp_path: Path) -> None:
    finish(tmp_path)
    for length in range(0, len(WHOLE), 5):
        (tmp_path / ROWS).write_bytes(WHOLE[:length])
        with Table(tmp_path, PLAN) as table:
            kept = table.rows
            assert list(rows.rounded(ALL[: len(kept)])) == kept
            assert len(kept) % len(PLAN.methods) == 0
            complete = WHOLE[:length].count(b"\n") - 1
            assert len(kept) == max(0, complete) // 3 * 3
    (tmp_path / ROWS).write_bytes(WHOLE[: len(WHOLE) // 2] + b"\0" * 100)  # what some disks leave after a power cut
    assert finish(tmp_path) == WHOLE


def test_what_was_appended_is_on_the_disk_at_once(tmp_path: Path) -> None:
    with Table(tmp_path, PLAN) as table:
        for at in range(3):
            table.append(task_rows(at))
            assert read((tmp_path / ROWS).read_text()) == tuple(table.rows)
            assert len(table.rows) == 3 * (at + 1)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with Table(tmp_path, PLAN), pytest.raises(StudyError, match="Another process"), Table(tmp_path, PLAN):
        pass
    with Table(tmp_path, PLAN) as table:  # free again
        assert table.rows == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"study": Study(steps=64)}, "study"),
        ({"methods": ("gradient", "random")}, "methods"),
        ({"networks": (("mini-alexnet", "3" * 64),)}, "networks"),
        ({"pictures": PLAN.pictures[:3]}, "pictures"),
        ({"pictures": (*PLAN.pictures[:3], Picture("d.png", "changed"))}, "pictures"),
    ],
)
def test_other_settings_are_refused_by_name(tmp_path: Path, change: dict[str, object], named: str) -> None:
    before = finish(tmp_path)
    other = replace(PLAN, **change)  # type: ignore[arg-type]
    assert other.fingerprint != PLAN.fingerprint
    with pytest.raises(StudyError, match=rf"other settings \({named}\)"), Table(tmp_path, other):
        pass
    assert (tmp_path / ROWS).read_bytes() == before


def test_what_is_no_study_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / ROWS).write_text("my precious data\n")
    with pytest.raises(StudyError, match=SETTINGS), Table(tmp_path, PLAN):
        pass
    assert (tmp_path / ROWS).read_text() == "my precious data\n"
    (tmp_path / SETTINGS).write_text("{}")
    with pytest.raises(StudyError, match="damaged"), Table(tmp_path, PLAN):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot be written"), Table(tmp_path / "file", PLAN):
        pass


def test_rows_of_another_study_are_refused(tmp_path: Path) -> None:
    finish(tmp_path)
    stranger = replace(ALL[0], picture="scene:999")
    (tmp_path / ROWS).write_text(f"{HEADER}\n{write([stranger, *ALL[1:]])}")
    with pytest.raises(StudyError, match="Line 2"), Table(tmp_path, PLAN):
        pass


GOOD = write(ALL[:1]).rstrip("\n")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no table of a study"),
        ("<html>", "no table of a study"),
        (HEADER.replace("deletion", "x"), "no table of a study"),
        (f"{HEADER}\nscene:1,m", "Line 2 .* 2 columns"),
        (f"{HEADER}\n\n{GOOD}", "Line 2 .* 0 columns"),
        (f"{HEADER}\n{GOOD}\n{GOOD}", "Line 3 .* repeats"),
        (f"{HEADER}\n{GOOD.replace('0.5', 'nan')}", "number in probability"),
        (f"{HEADER}\n{GOOD.replace('0.5', '1e999')}", "number in probability"),
        (f"{HEADER}\n{GOOD.replace('0.5', '1_0')}", "number in probability"),
        (f"{HEADER}\n{GOOD.replace('0.5', '٣')}", "number in probability"),
        (f"{HEADER}\n{GOOD.replace('0.5', '0' * 5000)}", "number in probability"),
        (f"{HEADER}\n{GOOD.replace(',0,', ',0.5,')}", "number in forward"),
        (f"{HEADER}\n{GOOD.replace('mini-alexnet', '<script>')}", "something in network"),
        (f"{HEADER}\n{GOOD.replace('gradient', '')}", "something in method"),
        (f"{HEADER}\n{GOOD.replace('scene:1', 'x' * 1000)}", "something in picture"),
        (f"{HEADER}\n{GOOD.replace('cat', chr(27) + '[2J')}", "something in target"),
        (f'{HEADER}\n"{GOOD}', "CSV"),
        (f"{HEADER}\n" + "x" * (rows.MAX_BYTES + 1), "20 MB"),
    ],
)
def test_hostile_tables_get_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(StudyError, match=complaint):
        read(text)


def test_a_table_saved_by_a_spreadsheet_is_read() -> None:
    assert read(WHOLE.decode().replace("\n", "\r\n")) == rows.rounded(ALL)


def test_errors_stand_on_one_line_and_begin_no_formula() -> None:
    assert rows.line("=cmd()|'x'\n\x1b[2J" + "y" * 900).startswith("'=cmd()|'x' ")
    row = Row("a.png", "mini-alexnet", "edges", error=rows.line('bad, "very"\nbad' + "y" * 900))
    assert write([row]).count("\n") == 1
    assert read(f"{HEADER}\n{write([row])}") == (row,)


def test_damaged_tables_are_read_or_refused_and_nothing_else() -> None:
    dice = random.Random(0)
    read_anyway = 0
    for _ in range(1000):
        text = list(WHOLE.decode())
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(HEADER) + 1, len(text))
            text[at : at + dice.choice((0, 1, 40))] = dice.choice(
                ("", ",", '"', "\n", "\r", "\0", "-", "9", "e", "é", "\ud800")
            )
        try:
            found = read("".join(text))
        except StudyError:
            continue
        read_anyway += 1
        assert read(f"{HEADER}\n{write(found)}") == rows.rounded(found)
    assert 0 < read_anyway < 1000
