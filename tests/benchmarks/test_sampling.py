"""The measure of LIME's sampling: that it runs, and that its tables hold what they say."""

from __future__ import annotations

import pytest
import torch

from benchmarks import sampling
from vizcore.networks.classifier import Classifier


def test_it_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_SAMPLES", (60, 120))
    monkeypatch.setattr(sampling, "_SETTLED", (0.3,))
    threads = torch.get_num_threads()
    try:
        sampling.main(["--count", "1", "--seeds", "1", "--many", "200"])
    finally:
        torch.set_num_threads(threads)
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [len(row) for row in rows] == [6] * 9 + [5] * 2
    assert all(0 < float(row[2]) < 2 and 0 < float(row[3]) < 2 for row in rows[1:9])
    _, samples, first, copies, second = rows[-1]
    for share, alike in ((samples, first), (copies, second)):
        assert 0 < float(share.strip(" %")) <= 100
        assert 0.5 < float(alike) <= 1


def test_scenes_are_taken_where_there_is_no_folder(bundled: Classifier) -> None:
    found = list(sampling.cases(bundled, None, 2))
    assert len(found) == 2
    assert not torch.equal(found[0].image, found[1].image)
