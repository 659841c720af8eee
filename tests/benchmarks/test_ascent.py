"""The benchmark of an ascent's steps measures what it says."""

from __future__ import annotations

import pytest
import torch

from benchmarks import ascent
from benchmarks.networks import classifier
from vizcore.techniques import maximize


def test_each_is_measured_beside_the_bare_pass(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ascent, "_TURNS", 5)
    threads = torch.get_num_threads()
    try:
        ascent.main(["--networks", "mini-alexnet", "--rounds", "2"])
    finally:
        torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    row = lines[2].split(" | ")
    assert row[0] == "| mini-alexnet (its own)"
    assert all(float(number.strip(" |")) > 0 for number in row[1:])
    rows = [line.strip("| ").split(" | ") for line in lines[6:]]
    assert [what for _, what, _ in rows[:2]] == ["4 seeds", "6 lambdas"]
    assert len(rows) == 5
    assert all(float(ratio) > 0 for *_, ratio in rows)


def test_the_bare_pass_and_ours_give_the_same_slopes() -> None:
    clf = classifier("mini-alexnet")
    z = torch.randn(1, *clf.input_shape, generator=torch.Generator().manual_seed(0))
    plain, ours = ascent.bare(clf.network, z)(), ascent.bare(clf.passes, z)()
    assert isinstance(plain, torch.Tensor)
    assert isinstance(ours, torch.Tensor)
    assert float((plain - ours).norm() / plain.norm()) < 1e-4


def test_each_call_is_one_step_of_the_ascent() -> None:
    clf, params = classifier("mini-alexnet"), maximize.Maximisation(steps=10)
    step = ascent.steps(clf, params)
    found = [step() for _ in range(12)]
    assert [one.step for one in found if isinstance(one, maximize.Ascent)] == [*range(1, 11), 1, 2]
