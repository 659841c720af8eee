"""torch.nn's own layers on feature maps, fitted to the size of the values that reach them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from tests.fuzz.architectures.kinds import Function, Shape, groups_of, kind, pair

PADDINGS = ("half", "none", "same", "valid", "more")
Mode = Literal["zeros", "reflect", "replicate", "circular"]
MODES: tuple[Mode, ...] = ("zeros", "reflect", "replicate", "circular")
KERNELS = (1, 3, 2, 5, (1, 3), (3, 2), 7)
Parts = Sequence[nn.Module]


def fitted(side: int, kernel: int, dilation: int, padding: str) -> tuple[int, int, int]:
    """(kernel, dilation, padding) along one axis of this length, made smaller until a window fits in."""
    while (kernel - 1) * dilation + 1 > side:
        kernel, dilation = (kernel, 1) if dilation > 1 else (kernel - 1, 1)
    span = (kernel - 1) * dilation + 1
    return kernel, dilation, {"half": span // 2, "more": min(span, side - 1)}.get(padding, 0)


@kind(
    "layer", often=16, out=(4, 6, 8, 12, 16, 1), kernel=KERNELS, stride=(1, 1, 2, (1, 2), 3), padding=PADDINGS,
    mode=("zeros", "zeros", *MODES), dilation=(1, 1, 1, 2), groups=(1, 1, 2, "all"), bias=(True, False),
)  # fmt: skip
def conv(
    shape: Shape, parts: Parts, out: int, kernel: int | tuple[int, int], stride: int | tuple[int, int], padding: str,
    mode: Mode, dilation: int, groups: int | str, bias: bool,
) -> nn.Module:  # fmt: skip
    """Conv2d in all padding modes, grouped and depthwise, strided and dilated."""
    channels, *sides = shape
    down, right = (fitted(n, k, dilation, padding) for n, k in zip(sides, pair(kernel), strict=True))
    count = groups_of(channels, channels if groups == "all" else int(groups))
    out = count * max(1, out // count)
    text = padding if padding in ("valid", "same") and (padding == "valid" or pair(stride) == (1, 1)) else ""
    return nn.Conv2d(
        channels, out, (down[0], right[0]), pair(stride), text or (down[2], right[2]), (down[1], right[1]), count, bias,
        mode,
    )  # fmt: skip


@kind("layer", often=2, out=(4, 6, 8), kernel=(2, 3, 4), stride=(1, 2), padding=(0, 1), groups=(1, 2), dilation=(1, 2))
def conv_transposed(
    shape: Shape, parts: Parts, out: int, kernel: int, stride: int, padding: int, groups: int, dilation: int
) -> nn.Module:
    """ConvTranspose2d; small values only, as it enlarges them."""
    if shape[1] * shape[2] > 300:
        stride = 1
    count = groups_of(shape[0], groups) if out % groups == 0 else 1
    padding = min(padding, (kernel - 1) // 2)
    return nn.ConvTranspose2d(
        shape[0], out, kernel, stride, padding, output_padding=stride - 1, groups=count, dilation=dilation
    )


@kind(
    "layer", often=7,
    which=("batch", "instance", "group", "layer", "last", "rms", "local", "instance with statistics", "one group"),
    affine=(True, False), eps=(1e-5, 1e-3),
)  # fmt: skip
def norm(shape: Shape, parts: Parts, which: str, affine: bool, eps: float) -> nn.Module:
    """Batch, instance, group, layer, RMS and local response norms, as they behave in eval mode."""
    channels, height, width = shape
    numbers = height * width * (channels if which == "one group" else 1)
    if numbers == 1 and which in ("instance", "group", "one group"):  # nothing to standardise
        return nn.Identity()
    made: dict[str, nn.Module] = {
        "batch": nn.BatchNorm2d(channels, eps, affine=affine),
        "instance": nn.InstanceNorm2d(channels, eps, affine=affine),
        "instance with statistics": nn.InstanceNorm2d(channels, eps, affine=affine, track_running_stats=True),
        "group": nn.GroupNorm(groups_of(channels, 4 if channels > 4 else 2), channels, eps, affine),
        "one group": nn.GroupNorm(1, channels, eps, affine),
        "layer": nn.LayerNorm([channels, height, width], eps, affine),
        "last": ChannelsLast(nn.LayerNorm(channels, eps, affine)),
        "rms": ChannelsLast(nn.RMSNorm(channels, eps, affine)),
        "local": nn.LocalResponseNorm(3, 0.1, 0.75, 1.0),
    }
    return made[which]


class ChannelsLast(nn.Module):
    """A layer on the last dimension, used on the channels: ConvNeXt's way."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


INPLACE = ("ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "Hardtanh")
OTHERS = (
    "GELU", "Sigmoid", "Tanh", "Softplus", "Softsign", "Tanhshrink", "Softshrink", "Hardshrink", "LogSigmoid", "PReLU",
    "RReLU", "GLU", "Softmax2d", "Threshold", "Softmin",
)  # fmt: skip


@kind("layer", often=12, which=("ReLU",) * 8 + INPLACE + OTHERS, inplace=(False, True))
def activation(shape: Shape, parts: Parts, which: str, inplace: bool) -> nn.Module:
    """Every activation of torch.nn, in place where it offers that."""
    if which == "GLU":
        return nn.GLU(1) if shape[0] % 2 == 0 else nn.Identity()
    if which == "PReLU":
        return nn.PReLU(shape[0])
    if which == "Threshold":
        return nn.Threshold(0.1, -0.2, inplace)
    if which == "Softmin":
        return nn.Softmin(dim=1)
    made = getattr(nn, which)
    return made(inplace=inplace) if which in (*INPLACE, "RReLU") else made()


@kind(
    "layer", often=5, which=("max", "avg", "lp", "unpool"), kernel=(2, 3, (1, 2)), stride=(None, 1, 2, 3),
    padding=(0, 1), dilation=(1, 1, 2), ceil=(False, True), count_pad=(True, False), divisor=(None, None, 3),
)  # fmt: skip
def pool(
    shape: Shape, parts: Parts, which: str, kernel: int | tuple[int, int], stride: int | None, padding: int,
    dilation: int, ceil: bool, count_pad: bool, divisor: int | None,
) -> nn.Module:  # fmt: skip
    """Max, average and Lp pools with padding, dilation and ceil_mode; and a max pool undone by its indices."""
    sides = pair(kernel)
    if min(shape[1:]) < max((k - 1) * dilation + 1 for k in sides):
        return nn.Identity()
    padding = min(padding, min(sides) // 2)
    if which == "max":
        return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil)
    if which == "avg":
        return nn.AvgPool2d(kernel, stride, padding, ceil, count_pad, divisor)
    return nn.LPPool2d(2, kernel, stride, ceil) if which == "lp" else Unpool(max(sides))


class Unpool(nn.Module):
    """Max pooling and its inverse, which puts each maximum back to its place (SegNet)."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.down, self.up = nn.MaxPool2d(kernel, return_indices=True), nn.MaxUnpool2d(kernel)

    def forward(self, x: Tensor) -> Tensor:
        y, places = self.down(x)
        return self.up(y, places, output_size=x.shape[2:])


@kind("layer", often=2, which=("avg", "max"), size=((3, 3), (2, 5), (None, 4), (7, 1), (5, None)))
def adaptive(shape: Shape, parts: Parts, which: str, size: tuple[int | None, int | None]) -> nn.Module:
    """Adaptive pools, also to sizes that do not divide, or exceed, that of the values."""
    return nn.AdaptiveAvgPool2d(size) if which == "avg" else nn.AdaptiveMaxPool2d(size)


@kind(
    "layer",
    often=2,
    which=("zero", "constant", "reflect", "replicate", "circular"),
    sides=((1, 1, 1, 1), (0, 2, 1, 0), (2, 0, -1, 1)),
)
def pad(shape: Shape, parts: Parts, which: str, sides: tuple[int, int, int, int]) -> nn.Module:
    """Padding layers, uneven and with a negative side, which crops."""
    if min(shape[1:]) < 3:
        return nn.Identity()
    made = {
        "zero": nn.ZeroPad2d,
        "reflect": nn.ReflectionPad2d,
        "replicate": nn.ReplicationPad2d,
        "circular": nn.CircularPad2d,
    }
    if which == "constant":
        return nn.ConstantPad2d(sides, 0.5)
    left, right, top, bottom = sides
    return made[which](sides if which == "zero" else (left, right, max(0, top), bottom))


@kind(
    "layer",
    often=1,
    which=("nearest", "bilinear", "bicubic", "nearest-exact", "area"),
    scale=(2, 1.5, 0.6),
    align=(False, True),
)
def resize(shape: Shape, parts: Parts, which: str, scale: float, align: bool) -> nn.Module:
    """nn.Upsample and functional interpolation, larger and smaller."""
    if scale > 1 and shape[1] * shape[2] > 300:
        scale = 0.6
    size = (max(1, int(shape[1] * scale)), max(1, int(shape[2] * scale)))
    if which in ("bilinear", "bicubic"):
        return nn.Upsample(size, mode=which, align_corners=align)
    return Function(f"interpolate {which}", lambda x: F.interpolate(x, size=size, mode=which))


@kind("layer", often=2, which=("pixel unshuffle", "pixel shuffle", "channel shuffle"))
def shuffle(shape: Shape, parts: Parts, which: str) -> nn.Module:
    """Pixels moved into channels and back, and channels among each other."""
    channels, height, width = shape
    if which == "pixel unshuffle":
        return nn.PixelUnshuffle(2) if height % 2 == width % 2 == 0 and channels <= 8 else nn.Identity()
    if which == "pixel shuffle":
        return nn.PixelShuffle(2) if channels % 4 == 0 and height * width <= 300 else nn.Identity()
    return nn.ChannelShuffle(2) if channels % 2 == 0 else nn.Identity()


@kind("layer", often=1, which=("Dropout", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout"))
def dropout(shape: Shape, parts: Parts, which: str) -> nn.Module:
    """Dropout as it should be: off in eval mode."""
    return getattr(nn, which)(0.5)


@kind("layer", often=1, which=("weight", "spectral"), out=(4, 8), kernel=(3, 1))
def parametrised(shape: Shape, parts: Parts, which: str, out: int, kernel: int) -> nn.Module:
    """A convolution whose weights are computed: weight norm, spectral norm."""
    layer = nn.Conv2d(shape[0], out, kernel, padding=kernel // 2)
    made: nn.Module = getattr(parametrizations, f"{which}_norm")(layer)
    return made


@kind("layer", often=1, kernel=(3, 5))
def wide(shape: Shape, parts: Parts, kernel: int) -> nn.Module:
    """Convolutions of many channels, for which an engine may know other ways than for few."""
    if shape[1] * shape[2] > 300:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(shape[0], 48, 3, padding=1), nn.ReLU(), nn.Conv2d(48, 64, kernel, padding=kernel // 2), nn.ReLU(),
        nn.Conv2d(64, 8, 1),
    )  # fmt: skip


@kind("layer", often=1, dims=(3, 1), out=(4, 8))
def other_dims(shape: Shape, parts: Parts, dims: int, out: int) -> nn.Module:
    """Convolutions of one and of three dimensions, on rows and on a stack of one picture."""
    _, height, width = shape
    if dims == 3:
        return nn.Sequential(
            nn.Unflatten(1, (shape[0], 1)), nn.Conv3d(shape[0], out, (1, 3, 3), padding=(0, 1, 1)), nn.Flatten(1, 2)
        )
    return nn.Sequential(nn.Flatten(2), nn.Conv1d(shape[0], out, 3, padding=1), nn.Unflatten(2, (height, width)))
