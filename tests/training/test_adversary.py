"""Small changes that mislead a network, and training against them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from vizcore.networks.bundled.network import MiniAlexNet, load
from vizcore.pictures.scenes import CLASSES, scene
from vizcore.training import checkpoints, quality
from vizcore.training.adversary import Normalised, attack, harden, length
from vizcore.training.batches import Pool, render
from vizcore.training.recipe import Recipe

TINY = Recipe(robust_steps=5, robust_batch=4, robust_radius=2.0, robust_attack=1, pool=32)


@pytest.fixture(scope="module")
def tiny_pool() -> Pool:
    return render(TINY.pool, 1)


def honest() -> MiniAlexNet:
    network, _ = load("mini-alexnet")
    assert isinstance(network, MiniAlexNet)
    return network


# --- the attack --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 4])
def test_on_a_linear_network_the_change_is_the_difference_of_the_weights(steps: int) -> None:
    """Of two logits w_k x, the gradient of the cross-entropy of class 0 is a positive multiple of w_1 - w_0."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(2, 48, generator=generator)
    x = 0.4 + 0.2 * torch.rand(3, 3, 4, 4, generator=generator)  # so far within [0, 1] that nothing is clamped
    changed = attack(lambda z: z.flatten(1) @ weights.T, x, torch.zeros(3, dtype=torch.long), 0.3, steps)
    way = (weights[1] - weights[0]).view(1, 3, 4, 4)
    assert torch.allclose(changed, x + 0.3 * way / way.norm(), atol=1e-6)


def test_the_change_is_no_longer_than_the_radius_and_the_picture_stays_one() -> None:
    shown = [scene(seed) for seed in range(100_000, 100_004)]
    x = torch.stack([quality.tensor(s.picture) for s in shown])
    labels = torch.tensor([CLASSES.index(s.label) for s in shown])
    network = Normalised(honest())
    for radius in (0.5, 20.0):
        changed = attack(network, x, labels, radius, 3)
        assert float(length(changed - x).max()) <= radius * (1 + 1e-5)
        assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
        assert not changed.requires_grad
    near = attack(network, x, labels, 3.0, 5)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    loss = nn.functional.cross_entropy
    with torch.no_grad():
        start, noisy, misled = (float(loss(network(z), labels)) for z in (x, x + 3 * noise / length(noise), near))
    assert misled > 10 * start
    assert noisy < 2 * start  # a change of the same length at random


def test_no_radius_and_no_step_change_nothing() -> None:
    x, labels = torch.rand(2, 3, 128, 128), torch.tensor([0, 1])
    assert torch.equal(attack(Normalised(honest()), x, labels, 0.0, 2), x)
    assert torch.equal(attack(Normalised(honest()), x, labels, 3.0, 0), x)


# --- training against it -----------------------------------------------------------------------------------------


def test_training_lowers_the_loss_under_attack(tiny_pool: Pool) -> None:
    """The first steps, at a radius near zero, against the last, at the full one, do not compare: so on fixed scenes."""
    x = torch.from_numpy(tiny_pool.pictures[:8]).permute(0, 3, 1, 2).float() / 255
    labels = torch.from_numpy(tiny_pool.labels[:8])

    def loss(network: nn.Module) -> float:
        judged = Normalised(network)
        with torch.no_grad():
            return float(nn.functional.cross_entropy(judged(changed(judged)), labels))

    def changed(judged: nn.Module) -> torch.Tensor:
        with torch.enable_grad():
            return attack(judged, x, labels, 3.0, 5)

    network = honest()
    before = loss(network)
    recipe = Recipe(robust_steps=16, robust_batch=8, robust_radius=3.0, robust_attack=1, pool=32)
    losses: list[float] = []
    harden(network, recipe, tiny_pool, tick=lambda step, value: losses.append(value))
    assert len(losses) == 16
    assert np.isfinite(losses).all()
    assert loss(network) < before - 0.2
    assert not network.training
    assert all(p.requires_grad for p in network.parameters())


def test_a_killed_run_goes_on_to_the_same_weights(
    tiny_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY", 2)
    path = tmp_path / "run.checkpoint"

    class Killed(Exception):
        pass

    def kill(step: int, loss: float) -> None:
        if step == 3:
            raise Killed

    whole = harden(honest(), TINY, tiny_pool)
    with pytest.raises(Killed):
        harden(honest(), TINY, tiny_pool, checkpoint=path, tick=kill, begun="a")
    seen: list[int] = []
    resumed = harden(honest(), TINY, tiny_pool, checkpoint=path, tick=lambda step, _: seen.append(step), begun="a")
    assert seen == [3, 4, 5]
    for key, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


def test_a_run_that_began_from_other_weights_is_not_resumed(
    tiny_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY", 1)
    path, recipe = tmp_path / "run.checkpoint", Recipe(robust_steps=1, robust_batch=2, robust_attack=1, pool=32)
    harden(honest(), recipe, tiny_pool, checkpoint=path, begun="a")
    seen: list[int] = []
    harden(honest(), recipe, tiny_pool, checkpoint=path, tick=lambda step, _: seen.append(step), begun="b")
    assert seen == [1]
    harden(honest(), recipe, tiny_pool, checkpoint=path, tick=lambda step, _: seen.append(step), begun="b")
    assert seen == [1]  # done already
