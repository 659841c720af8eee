"""Half precision: where it is offered, what it may change, and that full precision takes over where it fails."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import random_picture
from vizcore.acceleration import half
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.techniques import half_precision
from vizcore.techniques.lime import Lime, LimeMap, explain

LONG = Lime(samples=120, segments=12, fill="grey")
SHORT = replace(LONG, half=True)


class Sized(nn.Module):
    """A small network that counts the pictures it is asked about, by the kind of its answers."""

    def __init__(self, offset: float = 0.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 6, 5, stride=2), nn.Tanh(), nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.head = nn.Linear(96, 5)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter[0].numel() ** 0.5)
            self.head.bias[1] = offset
        self.asked: dict[torch.dtype, int] = {}

    def __deepcopy__(self, memo: object) -> Sized:
        raise TypeError("What a copy were asked would not be counted.")

    def forward(self, z: Tensor) -> Tensor:
        answer: Tensor = self.head(self.body(z))
        self.asked[answer.dtype] = self.asked.get(answer.dtype, 0) + len(z)
        return answer


def sized(offset: float = 0.0) -> tuple[Classifier, Sized]:
    module = Sized(offset)
    clf = Classifier(module, Preprocess((24, 24), (0.45,) * 3, (0.25,) * 3), [f"class {k}" for k in range(5)])
    clf.batch_size = 6
    module.asked.clear()
    return clf, module


def last(clf: Classifier, params: Lime, target: int = 2, earlier: LimeMap | None = None) -> LimeMap:
    kept = None if earlier is None else earlier.samples
    return Run(explain(clf, random_picture(clf), target, params, samples=kept)).finish()


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half, "kind", lambda device: torch.bfloat16)


@pytest.mark.usefixtures("able")
def test_the_network_is_asked_with_short_numbers_and_a_few_times_in_full_to_compare() -> None:
    clf, module = sized()
    short = last(clf, SHORT)
    assert module.asked == {torch.float32: half_precision.CHECKED, torch.bfloat16: SHORT.samples}
    long = last(clf, LONG)
    assert long.rounding is None
    assert not short.warning
    assert short.rounding is not None
    assert 0 < short.rounding <= half_precision.ROUGHEST
    both = short.scores[: half_precision.CHECKED], long.scores[: half_precision.CHECKED]
    assert short.rounding == pytest.approx(half_precision.rounding(*both), rel=1e-3)
    assert short.scores.dtype == torch.float64
    off = float((short.weights - long.weights).abs().max() / long.weights.abs().max())
    assert 0 < off < 0.05


@pytest.mark.usefixtures("able")
def test_where_short_numbers_are_too_coarse_full_ones_are_used_and_it_is_said() -> None:
    clf, module = sized(offset=3000.0)  # bfloat16 knows 2992 and 3008, and nothing between them
    refused = last(clf, replace(SHORT, output="logit"), target=1)
    assert module.asked == {torch.bfloat16: half_precision.CHECKED, torch.float32: SHORT.samples}
    assert refused.rounding is not None
    assert refused.rounding > half_precision.ROUGHEST
    assert f"{refused.rounding:.0%} of its spread" in refused.warnings["half_too_coarse"]
    plain = last(clf, replace(LONG, output="logit"), target=1)
    torch.testing.assert_close(refused.weights, plain.weights, rtol=1e-3, atol=1e-5)
    assert plain.warnings == {}
    # Another class of the same network is not affected: only what full numbers were used for is asked again.
    module.asked.clear()
    other = last(clf, replace(SHORT, output="logit"), target=2, earlier=refused)
    assert other.warnings == {}
    assert module.asked == {torch.bfloat16: SHORT.samples - half_precision.CHECKED}
    torch.testing.assert_close(other.weights, last(clf, replace(SHORT, output="logit")).weights, rtol=0, atol=0)
    # And back again.
    module.asked.clear()
    again = last(clf, replace(SHORT, output="logit"), target=1, earlier=other)
    assert module.asked == {torch.float32: SHORT.samples - half_precision.CHECKED}
    torch.testing.assert_close(again.weights, refused.weights, rtol=0, atol=0)


@pytest.mark.usefixtures("able")
def test_nothing_is_asked_again_that_did_not_change() -> None:
    clf, module = sized()
    first = last(clf, SHORT)
    module.asked.clear()
    assert not torch.equal(last(clf, replace(SHORT, alpha=100.0), earlier=first).weights, first.weights)
    assert module.asked == {}
    more = last(clf, replace(SHORT, samples=150), earlier=first)
    assert module.asked == {torch.bfloat16: 30}
    torch.testing.assert_close(more.weights, last(clf, replace(SHORT, samples=150)).weights, rtol=1e-3, atol=1e-5)
    module.asked.clear()
    last(clf, LONG, earlier=first)  # in full after all
    assert module.asked == {torch.float32: LONG.samples - half_precision.CHECKED}
    few = last(clf, replace(SHORT, samples=10))
    assert (few.step, len(few.scores)) == (10, 10)


def test_a_device_without_short_numbers_computes_in_full_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    clf, module = sized()
    monkeypatch.setattr(half, "kind", lambda device: None)
    result = last(clf, SHORT)
    assert module.asked == {torch.float32: SHORT.samples}
    assert torch.equal(result.weights, last(clf, LONG).weights)
    assert list(result.warnings) == ["half_not_faster"]


@pytest.mark.parametrize(
    ("able", "expected"),
    [({}, None), ({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, None)],
)
def test_a_processor_is_asked_what_it_can(
    able: dict[str, bool], expected: torch.dtype | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert half.kind(torch.device("cpu")) == expected
    assert half.kind(torch.device("mps")) is None


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, None)])
def test_a_graphics_card_takes_the_short_numbers_it_knows(
    native: bool, expected: torch.dtype | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert half.kind(torch.device("cuda")) == expected


def test_a_graphics_card_multiplies_in_full_unless_asked_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # as torch begins
    half.never_unasked(torch.device("cpu"))
    assert torch.backends.cudnn.allow_tf32
    half.never_unasked(torch.device("cuda"))
    assert not torch.backends.cudnn.allow_tf32


def test_rounding_is_measured_against_the_spread_of_the_scores() -> None:
    full = torch.tensor([1.0, 3.0])
    assert half_precision.rounding(full + torch.tensor([0.1, -0.1]), full) == pytest.approx(0.1)
    same = torch.ones(4)
    assert half_precision.rounding(same, same) == 0
    assert half_precision.rounding(same + 0.5, same) == float("inf")


@pytest.mark.usefixtures("able")
def test_the_bundled_network_gives_the_same_map_to_the_eye(bundled: Classifier) -> None:
    maps = [last(bundled, replace(params, samples=60)).heat().double() for params in (LONG, SHORT)]
    assert not torch.equal(*maps)
    assert float((maps[0] - maps[1]).abs().max() / maps[0].abs().max()) < 0.05
