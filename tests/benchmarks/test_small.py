"""The benchmarks of small networks measure what they say."""

import pytest
import torch

from benchmarks import passes, small, window_costs


def test_every_technique_is_measured_beside_both(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {"stride": 16, "samples": 40, "copies": 3, "steps": 8}
    for name, (technique, ours, settings) in small.TECHNIQUES.items():
        least = {key: few.get(key, value) for key, value in settings.items()}
        monkeypatch.setitem(small.TECHNIQUES, name, (technique, ours, least))
    small.main(["--networks", "squeezenet1_1", "--side", "48", "--rounds", "1"])
    rows = [row.strip("| ").split(" | ") for row in capsys.readouterr().out.splitlines()[2:]]
    assert [row[:2] for row in rows] == [["squeezenet1_1", name] for name in small.TECHNIQUES]
    assert all(float(number) > 0 for row in rows for number in row[2:])


@pytest.mark.parametrize("backward", [False, True])
def test_bare_passes_are_as_many_as_asked_for(backward: bool) -> None:
    network, asked = passes.module("squeezenet1_1"), []
    network.register_forward_pre_hook(lambda _, given: asked.append(len(given[0])))
    small.bare(network, torch.zeros(1, 3, 40, 40), 7, 3, backward)
    assert asked == [3, 3, 1]


def test_prices_are_those_by_which_times_were_made(capsys: pytest.CaptureFixture[str]) -> None:
    window_costs.main(["--grids", "squeezenet1_1,40,8,16", "--rounds", "1"])
    assert "squeezenet1_1,40,8,16" in capsys.readouterr().out
    chance, right, found = torch.Generator().manual_seed(0), (1e-11, 2e-5, 1e-9, 1e-5, 1e-4, 1e-8), []
    for _ in range(12):
        of = torch.randint(1, 100, (9,), generator=chance).tolist()
        counts = window_costs.Counts(of[0], of[1], 9999 * of[2], 1e6 * of[3], 2e6 * of[4], of[5], of[6], of[7], of[8])
        times = [sum(price * term for price, term in zip(right, way, strict=True)) for way in counts.terms()]
        found.append(window_costs.Measured("", times[0], times[1], counts))
    assert window_costs.prices(found) == pytest.approx(right, rel=1e-4)
