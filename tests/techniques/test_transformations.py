"""Shifts, turns and scalings: each alone does what it says, with mirrored edges."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vizcore.techniques.maximisation import Maximisation
from vizcore.techniques.transformations import moves, transformed

STILL = Maximisation()


def drawn(z: Tensor, params: Maximisation, seed: int = 0, draws: int = 1) -> Tensor:
    return transformed(z, params, draws, [torch.Generator().manual_seed(seed + k) for k in range(len(z))])


def ramp(down: float, right: float, size: int = 40) -> Tensor:
    places = torch.arange(float(size)) - (size - 1) / 2
    return (down * places[:, None] + right * places)[None, None]


def inner(z: Tensor) -> Tensor:
    return z[..., 12:-12, 12:-12]


def test_nothing_asked_for_is_nothing_done() -> None:
    z = ramp(1, 2)
    assert not moves(STILL)
    assert drawn(z, STILL, draws=3) is z


@pytest.mark.parametrize("addition", [{"jitter": 4}, {"turn": 30}, {"zoom": 0.2}])
def test_each_draw_differs_and_a_seed_gives_the_same_again(addition: dict[str, float]) -> None:
    params = replace(STILL, **addition)  # type: ignore[arg-type]
    z = torch.randn(1, 3, 20, 16, generator=torch.Generator().manual_seed(1))
    assert moves(params)
    first = drawn(z, params, draws=4)
    assert first.shape == (4, 3, 20, 16)
    assert torch.equal(first, drawn(z, params, draws=4))
    assert not torch.allclose(first[0], first[1], atol=1e-3)
    assert float(first.abs().max()) <= float(z.abs().max()) + 1e-5  # nothing comes in but the picture, mirrored


def test_a_shift_moves_all_alike_by_no_more_than_asked() -> None:
    found = []
    for seed in range(30):
        moved = inner(drawn(ramp(1, 0), replace(STILL, jitter=5), seed) - ramp(1, 0))
        assert float(moved.max() - moved.min()) < 1e-3
        found.append(float(moved.mean()))
    assert max(map(abs, found)) <= 5
    assert max(found) > 3
    assert min(found) < -3


def test_a_turn_keeps_lengths_and_its_angle_within_bounds() -> None:
    angles = []
    for seed in range(30):
        turned = inner(drawn(ramp(0, 1), replace(STILL, turn=20), seed))[0, 0]
        down, right = turned[1, 0] - turned[0, 0], turned[0, 1] - turned[0, 0]
        assert float(torch.hypot(down, right)) == pytest.approx(1.0, abs=1e-3)
        angles.append(float(torch.rad2deg(torch.atan2(down, right))))
    assert 15 < max(map(abs, angles)) <= 20.01
    wide = torch.nn.functional.pad(ramp(0, 1, 40), (0, 0, 10, 10), mode="replicate")  # (60,40): no square
    turned = wide_turned = drawn(wide, replace(STILL, turn=20), 0)[0, 0, 20:40, 15:25]
    down, right = turned[1, 0] - turned[0, 0], wide_turned[0, 1] - wide_turned[0, 0]
    assert float(torch.hypot(down, right)) == pytest.approx(1.0, abs=1e-3)


def test_a_scaling_is_about_the_centre_and_within_bounds() -> None:
    factors = []
    for seed in range(30):
        scaled = inner(drawn(ramp(0, 1), replace(STILL, zoom=0.25), seed))[0, 0]
        assert float(scaled.mean()) == pytest.approx(0.0, abs=1e-3)
        factors.append(1 / float(scaled[0, 1] - scaled[0, 0]))
    assert 0.75 <= min(factors) < 0.85
    assert 1.15 < max(factors) <= 1.25
