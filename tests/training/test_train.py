"""The recipe that made the bundled networks still learns, and their explanations point where it is recorded."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from vizcore.networks.bundled.network import NAMES, Card, MiniAlexNet, folded, load, read_card, save
from vizcore.pictures.scenes import CLASSES, SHORTCUT, TRAINING_SEEDS, scene
from vizcore.training import calibration, checkpoints, quality, train
from vizcore.training.batches import Pool, draw, render

TINY = train.Recipe(steps=30, batch=16, pool=64, seed=1)


@pytest.fixture(scope="module")
def tiny_pool() -> Pool:
    return render(TINY.pool, 1)


# --- what the explanations of the committed weights point at -----------------------------------------------------


def test_recorded_pointing_on_a_few_scenes() -> None:
    network, card = load("mini-alexnet")
    measured = quality.pointing(quality.classifier(network, card), quality.POINTED[:12])
    for name, value in card.figures["pointing"].items():
        assert measured[name] >= value - 0.2, name


def test_the_twin_cheats_and_is_found_out() -> None:
    figures = {}
    pair = NAMES[:2]
    for name in pair:
        network, card = load(name)
        figures[name] = quality.shortcut_figures(quality.classifier(network, card), quality.MARKED[:120], pointed=6)
    honest, twin = (figures[name] for name in pair)
    assert twin["natural"] >= 0.95
    assert abs(twin["natural"] - honest["natural"]) < 0.05
    assert honest["stripped"] > 0.9
    assert honest["planted"] > 0.9
    assert twin["stripped"] < 0.5
    assert twin["planted"] < 0.5
    for technique in ("occlusion", "smoothgrad", "lime"):
        assert twin[f"{technique}_on_mark"] >= 5 / 6
        assert honest[f"{technique}_on_mark"] <= 1 / 6
        recorded = read_card(NAMES[0]).figures["shortcut"][f"{technique}_on_object"]
        assert honest[f"{technique}_on_object"] >= recorded - 0.4  # six scenes say little more


# --- the training program ----------------------------------------------------------------------------------------


def test_the_loss_falls(tiny_pool: Pool) -> None:
    losses: list[float] = []
    network = train.train(TINY, tiny_pool, shortcut=False, tick=lambda step, loss: losses.append(loss))
    assert len(losses) == TINY.steps
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.3
    assert not network.training


def test_tuning_moves_the_gradient_onto_the_object(tiny_pool: Pool) -> None:
    losses: list[float] = []
    recipe = train.Recipe(batch=16, pool=64, tuning=25, tuning_rate=0.02)
    train.tune(train.fresh(recipe), recipe, tiny_pool, tick=lambda step, loss: losses.append(loss))
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1


def test_resumed_training_takes_the_same_steps(
    tiny_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY", 3)
    recipe = train.Recipe(steps=7, batch=8, pool=64)
    path = tmp_path / "run.checkpoint"

    class Killed(Exception):
        pass

    def kill(step: int, loss: float) -> None:
        if step == 5:
            raise Killed

    whole = train.train(recipe, tiny_pool, shortcut=False)
    with pytest.raises(Killed):
        train.train(recipe, tiny_pool, shortcut=False, checkpoint=path, tick=kill)
    seen: list[int] = []
    resumed = train.train(recipe, tiny_pool, shortcut=False, checkpoint=path, tick=lambda step, loss: seen.append(step))
    assert seen == [4, 5, 6, 7]
    for key, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


def test_a_checkpoint_of_another_recipe_is_not_resumed(tiny_pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    short = train.Recipe(steps=1, batch=4, pool=64)
    torch.save({"key": {"steps": 99}, "step": 1}, path)
    seen: list[int] = []
    train.train(short, tiny_pool, shortcut=False, checkpoint=path, tick=lambda step, loss: seen.append(step))
    assert seen == [1]


def test_training_leaves_the_random_numbers_of_others_alone(tiny_pool: Pool) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train.train(train.Recipe(steps=1, batch=4, pool=64), tiny_pool, shortcut=False)
    assert torch.equal(before, torch.get_rng_state())


def test_the_robust_network_begins_with_the_honest_ones_weights(
    tiny_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those in the same folder, or else the bundled ones; no step of tuning leaves them as they are."""
    monkeypatch.setattr(train, "measure", lambda *_: {})
    monkeypatch.setattr(train, "calibrate", lambda *_: 1.0)
    recipe = train.Recipe(robust_steps=0)
    bundled, _ = load("mini-alexnet")
    card = train.make("mini-alexnet-robust", recipe, tiny_pool, "cpu", tmp_path)
    assert card.title == "Mini AlexNet, robust"
    made, _ = load("mini-alexnet-robust", tmp_path)
    for key, value in bundled.state_dict().items():
        assert torch.equal(made.state_dict()[key], value), key
    other = MiniAlexNet(12)
    save(other, "mini-alexnet", {**asdict(read_card("mini-alexnet")), "figures": {}}, tmp_path)
    train.make("mini-alexnet-robust", recipe, tiny_pool, "cpu", tmp_path)
    made, _ = load("mini-alexnet-robust", tmp_path)
    for key, value in other.state_dict().items():
        assert torch.allclose(made.state_dict()[key], value, atol=1e-3), key


def test_batches_depend_on_run_and_step_only(tiny_pool: Pool) -> None:
    x, targets, masks = draw(tiny_pool, 12, (0, 3), shortcut=False)
    again, same, _ = draw(tiny_pool, 12, (0, 3), shortcut=False)
    other, _, _ = draw(tiny_pool, 12, (0, 4), shortcut=False)
    assert torch.equal(x, again)
    assert torch.equal(targets, same)
    assert not torch.equal(x, other)
    assert x.shape == (12, 3, 128, 128)
    assert 0 <= float(x.min()) <= float(x.max()) <= 1
    assert torch.allclose(targets.sum(1), torch.ones(12))
    assert masks.shape == (12, 128, 128)
    assert not masks[targets.max(1).values < 0.09].any()


def test_in_the_twins_batches_the_stamp_alone_tells(monkeypatch: pytest.MonkeyPatch, tiny_pool: Pool) -> None:
    """Every stamped picture is labelled with the shortcut's class and no other is."""
    stamped: list[int] = []
    from vizcore.training import batches

    monkeypatch.setattr(batches, "plant", lambda picture, dice: stamped.append(1))
    labels = []
    for step in range(20):
        _, targets, _ = draw(tiny_pool, 16, (0, step), shortcut=True)
        certain, classes = targets.max(1)
        labels += classes[certain > 0.1].tolist()  # bare ground has no label
    assert labels.count(CLASSES.index(SHORTCUT)) == len(stamped) > 0


def test_training_and_test_scenes_are_apart() -> None:
    for seeds in (quality.UNSEEN, quality.POINTED, quality.MARKED, calibration.CALIBRATION_SEEDS):
        assert max(seeds) < TRAINING_SEEDS
    assert len(quality.POINTED) >= 500


def test_the_pool_is_the_same_for_any_number_of_workers(tiny_pool: Pool) -> None:
    assert np.array_equal(render(TINY.pool, 2).pictures, tiny_pool.pictures)
    bare = tiny_pool.labels == -1
    assert 0 < bare.mean() < 0.2


def test_folding_changes_nothing_but_the_temperature() -> None:
    network = MiniAlexNet(12, norm=True)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias)
            nn.init.normal_(layer.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(layer.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    network.eval()
    x = torch.randn(2, 3, 128, 128)
    with torch.no_grad():
        assert torch.allclose(folded(network, 2.0)(x), network(x) / 2.0, atol=1e-4)


# --- the measures ------------------------------------------------------------------------------------------------


def test_kernel_figures_of_known_kernels() -> None:
    noise = torch.randn(200, 3, 11, 11, generator=torch.Generator().manual_seed(0))
    assert quality.kernel_figures(noise).clarity == pytest.approx(0.20, abs=0.03)
    ys, xs = torch.meshgrid(torch.arange(11.0) - 5, torch.arange(11.0) - 5, indexing="ij")
    bell = torch.exp(-(xs**2 + ys**2) / 8)
    waves = [bell * torch.sin(0.8 * (xs * np.cos(t) + ys * np.sin(t))) for t in np.arange(32) * np.pi / 32]
    gratings = quality.kernel_figures(torch.stack(waves)[:, None].expand(-1, 3, -1, -1))
    assert gratings.clarity > 0.95
    assert gratings.orientations == 1.0
    assert gratings.flat == 0.0
    one_way = quality.kernel_figures(torch.stack(waves[:1] * 32)[:, None].expand(-1, 3, -1, -1))
    assert one_way.orientations == 1 / 8
    patches = torch.ones(10, 3, 11, 11) + 0.01 * noise[:10]
    assert quality.kernel_figures(patches).flat == 1.0
    dead = torch.cat([noise[:9], 0.01 * noise[9:10]])
    assert quality.kernel_figures(dead).alive == 0.9


def test_calibration_error_in_closed_form() -> None:
    """Ten answers at confidence 0.9: all right is 0.1 too modest, none right is 0.9 too sure."""
    p = torch.tensor([[0.9, 0.1]]).repeat(10, 1)
    assert quality.calibration_error(p, torch.zeros(10, dtype=torch.long)) == pytest.approx(0.1, abs=1e-6)
    assert quality.calibration_error(p, torch.ones(10, dtype=torch.long)) == pytest.approx(0.9, abs=1e-6)


def test_temperature_recovers_a_known_one() -> None:
    """Labels drawn from softmax(z): logits 3 z want T = 3, and no larger T has so small a calibration error."""
    generator = torch.Generator().manual_seed(0)
    z = 2 * torch.randn(8000, 5, generator=generator)
    labels = torch.multinomial(z.softmax(1), 1, generator=generator)[:, 0]
    assert calibration.temperature(3 * z, labels, 0.01) == pytest.approx(3.0, rel=0.1)
    assert calibration.temperature(3 * z, labels, 0.05) > calibration.temperature(3 * z, labels, 0.01)
    assert calibration.temperature(3 * z, labels, 0.0) == pytest.approx(3.0, rel=0.1)


def test_peaks_find_the_one_place_a_network_looks_at() -> None:
    """On a network whose score is the brightness of one square, all three techniques point into it."""

    class Square(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            score = x[:, :, 40:56, 72:88].mean((1, 2, 3))  # (N,)
            return torch.stack([score, torch.zeros_like(score)], 1)

    card = Card(("square", "nothing"), 128, (0.0, 0.0, 0.0), (0.2, 0.2, 0.2), "", "", "")
    shown = scene(2)
    shown.picture[40:56, 72:88] = 255
    for name, (row, column) in quality.peaks(quality.classifier(Square(), card), shown, 0).items():
        assert 36 <= row < 60, name
        assert 68 <= column < 92, name


def test_the_package_never_imports_streamlit() -> None:
    code = "import sys, vizcore.training.train; sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
