"""A step of the ascent against the same ascent written out in double precision, and several pictures in one batch."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.conftest import linear_classifier, random_picture
from tests.helpers.contract import check_contract
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.targets import Channel, Contrast, Unit
from vizcore.techniques.blurring import blurred, total_variation
from vizcore.techniques.fourier import Fourier
from vizcore.techniques.maximize import START_NOISE, Ascent, Climb, Maximisation, maximize, together

EVERYTHING = Maximisation(
    lambda_=0.01, step_size=0.2, steps=10, jitter=2, turn=15, zoom=0.2, draws=2, variation=1e-3, coordinates="fourier"
)
CASES: dict[str, Maximisation] = {
    "the formula alone": Maximisation(lambda_=0.01, steps=10),
    "probability": Maximisation(lambda_=1e-3, steps=10, output="probability"),
    "from a picture": Maximisation(lambda_=0.01, steps=10, start="picture"),
    "blur and bounds in pixels": replace(EVERYTHING, coordinates="pixels", blur=0.7, bounded=True),
    "Fourier coordinates": Maximisation(lambda_=0.01, step_size=0.2, steps=10, coordinates="fourier", decay=1.2),
    "bounds in Fourier coordinates": replace(EVERYTHING, variation=0.0, bounded=True, start="picture"),
    "everything": replace(EVERYTHING, blur=0.7),
}


def smooth() -> Classifier:
    """A small network without kinks, at which rounding would decide which way a slope goes."""
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Softplus(), nn.Conv2d(6, 4, 3), nn.Tanh())
    module = nn.Sequential(features, nn.Flatten(), nn.Linear(4 * 8 * 10, 3))
    preprocess = Preprocess((12, 14), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    return Classifier(module, preprocess, list("abc"))


def written_out(clf: Classifier, target: int, params: Maximisation, image: Tensor) -> Iterator[Tensor]:
    """I (C,H,W) after every step, in double precision: x itself is climbed, and all slopes are autograd's."""
    module = copy.deepcopy(clf.module).double()
    space: Any = Fourier.of_network(clf, params.decay)
    fourier, colours, amplitudes = params.coordinates == "fourier", space.colours.double(), space.amplitudes.double()
    mean, std = clf.mean.double(), clf.std.double()
    sides = clf.input_shape[1:]

    def picture(x: Tensor) -> Tensor:
        if not fourier:
            return x
        planes = torch.fft.irfft2(torch.view_as_complex(x * amplitudes[..., None]), s=sides, norm="ortho")
        return torch.einsum("dc,nchw->ndhw", colours, planes)

    def coefficients(z: Tensor) -> Tensor:
        if not fourier:
            return z
        planes = torch.einsum("dc,nchw->ndhw", colours.inverse(), z)
        return torch.view_as_real(torch.fft.rfft2(planes, norm="ortho")) / amplitudes[..., None]

    def objective(x: Tensor) -> Tensor:
        z = picture(x)
        logits = module(moved(z, params, generator))
        scores = logits if params.output == "logit" else logits.softmax(1)
        return scores[:, target].mean() - params.lambda_ * z.square().sum() - params.variation * total_variation(z)

    generator = torch.Generator().manual_seed(params.seed)
    if params.start == "picture":
        x = coefficients((image[None].double() - mean) / std)
    else:
        white = torch.randn((1, *clf.input_shape), generator=generator).double()
        x = START_NOISE * (torch.view_as_real(torch.fft.rfft2(white, norm="ortho")) if fourier else white)
    first, second = torch.zeros_like(x), torch.zeros_like(x)
    for t in range(1, params.steps + 1):
        leaf = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(objective(leaf), leaf)
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
        root = (second / (1 - 0.999**t)).sqrt()
        size = params.step_size * (1 + math.cos(math.pi * (t - 1) / params.steps)) / 2
        step = size * (first / (1 - 0.9**t)) / (root + 1e-8 * root.max() + 1e-30)
        if params.blur > 0:
            step = space.smoothed(step, params.blur) if fourier else blurred(step, params.blur)
        x = x + step
        if params.bounded:
            x = coefficients(((picture(x) * std + mean).clamp(0, 1) - mean) / std)
        yield picture(x)[0]


def moved(z: Tensor, params: Maximisation, generator: torch.Generator) -> Tensor:
    """Shifted, turned and scaled by the same numbers, through matrices."""
    if params.jitter == params.turn == params.zoom == 0:
        return z
    height, width = z.shape[2:]
    maps = []
    for down, right, turn, zoom in (2 * torch.rand((4, params.draws), generator=generator).double() - 1).T:
        angle, factor = math.radians(params.turn) * turn, 1 / (1 + params.zoom * zoom)
        c, s = factor * angle.cos(), factor * angle.sin()
        shift = (-2 * params.jitter * right / width, -2 * params.jitter * down / height)
        maps.append(torch.tensor([[c, -s * height / width, shift[0]], [s * width / height, c, shift[1]]]))
    grid = F.affine_grid(torch.stack(maps).double(), [params.draws, 1, height, width], align_corners=False)
    return F.grid_sample(z.expand(params.draws, -1, -1, -1), grid, padding_mode="reflection", align_corners=False)


@pytest.mark.parametrize("name", list(CASES))
def test_the_steps_are_those_that_are_written_out_in_double_precision(name: str) -> None:
    clf, params = smooth(), CASES[name]
    image = random_picture(clf)
    pairs = zip(maximize(clf, 1, params, image), written_out(clf, 1, params, image), strict=True)
    for (ascent, expected), _ in zip(pairs, range(4), strict=False):
        assert float((ascent.input - expected).norm() / expected.norm()) < 1e-4, ascent.step


def near(one: Ascent, other: Ascent) -> bool:
    """Whether two ascents are the same up to rounding."""
    pictures = float((one.input - other.input).norm()) < 1e-4 * float(other.input.norm())
    numbers = (one.scores, one.penalties, one.variations, one.logits), (other.scores, other.penalties, other.variations)
    return pictures and all(
        torch.allclose(torch.tensor(a), torch.tensor(b), rtol=1e-4, atol=1e-5)
        for a, b in zip(numbers[0], (*numbers[1], other.logits), strict=True)
    )


def several(params: Maximisation, unit: Unit) -> list[Climb]:
    return [(unit, replace(params, seed=seed, lambda_=lambda_)) for seed, lambda_ in ((5, 0.01), (0, 0.0), (7, 0.03))]


@pytest.mark.parametrize("name", list(CASES))
def test_in_a_batch_each_picture_is_what_it_is_alone(name: str) -> None:
    clf = smooth()
    image, climbs = random_picture(clf), several(CASES[name], 1)
    alone = [list(maximize(clf, unit, params, image)) for unit, params in climbs]
    for step, found in enumerate(together(clf, climbs, image)):
        if step < 4:
            assert all(near(one, own[step]) for one, own in zip(found, alone, strict=True)), step
    for one, own in zip(found, alone, strict=True):
        assert (one.step, one.of, one.noise, one.answers) == (own[-1].step, own[-1].of, own[-1].noise, own[-1].answers)
        assert one.measured is not None
        assert own[-1].measured is not None
        assert one.measured.logits == pytest.approx(own[-1].measured.logits, rel=0.05, abs=0.05)


def test_units_and_settings_of_any_kind_climb_together_in_their_order() -> None:
    clf = smooth()
    other = Maximisation(lambda_=0.02, steps=10)
    climbs: list[Climb] = [
        (Channel("0.0", 2), EVERYTHING), (1, other), (Channel("0.2", 3), EVERYTHING), (Contrast(0, 2), other),
        (Channel("0.0", 5), replace(EVERYTHING, seed=3)), (2, EVERYTHING), (Channel("0.0", 5, "centre"), EVERYTHING),
    ]  # fmt: skip
    alone = [next(maximize(clf, unit, params)) for unit, params in climbs]
    assert all(near(one, own) for one, own in zip(next(together(clf, climbs)), alone, strict=True))
    assert not any(near(one, alone[0]) for one in alone[1:])


def test_channels_of_a_layer_are_climbed_by_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = smooth()
    climbs: list[Climb] = [(Channel("0.2", k), replace(EVERYTHING, draws=1, seed=k)) for k in range(4)]
    passed: list[int] = []
    before = nn.Conv2d.forward

    def noted(layer: nn.Conv2d, x: Tensor) -> Tensor:
        if layer.out_channels == 4:
            passed.append(len(x))
        return before(layer, x)

    monkeypatch.setattr(nn.Conv2d, "forward", noted)
    run = together(clf, climbs)
    next(run)
    passed.clear()
    next(run)
    assert passed == [4]


@pytest.mark.parametrize("coordinates", ["pixels", "fourier"])
def test_each_start_is_made_as_loud_as_it_alone_needs(coordinates: str) -> None:
    class Deaf(nn.Module):
        """A class for each threshold that a pixel has to pass."""

        def forward(self, z: Tensor) -> Tensor:
            heard = (z[:, None] - torch.tensor([0.0, 0.6, 5.0, 99.0]).view(4, 1, 1, 1)).relu()
            return heard.sum((2, 3, 4)) * torch.tensor([1.0, -1.0, 1.0, -1.0])  # (N,K,C,H,W) -> (N,K)

    clf = Classifier(Deaf(), Preprocess((12, 10), (0.0,) * 3, (1.0,) * 3), list("abcd"))
    params = Maximisation(steps=10, coordinates=coordinates)  # type: ignore[arg-type]
    climbs: list[Climb] = [(k, replace(params, seed=k)) for k in range(4)]
    alone = [next(maximize(clf, *climb)) for climb in climbs]
    found = next(together(clf, climbs))
    assert [one.noise for one in found] == [own.noise for own in alone]
    assert found[0].noise < found[1].noise < found[2].noise
    assert [one.answers for one in found] == [own.answers for own in alone]
    assert {one.answers for one in found} == {True, False}
    assert all(near(one, own) for one, own in zip(found, alone, strict=True))


def test_the_contract_of_generators_holds_for_several() -> None:
    clf = smooth()
    climbs = several(EVERYTHING, 1)

    def one(k: int) -> Iterator[Ascent]:
        return (found[k] for found in together(clf, climbs))

    for k in range(3):
        check_contract(lambda k=k: one(k), lambda a, b: torch.equal(a.input, b.input) and a.scores == b.scores)  # type: ignore[misc]


def test_in_inference_mode_it_climbs_as_ever() -> None:
    clf = smooth()
    *_, expected = maximize(clf, 1, EVERYTHING)
    with torch.inference_mode():
        *_, found = maximize(clf, 1, EVERYTHING)
    assert torch.equal(found.input, expected.input)


def test_what_cannot_be_climbed_together_is_said() -> None:
    clf = linear_classifier()
    short = Maximisation(steps=10)
    with pytest.raises(ValueError, match="steps are 10, 20; accepted: the same number for all"):
        together(clf, [(0, short), (1, replace(short, steps=20))])
    with pytest.raises(ValueError, match="target is 3; accepted: a class index from 0 to 2"):
        together(clf, [(0, short), (3, short)])
    with pytest.raises(ValueError, match="start is 'picture' but start_image is None"):
        together(clf, [(0, short), (1, replace(short, start="picture"))])
    assert list(together(clf, [])) == []
