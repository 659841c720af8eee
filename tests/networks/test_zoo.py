"""torchvision's networks load with the weights, the preprocessing and the class names that torchvision gives them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from vizcore.networks import catalogue, zoo
from vizcore.networks.classifier import Classifier
from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.networks.weights import WeightsError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of weights of the test's own; no cache, and nothing on the network answers."""
    monkeypatch.setenv("VIZCORE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    yield tmp_path
    for file in tmp_path.glob("*.pth"):
        file.unlink()


def random_state(name: str, seed: int = 0) -> dict[str, Tensor]:
    """Random weights of the shapes of network ``name``, as its published file has them.

    Nearly every tensor repeats one random slice, in memory and on disk: VGG16's take kilobytes instead of 528 MB.
    """
    generator = torch.Generator().manual_seed(seed)
    options = {"aux_logits": True, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        shapes = getattr(torchvision_models(), name)(weights=None, **options).state_dict()
    state = {}
    for key, value in shapes.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
            continue
        fan = max(1, value[0].numel()) if value.ndim > 1 else 1
        varied = torch.randn(
            (1,) * min(1, value.ndim - 1) + value.shape[-1 if value.ndim == 1 else 1 :], generator=generator
        )
        varied = varied.abs() + 0.5 if key.endswith(("running_var", "block.0.weight")) else varied * (2 / fan) ** 0.5
        # ConvNeXt's linear layers take minutes where oneDNN has to step over memory that repeats itself.
        state[key] = varied.expand(value.shape).clone() if name == "convnext_tiny" else varied.expand(value.shape)
    return state


def gradient_picture(width: int, height: int) -> Image.Image:
    """Noise, so that a shift by a fraction of a pixel is seen."""
    noise = np.random.default_rng(width * 10_000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize("name", zoo.NAMES)
def test_every_network_loads_and_answers_as_torchvisions_own(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = random_state(name)
    torch.save(state, folder / f"{name}.pth")
    assert zoo.entry(name).on_disk
    loaded = catalogue.load(name, device="cpu")
    assert loaded.name == name
    assert loaded.title == zoo.entry(name).title
    assert len(loaded.classes) == 1000
    assert loaded.classes[281] == "tabby"
    picture = gradient_picture(320, 240)
    pixels = loaded.pixels(picture)
    answer = loaded.logits(pixels[None])
    assert answer.shape == (1, 1000)
    assert torch.isfinite(answer).all()
    assert all(not parameter.is_meta for parameter in loaded.module.parameters())
    assert loaded.first_convolution().in_channels == 3
    if name in ("alexnet", "vgg16"):
        return  # torchvision itself would allocate and initialise all their weights
    from torchvision.models import _api

    monkeypatch.setattr(_api, "load_state_dict_from_url", lambda *_, **__: dict(state))
    published = getattr(torchvision_models(), name)(weights="DEFAULT").eval()
    own = zoo.metadata(name).transforms()(picture)
    with torch.no_grad():
        expected = published(own[None])
    assert float(expected.std()) > 0
    assert torch.allclose(answer, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("name", zoo.NAMES)
def test_pixels_are_those_of_torchvisions_transforms(name: str) -> None:
    meta = zoo.metadata(name)
    transform, preprocess = meta.transforms(), zoo.preprocess_of(meta)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (preprocess.mean, preprocess.std))
    for size in [(224, 224), (256, 256), (232, 300), (640, 427), (427, 641), (1, 1), (3, 2), (37, 1000), (900, 15)]:
        picture = gradient_picture(*size)
        pixels = preprocess.pixels(picture)
        assert pixels.shape == (3, 224, 224)
        assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
        assert torch.allclose((pixels - mean) / std, transform(picture), atol=1e-5), size


def test_a_long_strip_is_not_blown_up_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    areas = []
    original = Image.Image.resize

    def resize(self: Image.Image, size: tuple[int, int], *rest: Any, **options: Any) -> Image.Image:
        areas.append(size[0] * size[1])
        return original(self, size, *rest, **options)

    monkeypatch.setattr(Image.Image, "resize", resize)
    preprocess = zoo.preprocess_of(zoo.metadata("alexnet"))
    for size in [(100_000, 1), (2, 100_000)]:
        pixels = preprocess.pixels(Image.new("RGB", size, (255, 0, 51)))
        assert torch.allclose(pixels, torch.tensor([1.0, 0.0, 0.2]).view(3, 1, 1).expand(3, 224, 224))
    assert max(areas) < 5_000_000


@pytest.mark.parametrize("name", zoo.NAMES)
def test_what_the_catalogue_says_is_what_torchvision_knows(name: str) -> None:
    entry, meta = zoo.entry(name), zoo.metadata(name)
    assert zoo.HOST + zoo._NETWORKS[name].file == meta.url
    assert entry.megabytes == meta.meta["_file_size"]
    assert not entry.on_disk
    assert entry.summary.endswith(".")
    assert "\n" not in entry.summary


def test_the_catalogue_needs_no_torchvision() -> None:
    code = (
        "import sys\nfrom vizcore.networks import catalogue, zoo\n"
        "assert catalogue.names()[-8:] == zoo.NAMES\n"
        "assert all(zoo.entry(name).title for name in zoo.NAMES)\n"
        "assert 'torchvision' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_threads_may_import_torchvision_at_once() -> None:
    code = (
        "import threading\nfrom vizcore.networks.installed_torchvision import torchvision_models\n"
        "found = []\n"
        "threads = [threading.Thread(target=lambda: found.append(torchvision_models())) for _ in range(4)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "assert len(found) == 4 and len(set(map(id, found))) == 1\n"
        "import torch, torchvision\n"
        "assert hasattr(torch.ops.torchvision, 'nms')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_a_torchvision_that_cannot_be_imported_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    torchvision_models()  # where its operators are missing they are declared now
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(WeightsError, match=r"torchvision does not fit .*requirements\.txt"):
        zoo.metadata("alexnet")


def test_googlenet_also_takes_weights_without_the_training_heads() -> None:
    state = {key: value for key, value in random_state("googlenet").items() if not key.startswith("aux")}
    module = zoo.build("googlenet", state).eval()
    assert module(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)


def test_weights_of_another_network_are_named(folder: Path) -> None:
    torch.save(random_state("squeezenet1_0"), folder / "resnet18.pth")
    with pytest.raises(WeightsError, match=r"resnet18\.pth does not fit ResNet: it lacks conv1\.weight, bn1\.weight, "):
        zoo.load("resnet18", "cpu")


def test_without_weights_and_network_the_user_learns_what_to_do(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    with pytest.raises(WeightsError, match="The weights of squeezenet1_0 could not be downloaded"):
        zoo.load("squeezenet1_0", "cpu", lambda *call: calls.append(call), host="http://127.0.0.1:9/")
    assert calls[0] == (0, round(4.778 * 2**20)), "the size is known before the first byte"


@pytest.mark.parametrize("function", [zoo.entry, zoo.load, zoo.fetch, zoo.metadata])
def test_unknown_names_are_refused(function: Any) -> None:
    with pytest.raises(ValueError, match=r"name is 'resnet19'; accepted: one of alexnet, vgg16, resnet18"):
        function("resnet19")


@pytest.mark.squeezenet
def test_the_real_squeezenet_recognises_real_photographs(squeezenet: Classifier, photographs: Path) -> None:
    known = 0
    for path in sorted(photographs.glob("*.JPEG")):
        name = path.stem.split("_", 1)[1].replace("_", " ")
        with Image.open(path) as picture:
            known += name in [squeezenet.classes[index] for index, _ in squeezenet.top(squeezenet.pixels(picture))]
    assert known == 8


TWICE = """
import types, sys
import torch
calls = []
broken = types.ModuleType("torchvision")

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "torchvision":
            return None
        from importlib.machinery import ModuleSpec
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        # As torchvision does: load what was compiled, and stop where an operator is not there.
        if module.__name__ == "torchvision":
            try:
                calls.append("load")
                torch.ops.load_library("/nowhere/torchvision/_C_stable.so")
            except OSError as error:
                calls.append(str(error))
            torch.library.register_fake("torchvision::nms")(lambda *inputs: inputs[0])

sys.meta_path.insert(0, Finder())
loading = torch.ops.load_library
from vizcore.networks.installed_torchvision import torchvision_models
models = torchvision_models()
assert models.__name__ == "torchvision.models" and torchvision_models() is models
assert calls[0] == "load" and len(calls) == 4, calls
assert "compiled for another torch" not in calls[1] and "compiled for another torch" in calls[3], calls
assert torch.ops.load_library == loading
"""


def test_a_library_of_torchvision_is_not_loaded_beside_declarations_that_it_repeats() -> None:
    subprocess.run([sys.executable, "-c", TWICE], check=True, cwd=Path(__file__).parents[2])
