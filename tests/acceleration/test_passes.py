"""The faster passes give the network's own answers and slopes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.acceleration import convolution, input_gradients, matrix_convolution, passes, product, winograd

CPU = torch.device("cpu")
needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")


@pytest.fixture(autouse=True, params=["by their size", "as if large"])
def which_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small layers are left to torch: here each test is also done as if they were not."""
    if request.param != "by their size":
        monkeypatch.setattr(product, "_SMALL", -1)
        monkeypatch.setattr(convolution, "_SMALL", -1)
        monkeypatch.setattr(convolution, "_FEW", -1)


def slopes(module: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.clone().requires_grad_()
    answer = module(leaf)
    weights = torch.linspace(-1, 1, answer.numel()).view_as(answer)
    (grad,) = torch.autograd.grad((answer * weights).sum(), leaf)
    return answer.detach(), grad


@needs_onednn
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"),
    [
        ((7, 7), 2, (0, 0), (32, 32)),  # SqueezeNet: the last row and column are not reached
        ((11, 11), 4, (2, 2), (45, 50)),
        ((7, 7), 2, (3, 3), (33, 40)),
        ((4, 4), 4, (0, 0), (32, 36)),
        ((3, 5), 3, (1, 2), (31, 30)),
        ((2, 2), 3, (0, 0), (20, 21)),  # pixels between the windows have no slope
        ((1, 1), 1, (0, 0), (9, 8)),
        ((1, 1), 2, (0, 0), (9, 8)),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_of_few_channels(
    kernel: tuple[int, int], stride: int, padding: tuple[int, int], size: tuple[int, int], bias: bool
) -> None:
    torch.manual_seed(sum(kernel) + stride)
    layer = nn.Conv2d(3, 10, kernel, stride, padding, bias=bias).requires_grad_(False)
    x = torch.randn(2, 3, *size).contiguous(memory_format=torch.channels_last)
    module = nn.Sequential(layer, nn.ReLU(inplace=True))
    fast = passes.faster(module, CPU)
    assert fast is not module
    for found, expected in zip(slopes(fast, x), slopes(module.double(), x.double()), strict=True):
        assert found.shape == expected.shape
        assert torch.allclose(found.double(), expected, atol=1e-5)


@needs_onednn
@pytest.mark.parametrize(
    ("kernel", "padding", "size", "channels"),
    [
        (3, 1, (20, 20), (256, 256)),
        (3, 1, (21, 18), (256, 192)),  # tiles jut out
        (3, 0, (20, 22), (192, 256)),
        (3, 2, (18, 18), (256, 256)),
        (5, 2, (27, 27), (64, 192)),
        (5, 4, (24, 24), (128, 128)),
        (3, 4, (12, 12), (256, 256)),  # wider than the kernel: no such gradient
    ],
)
@pytest.mark.parametrize("count", [1, 16])
def test_a_convolution_of_many_channels(
    kernel: int, padding: int, size: tuple[int, int], channels: tuple[int, int], count: int
) -> None:
    torch.manual_seed(kernel + padding)
    layer = nn.Conv2d(*channels, kernel, padding=padding).requires_grad_(False)
    x = torch.randn(count, channels[0], *size).contiguous(memory_format=torch.channels_last)
    # Without a threshold that rounding could switch, which would be another slope.
    module = nn.Sequential(layer, nn.LeakyReLU(1.0, inplace=True))
    fast = passes.faster(module, CPU)
    assert fast is not module
    apply = winograd.Winograd.__call__
    with mock.patch.object(winograd.Winograd, "__call__", autospec=True, side_effect=apply) as applied:
        answers = slopes(fast, x)
    for found, expected in zip(answers, slopes(module.double(), x.double()), strict=True):
        assert found.shape == expected.shape
        assert torch.allclose(found.double(), expected, atol=1e-4)
    assert applied.call_count == (
        0 if count == 1 else 1 if padding >= kernel else 2
    )  # both ways where that is possible


@needs_onednn
@pytest.mark.parametrize("stride", [1, 2, 3, (2, 1)])
@pytest.mark.parametrize("size", [(5, 5), (8, 7)])
@pytest.mark.parametrize(("channels", "bias"), [((40, 200), True), ((200, 30), False), ((3, 10), True)])
def test_a_pointwise_convolution(
    stride: int | tuple[int, int], size: tuple[int, int], channels: tuple[int, int], bias: bool
) -> None:
    torch.manual_seed(1)
    layer = nn.Conv2d(*channels, 1, stride, bias=bias).requires_grad_(False)
    module = nn.Sequential(layer, nn.ReLU(inplace=True))
    fast, x = (
        passes.faster(module, CPU),
        torch.randn(3, channels[0], *size).contiguous(memory_format=torch.channels_last),
    )
    assert fast is not module
    for found, expected in zip(slopes(fast, x), slopes(module.double(), x.double()), strict=True):
        assert found.shape == expected.shape
        assert torch.allclose(found.double(), expected, atol=1e-5)


@needs_onednn
@pytest.mark.parametrize("shape", [(1, 300), (7, 300), (2, 5, 6, 300)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_matrix_product(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(len(shape))
    module = nn.Sequential(nn.Linear(300, 200, bias=bias)).requires_grad_(False)
    fast = passes.faster(module, CPU)
    assert fast is not module
    x = torch.randn(shape)
    for found, expected in zip(slopes(fast, x), slopes(module.double(), x.double()), strict=True):
        assert found.shape == expected.shape
        assert torch.allclose(found.double(), expected, atol=1e-4)


@needs_onednn
def test_few_weights_are_left_to_torch() -> None:
    few = nn.Sequential(nn.Linear(20, 10)).requires_grad_(False)
    assert passes.faster(few, CPU) is few


@needs_onednn
def test_the_weights_are_the_same_and_the_network_is_not_touched() -> None:
    first = nn.Conv2d(3, 8, 3, 2)
    module = nn.Sequential(first, nn.ReLU(), nn.Conv2d(8, 4, 1), nn.Flatten()).requires_grad_(False)
    before = [type(layer) for layer in module.modules()]
    fast = passes.faster(module, CPU)
    assert [type(layer) for layer in module.modules()] == before
    x = torch.randn(1, 3, 9, 9)
    first.weight.mul_(2)  # in place, as load_state_dict does
    assert torch.allclose(fast(x), module(x), atol=1e-6)
    assert [id(p) for p in fast.parameters()] == [id(p) for p in module.parameters()]


@needs_onednn
def test_a_layer_that_learns_has_its_own_gradient() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, 2))
    fast = passes.faster(module, CPU)
    fast(torch.randn(1, 3, 9, 9)).sum().backward()
    assert module[0].weight.grad is not None


@needs_onednn
@pytest.mark.parametrize(
    "options",
    [
        {"stride": 2, "padding": 1},
        {"stride": (2, 1)},
        {"dilation": 2, "padding": 2},
        {"groups": 8, "padding": 1},
        {"groups": 2, "stride": 2, "bias": False},
        {"kernel_size": (1, 3), "padding": (0, 1)},
        {"kernel_size": 1, "groups": 2},
        {"kernel_size": 1, "padding": 1},
    ],
)
def test_every_other_convolution(options: dict[str, Any]) -> None:
    torch.manual_seed(2)
    layer = nn.Conv2d(**{"in_channels": 8, "out_channels": 16, "kernel_size": 3} | options).requires_grad_(False)
    module = nn.Sequential(layer, nn.ReLU(inplace=True))
    fast, x = passes.faster(module, CPU), torch.randn(3, 8, 11, 10).contiguous(memory_format=torch.channels_last)
    assert fast is not module
    for found, expected in zip(slopes(fast, x), slopes(module.double(), x.double()), strict=True):
        assert found.shape == expected.shape
        assert torch.allclose(found.double(), expected, atol=1e-5)


@needs_onednn
@pytest.mark.parametrize("options", [{"padding": 1}, {"stride": 2}, {"groups": 4}, {"dilation": 2}])
def test_no_two_threads_ask_for_a_gradient_by_onednn(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for the same shapes by several at once, for the first time, it may answer with the wrong numbers."""
    layer = nn.Conv2d(8, 16, 3, **options).requires_grad_(False)
    fast, running, most = passes.faster(nn.Sequential(layer), CPU), [0], [0]
    own, pause = input_gradients.by_onednn, threading.Event()

    def watched(*args: Any) -> Tensor:
        running[0] += 1
        most[0] = max(most[0], running[0])
        pause.wait(0.02)
        value = own(*args)
        running[0] -= 1
        return value

    monkeypatch.setattr(input_gradients, "by_onednn", watched)
    monkeypatch.setattr(matrix_convolution, "_FEW", -1)
    x = torch.randn(2, 8, 9, 9).contiguous(memory_format=torch.channels_last)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: slopes(fast, x), range(8)))
    assert most == [1]


@needs_onednn
def test_a_single_small_picture_is_left_to_torch_on_one_thread_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """There its gradient needs no oneDNN, which would have to be asked for by one at a time."""
    layer = nn.Conv2d(8, 16, 3, padding=1).requires_grad_(False)
    x = torch.randn(1, 8, 9, 9).contiguous(memory_format=torch.channels_last)
    for name, value in ((product, 2**24), (convolution, 2**21)):
        monkeypatch.setattr(name, "_SMALL", value)
    monkeypatch.setattr(matrix_convolution, "_FEW", -1)
    for threads, ours in ((1, False), (2, True)):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        with mock.patch.object(input_gradients, "by_onednn", wraps=input_gradients.by_onednn) as asked:
            slopes(passes.faster(nn.Sequential(layer), CPU), x)
        assert bool(asked.called) == ours
    monkeypatch.undo()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            slopes(passes.faster(nn.Sequential(layer), CPU), x)
    finally:
        torch.set_num_threads(before)
    names = {event.key for event in profile.key_averages()}
    assert "aten::_slow_conv2d_backward" in names
    assert not any("mkldnn" in name for name in names)


def test_where_nothing_is_to_be_gained_the_network_itself_is_taken() -> None:
    strided = nn.Sequential(nn.Conv2d(3, 8, 3, 2))
    assert passes.faster(strided, torch.device("cuda")) is strided
    circular = nn.Sequential(nn.Conv2d(3, 8, 3, 2, padding_mode="circular"))
    assert passes.faster(circular, CPU) is circular
    double = nn.Sequential(nn.Conv2d(3, 8, 3, 2)).double()
    assert passes.faster(double, CPU) is double


def test_a_module_that_cannot_be_copied_is_used_as_it_is() -> None:
    class Locked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.lock = nn.Conv2d(3, 8, 3, 2), threading.Lock()

        def forward(self, x: Tensor) -> Tensor:
            with self.lock:
                return F.relu(self.first(x))

    module = Locked()
    assert passes.faster(module, CPU) is module


@needs_onednn
def test_slopes_follow_weights_that_change_in_place() -> None:
    first = nn.Conv2d(3, 8, 3, 2)
    module = nn.Sequential(first, nn.Flatten()).requires_grad_(False)
    fast, x = passes.faster(module, CPU), torch.randn(2, 3, 9, 9)
    before = slopes(fast, x)[1]
    first.weight.mul_(2)
    assert torch.allclose(slopes(fast, x)[1], 2 * before, rtol=1e-5, atol=1e-5)
