"""The study page by Streamlit's AppTest: begun, finished, opened again from its table, and what hostile tables get."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from types import SimpleNamespace
from zipfile import ZipFile

import pytest

from tests.pages.test_pages import address, healthy, opened
from ui.frame import printed
from ui.study import export, pictures, results
from ui.texts.sentences import translated
from vizcore.networks import catalogue
from vizcore.study import columns, plan, rows, sources, summary
from vizcore.study.rows import HEADER, Row
from vizcore.study.sources import StudyError

PAGE = "pages/study.py"
SMALL = {"study.count": "2", "study.methods": "gradient,edges", "study.steps": "4"}


def told(app: object) -> str:
    found = [e.value for kind in ("markdown", "caption", "info", "error") for e in getattr(app, kind)]
    return "\n".join(found).replace("\u00a0", " ")  # where no line may end


def test_a_study_waits_to_be_begun_and_then_finishes() -> None:
    app = opened(PAGE, **SMALL)
    assert healthy(app)
    assert "maps: 6" in told(app)
    assert len(app.dataframe) == 0
    assert "on this computer" in told(app)  # how long it will take is told before it begins
    next(button for button in app.button if button.label == "Start").click().run()
    assert healthy(app)
    assert "6 rows on 2 pictures" in told(app)
    table = app.dataframe[0].value
    assert list(table["Method"]) == ["Gradient", "Edges", "Random"]
    assert math.isnan(table["Difference"].iloc[-1])  # the baseline against itself
    assert table["Mean"].dtype.kind == table["Mean, from"].dtype.kind == "f"  # numbers, which sort as such
    assert "Network" not in table  # one network is no column
    assert "In every line: Network" in told(app)
    assert "Where the methods are least faithful" in told(app)
    assert SMALL.items() <= address(app).items()
    app.selectbox(key="look.study.figure@en").set_value("insertion").run()
    assert healthy(app)
    assert address(app)["study.figure"] == "insertion"
    assert "6 rows on 2 pictures" in told(app)  # nothing was computed again


def test_other_settings_wait_to_be_begun_again() -> None:
    app = opened(PAGE, **{**SMALL, "study.count": "1"})
    next(button for button in app.button if button.label == "Start").click().run()
    assert "3 rows on 1 picture" in told(app)
    app.number_input(key="look.study.count").set_value(3).run()
    assert healthy(app)
    assert "rows on" not in told(app)
    assert any(button.label == "Start" for button in app.button)


@pytest.mark.parametrize("missing", [{"study.methods": "none"}, {"study.networks": "none"}])
def test_without_methods_or_networks_it_asks_for_them(missing: dict[str, str]) -> None:
    app = opened(PAGE, **missing)
    assert healthy(app)
    assert "Choose pictures" in told(app) or "maps: " in told(app)


def test_a_finished_study_is_opened_and_compared_with_another_method() -> None:
    found = [
        Row(f"scene:{at}", network, method, "cat", 0.9, insertion=at / 9 + bonus, inside=0.5)
        for at in range(9)
        for network in ("mini-alexnet", "somebody:else")
        for method, bonus in (("gradient", 0.5), ("their-own", 0.25), ("random", 0.0))
    ]
    broken = [Row("broken.png", "mini-alexnet", one, error="The file is empty.") for one in ("gradient", "random")]
    app = opened(PAGE, **{"study.source": "finished", "study.figure": "insertion"})
    table = f"{HEADER}\n{rows.write([*found, *broken])}".encode()
    app.file_uploader(key="study.table").upload("study.csv", table, "text/csv").run()
    assert healthy(app)
    assert "56 rows on 10 pictures" in told(app)
    shown = app.dataframe[0].value
    assert list(shown["Network"].unique()) == ["Mini-AlexNet (bundled)", "somebody:else"]
    assert list(shown["Method"].unique()) == ["Gradient", "their-own", "Random"]
    assert shown["Result"].iloc[0] == "▲ beats Random"
    assert shown["Difference"].iloc[1] == pytest.approx(0.25, abs=1e-5)
    assert shown["Difference, from"].iloc[1] == pytest.approx(0.25, abs=1e-5)
    assert any("2\u00a0maps failed" in one.label for one in app.expander)


def test_a_study_too_large_for_a_page_is_opened_by_its_summary() -> None:
    found = [
        Row(f"scene:{at}", "mini-alexnet", method, "cat", 0.9, insertion=at / 9 + bonus, deletion=0.1)
        for at in range(9)
        for method, bonus in (("gradient", 0.5), ("occlusion", 0.25), ("random", 0.0))
    ]
    told_of = summary.summarise(columns.of_rows(found), sample=found[:12])
    text = summary.write(replace(told_of, count=3_000_000))
    app = opened(PAGE, **{"study.source": "finished", "study.figure": "insertion", "study.against": "gradient"})
    app.file_uploader(key="study.table").upload("summary.json", text.encode(), "application/json").run()
    assert healthy(app)
    assert "3,000,000 rows; single pictures come from a sample of 4" in told(app)
    shown = app.dataframe[0].value
    assert list(shown["Method"]) == ["Gradient", "Occlusion", "Random"]
    assert shown["Result"].iloc[2] == "▼ is beaten by Gradient"
    assert shown["Difference"].iloc[1] == pytest.approx(-0.25, abs=1e-5)


@pytest.mark.parametrize("table", [b"{", b'{"format": 1}', b"", b"\xff\xfe", b"<script>", HEADER.encode() + b"\nx"])
def test_what_is_no_table_gets_a_sentence(table: bytes) -> None:
    app = opened(PAGE, **{"study.source": "finished"})
    app.file_uploader(key="study.table").upload("study.csv", table, "text/csv").run()
    assert [e.value for e in app.exception] == []
    assert len(app.error) == 1
    assert ("summary" if table.startswith(b"{") else "table") in app.error[0].value


def test_the_sentences_of_a_table_are_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    from ui import texts

    monkeypatch.setattr(texts, "language", lambda: "cs")
    for text in ("", f"{HEADER}\nx", f'{HEADER}\n"x'):
        with pytest.raises(StudyError) as caught:
            rows.read(text)
        assert translated(str(caught.value)) != str(caught.value)


def test_an_odd_picture_opens_in_compare_under_its_network_class_and_methods() -> None:
    app = opened(PAGE, **{**SMALL, "study.steps": "8"})
    next(button for button in app.button if button.label == "Start").click().run()
    next(button for button in app.button if button.label == "Open in Compare").click().run()
    assert healthy(app)
    assert app.title[0].value == "Compare"
    taken = address(app)
    assert taken["picture"] in ("scene:700000", "scene:700001")
    assert taken["compare.methods"] == "gradient,random,edges"
    known = catalogue.load("mini-alexnet").classes
    label = sources.compose(taken["picture"], 128).label
    assert known[int(taken["class"])] == label


@pytest.mark.parametrize(
    ("data", "taken"),
    [
        (["scene:1", "mini-alexnet", "cat"], ("scene:1", "mini-alexnet", "cat")),
        (["scene:1", "mini-alexnet"], None),
        (["scene:1", {}, "cat"], None),
        ("abc", None),
        (None, None),
    ],
)
def test_a_click_is_trusted_no_further_than_its_shape(data: object, taken: object) -> None:
    event = SimpleNamespace(selection=SimpleNamespace(points=[{"customdata": data}]))
    assert pictures._clicked(event) == taken
    assert pictures._clicked(SimpleNamespace(selection=SimpleNamespace(points=[]))) is None


def test_columns_with_a_single_value_are_told_once_and_a_single_line_is_left_alone() -> None:
    lines = [{"network": "a", "mean": 0.5, "finding": ""}, {"network": "a", "mean": 0.25, "finding": ""}]
    same, shown = results.apart_from_the_same(lines)
    assert same == {"network": "a", "finding": ""}
    assert shown == [{"mean": 0.5}, {"mean": 0.25}]
    assert results.apart_from_the_same(lines[:1]) == ({}, lines[:1])


def test_a_study_is_taken_along_with_its_command_and_settings() -> None:
    what = plan.make(plan.Study(steps=4), sources.find(["scenes:2"]), ["mini-alexnet"], ["gradient"])
    command = export.command(what)
    assert command.startswith("python -m vizcore.study scenes:700000-700001 ")
    assert sources.find([command.split()[3]]) == what.pictures
    files = {"study.csv": lambda: HEADER.encode(), "study.json": lambda: json.dumps(what.settings).encode()}
    with ZipFile(io.BytesIO(printed.archive("study", [], files))) as packed:
        assert packed.namelist() == ["study/study.csv", "study/study.json"]
        assert (
            json.loads(packed.read("study/study.json"))["methods"] == json.loads(json.dumps(what.settings))["methods"]
        )
