"""What operators and users are told when things go well and when they do not."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest
import torch
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import ROOT, opened
from ui import texts


def test_the_health_page_tells_what_the_server_holds() -> None:
    opened("pages/saliency.py")
    app = AppTest.from_file(str(ROOT / "pages/health.py"), default_timeout=60).run()
    assert not app.exception
    assert not app.error
    facts = json.loads(app.code[0].value)
    assert "mini-alexnet" in facts["networks"]["loaded"]
    assert facts["results"]["entries"] > 0
    assert facts["queue"]["running"] == facts["queue"]["waiting"] == 0
    assert facts["memory"]["process_mb"] is None or facts["memory"]["process_mb"] > 50
    assert facts["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert facts["sessions"]["computing_or_looking"] >= 1


def test_every_fact_of_the_health_page_has_a_name_in_every_language() -> None:
    from ui import health

    for language in texts.LANGUAGES:
        table = texts.table(language)
        for part, facts in health.facts().items():
            assert f"health.{part}" in table
            if part != "versions":
                assert [name for name in facts if f"health.names.{name}" not in table] == []


def test_the_page_of_health_has_the_language_of_its_link() -> None:
    app = AppTest.from_file(str(ROOT / "pages/health.py"), default_timeout=60)
    app.query_params["lang"] = "cs"
    assert [title.value for title in app.run().title] == ["Stav serveru"]


@pytest.mark.parametrize("inside", [True, False])
def test_an_unexpected_error_gives_a_number_to_the_user_and_its_trace_to_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, inside: bool
) -> None:
    from ui.frame import export, sources

    def broken(*_: object) -> None:
        raise LookupError("a secret of the operator's")

    monkeypatch.setattr(export if inside else sources, "offer" if inside else "choose", broken)
    with caplog.at_level(logging.ERROR, logger="vizcore.pages"):
        app = opened("pages/occlusion.py")
    assert not app.exception
    shown = [error.value for error in app.error]
    assert len(shown) == 1
    assert "secret" not in shown[0]
    found = re.search(r"number ([0-9a-f]{8})", shown[0])
    assert found is not None
    record = next(one for one in caplog.records if one.name == "vizcore.pages")
    assert found[1] in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)


def test_an_unexpected_error_of_a_computation_gives_a_number_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from vizcore.techniques import occlusion

    def broken(*_: object) -> Iterator[None]:
        raise LookupError("a secret of the operator's")
        yield

    monkeypatch.setattr(occlusion, "occlude", broken)
    with caplog.at_level(logging.ERROR, logger="vizcore.pages"):
        app = opened("pages/occlusion.py", picture="scene:4711")
    assert not app.exception
    assert [re.search(r"number [0-9a-f]{8}", error.value) is not None for error in app.error] == [True]
    assert "a secret of the operator's" in caplog.text
    assert "test_health.py" in caplog.text  # the trace leads to where it happened, on the worker's thread


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_too_little_memory_gives_a_sentence_and_the_next_try_begins_anew(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from vizcore.techniques import occlusion

    def hungry(*_: object) -> Iterator[None]:
        raise error
        yield

    seed = "4712" if isinstance(error, MemoryError) else "4713"
    with monkeypatch.context() as patch:
        patch.setattr(occlusion, "occlude", hungry)
        app = opened("pages/occlusion.py", picture=f"scene:{seed}")
    assert not app.exception
    assert [e.value for e in app.error] == [texts.table("en")["errors.memory_run"]]
    app.run()
    assert not app.error
    assert any("of computing" in caption.value for caption in app.caption)
