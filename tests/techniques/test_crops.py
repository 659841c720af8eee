"""Crops that excite a channel: where its largest answer lies, and how far a place of a layer can see."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.helpers.contract import check_contract
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.techniques import crops


def brightness(*more: nn.Module) -> Classifier:
    """Its channel 0 answers how bright red is, channel 1 how dark, in places of 2 x 2 pixels."""
    look = nn.Conv2d(3, 2, 2, stride=2, bias=False)
    with torch.no_grad():
        look.weight.zero_()
        look.weight[0, 0], look.weight[1, 0] = 0.25, -0.25
    module = nn.Sequential(look, *more, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Classifier(module, Preprocess((40, 60), (0.0,) * 3, (1.0,) * 3), ["bright", "dark"])


def with_spot(row: int, column: int, bright: float) -> Tensor:
    image = torch.full((3, 40, 60), 0.5)
    image[0, row : row + 2, column : column + 2] = bright
    return image


def test_the_crop_is_round_the_place_that_answers_most() -> None:
    images = [with_spot(20, 30, 0.9), with_spot(0, 58, 1.0), with_spot(10, 10, 0.0)]
    *_, found = crops.answered(brightness(), "0", images, 3)
    assert (found.rows[0, 0], found.columns[0, 0]) == (21, 31)
    assert found.peaks[:2, 0].tolist() == [torch.tensor(0.9).item(), 1.0]
    best = found.strongest(0, 2, 12)
    assert torch.equal(best[0], found.images[1, :, 0:12, 48:60])  # moved into the picture
    assert torch.equal(best[1], found.images[0, :, 15:27, 25:37])
    assert torch.equal(found.strongest(1, 1, 12)[0], found.images[2, :, 5:17, 5:17])
    assert len(found.strongest(0, 9, 12)) == 3
    assert torch.allclose(found.means[0, 0], images[0][0].mean())


def test_two_of_them_are_one() -> None:
    one, other = with_spot(4, 4, 0.7), with_spot(8, 8, 0.8)
    clf = brightness()
    *_, both = crops.answered(clf, "0", [one, other], 2)
    first, second = (next(crops.answered(clf, "0", [image], 1)) for image in (one, other))
    added = first + second
    assert (added.step, added.of) == (both.step, both.of) == (2, 2)
    for name in ("images", "means", "peaks", "rows", "columns"):
        assert torch.equal(getattr(added, name), getattr(both, name))


def test_generator_contract(bundled: Classifier) -> None:
    images = list(torch.rand(3, *bundled.input_shape, generator=torch.Generator().manual_seed(0)))
    check_contract(lambda: crops.answered(bundled, "features.3", images, 3), lambda a, b: torch.equal(a.peaks, b.peaks))


def test_a_crop_is_as_large_as_what_a_place_can_see(bundled: Classifier) -> None:
    # Kernels of 11 (stride 4), pools of 3 (stride 2), kernels of 5: 11 + 4 * 2 + 8 * 4 = 51 pixels.
    assert crops.side(bundled, "features.0") == crops.LEAST  # 11 are too few
    assert crops.side(bundled, "features.3") == 51
    assert crops.side(bundled, "features.10") == 64  # half the picture
