"""A study from its pictures to its table: from Python and the command line, killed and continued, with broken files."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.conftest import linear_classifier
from tests.helpers.contract import check_contract
from vizcore import methods
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier
from vizcore.pictures.decoding import decode
from vizcore.pictures.scenes import scene
from vizcore.study import __main__, local, plan, rows, sources, work
from vizcore.study.plan import Plan, Study, make
from vizcore.study.rows import FIGURES, Row
from vizcore.study.sources import StudyError, find
from vizcore.study.table import ROWS, Table

ROOT = Path(__file__).parents[2]
QUICK = Study(steps=4, samples=50)
METHODS = ("gradient", "edges", "random")


def timeless(found: tuple[Row, ...] | list[Row]) -> list[Row]:
    return [replace(row, seconds=None) for row in found]


@pytest.fixture(scope="module")
def pair() -> dict[str, Classifier]:
    return {name: load(name, "cpu") for name in ("mini-alexnet", "mini-alexnet-shortcut")}


@pytest.fixture(scope="module")
def small(pair: dict[str, Classifier]) -> Plan:
    return make(QUICK, find(["scenes:2", "stamped:1"]), pair, METHODS, pair.__getitem__)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one of them below, and every kind of file that is none."""
    own = tmp_path / "pictures"
    (own / "below").mkdir(parents=True)
    Image.new("RGB", (90, 60), (200, 30, 30)).save(own / "red.png")
    Image.new("RGB", (60, 90), (30, 30, 200)).save(own / "below" / "blue, “dark”.JPG", "JPEG")
    (own / "broken.png").write_bytes((own / "red.png").read_bytes()[:60])
    (own / "=cmd().gif").write_text("=cmd()")
    (own / "notes.txt").write_text("no picture")
    return own


def test_pictures_are_found_in_order() -> None:
    assert [one.id for one in find(["scenes:2", "stamped:7-8"])] == [
        "scene:700000", "scene:700001", "stamped:7", "stamped:8",
    ]  # fmt: skip


def test_a_folders_pictures_are_known_by_name_and_content(folder: Path) -> None:
    found = find([str(folder)])
    assert [one.id for one in found] == ["%3Dcmd().gif", "below/blue, “dark”.JPG", "broken.png", "red.png"]
    assert len({one.digest for one in found}) == 4
    assert sources.name_of("scene:1") == "./scene:1"
    assert sources.name_of("a\nb%\x1b.png") == "a%0Ab%25%1B.png"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("scenes:0", "no scenes"),
        ("scenes:9-3", "no scenes"),
        ("scenes:999999-1000000", "trained"),
        ("scenes:-5", "neither a folder"),
        ("nowhere/at/all", "neither a folder"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(asked: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        find([asked])


def test_nothing_and_the_same_twice_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no picture"):
        find([str(tmp_path)])
    with pytest.raises(StudyError, match="twice"):
        find(["scenes:5-9", "scenes:9-12"])


def test_a_plan_names_what_there_is_and_adds_the_baseline(small: Plan, pair: dict[str, Classifier]) -> None:
    assert (len(small.tasks), small.rows) == (6, 18)
    without = make(QUICK, find(["scenes:1"]), ["mini-alexnet"], ["edges"], pair.__getitem__)
    assert without.methods == ("edges", "random")
    for networks, kinds, said in ((["resnet"], ["edges"], "resnet"), (["mini-alexnet"], ["lime"], "lime")):
        with pytest.raises(StudyError, match=said):
            make(QUICK, find(["scenes:1"]), networks, kinds, load)
    assert len({plan.seed_of(one.id) for one in find(["scenes:50"])}) > 45  # a random map of its own for each


def test_scenes_have_their_truth_and_the_stamp_its_place(pair: dict[str, Classifier]) -> None:
    clf = pair["mini-alexnet"]
    shown = sources.see(clf, "stamped:700003", None)
    assert shown.label == "horse"
    assert shown.mask is not None
    assert shown.stamp is not None
    assert shown.mask.shape == shown.stamp.shape == shown.image.shape[1:]
    assert int(shown.stamp.sum()) == 38 * 14
    assert not bool((shown.mask & shown.stamp).any())
    plain = sources.see(clf, "scene:700003", None)
    assert plain.stamp is None


def test_files_are_seen_as_the_pages_show_them(pair: dict[str, Classifier], tmp_path: Path) -> None:
    clf, exif = pair["mini-alexnet"], Image.Exif()
    exif[0x0112] = 6
    drawn = Image.fromarray(scene(34).picture).resize((200, 120))
    drawn.save(tmp_path / "a.jpg", exif=exif)
    drawn.convert("F").point(lambda grey: grey * 4 + 0).save(tmp_path / "b.tif")
    drawn.resize((1700, 900)).save(tmp_path / "c.png")
    for picture in find([str(tmp_path)]):
        content = picture.content()
        assert content is not None
        shown = sources.see(clf, picture.id, content)
        assert torch.equal(shown.image, clf.preprocess.pixels(decode(content).picture)), picture.id
        assert torch.equal(shown.image, clf.pixels(tmp_path / picture.id))
        assert float(shown.image.max()) > 0.8, picture.id


def test_every_method_has_every_figure(pair: dict[str, Classifier]) -> None:
    study = replace(QUICK, sanity=1.0)
    found = list(work.measure(pair["mini-alexnet"], "stamped:700001", lambda: None, "m", tuple(methods.METHODS), study))
    assert [row.method for row in found] == list(methods.METHODS)
    for row in found:
        assert row.error == ""
        assert row.target == "horse"
        missing = [name for name in FIGURES if getattr(row, name) is None]
        assert missing == []
        assert min(row.inside or 0, row.precision or 0, row.on_stamp or 0) >= 0
        assert (row.inside or 0) + (row.on_stamp or 0) <= 1 + 1e-6
        assert row.effects is not None
        assert -1 <= row.effects <= 1
    by = {row.method: row for row in found}
    assert by["edges"].sanity == pytest.approx(1.0)  # it does not look at the network
    assert by["random"].sanity == pytest.approx(1.0)
    assert abs(by["occlusion"].sanity or 1.0) < 0.9


def test_the_sanity_check_takes_the_share_that_it_is_told(pair: dict[str, Classifier]) -> None:
    some = make(replace(QUICK, sanity=0.5), find(["scenes:8"]), ["mini-alexnet"], ["edges"], pair.__getitem__)
    checked = {row.picture for row in [*local.estimates(some, pair.__getitem__)][-1].rows if row.sanity is not None}
    assert checked == {one.id for one in some.pictures if plan.seed_of(one.id) < 5000}
    assert 0 < len(checked) < 8


def test_on_a_linear_network_the_true_ranking_deletes_best() -> None:
    clf = linear_classifier(size=(64, 64), mean=0.5)
    picture = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    file = Image.fromarray((picture.permute(1, 2, 0) * 255).byte().numpy())
    data = io.BytesIO()
    file.save(data, "PNG")
    study = Study(steps=16, fill="mean")
    found = list(work.measure(clf, "x.png", data.getvalue, "linear", ("gradient", "edges", "random"), study))
    areas = {row.method: row.deletion for row in found}
    assert [row.error for row in found] == ["", "", ""]
    assert areas["gradient"] is not None
    assert areas["gradient"] < (areas["random"] or 0)
    assert areas["gradient"] < (areas["edges"] or 0)
    assert {row.pointing for row in found} == {None}  # nobody knows where its object is


def test_a_broken_picture_is_recorded_and_the_study_goes_on(folder: Path, pair: dict[str, Classifier]) -> None:
    found = find([str(folder)])
    asked = make(QUICK, found, ["mini-alexnet"], METHODS, pair.__getitem__)
    *_, last = local.estimates(asked, pair.__getitem__)
    assert (last.step, last.of, len(last.rows)) == (12, 12, 12)
    errors = {row.picture: row.error for row in last.rows}
    assert "PNG" in errors["broken.png"]
    assert "text file" in errors["%3Dcmd().gif"]
    assert errors["below/blue, “dark”.JPG"] == ""
    good = [row for row in last.rows if not row.error]
    assert all(row.deletion is not None and row.target for row in good)
    assert all(row.deletion is None for row in last.rows if row.error)
    (folder / "below" / "blue, “dark”.JPG").unlink()  # gone while the study runs
    gone = [row for row in [*local.estimates(asked, pair.__getitem__)][-1].rows if row.picture.startswith("below")]
    assert all("cannot be read" in row.error for row in gone)


def test_a_true_class_that_is_not_known_is_an_error_of_that_picture(pair: dict[str, Classifier]) -> None:
    data = Path(ROOT / "docs" / "lime.png").read_bytes()
    study = replace(QUICK, target="true")
    found = list(work.measure(pair["mini-alexnet"], "x.png", lambda: data, "m", METHODS, study))
    assert all("true class" in row.error for row in found)


def test_estimates_grow_row_by_row_and_keep_what_they_were(small: Plan, pair: dict[str, Classifier]) -> None:
    def same(one: local.Sofar, other: local.Sofar) -> bool:
        return timeless(one.rows) == timeless(other.rows)

    few = replace(small, pictures=small.pictures[:1], networks=small.networks[:1])
    estimates = check_contract(lambda: local.estimates(few, pair.__getitem__), same)
    assert [len(one.rows) for one in estimates] == [1, 2, 3]


def test_the_order_of_the_tasks_does_not_matter(small: Plan, pair: dict[str, Classifier], tmp_path: Path) -> None:
    *_, last = local.estimates(small, pair.__getitem__)
    assert len(last.rows) == small.rows
    with Table(tmp_path, small) as table:
        for _, group in local.work_off(small, small.tasks[::-1], pair.__getitem__):
            table.append(group)
        table.settle()
        assert timeless(table.rows) == timeless(last.rows)


def arguments(out: Path, scenes: int = 4) -> list[str]:
    own = [f"scenes:{scenes}", "--networks", "mini-alexnet", "--methods", *METHODS, "--steps", "4"]
    return [*own, "--out", str(out)]


def test_the_command_begins_reports_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(arguments(tmp_path / "a")) == 0
    said = capsys.readouterr()
    assert "beats random" in said.out
    assert "12 rows" in said.out
    first = (tmp_path / "a" / ROWS).read_bytes()
    assert __main__.main(arguments(tmp_path / "a")) == 0
    assert "4 of 4 done before" in capsys.readouterr().err
    assert (tmp_path / "a" / ROWS).read_bytes() == first
    assert __main__.main(arguments(tmp_path / "a", 3)) == 2
    assert "other settings (pictures)" in capsys.readouterr().err
    assert __main__.main([*arguments(tmp_path / "b"), "--steps", "3"]) == 2
    assert "Study.steps is 3" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_killed_without_warning_and_continued_it_gives_the_same_table(tmp_path: Path) -> None:
    table = tmp_path / "killed" / ROWS
    command = [sys.executable, "-m", "vizcore.study", *arguments(table.parent, 12)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(6000):
        if table.exists() and table.read_bytes().count(b"\n") > 6:
            break
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = rows.read(table.read_text().rpartition("\n")[0])
    assert len(before) >= 3
    assert __main__.main(arguments(table.parent, 12)) == 0
    assert __main__.main(arguments(tmp_path / "whole", 12)) == 0
    continued, whole = (rows.read((tmp_path / name / ROWS).read_text()) for name in ("killed", "whole"))
    assert timeless(continued) == timeless(whole)
    assert continued[: len(before) // 3 * 3] == before[: len(before) // 3 * 3]  # not computed again: the same seconds
