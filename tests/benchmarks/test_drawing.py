"""The benchmark of drawing pages draws, and puts back what it changed."""

import sys
from unittest import mock

import pytest

from benchmarks import drawing
from vizcore.pictures import figures


def test_pages_draw_while_it_climbs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.getswitchinterval()
    drawn = mock.Mock(wraps=figures.picture)
    monkeypatch.setattr(drawing.figures, "picture", drawn)
    monkeypatch.setattr(drawing, "FRAMES_PER_SECOND", 1000)
    drawing.main(["--steps", "20", "--pages", "2"])
    assert drawn.called
    assert sys.getswitchinterval() == before
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith("| 2 |")
    assert len(row.split("|")) == 5
