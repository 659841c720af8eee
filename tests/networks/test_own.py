"""Networks of one's own: every file that fits is used, every other one gets a sentence, and none is ever run."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.helpers import networks
from vizcore.jobs.run import Run
from vizcore.networks import architectures, catalogue, own, weights
from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.networks.own import Design
from vizcore.networks.preprocessing import Preprocess, for_unit_pixels
from vizcore.networks.weights import WeightsError
from vizcore.techniques import gradcam, lime, maximize, occlusion, saliency

SMALL = Design("squeezenet1_1", size=(64, 80))


def state_of(design: Design = SMALL, classes: int = 5) -> dict[str, torch.Tensor]:
    """Weights of a network that fits ``design``, from a seed."""
    generator = torch.Generator().manual_seed(0)
    module = architectures.blank(design.architecture, classes, design.size, len(design.mean))
    shapes = {key: value.shape for key, value in module.state_dict().items()}
    state = {
        key: 0.05 * torch.randn(shape, generator=generator) if shape else torch.zeros(shape, dtype=torch.int64)
        for key, shape in shapes.items()
    }
    return {key: value.abs() + 0.5 if key.endswith("running_var") else value for key, value in state.items()}


def saved(content: object, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def refusal(data: bytes, design: Design = SMALL) -> str:
    with pytest.raises(WeightsError) as caught:
        own.network(data, design, source="net.pth", device="cpu")
    return str(caught.value)


def test_the_architectures_are_torchvisions() -> None:
    models = torchvision_models()
    assert sorted(architectures.NAMES) == sorted(models.list_models(module=models))


@pytest.mark.parametrize("name", ["regnet_y_400mf", "googlenet", "inception_v3", "swin_t", "vit_b_32", "densenet121"])
def test_blank_networks_take_no_memory_and_end_in_the_classes(name: str) -> None:
    module = architectures.blank(name, 7)
    tensors = [*module.parameters(), *module.buffers()]
    assert {one.device.type for one in tensors} == {"meta"}
    assert {key for key, _ in module.named_buffers()} <= set(module.state_dict())
    assert [value.shape[0] for value in module.state_dict().values() if value.dim() > 1][-1] == 7
    assert not [key for key in module.state_dict() if key.lower().startswith("aux")]


def test_grey_architectures_have_a_first_layer_of_one_channel() -> None:
    module = architectures.blank("resnet18", 3, channels=1)
    first = next(layer for layer in module.modules() if isinstance(layer, nn.Conv2d))
    assert tuple(first.weight.shape) == (64, 1, 7, 7)
    assert (first.stride, first.padding, first.bias) == ((2, 2), (3, 3), None)


def test_a_network_answers_as_the_same_one_built_by_hand() -> None:
    state = state_of()
    clf = own.network(saved(state), SMALL, title="Mine", device="cpu")
    module = torchvision_models().squeezenet1_1(weights=None, num_classes=5).eval()
    module.load_state_dict(state)
    x = torch.rand(2, 3, 64, 80, generator=torch.Generator().manual_seed(1))
    z = (x - torch.tensor(own.MEAN).view(3, 1, 1)) / torch.tensor(own.STD).view(3, 1, 1)
    with torch.no_grad():
        assert torch.allclose(clf.logits(x), module(z), atol=1e-5)
    assert clf.classes == [f"class {k}" for k in range(5)], "as many as the file has"
    assert clf.title == "Mine"
    assert clf.name == f"own:{clf.checksum[:12]}"


def test_files_of_every_accepted_kind_give_the_same_network(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    state = state_of()
    first = state["features.0.weight"]
    kinds = {
        "new": saved(state),
        "legacy": saved(state, _use_new_zipfile_serialization=False),
        "safetensors": safetensors.save(state),
        "checkpoint": saved({"epoch": 3, "state_dict": state, "lr": 0.1}),
        "parallel": saved({f"module.{key}": value for key, value in state.items()}),
        "both": saved({"model_state_dict": {f"module.{key}": value for key, value in state.items()}, "loss": 0.5}),
        "half": saved({key: value.half() for key, value in state.items()}),
    }
    for kind, data in kinds.items():
        clf = own.network(data, SMALL, device="cpu")
        assert torch.allclose(clf.module.state_dict()["features.0.weight"], first, atol=1e-4), kind
        assert next(clf.module.parameters()).dtype == torch.float32


def test_the_normalisation_and_the_names_are_part_of_the_identity() -> None:
    data = saved(state_of())
    other = Design("squeezenet1_1", size=(64, 80), mean=(0.5,) * 3)
    named = Design("squeezenet1_1", size=(64, 80), classes=tuple("abcde"))
    made = [own.network(data, design, device="cpu") for design in (SMALL, SMALL, other, named)]
    made.append(own.network(data, SMALL, title="other", device="cpu"))
    assert made[0].checksum == made[1].checksum
    assert len({clf.checksum for clf in made}) == 4
    assert made[3].classes == list("abcde")


def test_the_number_of_classes_is_compared_with_the_last_layer() -> None:
    data = saved(state_of(classes=5))
    text = refusal(data, Design("squeezenet1_1", size=(64, 80), count=37))
    assert "classifier.1.weight has the shape (5, 512, 1, 1) where (37, 512, 1, 1) is needed" in text
    assert text.endswith("Its last layer, classifier.1.weight, has 5 outputs: set the number of classes to 5.")
    names = Design("squeezenet1_1", size=(64, 80), classes=("cat", "dog"))
    assert "set the number of classes to 5" in refusal(data, names)


def test_what_does_not_fit_is_named_with_both_shapes() -> None:
    state = state_of()
    for key in ("features.0.bias", "features.3.squeeze.bias", "features.3.squeeze.weight", "features.4.squeeze.bias"):
        del state[key]
    state |= {"extra": torch.ones(1), "features.0.weight": torch.ones(64, 1, 3, 3)}
    text = refusal(saved(state))
    assert "it lacks features.0.bias, features.3.squeeze.weight, features.3.squeeze.bias and 1 more" in text
    assert "it also has extra" in text
    assert "features.0.weight has the shape (64, 1, 3, 3) where (64, 3, 3, 3) is needed" in text
    assert "does not fit ResNet" in refusal(saved(state_of()), Design("resnet18"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_named(value: float) -> None:
    state = state_of()
    state["features.0.bias"][3] = value
    assert "has values in features.0.bias that are infinite or no numbers (NaN)" in refusal(saved(state))


def test_weights_whose_answers_are_no_numbers_are_refused() -> None:
    state = {key: value * 1e30 for key, value in state_of().items()}
    assert "answers with numbers that are infinite or none at all" in refusal(saved(state))


@pytest.mark.parametrize(
    ("design", "says"),
    [
        (Design("os.system"), "no architecture called 'os.system'"),
        (Design("resnet18", size=(8, 224)), "8 × 224 pixels; accepted: 16 to 512"),
        (Design("resnet18", size=(224, 10**6)), "accepted: 16 to 512"),
        (Design("resnet18", mean=(0.5, 0.5)), "2 means and 3 deviations"),
        (Design("resnet18", mean=(0.5,) * 2, std=(0.5,) * 2), "2 means and 2 deviations"),
        (Design("resnet18", mean=own.numbers_of("a, b, c")), "no number"),
        (Design("resnet18", std=(0.0, 1.0, 1.0)), "not above 0"),
        (Design("resnet18", count=10**6), "not within 1 and"),
        (Design("resnet18", count=-1), "not within 1 and"),
        (Design("resnet18", count=2, classes=("one",)), "1 class names for 2 classes"),
        (Design("vit_b_32", size=(224, 256)), "takes square pictures only"),
        (Design("vit_b_32", size=(100, 100)), "vit_b_32 cannot take pictures of 100 × 100 pixels"),
        (Design("vit_h_14"), "million parameters; accepted: up to 100 million"),
    ],
)
def test_designs_that_cannot_be_are_refused(design: Design, says: str) -> None:
    assert says in refusal(saved({"a": torch.ones(1)}), design)


def test_an_input_that_is_too_small_is_named() -> None:
    small = Design("alexnet", size=(16, 16))
    module = architectures.blank("alexnet", 1, (16, 16))
    state = {key: torch.zeros(()).expand(value.shape) for key, value in module.state_dict().items()}
    assert "alexnet cannot take pictures of 16 × 16 pixels" in refusal(saved(state), small)


def test_an_index_beyond_its_table_is_found_on_the_cpu() -> None:
    design = Design("swin_t", size=(64, 64))
    state = state_of(design)
    key = next(key for key in state if key.endswith("relative_position_index"))
    state[key] = torch.full(state[key].shape, 10**9)
    assert "swin_t cannot take" in refusal(saved(state), design)


class Trap:
    """A pickle that creates a file when it is read without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("kind", ["new", "legacy", "plain", "nested"])
def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path: Path, kind: str) -> None:
    proof = tmp_path / "proof"
    content = {**state_of(), "trap": Trap(proof)}
    data = {
        "new": lambda: saved(content),
        "legacy": lambda: saved(content, _use_new_zipfile_serialization=False),
        "plain": lambda: pickle.dumps(Trap(proof), protocol=2),
        "nested": lambda: saved({"state_dict": state_of(), "optimizer": Trap(proof)}),
    }[kind]()
    assert "net.pth" in refusal(data)
    assert not proof.exists()
    pickle.loads(pickle.dumps(Trap(proof))).close()  # noqa: S301 - the proof that the trap is one
    assert proof.exists()


def test_an_archive_that_grows_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("archive/data/0", bytes(200 * 2**20))
    assert len(file.getvalue()) < 2**20
    assert "compressed archive" in refusal(file.getvalue())


def test_endless_instructions_are_given_up() -> None:
    loop = b"\x80\x02" + b"N" * 3_000_000 + b"}."
    head = saved({}, _use_new_zipfile_serialization=False)
    body = head.index(b"}", head.index(b"little_endian"))  # behind the magic number, the version and the system's sizes
    begin = head.rindex(b"\x80\x02", 0, head.rindex(b"\x80\x02"))
    assert begin > body
    with pytest.raises(WeightsError) as caught:
        weights.parse(head[:begin] + loop, "net.pth")
    assert "more instructions" in str(caught.value.__cause__)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", loop)
    assert "damaged" in refusal(file.getvalue())


def test_an_archive_that_promises_more_values_than_it_has_is_refused() -> None:
    whole = saved({"a": torch.zeros(1000)})
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            entry = source.read(name)
            if name.endswith("data.pkl"):
                assert b"M\xe8\x03" in entry
                entry = entry.replace(b"M\xe8\x03", b"J" + struct.pack("<i", 500_000_000))
            target.writestr(name, entry)
    assert "damaged" in refusal(file.getvalue())


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 10**12]}},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]}},
        {"a": {"dtype": "F99", "shape": [4], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [2**63, 2], "data_offsets": [0, 16]}},
    ],
)
def test_headers_of_safetensors_that_lie_are_refused(header: dict[str, Any]) -> None:
    text = json.dumps(header).encode()
    assert "damaged" in refusal(struct.pack("<Q", len(text)) + text + bytes(16))
    assert "damaged" in refusal(struct.pack("<Q", 2**62) + text + bytes(16))


def test_a_tensor_that_repeats_one_value_takes_no_room_unless_it_fits() -> None:
    file = saved({"features.0.weight": torch.zeros(1).expand(10**6, 10**6)})
    assert len(file) < 10_000
    assert "has the shape (1000000, 1000000)" in refusal(file)


def test_complex_weights_are_refused() -> None:
    state: dict[str, Any] = {**state_of(), "features.0.bias": torch.zeros(64, dtype=torch.complex64)}
    assert "plain tensors" in refusal(saved(state))


def test_large_files_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIZCORE_OWN_MEGABYTES", "1")
    assert own.most_bytes() == 2**20
    monkeypatch.setattr(weights, "parse", lambda *_: pytest.fail("it was read"))
    assert "net.pth has 2 MB; accepted: up to 1 MB." in refusal(bytes(2**21))
    monkeypatch.setenv("VIZCORE_OWN_MEGABYTES", "a lot")
    assert own.most_bytes() == 400 * 2**20


def test_numbers_are_read_from_a_text() -> None:
    assert own.numbers_of("(0.5; 0.25 0.1)") == (0.5, 0.25, 0.1)
    assert own.numbers_of("0.5,0.25,0.1") == own.numbers_of("0.5, 0.25, 0.1") == (0.5, 0.25, 0.1)
    assert own.numbers_of("0,5; 0,25; 0,1") == own.numbers_of("[0,5, 0,25, 0,1]") == (0.5, 0.25, 0.1)
    assert own.numbers_of("1,1,1") == own.numbers_of("1, 1, 1") == (1.0, 1.0, 1.0)
    assert own.numbers_of("0,5") == (0.5,)
    assert own.numbers_of(" ; ,") == ()


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(24, 3, 8, 8, generator=generator)
    return nn.functional.interpolate(small, size=(96, 96), mode="bilinear")  # (24,3,8,8) -> (24,3,96,96)


@pytest.fixture(scope="module")
def scratch(pictures: torch.Tensor) -> nn.Module:
    """GoogLeNet as somebody gets it who trains from scratch, with statistics of its own."""
    torch.manual_seed(0)
    module: nn.Module = torchvision_models().googlenet(
        weights=None, num_classes=4, aux_logits=False, init_weights=False
    )
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None
            layer.reset_running_stats()
    module.train()
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.eval()
    with torch.no_grad():
        module(normalised(pictures))
    return module.eval()


def normalised(pictures: torch.Tensor) -> torch.Tensor:
    return (pictures - torch.tensor(own.MEAN).view(3, 1, 1)) / torch.tensor(own.STD).view(3, 1, 1)


@pytest.mark.parametrize("rescaling", [True, False])
def test_the_design_says_whether_googlenet_rescales_its_input(
    scratch: nn.Module, pictures: torch.Tensor, rescaling: bool
) -> None:
    assert scratch.transform_input is False  # torchvision's default without weights
    design = Design("googlenet", (96, 96), transform_input=rescaling)
    clf = own.network(saved(scratch.state_dict()), design, device="cpu")
    scratch.transform_input = rescaling
    try:
        with torch.no_grad():
            right = scratch(normalised(pictures))
    finally:
        scratch.transform_input = False
    assert torch.allclose(clf.all_scores(pictures, "logit"), right, atol=1e-4)
    assert clf.summary == ""


def test_what_is_assumed_of_the_input_is_said(scratch: nn.Module) -> None:
    data = saved(scratch.state_dict())
    with pytest.warns(UserWarning, match="googlenet was trained with transform_input; True is assumed"):
        clf = own.network(data, Design("googlenet", (96, 96)), device="cpu")
    assert clf.module.transform_input is True
    assert "True is assumed. Set Design.transform_input to what it was." in clf.summary
    half = Design("googlenet", (96, 96), (0.5,) * 3, (0.5,) * 3)  # no ImageNet normalisation, so nothing to undo
    with pytest.warns(UserWarning, match="False is assumed"):
        assert own.network(data, half, device="cpu").module.transform_input is False
    given = own.network(data, Design("googlenet", (96, 96), transform_input=True), device="cpu")
    other = own.network(data, Design("googlenet", (96, 96), transform_input=False), device="cpu")
    assert len({clf.checksum, given.checksum, other.checksum}) == 3


def test_a_grey_googlenet_does_not_rescale() -> None:
    assert not Design("googlenet", mean=(0.13,), std=(0.31,)).rescaling
    grey = Design("googlenet", mean=(0.13,), std=(0.31,), transform_input=True)
    assert "switch it off for a network of grey pictures" in refusal(b"", grey)
    assert "resnet18 has no transform_input" in refusal(b"", Design("resnet18", transform_input=True))


BYTES = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def test_a_normalisation_for_bytes_is_refused_with_the_right_numbers() -> None:
    text = refusal(saved(state_of()), Design("squeezenet1_1", (64, 80), *BYTES))
    assert "are for pixels in 0 to 255" in text
    assert text.endswith("the mean is 0.485, 0.456, 0.406 and the deviation 0.229, 0.224, 0.225.")


@pytest.mark.parametrize(
    ("given", "unit"),
    [
        (BYTES, (own.MEAN, own.STD)),
        (((33.3184,), (78.567,)), ((0.13066,), (0.308106,))),
        (((127.5,) * 3, (127.5,) * 3), ((0.5,) * 3, (0.5,) * 3)),
        (((0.0,) * 3, (255.0,) * 3), ((0.0,) * 3, (1.0,) * 3)),
        (((103.939, 116.779, 123.68), (1.0,) * 3), ((0.407604, 0.457957, 0.48502), (0.00392157,) * 3)),  # Caffe's
        ((BYTES[0], own.STD), (own.MEAN, own.STD)),
        (((0.0,) * 3, (1.0,) * 3), ((0.0,) * 3, (1.0,) * 3)),
        ((own.MEAN, own.STD), (own.MEAN, own.STD)),
        (((float("nan"),), (58.0,)), ((float("nan"),), (58.0,))),
        (((), ()), ((), ())),
    ],
)
def test_mean_and_deviation_are_brought_to_unit_pixels(given: Any, unit: Any) -> None:
    assert repr(for_unit_pixels(*given)) == repr(unit)


# --- From Python


def test_the_operators_function_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:grey, tests.helpers.networks:wide")
    assert catalogue.names()[:3] == ["tests.helpers.networks:grey", "tests.helpers.networks:wide", "mini-alexnet"]
    clf = catalogue.load("tests.helpers.networks:grey")
    assert (clf.name, clf.title, clf.input_shape) == ("tests.helpers.networks:grey", "Digits", (1, 28, 28))
    assert catalogue.load("tests.helpers.networks:wide").title == "wide"


def test_only_what_the_operator_names_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "tests.helpers.networks:grey")
    for name in ("tests.helpers.networks:wide", "os:getcwd", "antigravity:x"):
        with pytest.raises(ValueError, match="There is no network called"):
            catalogue.load(name)
        with pytest.raises(ValueError, match="accepted: what the operator set"):
            own.call(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere_at_all:f", "failed: ModuleNotFoundError"),
        ("tests.helpers.networks:nothing", "failed: AttributeError"),
        ("tests.helpers.networks", "accepted: module:function"),
        ("os:getcwd", "returned str; accepted: a Classifier"),
    ],
)
def test_a_function_that_is_not_there_or_fails_is_named(name: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, name)
    with pytest.raises(WeightsError) as caught:
        catalogue.load(name)
    assert str(caught.value).startswith(f"VIZCORE_NETWORK names {name}")
    assert says in str(caught.value)


@pytest.mark.parametrize("make", [networks.grey, networks.wide, networks.transformer, networks.attention])
def test_every_technique_takes_networks_of_other_shapes(make: Any) -> None:
    clf: Classifier = make()
    image = torch.rand(clf.input_shape, generator=torch.Generator().manual_seed(2))
    whole = Run(occlusion.occlude(clf, image, 0, occlusion.Occlusion(window=16, stride=8))).finish()
    assert whole.heat().shape == image.shape[1:]
    explained = Run(lime.explain(clf, image, 0, lime.Lime(samples=40, segments=6))).finish()
    assert explained.heat().shape == image.shape[1:]
    smooth = Run(saliency.smoothgrad(clf, image, 0, saliency.SmoothGrad(copies=3))).finish()
    assert smooth.gradient.shape == image.shape
    climbed = Run(maximize.maximize(clf, 0, maximize.Maximisation(steps=10))).finish()
    assert climbed.image.shape == image.shape
    for result in (whole.heat(), explained.heat(), smooth.gradient, climbed.image):
        assert bool(result.isfinite().all())
        assert float(result.abs().max()) > 0


def test_without_a_convolution_there_is_a_sentence() -> None:
    clf = networks.attention()
    with pytest.raises(NetworkError, match="no two-dimensional convolution"):
        clf.first_convolution()
    with pytest.raises(NetworkError, match="no map for Grad-CAM"):
        gradcam.grad_cam(clf, torch.rand(clf.input_shape), 0)


def test_the_checksum_knows_structure_and_preprocessing() -> None:
    layers = [nn.Flatten(), nn.Linear(48, 2)]
    pre = Preprocess((4, 4), (0.0,) * 3, (1.0,) * 3)
    other = Preprocess((4, 4), (0.5,) * 3, (1.0,) * 3)
    made = [Classifier(nn.Sequential(*layers), one, ["a", "b"]).checksum for one in (pre, pre, other)]
    made.append(Classifier(nn.Sequential(*layers, nn.ReLU()), pre, ["a", "b"]).checksum)
    assert made[0] == made[1]
    assert len(set(made)) == 3


def test_one_output_tells_two_classes_and_labels_stand_by_themselves() -> None:
    data = saved(state_of(classes=1))
    for names, expected in (((), ["not class 0", "class 0"]), (("well", "sick"), ["well", "sick"])):
        clf = own.network(data, replace(SMALL, classes=names), device="cpu")
        assert clf.classes == expected
        assert clf.exclusive
        assert float(clf.all_scores(torch.rand(1, *clf.input_shape)).sum()) == pytest.approx(1)
    data = saved(state_of(classes=3))
    x = torch.rand(1, *clf.input_shape)
    plain, labels = (own.network(data, replace(SMALL, multi_label=many), device="cpu") for many in (False, True))
    torch.testing.assert_close(labels.all_scores(x), plain.all_scores(x, "logit").sigmoid())
    torch.testing.assert_close(plain.all_scores(x), plain.all_scores(x, "logit").softmax(1))
    assert plain.exclusive
    assert not labels.exclusive
    assert plain.checksum != labels.checksum
