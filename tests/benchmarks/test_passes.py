"""The benchmark of small networks' passes measures what it says."""

import pytest

from benchmarks import passes


def test_every_way_is_measured_beside_both_modules(capsys: pytest.CaptureFixture[str]) -> None:
    passes.main(["--networks", "squeezenet1_1", "--side", "40", "--rounds", "2"])
    rows = [row.split(" | ") for row in capsys.readouterr().out.splitlines()[2:]]
    assert [(row[1], row[2]) for row in rows] == [
        ("1", "forward"), ("1", "forward and backward"), ("8", "forward"), ("8", "forward and backward"),
    ]  # fmt: skip
    assert all(float(number.strip(" |")) > 0 for row in rows for number in row[3:])


def test_the_three_give_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []

    def noted(forward, z, gradient) -> float:  # type: ignore[no-untyped-def]
        answers.append(forward(z))
        return 1.0

    monkeypatch.setattr(passes, "_seconds", noted)
    found = list(passes.ratios("squeezenet1_1", 40, 1, [2]))
    assert [(ratio.plain, ratio.channels_last) for ratio in found] == [(1.0, 1.0)] * 2
    for other in answers[1:]:
        assert float((other - answers[0]).abs().max()) < 1e-4 * float(answers[0].abs().max())
