"""The examination of a network: each kind that once gave wrong maps is answered rightly, or refused by its sentence."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.jobs.run import Run
from vizcore.networks.catalogue import load
from vizcore.networks.classifier import Classifier, NetworkError, Preprocess
from vizcore.targets import Contrast
from vizcore.techniques import lime, maximize, occlusion, saliency

PRE = Preprocess((32, 32), (0.5,) * 3, (0.25,) * 3)
IMAGE = F.interpolate(torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(3)), size=(32, 32))[0]


class Base(nn.Module):
    """A convolution, the mean over all places, and a linear layer."""

    def __init__(self, outputs: int = 3) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 8, 3)
        self.f = nn.Linear(8, outputs)

    def features(self, x: Tensor) -> Tensor:
        return F.relu(self.c(x)).mean((2, 3))

    def forward(self, x: Tensor) -> Any:
        return self.f(self.features(x))


class Random(Base):
    def forward(self, x: Tensor) -> Any:
        return self.f(F.dropout(self.features(x), 0.5))


class Standardising(Base):
    def forward(self, x: Tensor) -> Any:
        return super().forward((x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True))


class Branching(Base):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x if float(x.mean()) > 0 else -2 * x)


class OnePicture(Base):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x.view(1, 3, 32, 32))


class Softmax(Base):
    def forward(self, x: Tensor) -> Any:
        return (20 * super().forward(x)).softmax(1)


class Sigmoid(Base):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).sigmoid()


class SigmoidInPlace(Base):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).sigmoid_()


class Answers(NamedTuple):
    features: Tensor
    scores: Tensor


class Wrapped(Base):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Any:
        y, features = super().forward(x), self.features(x)
        return {
            "tuple": (y, features),
            "list": [y],
            "dict": {"features": features, "logits": y},
            "named": Answers(features, y),
            "nested": ({"deep": y}, features),
        }[self.how]


class InPlace(Base):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x.sub_(0.1))


class Broken(Base):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x) / 0


class NoGradient(Base):
    def forward(self, x: Tensor) -> Any:
        with torch.no_grad():
            return super().forward(x)


def made(module: Any, classes: int = 3, **options: Any) -> Classifier:
    return Classifier(module, PRE, [f"class {k}" for k in range(classes)], **options)


def plain(module: nn.Module, x: Tensor) -> Tensor:
    """The answers of an untouched copy in double precision, one picture at a time."""
    other = copy.deepcopy(module).double().eval()
    with torch.no_grad():
        return torch.cat([other((one[None].double() - 0.5) / 0.25) for one in x])


def slope(module: nn.Module, x: Tensor, target: int) -> Tensor:
    """dy/dx of an untouched copy in double precision."""
    leaf = x.double().requires_grad_()
    y = copy.deepcopy(module).double().eval()(((leaf - 0.5) / 0.25)[None])
    return torch.autograd.grad(y[0, target], leaf)[0]


def without_statistics() -> nn.Module:
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, track_running_stats=False), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(1)


@pytest.mark.parametrize("make", [without_statistics, Branching, OnePicture])
def test_pictures_that_see_each_other_go_one_by_one(make: Any) -> None:
    module = make()
    x = torch.rand(6, 3, 32, 32) * torch.linspace(0.1, 1, 6).view(-1, 1, 1, 1)
    clf = made(module)
    torch.testing.assert_close(clf.all_scores(x, "logit").double(), plain(module, x), rtol=0, atol=1e-5)
    assert "one by one" in clf.examination.of("company")[0].done
    params = occlusion.Occlusion(window=8, stride=8, output="logit")
    found = Run(occlusion.occlude(clf, IMAGE, 0, params)).finish().drop
    whole = plain(module, IMAGE[None])[0, 0]
    rows, columns = occlusion.grid(clf, params)
    covered = [occlusion.occluded(clf, IMAGE, params, r, c) for r in range(len(rows)) for c in range(len(columns))]
    expected = whole - plain(module, torch.stack(covered))[:, 0]
    torch.testing.assert_close(found.flatten().double(), expected, rtol=0, atol=1e-5)
    if make is not OnePicture:
        smooth = saliency.SmoothGrad(copies=4)
        mean = Run(saliency.smoothgrad(clf, IMAGE, 1, smooth)).finish().gradient
        each = [slope(module, copy_, 1) for copy_ in saliency.noisy_copies(IMAGE, smooth, range(4))]
        torch.testing.assert_close(mean.double(), torch.stack(each).mean(0), rtol=0, atol=1e-4)


def test_a_network_that_is_random_is_refused() -> None:
    with pytest.raises(NetworkError, match="answers the same picture differently every time"):
        made(Random())


def test_a_network_that_answers_a_grey_picture_with_nothing_is_taken() -> None:
    module = Standardising()
    clf = made(module)
    assert "a grey picture with numbers that are infinite" in clf.examination.of("finite")[0].found
    torch.testing.assert_close(clf.all_scores(IMAGE[None], "logit").double(), plain(module, IMAGE[None]))
    with pytest.raises(NetworkError, match="Choose another picture"):
        clf.all_scores(torch.full((1, 3, 32, 32), 0.5))
    with pytest.raises(NetworkError, match="to noise, to a grey picture and to a photograph"):
        made(Broken())


@pytest.mark.parametrize("how", ["tuple", "list", "dict", "named", "nested"])
def test_logits_are_found_in_what_a_network_answers(how: str) -> None:
    module = Wrapped(how)
    clf = made(module)
    expected = plain(nn.Sequential(module, _Inside(how)), IMAGE[None])
    torch.testing.assert_close(clf.all_scores(IMAGE[None], "logit").double(), expected)
    assert "The logits are taken from" in clf.examination.of("answer")[0].done
    assert clf.module is module


class _Inside(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, y: Any) -> Any:
        return {"dict": lambda: y["logits"], "named": lambda: y.scores, "nested": lambda: y[0]["deep"]}.get(
            self.how, lambda: y[0]
        )()


def test_an_answer_without_logits_is_named() -> None:
    with pytest.raises(ValueError, match=r"answers with shape \(1, 3\) but 4 class names"):
        made(Base(), 4)
    with pytest.raises(ValueError, match=r"answers with a dict of \(1, 3\), \(1, 8\) but 5 class names"):
        made(Wrapped("dict"), 5)
    with pytest.raises(NetworkError, match=r"fails on an input of shape \(1, 3, 32, 32\): RuntimeError"):
        made(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(1800, 3)))


@pytest.mark.parametrize("names", [["sick"], ["healthy", "sick"]])
@pytest.mark.parametrize("kind", [Base, Sigmoid])
def test_a_single_output_is_two_classes(kind: type[Base], names: list[str]) -> None:
    module = kind(1)
    clf = Classifier(module, PRE, names)
    assert clf.classes == ["not sick" if len(names) == 1 else "healthy", "sick"]
    (answer,) = plain(module, IMAGE[None])[0]
    p = answer if kind is Sigmoid else answer.sigmoid()
    found = clf.all_scores(IMAGE[None])[0]
    torch.testing.assert_close(found.double(), torch.stack([1 - p, p]))
    logits = clf.all_scores(IMAGE[None], "logit")[0]
    torch.testing.assert_close(logits.double(), torch.stack([-p.logit(), p.logit()]), rtol=1e-4, atol=1e-6)
    for target in (0, 1):
        drop = Run(occlusion.occlude(clf, IMAGE, target, occlusion.Occlusion(window=8, stride=8))).finish().drop
        assert drop.abs().max() > 1e-4
        assert saliency.gradient(clf, IMAGE, target).gradient.abs().max() > 0


def test_probabilities_are_not_squashed_again() -> None:
    module = Softmax()
    clf = made(module)
    right = plain(module, IMAGE[None])
    torch.testing.assert_close(clf.all_scores(IMAGE[None]).double(), right, rtol=0, atol=1e-6)
    torch.testing.assert_close(clf.all_scores(IMAGE[None], "logit").double(), right.log(), rtol=1e-5, atol=1e-5)
    assert "no softmax is taken twice" in str(clf.examination)
    with pytest.raises(NetworkError, match="sum to one"):
        made(Softmax(), multi_label=True)


@pytest.mark.parametrize(("kind", "options"), [(Sigmoid, {}), (SigmoidInPlace, {}), (Base, {"multi_label": True})])
def test_of_many_labels_each_has_a_probability_by_itself(kind: type[Base], options: dict[str, Any]) -> None:
    module = kind()
    clf = made(module, **options)
    answer = plain(module, IMAGE[None])[0]
    p = answer.sigmoid() if kind is Base else answer
    torch.testing.assert_close(clf.all_scores(IMAGE[None])[0].double(), p, rtol=0, atol=1e-6)
    assert float(p.sum()) != pytest.approx(1)
    contrast = clf.scores(IMAGE[None], Contrast(2, 0), "probability")
    torch.testing.assert_close(contrast.double(), (p[2] - p[0])[None], rtol=0, atol=1e-6)
    result = Run(lime.explain(clf, IMAGE, 1, lime.Lime(samples=50, output="probability"))).finish()
    assert float(result.scores[0]) == pytest.approx(float(p[1]), abs=1e-5)
    drawn = next(maximize.maximize(clf, 2, maximize.Maximisation(output="probability", start="picture"), IMAGE))
    assert drawn.probabilities[0] == pytest.approx(float(p[2]), abs=1e-5)
    found = saliency.gradient(clf, IMAGE, 0, saliency.Saliency(output="probability")).gradient
    unit = slope(module, IMAGE, 0) * (p[0] * (1 - p[0]) if kind is Base else 1)
    torch.testing.assert_close(found.double(), unit, rtol=0, atol=1e-6)


def test_the_input_is_not_overwritten() -> None:
    module = InPlace()
    clf = made(module)
    found = saliency.gradient(clf, IMAGE, 0).gradient
    leaf = IMAGE.double().requires_grad_()
    z = (leaf - 0.5) / 0.25
    (expected,) = torch.autograd.grad(copy.deepcopy(module).double()(z.clone()[None])[0, 0], leaf)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-6)
    z = clf.normalise(IMAGE[None])
    before = z.clone()
    clf.logits_of_input(z)
    assert torch.equal(z, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_numbers_than_float32_are_converted_in_a_copy(dtype: torch.dtype) -> None:
    module = Base().to(dtype)
    clf = made(module)
    assert module.c.weight.dtype == dtype
    torch.testing.assert_close(clf.all_scores(IMAGE[None], "logit").double(), plain(module, IMAGE[None]))
    assert "a copy in float32" in str(clf.examination)


def test_wrappers_are_taken_off_and_scripts_answer_themselves() -> None:
    module = Base()
    right = plain(module, IMAGE[None])
    x = IMAGE[None]
    for other in (
        torch.jit.script(copy.deepcopy(module)),
        torch.jit.trace(copy.deepcopy(module).eval(), x),
        torch.compile(copy.deepcopy(module), backend="eager"),
        nn.DataParallel(copy.deepcopy(module)),
    ):
        clf = made(other)
        torch.testing.assert_close(clf.all_scores(x, "logit").double(), right)
        found = saliency.gradient(clf, IMAGE, 0).gradient
        torch.testing.assert_close(found.double(), slope(module, IMAGE, 0), rtol=0, atol=1e-6)
        params = occlusion.Occlusion(window=16, stride=8, output="logit")
        assert Run(occlusion.occlude(clf, IMAGE, 0, params)).finish().drop.abs().max() > 0
        assert clf.checksum
    for said in ("OptimizedModule was taken off", "DataParallel was taken off"):
        assert any(said in str(made(each).examination) for each in (torch.compile(module), nn.DataParallel(module)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_quantised_network_is_refused() -> None:
    quantised = torch.ao.quantization.quantize_dynamic(Base(), {nn.Linear}, dtype=torch.qint8)
    with pytest.raises(NetworkError, match="whole numbers have no gradient"):
        made(quantised)
    with pytest.raises(NetworkError, match=r"accepted: a torch.nn.Module"):
        made(len)


def test_inference_mode_and_another_default_are_borne() -> None:
    with torch.inference_mode():
        module = Base()
        clf = made(module)
        inside = saliency.gradient(clf, IMAGE, 0).gradient
        drop = Run(occlusion.occlude(clf, IMAGE, 0, occlusion.Occlusion(window=8, stride=8))).finish().drop
        drawn = next(maximize.maximize(clf, 0)).image
    usual = Base()
    usual.load_state_dict({key: value.clone() for key, value in module.state_dict().items()})
    other = made(usual)
    torch.testing.assert_close(saliency.gradient(other, IMAGE, 0).gradient, inside)
    found = Run(occlusion.occlude(other, IMAGE, 0, occlusion.Occlusion(window=8, stride=8))).finish().drop
    torch.testing.assert_close(found, drop)
    torch.testing.assert_close(next(maximize.maximize(other, 0)).image, drawn)
    torch.set_default_dtype(torch.float64)
    try:
        clf = made(usual)
        double = IMAGE.double()
        torch.testing.assert_close(saliency.gradient(clf, double, 0).gradient.float(), inside)
        found = Run(occlusion.occlude(clf, double, 0, occlusion.Occlusion(window=8, stride=8))).finish().drop
        torch.testing.assert_close(found.float(), drop)
        assert (
            Run(saliency.smoothgrad(clf, double, 0, saliency.SmoothGrad(copies=2))).finish().gradient.isfinite().all()
        )
        assert Run(lime.explain(clf, double, 0, lime.Lime(samples=40))).finish().weights.isfinite().all()
        assert next(maximize.maximize(clf, 0)).image.isfinite().all()
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_network_without_a_gradient_is_told_from_the_others() -> None:
    clf = made(NoGradient())
    with pytest.raises(NetworkError, match="has no gradient here"):
        saliency.gradient(clf, IMAGE, 0)
    assert Run(occlusion.occlude(clf, IMAGE, 0, occlusion.Occlusion(window=8, stride=8))).finish().drop.abs().max() > 0


def test_the_caller_s_module_stays_as_it_lies() -> None:
    module = Base()
    strides = module.c.weight.stride()
    clf = made(module)
    clf.all_scores(IMAGE[None])
    assert module.c.weight.stride() == strides
    assert clf.module is module


def test_the_bundled_network_passes_every_question() -> None:
    clf = load("mini-alexnet", device="cpu")
    assert clf.network is clf.module
    assert [finding.topic for finding in clf.examination.findings] == [
        "answer", "finite", "repeats", "company", "scores", "speed",
    ]  # fmt: skip
    assert not any(finding.done for finding in clf.examination.findings)
    assert clf.examination.seconds > 0
