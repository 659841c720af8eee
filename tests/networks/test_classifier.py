"""The classifier: what it sees, what it answers, in which chunks, and what it leaves alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.conftest import Linear, linear_classifier, random_picture
from vizcore.networks import catalogue
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier, NetworkError, Preprocess, pick, pick_device
from vizcore.pictures import decoding


def test_logits_of_a_linear_network_are_the_scalar_products() -> None:
    clf = linear_classifier(mean=0.4, std=0.2)
    image = random_picture(clf)
    weights = clf.module.weights
    assert isinstance(weights, Tensor)
    expected = ((image - 0.4) / 0.2 * weights).sum(dim=(1, 2, 3))
    torch.testing.assert_close(clf.logits(image[None])[0], expected)


def test_normalise_and_denormalise_are_inverse() -> None:
    clf = linear_classifier(mean=0.4, std=0.2)
    x = random_picture(clf)[None]
    torch.testing.assert_close(clf.denormalise(clf.normalise(x)), x)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_scores_do_not_depend_on_the_chunk(linear: Classifier, batch_size: int) -> None:
    x = torch.rand(7, *linear.input_shape)
    linear.batch_size = batch_size
    torch.testing.assert_close(linear.scores(x, 1), linear.logits(x).softmax(1)[:, 1])
    torch.testing.assert_close(linear.scores(x, 1, "logit"), linear.logits(x)[:, 1])


def test_scores_of_no_picture_are_none(linear: Classifier) -> None:
    assert linear.scores(torch.zeros(0, *linear.input_shape), 0).shape == (0,)


class Greedy(nn.Module):
    """Runs out of memory on more than ``limit`` pictures at once, and counts those that it answered."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit, self.answered = limit, 0

    def forward(self, z: Tensor) -> Tensor:
        if len(z) > self.limit:
            raise torch.OutOfMemoryError("pretended")
        self.answered += len(z)
        return z.mean(dim=(2, 3))


def test_out_of_memory_halves_the_chunk_and_loses_nothing() -> None:
    network = Greedy(limit=3)
    clf = Classifier(network, Preprocess((4, 4), (0.0,) * 3, (1.0,) * 3), ["r", "g", "b"])
    clf.batch_size, network.answered = 16, 0
    x = torch.rand(20, 3, 4, 4)
    torch.testing.assert_close(clf.all_scores(x, "logit"), x.mean(dim=(2, 3)))
    assert clf.batch_size == 2
    assert network.answered == 20


def test_out_of_memory_on_a_single_picture_is_reported() -> None:
    network = Greedy(limit=1)
    clf = Classifier(network, Preprocess((4, 4), (0.0,) * 3, (1.0,) * 3), ["r", "g", "b"])
    network.limit = 0
    with pytest.raises(torch.OutOfMemoryError):
        clf.all_scores(torch.rand(2, 3, 4, 4))


def test_gradient_flows_to_the_picture_and_not_to_the_weights(
    linear: Classifier, unchanged: Callable[[Classifier], Callable[[], None]]
) -> None:
    verify = unchanged(linear)
    x = random_picture(linear)[None].requires_grad_()
    pick(linear.logits(x), 2, "logit").sum().backward()
    weights = linear.module.weights
    assert isinstance(weights, Tensor)
    assert x.grad is not None
    torch.testing.assert_close(x.grad[0], weights[2])
    verify()


def test_top_is_sorted(linear: Classifier) -> None:
    best = linear.top(random_picture(linear), 5)
    assert len(best) == 3
    assert [p for _, p in best] == sorted((p for _, p in best), reverse=True)
    assert sum(p for _, p in best) == pytest.approx(1.0, abs=1e-6)


def test_shared_between_threads_every_answer_is_its_own(linear: Classifier) -> None:
    pictures = [random_picture(linear, seed) for seed in range(8)]
    expected = [linear.scores(p[None], 0) for p in pictures]
    wrong: list[int] = []

    def ask(k: int) -> None:
        for _ in range(50):
            if not torch.allclose(linear.scores(pictures[k][None], 0), expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_names_must_match_the_answers() -> None:
    with pytest.raises(ValueError, match=r"answers with shape \(1, 3\) but 2 class names"):
        Classifier(Linear(torch.zeros(3, 3, 4, 4)), Preprocess((4, 4), (0.0,) * 3, (1.0,) * 3), ["a", "b"])


@pytest.mark.parametrize("target", [-1, 3])
def test_unknown_target_is_named(linear: Classifier, target: int) -> None:
    with pytest.raises(ValueError, match=f"target is {target}; accepted: a class index from 0 to 2"):
        linear.scores(random_picture(linear)[None], target)


def test_picture_of_another_network_is_refused(linear: Classifier) -> None:
    with pytest.raises(ValueError, match="image has shape"):
        linear.check_image(torch.zeros(3, 5, 5))
    with pytest.raises(ValueError, match="accepted: 0 to 1"):
        linear.check_image(random_picture(linear) * 300)
    with pytest.raises(ValueError, match="accepted: 0 to 1"):
        linear.check_image(random_picture(linear) * float("nan"))


def test_checksum_tells_networks_apart() -> None:
    assert linear_classifier(seed=0).checksum == linear_classifier(seed=0).checksum
    assert linear_classifier(seed=0).checksum != linear_classifier(seed=1).checksum


def test_grey_non_square_networks_see_grey_pictures() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
    clf = Classifier(network, Preprocess((28, 20), (0.5,), (0.5,)), [str(k) for k in range(10)])
    pixels = clf.pixels(Image.fromarray(np.full((40, 90, 3), (255, 0, 0), np.uint8)))
    assert pixels.shape == (1, 28, 20)
    torch.testing.assert_close(pixels, torch.full((1, 28, 20), 76 / 255))
    assert clf.top(pixels)


@pytest.mark.parametrize("size", [(1, 1), (3, 1000), (1000, 3), (128, 128), (300, 200)])
def test_pictures_of_any_shape_fill_the_input(size: tuple[int, int]) -> None:
    clf = linear_classifier(size=(24, 32))
    pixels = clf.pixels(Image.new("RGB", size, (10, 20, 30)))
    assert pixels.shape == (3, 24, 32)
    torch.testing.assert_close(pixels[:, 5, 5], torch.tensor([10, 20, 30]) / 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_path_bytes_and_a_picture_of_pillows_are_seen_alike(tmp_path: Path, channels: int) -> None:
    network = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    clf = Classifier(network, Preprocess((20, 28), (0.5,) * channels, (0.5,) * channels), ["a", "b"])
    ramp = Image.fromarray(np.tile(np.linspace(0, 65535, 90), (60, 1)).astype(np.uint16))
    ramp.save(tmp_path / "ramp.png")
    path = tmp_path / "ramp.png"
    seen = [clf.pixels(one) for one in (path, str(path), path.read_bytes(), Image.open(path), ramp)]
    for one in seen:
        assert torch.equal(one, seen[0])
    assert float(seen[0].mean()) == pytest.approx(0.5, abs=0.01), "Pillow alone clips it to white"


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_plain_picture_is_seen_as_it_is(mode: str) -> None:
    clf = linear_classifier(size=(24, 32))
    noise = np.random.default_rng(0).integers(0, 256, (70, 1600, 3), dtype=np.uint8)
    plain = Image.fromarray(noise).convert(mode)
    assert torch.equal(clf.pixels(plain), clf.preprocess.pixels(plain))


def test_what_is_no_picture_is_refused_with_the_pages_sentence(linear: Classifier, tmp_path: Path) -> None:
    (tmp_path / "diary.png").write_text("Dear diary, this is not a picture.")
    for one in (tmp_path / "diary.png", b"Dear diary, this is not a picture."):
        with pytest.raises(decoding.PictureError, match="This is a text file, not a picture; JPEG, PNG"):
            linear.pixels(one)


def test_device_is_the_best_there_is_unless_named() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert pick_device("auto").type == best


@pytest.mark.parametrize(("hidden", "pictures"), [(2, 8), (25, 16), (100, 32), (10_000, 32)])
def test_more_pictures_go_at_once_while_they_have_few_activations_beside_the_weights(
    hidden: int, pictures: int
) -> None:
    before = (nn.Conv2d(3, 4, 4, stride=32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())  # 3, 4 x 49, 4 x 9 numbers
    network = nn.Sequential(*before, nn.Linear(36, hidden), nn.Linear(hidden, 2))
    clf = Classifier(network, Preprocess((224, 224), (0.5,) * 3, (0.5,) * 3), ["no", "yes"])
    weights, kept = sum(one.numel() for one in network.parameters()), clf.passes.kept
    assert kept is not None
    assert clf.batch_size == pictures
    assert pictures == 8 or pictures // 2 * kept < 6 * weights
    assert pictures == 32 or pictures * kept >= 6 * weights


def test_a_batch_is_not_made_larger_than_memory_should_bear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vizcore.networks.batches._MOST", 1000)
    network = nn.Sequential(nn.Conv2d(3, 4, 8, stride=32), nn.ReLU(), nn.Flatten(), nn.Linear(196, 1000))
    clf = Classifier(network, Preprocess((224, 224), (0.5,) * 3, (0.5,) * 3), [str(i) for i in range(1000)])
    assert clf.batch_size == 8


def test_catalogue_is_complete_and_unknown_names_are_refused() -> None:
    names = catalogue.names()
    assert names[0] == "mini-alexnet"
    assert set(names) >= {
        "alexnet", "vgg16", "resnet18", "resnet50", "squeezenet1_0", "googlenet", "mobilenet_v3_large", "convnext_tiny",
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"no network called 'lenet'; accepted: mini-alexnet"):
        load("lenet")


def test_an_answer_whose_sum_overflows_is_finite_and_one_with_infinities_is_not(linear: Classifier) -> None:
    assert torch.equal(linear.finite(torch.full((1, 9), 3e38)), torch.full((1, 9), 3e38))
    for wrong in (torch.inf, -torch.inf, torch.nan):
        with pytest.raises(NetworkError, match="infinite"):
            linear.finite(torch.tensor([[1.0, wrong, torch.inf]]))


def test_the_checksum_follows_a_change_of_the_weights() -> None:
    clf = linear_classifier()
    before = clf.checksum
    assert clf.checksum == before
    with torch.no_grad():
        clf.module.weights.mul_(2)
    assert clf.checksum != before
