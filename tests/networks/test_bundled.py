"""The bundled networks: the committed weights belong to their cards and give the recorded figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from vizcore.networks.bundled.network import FOLDER, NAMES, Card, MiniAlexNet, load, read_card, save
from vizcore.pictures.scenes import CLASSES
from vizcore.training import quality, robustness
from vizcore.training.recipe import Recipe


@pytest.mark.parametrize("name", NAMES)
def test_card_and_weights_belong_together(name: str) -> None:
    network, card = load(name)
    assert card.classes == CLASSES
    assert card.input_size == 128
    assert not network.training
    assert all(p.dtype == torch.float32 for p in network.parameters())
    assert network(torch.zeros(2, 3, 128, 128)).shape == (2, len(CLASSES))
    assert (FOLDER / f"{name}.pt").stat().st_size < 12e6


@pytest.mark.parametrize("name", NAMES)
def test_only_ordinary_layers(name: str) -> None:
    """What a tracer, a hook or an occlusion shortcut can take apart."""
    network, _ = load(name)
    allowed = (nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.Flatten, nn.Dropout, nn.Linear, nn.Sequential, MiniAlexNet)
    assert all(isinstance(layer, allowed) for layer in network.modules())
    assert not any(layer.inplace for layer in network.modules() if isinstance(layer, nn.ReLU))
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    assert (first.out_channels, first.kernel_size, first.stride) == (64, (11, 11), (4, 4))
    x = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.fx.symbolic_trace(network)(x), network(x))


@pytest.mark.parametrize("name", NAMES)
def test_recorded_kernel_figures(name: str) -> None:
    network, card = load(name)
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    measured = quality.kernel_figures(first.weight)
    for key, value in card.figures["kernels"].items():
        assert getattr(measured, key) == pytest.approx(value, abs=1e-3)
    assert measured.clarity >= (0.88 if name == "mini-alexnet" else 0.85)
    assert measured.alive >= 0.9
    assert measured.flat <= 0.1


def test_recorded_answers() -> None:
    """300 unseen scenes against the recorded share over 2000: three standard errors of a share near 0.98, 0.9."""
    network, card = load("mini-alexnet")
    clf = quality.classifier(network, card)
    recorded = card.figures["answers"]
    measured = quality.answer_figures(clf, quality.UNSEEN[:300])
    assert recorded["accuracy"] >= 0.98
    assert recorded["accuracy_corrupted"] >= 0.9
    assert recorded["calibration_error"] < 0.05
    assert measured["accuracy"] == pytest.approx(recorded["accuracy"], abs=0.025)
    assert measured["accuracy_corrupted"] == pytest.approx(recorded["accuracy_corrupted"], abs=0.055)
    assert measured["calibration_error"] < 0.05
    assert measured["mean_confidence"] < 0.995


def test_the_robust_network_withstands_what_misleads_the_honest_one() -> None:
    """24 unseen scenes, changed by the radius that it was trained for, against the recorded shares over 200."""
    seeds, radius = robustness.ATTACKED[:24], Recipe().robust_radius
    share, cosine = {}, {}
    for name in (NAMES[0], "mini-alexnet-robust"):
        network, card = load(name)
        clf = quality.classifier(network, card)
        share[name] = robustness.robust_accuracy(clf, radius, seeds, steps=8)
        cosine[name] = robustness.gradient_figures(clf, seeds)["cosine"]
        if name != NAMES[0]:
            recorded = card.figures
            assert robustness.robust_accuracy(clf, 0.0, seeds) >= recorded["answers"]["accuracy"] - 0.1
            assert share[name] == pytest.approx(recorded["robust"][f"accuracy_at_{radius:g}"], abs=0.3)
    honest, robust = share
    assert share[robust] > share[honest] + 0.3
    assert cosine[robust] > 1.5 * cosine[honest]


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    for suffix in (".pt", ".json"):
        (tmp_path / f"{NAMES[0]}{suffix}").write_bytes((FOLDER / f"{NAMES[0]}{suffix}").read_bytes())
    path = tmp_path / f"{NAMES[0]}.pt"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match="damaged"):
        load(NAMES[0], tmp_path)
    with pytest.raises(ValueError, match="no bundled network 'resnet'"):
        read_card("resnet")


def test_saved_networks_come_back(tmp_path: Path) -> None:
    network = MiniAlexNet(12)
    card = {"classes": CLASSES, "input_size": 128, "mean": (0.5,) * 3, "std": (0.2,) * 3, "title": "t", "summary": "s"}
    written = save(network, NAMES[0], card, tmp_path)
    assert isinstance(written, Card)
    back, _ = load(NAMES[0], tmp_path)
    for key, value in network.state_dict().items():
        assert torch.allclose(back.state_dict()[key], value, rtol=1e-3, atol=1e-6)
    assert json.loads((tmp_path / f"{NAMES[0]}.json").read_text())["sha256"] == written.sha256
