"""The study page by Streamlit's AppTest: begun, finished, opened again from its table, and what hostile tables get."""

from __future__ import annotations

import pytest

from tests.pages.test_pages import address, healthy, opened
from ui.texts.sentences import translated
from vizcore.study import rows
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
    assert len(app.table) == 0
    next(button for button in app.button if button.label == "Start").click().run()
    assert healthy(app)
    assert "6 rows on 2 pictures" in told(app)
    table = app.table[0].value
    assert list(table["Method"]) == ["Gradient", "Edges", "Random"]
    assert table["Difference"].iloc[-1] == ""  # the baseline against itself
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
    shown = app.table[0].value
    assert list(shown["Network"].unique()) == ["Mini-AlexNet (bundled)", "somebody:else"]
    assert list(shown["Method"].unique()) == ["Gradient", "their-own", "Random"]
    assert shown["Result"].iloc[0] == "▲ beats Random"
    assert shown["Difference"].iloc[1].startswith("+0.250 [+0.250")
    assert any("2\u00a0maps failed" in one.label for one in app.expander)


@pytest.mark.parametrize("table", [b"", b"\xff\xfe\x00", b"<script>alert(1)</script>", HEADER.encode() + b"\nx"])
def test_what_is_no_table_gets_a_sentence(table: bytes) -> None:
    app = opened(PAGE, **{"study.source": "finished"})
    app.file_uploader(key="study.table").upload("study.csv", table, "text/csv").run()
    assert [e.value for e in app.exception] == []
    assert len(app.error) == 1
    assert "table" in app.error[0].value


def test_the_sentences_of_a_table_are_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    from ui import texts

    monkeypatch.setattr(texts, "language", lambda: "cs")
    for text in ("", f"{HEADER}\nx", f'{HEADER}\n"x'):
        with pytest.raises(StudyError) as caught:
            rows.read(text)
        assert translated(str(caught.value)) != str(caught.value)
