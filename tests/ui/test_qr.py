"""The address that a telephone reads from the code of a page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ui.frame import qr


@pytest.mark.parametrize(
    ("here", "page", "there"),
    [
        ("http://hall.example/lime", "lime", "http://hall.example/lime?class=3"),
        ("http://hall.example/lime", "overview", "http://hall.example/?class=3"),
        ("https://a.example/vizcore/", "saliency", "https://a.example/vizcore/saliency?class=3"),
        ("https://a.example/vizcore/lime", "overview", "https://a.example/vizcore/?class=3"),
        ("", "lime", ""),
    ],
)
def test_it_leads_to_the_page_and_does_not_present(
    here: str, page: str, there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qr.st, "context", SimpleNamespace(url=here))
    monkeypatch.setattr(qr.link, "address", lambda _: {"class": "3", "present": "1"})
    assert qr.address(page) == there
