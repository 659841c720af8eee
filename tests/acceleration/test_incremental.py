"""Incremental occlusion gives the full computation's answers: on every kind of layer and every network."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.conftest import linear_classifier, random_picture
from vizcore import machine
from vizcore.acceleration import activations, incremental
from vizcore.acceleration.activations import Activations
from vizcore.acceleration.graph import Unsupported, aten, record
from vizcore.acceleration.incremental import BATCH
from vizcore.acceleration.layout import norm_channels
from vizcore.acceleration.plan import Plan, plan_of
from vizcore.acceleration.regions import classify, spans
from vizcore.acceleration.window_order import alike
from vizcore.jobs.run import Run
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.techniques.occlusion import Occlusion, filling, grid, occlude, occluded

pytestmark = pytest.mark.usefixtures("as_if_large")


def lively(module: nn.Module, seed: int = 0) -> nn.Module:
    """Random weights that keep the signal alive through all layers, and batch norms that are not the identity."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                fan = layer.weight[0].numel()
                layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * (2 / fan) ** 0.5)
                if layer.bias is not None:
                    layer.bias.copy_(torch.randn(layer.bias.shape, generator=generator) * 0.1)
            if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None and layer.running_var is not None:
                for values in (layer.weight, layer.running_var):
                    values.copy_(0.7 + 0.6 * torch.rand(values.shape, generator=generator))
                for values in (layer.bias, layer.running_mean):
                    values.copy_(0.1 * torch.randn(values.shape, generator=generator))
    return module


def classifier(module: nn.Module, size: tuple[int, int], classes: int = 5, channels: int = 3) -> Classifier:
    preprocess = Preprocess(size=size, mean=(0.45,) * channels, std=(0.25,) * channels)
    return Classifier(lively(module), preprocess, [str(k) for k in range(classes)])


def compare(clf: Classifier, params: Occlusion, cells: list[tuple[int, int]] | None = None, share: float = 0.0) -> None:
    """Assert that windows are computed incrementally, and as in full; ``share`` of the logits' size must change.

    A network in double precision is held to 1e-6: there rounding, which deep networks amplify, cannot hide a mistake.
    """
    precision = next(clf.module.parameters()).dtype
    image = random_picture(clf).to(precision)
    rows, columns = grid(clf, params)
    activations = Activations(clf, image)
    windows = activations.windows(rows, columns, params.window)
    assert windows is not None, "not taken apart"
    cells = windows.order(cells or list(itertools.product(range(len(rows)), range(len(columns)))))
    ours = windows.logits(cells, activations.paint(filling(clf, image, params.fill)))
    full = torch.cat([clf.all_scores(occluded(clf, image, params, r, c)[None], "logit") for r, c in cells])
    scale = float(full.abs().max())
    tolerance = 1e-6 if precision == torch.float64 else 3e-5
    torch.testing.assert_close(ours.float(), full, rtol=0, atol=tolerance * scale)
    change = float((full - clf.all_scores(image[None], "logit")).abs().max())
    assert change > max(1e-3, share) * scale, "the windows change nothing, so that any mistake would pass"


class Zoo(nn.Module):
    """Every kind of node at once: branches, a concatenation, a residual sum, overhanging pooling, a scaled branch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.one, self.three = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 6, 3, padding=1)
        self.side = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), nn.Conv2d(8, 2, 1))
        self.depth = nn.Conv2d(12, 12, 3, padding=2, dilation=2, groups=12)
        self.last = nn.Conv2d(12, 7, (3, 1), (2, 1), (1, 0))
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 12).view(12, 1, 1), requires_grad=False)
        self.head = nn.Linear(7, 5)

    def forward(self, z: Tensor) -> Tensor:
        z = torch.cat((z[:, 0].unsqueeze(1) * 1.5 + 0.1, z[:, 1:]), 1)
        x = self.pool(self.stem(z))
        x = torch.cat([F.relu(self.one(x)), self.side(x), F.hardswish(self.three(x))], 1)
        x = x + self.scale * self.depth(x)
        return self.head(torch.flatten(F.relu(self.last(x)).mean((2, 3), keepdim=True), 1))


@pytest.mark.parametrize("fill", ["grey", "blur"])
@pytest.mark.parametrize(("window", "stride"), [(4, 5), (9, 7), (13, 13)])
def test_every_kind_of_layer(window: int, stride: int, fill: Any) -> None:
    compare(classifier(Zoo(), (61, 70)), Occlusion(window=window, stride=stride, fill=fill))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("ceil", [False, True])
def test_every_edge_of_strides_and_paddings(stride: int, padding: int, ceil: bool) -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 4, 4, stride, padding),
        nn.Tanh(),  # negative values beside the border: a pool padded with zeros instead of -inf would show
        nn.MaxPool2d(3, 2, min(padding, 1), ceil_mode=ceil),
        nn.Conv2d(4, 4, 1, stride=2),  # a stride beyond the kernel loses some changes altogether
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    compare(classifier(module, (45, 38), classes=4, channels=1), Occlusion(window=6, stride=4))


@pytest.mark.parametrize(
    ("name", "params", "share"),
    [
        ("alexnet", Occlusion(window=32, stride=64), 0.01),
        ("vgg16", Occlusion(window=16, stride=104), 0.005),
        ("resnet18", Occlusion(window=33, stride=63), 0.01),
        ("resnet50", Occlusion(window=32, stride=96), 0.01),
        ("squeezenet1_0", Occlusion(window=40, stride=61, fill="blur"), 0.005),
        ("googlenet", Occlusion(window=32, stride=64, fill="black"), 0.005),
        ("mobilenet_v3_large", Occlusion(window=31, stride=65, fill="mean"), 0.005),
        ("convnext_tiny", Occlusion(window=32, stride=96, fill="blur"), 0.005),
    ],
)
def test_every_network_of_the_catalogue(name: str, params: Occlusion, share: float) -> None:
    clf = catalogued(name)
    if name not in ("alexnet", "vgg16"):  # a gigabyte of weights in double precision
        clf.module.double()
    rows, columns = grid(clf, params)
    cells = [(0, 0), (1, 1), (len(rows) - 1, len(columns) - 1)]
    compare(clf, params, cells, share)


def catalogued(name: str) -> Classifier:
    options: dict[str, Any] = {}
    if name == "googlenet":
        options = {"aux_logits": False, "transform_input": True, "init_weights": False}
    with torch.random.fork_rng():
        module = getattr(torchvision_models(), name)(weights=None, **options)
    return classifier(module, (224, 224), classes=1000)


class Unknown(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.all, self.conv = nn.GroupNorm(1, 3), nn.Conv2d(3, 5, 3)

    def forward(self, z: Tensor) -> Tensor:
        answer: Tensor = self.conv(self.all(z)).mean((2, 3))
        return answer


class Turned(nn.Module):
    """Channels moved to the end and back, by layers that know them there, and looked at from there by others."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.wide, self.back = (
            nn.Conv2d(3, 8, 3),
            nn.LayerNorm(8),
            nn.Linear(8, 20),
            nn.Linear(20, 8),
        )
        self.plain = nn.LayerNorm(8, elementwise_affine=False)
        self.scale, self.rows = nn.Parameter(torch.rand(8, 1, 1)), nn.Parameter(torch.rand(1, 1, 1, 8))

    def forward(self, z: Tensor) -> Tensor:
        x = self.stem(z)
        last = self.norm(x.permute(0, 2, 3, 1))
        x = x + self.scale * self.back(F.gelu(self.wide(last))).permute(0, 3, 1, 2)
        x = F.avg_pool2d(x, 3)
        last = self.plain(x.permute(0, 2, 3, 1))
        scaled = (last * self.rows).permute(0, 3, 1, 2)  # a constant that lies otherwise: as the network does it
        summed = last.flatten(1, 2).sum(1)  # and rows that are not one for each position of the batch
        return torch.cat([scaled.amax((2, 3)), summed], dim=1)


def test_channels_at_the_end_are_channels_all_the_same() -> None:
    clf = classifier(Turned(), (40, 36), classes=16)
    nodes = record(clf.module, clf.normalise(random_picture(clf)[None]))
    kinds = [step.kind for step in classify(nodes)]
    assert sum(node.op is norm_channels for node in nodes) == 2
    assert kinds[:8] == ["input", "window", "point", "window", "point", "window", "point", "join"]
    compare(clf, Occlusion(window=6, stride=7))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_what_is_said_otherwise_answers_the_same_for_any_batch(batch: int) -> None:
    clf = classifier(Turned(), (40, 36), classes=16)
    nodes = record(clf.module, clf.normalise(random_picture(clf)[None]))
    z = torch.randn(batch, 3, 40, 36)
    values: dict[int, Tensor] = {0: z}
    for index, node in enumerate(nodes[1:], start=1):
        values[index] = node.run(values)
    torch.testing.assert_close(values[len(nodes) - 1], clf.module(z))


def test_a_network_of_unknown_layers_from_the_start_on_is_computed_in_full() -> None:
    clf = classifier(Unknown(), (48, 48))
    image = random_picture(clf)
    params = Occlusion(window=8, stride=20, output="logit")
    assert Activations(clf, image).windows(*grid(clf, params), params.window) is None
    result = Run(occlude(clf, image, 3, params)).finish()
    y = clf.scores(occluded(clf, image, params, 1, 0)[None], 3, "logit")
    torch.testing.assert_close(result.drop[1, 0], result.score - y[0], rtol=1e-3, atol=1e-4)


def test_windows_that_cover_most_of_the_picture_are_computed_in_full() -> None:
    clf = classifier(Zoo(), (61, 64))
    assert Activations(clf, random_picture(clf)).windows([0, 1], [0, 4], 60) is None


@pytest.mark.parametrize("window", [8, 24, 48])
def test_the_real_squeezenet(squeezenet: Classifier, window: int) -> None:
    compare(squeezenet, Occlusion(window=window, stride=70, fill="mean"), share=0.005)


class Surprising(nn.Module):
    """Answers otherwise than its recorded operations would: the recording cannot see a choice made in Python."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.calls = nn.Conv2d(3, 5, 3), 0

    def forward(self, z: Tensor) -> Tensor:
        self.calls += 1
        return self.conv(z).mean((2, 3)) * (2.0 if len(z) == 2 else 1.0)


class Grown(nn.Module):
    """Shapes that depend on the number of pictures in a way that a replay cannot follow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)

    def forward(self, z: Tensor) -> Tensor:
        x = self.conv(z).mean((2, 3))
        return x.expand(3, *x.shape).sum(0) + torch.zeros(len(z), 5).copy_(x) * torch.ones(len(z), 1)


@pytest.mark.parametrize("module", [Surprising(), Grown()])
def test_a_network_that_cannot_be_replayed_is_computed_in_full(module: nn.Module) -> None:
    clf = classifier(module, (30, 30))
    image = random_picture(clf)
    params = Occlusion(window=6, stride=8, output="logit")
    assert Activations(clf, image).windows(*grid(clf, params), params.window) is None
    result = Run(occlude(clf, image, 1, params)).finish()
    y = clf.scores(occluded(clf, image, params, 2, 1)[None], 1, "logit")
    torch.testing.assert_close(result.drop[2, 1], result.score - y[0], rtol=1e-3, atol=1e-5)


class Overwriting(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        z.mul_(2.0)
        return z.mean((2, 3))


class Aliasing(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        x = z * 2.0
        seen = x[:, :2]
        x.relu_()
        return torch.cat([seen, x], 1).mean((2, 3))


@pytest.mark.parametrize("module", [Overwriting(), Aliasing()])
def test_what_overwrites_values_that_others_see_is_refused(module: nn.Module) -> None:
    with pytest.raises(Unsupported, match="overwrites"):
        record(module, torch.randn(1, 3, 8, 8))


def test_recorded_operations_replay_any_number_of_pictures_with_batch_norms_folded() -> None:
    module = lively(Zoo()).eval()
    nodes = record(module, torch.randn(1, 3, 61, 70))
    assert not any(node.op is aten.native_batch_norm.default for node in nodes)
    for count in (1, 2, 7):
        z = torch.randn(count, 3, 61, 70)
        values: list[Tensor | None] = [z.contiguous(memory_format=torch.channels_last)]
        with torch.no_grad():
            for node in nodes[1:]:
                values.append(node.run(values))
            expected = module(z)
        assert values[-1] is not None
        torch.testing.assert_close(values[-1], expected, rtol=1e-4, atol=1e-5)


def test_spans_hold_every_position_that_a_change_reaches_and_at_both_ends_no_other() -> None:
    module = nn.Sequential(nn.Conv2d(1, 1, 5, 2, 2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(1, 1, 3, 1, 2, 2))
    nodes = record(module.eval(), torch.zeros(1, 1, 41, 41))
    starts = np.arange(0, 37)
    low, high = spans(nodes, classify(nodes), starts, 4, 0)
    for k, start in enumerate(starts.tolist()):
        reached = np.zeros(41, dtype=bool)
        reached[start : start + 4] = True
        for index, (kernel, stride, padding, dilation) in enumerate([(5, 2, 2, 1), (3, 2, 0, 1), (3, 1, 2, 2)], 1):
            length = nodes[index].shape[2]
            reads = [[o * stride - padding + j * dilation for j in range(kernel)] for o in range(length)]
            reached = np.array([any(0 <= i < len(reached) and reached[i] for i in row) for row in reads])
            found = np.flatnonzero(reached)
            assert low[index, k] == found[0]
            assert high[index, k] == found[-1] + 1


def test_batches_of_like_windows_hold_each_window_once() -> None:
    cells = list(itertools.product(range(25), range(21)))
    height, width = [3 + min(i, 24 - i) for i in range(25)], [3 + min(i, 20 - i) for i in range(21)]
    ordered = alike(cells, height, width, 8)
    assert sorted(ordered) == cells

    def work(order: list[tuple[int, int]]) -> int:
        runs = [order[i : i + 8] for i in range(0, len(order), 8)]
        return sum(max(height[r] for r, _ in run) * max(width[c] for _, c in run) * len(run) for run in runs)

    least = sum(height[r] * width[c] for r, c in cells)
    assert work(ordered) < 1.15 * least
    assert work(cells) > 1.3 * least, "row by row"


def test_activations_are_shared_between_fills_windows_and_targets(unchanged: Callable[..., Callable[[], None]]) -> None:
    clf = classifier(Zoo(), (61, 70))
    image, verify = random_picture(clf), unchanged(clf)
    before = image.clone()
    shared = Activations(clf, image)
    for target, params in enumerate(
        [Occlusion(window=8, stride=6), Occlusion(window=8, stride=6, fill="black"), Occlusion(window=12, stride=9)]
    ):
        alone = Run(occlude(clf, image, target, params)).finish()
        together = Run(occlude(clf, image, target, params, shared)).finish()
        assert torch.equal(alone.drop, together.drop)
        assert torch.equal(alone.top_class, together.top_class)
        assert alone.of > BATCH
    assert torch.equal(image, before)
    verify()
    with pytest.raises(ValueError, match="activations belong to another picture"):
        occlude(clf, image.flip(-1), 0, Occlusion(window=8), shared)
    with pytest.raises(ValueError, match="activations belong to another picture or network"):
        occlude(classifier(Zoo(), (61, 70)), image, 0, Occlusion(window=8), shared)


def test_the_next_map_of_a_picture_finds_its_activations(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = classifier(Zoo(), (61, 70))
    first, second, third = (random_picture(clf, seed) for seed in range(3))
    computed: list[Tensor] = []
    begun = Activations._begun

    def counted(self: Activations, plan: Plan, tables: Any) -> object:
        computed.append(self.image)
        return begun(self, plan, tables)

    monkeypatch.setattr(Activations, "_begun", counted)
    for image, params, count in [
        (first, Occlusion(window=8, stride=9), 1),
        (first, Occlusion(window=12, stride=9, fill="black", output="logit"), 1),
        (second, Occlusion(window=8, stride=9), 2),
        (first, Occlusion(window=8, stride=9), 2),
        (third, Occlusion(window=8, stride=9), 3),  # now the second has been unused for longest
        (first, Occlusion(window=8, stride=9), 3),
        (second, Occlusion(window=8, stride=9), 4),
    ]:
        Run(occlude(clf, image, 1, params)).finish()
        assert len(computed) == count
    with torch.no_grad():
        next(clf.module.parameters()).mul_(1.5)
    changed = Run(occlude(clf, second, 1, Occlusion(window=8, stride=9))).finish()
    assert len(computed) == 5
    assert changed.score == pytest.approx(float(clf.scores(second[None], 1)[0]))


def test_what_no_window_needs_is_not_kept_and_comes_when_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = classifier(Zoo(), (61, 70))
    image, params = random_picture(clf), Occlusion(window=8, stride=6, output="logit")
    expected = Run(occlude(clf, image, 1, params)).finish()
    some = activations._recent[clf][-1]
    assert 0 < len(some._kept) < len(some.plan.kept)
    for start in (lambda plan, tables: set(plan.kept), lambda plan, tables: set()):
        activations._recent.clear()
        monkeypatch.setattr(activations, "_usual", start)
        found = Run(occlude(clf, image, 1, params)).finish()
        assert torch.equal(found.drop, expected.drop)
    lazily = activations._recent[clf][-1]
    assert 0 < len(lazily._kept) <= len(some._kept)


def test_fewer_windows_at_once_where_each_needs_much(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = classifier(Zoo(), (61, 70))
    image, params = random_picture(clf), Occlusion(window=8, stride=6, output="logit")
    many = Run(occlude(clf, image, 1, params)).finish()
    monkeypatch.setattr(incremental, "_BATCH_BYTES", 1)
    monkeypatch.setattr(incremental, "_BATCH_SHARE", 0)
    windows = Activations(clf, image).windows([0, 6, 12], [0, 6, 12], 8)
    assert windows is not None
    assert windows.batch == 1
    one = Run(occlude(clf, image, 1, params)).finish()
    assert torch.allclose(one.drop, many.drop, rtol=0, atol=1e-5)


def test_without_memory_for_it_full_passes_of_one_picture_give_the_same_map(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = classifier(Zoo(), (61, 70))
    image, params = random_picture(clf), Occlusion(window=8, stride=6, output="logit")
    expected = Run(occlude(clf, image, 1, params)).finish()
    asked: list[int] = []
    answer = Classifier.all_scores

    def counted(self: Classifier, x: Tensor, *arguments: Any) -> Tensor:
        asked.append(len(x))
        return answer(self, x, *arguments)

    monkeypatch.setattr(Classifier, "all_scores", counted)
    spare = Activations(clf, image, most=0)
    found = Run(occlude(clf, image, 1, params, spare)).finish()
    assert asked == [1] * (found.of + 1)  # the unchanged picture first
    assert torch.allclose(found.drop, expected.drop, rtol=0, atol=1e-5)
    monkeypatch.setattr(machine, "memory", lambda: (1000, 2**30))
    assert Activations(clf, image).windows([0, 6], [0, 6], 8) is None
    monkeypatch.setattr(machine, "memory", lambda: None)
    windows = Activations(clf, image).windows([0, 6], [0, 6], 8)
    assert windows is not None
    assert windows.batch > 1


def test_a_network_that_is_gone_takes_its_activations_along() -> None:
    clf = classifier(Zoo(), (61, 70))
    Run(occlude(clf, random_picture(clf), 1, Occlusion(window=8, stride=9))).finish()
    gone = weakref.ref(clf)
    del clf
    gc.collect()
    assert gone() is None


def test_recording_keeps_no_activation_that_the_network_lets_go() -> None:
    living: list[int] = []

    class Long(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen = []
            for _ in range(6):
                x = x.sigmoid()
                seen.append(weakref.ref(x))
                living.append(sum(ref() is not None for ref in seen))
            return x.mean((2, 3))

    assert len(record(Long(), torch.zeros(1, 3, 8, 8))) == 8
    assert max(living) == 1


def test_two_runs_are_equal_bit_for_bit_on_any_thread() -> None:
    clf = classifier(Zoo(), (61, 70))
    image = random_picture(clf)
    params = Occlusion(window=8, stride=5)
    shared = Activations(clf, image)

    def whole(_: int) -> Tensor:
        assert torch.is_grad_enabled()
        drop = Run(occlude(clf, image, 2, params, shared)).finish().drop
        assert torch.is_grad_enabled()
        return drop

    with ThreadPoolExecutor(4) as pool:
        maps = list(pool.map(whole, range(8)))
    assert all(torch.equal(maps[0], other) for other in maps)
    run = Run(occlude(clf, image, 2, params, shared))
    while not run.finished:
        worker = threading.Thread(target=run.advance)
        worker.start()
        worker.join()
    assert run.latest is not None
    assert torch.equal(run.latest.drop, maps[0])


def test_recording_is_invisible_to_other_threads() -> None:
    module = lively(Zoo()).eval()
    z = torch.randn(1, 3, 61, 70)
    expected = module(z)
    recorded: list[int] = []
    wrong: list[int] = []
    stop = threading.Event()

    def answer() -> None:
        while not stop.is_set():
            if not torch.equal(module(z), expected):
                wrong.append(1)

    other = threading.Thread(target=answer)
    other.start()
    for _ in range(20):
        recorded.append(len(record(module, z)))
    stop.set()
    other.join()
    assert not wrong
    assert len(set(recorded)) == 1


def test_a_plan_is_made_once_and_anew_when_the_weights_change() -> None:
    clf = classifier(Zoo(), (61, 70))
    image = random_picture(clf)
    params = Occlusion(window=8, stride=20)
    first = plan_of(clf, image)
    assert first is plan_of(clf, image)
    compare(clf, params)
    with torch.no_grad():
        for weight in clf.module.parameters():
            weight.mul_(1.5)
    assert plan_of(clf, image) is not first
    compare(clf, params)


def test_a_linear_network_has_nothing_to_gain() -> None:
    clf = linear_classifier()
    assert Activations(clf, random_picture(clf)).windows([0, 8], [0, 6], 4) is None


def test_going_back_to_the_last_picture_finds_its_activations(bundled: Classifier) -> None:
    """Two pictures are kept; asking for the older of them must not be mistaken for a comparison of the two."""
    first, second = (Activations(bundled, random_picture(bundled, seed)) for seed in (31, 32))
    rows = list(range(0, 128 - 16, 16))
    assert first.windows(rows, rows, 16) is not None
    assert second.windows(rows, rows, 16) is not None
    for seed, known in ((32, second), (31, first), (32, second)):
        again = Activations(bundled, random_picture(bundled, seed))
        assert again.windows(rows, rows, 16) is not None
        assert again._store is known._store
