"""Tokens put back on their grid: small transformers whose Grad-CAM is known by autograd in double precision."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import random_picture
from vizcore.networks.classifier import Classifier, NetworkError, Preprocess
from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.networks.order import calls
from vizcore.techniques.gradcam import grad_cam, last_maps, map_layers
from vizcore.techniques.token_maps import Places, places

SIZE = (24, 32)  # a grid of 3 x 4 patches


def made(module: nn.Module, size: tuple[int, int] = SIZE, classes: int = 5) -> Classifier:
    names = [str(k) for k in range(classes)]
    return Classifier(module, Preprocess(size, (0.5,) * 3, (0.25,) * 3), names, title="Net")


class Attention(nn.Module):
    """Single-headed attention over (N,L,D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        answer: Tensor = self.proj((q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(-1) @ v)
        return answer


class Block(nn.Module):
    """x + attention(norm1(x)), and a perceptron likewise; keeps what its normalisation answers, and its own answer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(width), Attention(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.kept: tuple[Tensor, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        first = self.norm1(x)
        x = x + self.attn(first)
        x = x + self.mlp(self.norm2(x))
        self.kept = first, x
        return x


class ViT(nn.Module):
    """``ahead`` tokens before the patches'; the logits by the first of them, or by the mean where there is none."""

    def __init__(self, ahead: int, width: int = 10, patch: int = 8, grid: int = 12) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)  # defined first, runs last
        self.patch_embed = nn.Conv2d(3, width, patch, stride=patch)
        self.ahead = nn.Parameter(torch.randn(1, ahead, width))
        self.position = nn.Parameter(torch.randn(1, ahead + grid, width))
        self.blocks = nn.Sequential(Block(width), Block(width), Block(width))
        self.head = nn.Linear(width, 5)

    def forward(self, z: Tensor) -> Tensor:
        x = self.patch_embed(z).flatten(2).transpose(1, 2)  # (N,D,h,w) -> (N,L,D)
        x = torch.cat([self.ahead.expand(len(x), -1, -1), x], dim=1) + self.position
        x = self.norm(self.blocks(x))
        answer: Tensor = self.head(x[:, 0] if self.ahead.shape[1] else x.mean(dim=1))
        return answer


class Window(nn.Module):
    """A block over (N,h,w,C), as in Swin with a single window."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(width), Attention(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU())
        self.kept: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        n, height, width, _ = x.shape
        x = x + self.attn(self.norm1(x).flatten(1, 2)).view(n, height, width, -1)
        self.kept = x + self.mlp(self.norm2(x))
        return self.kept


class Merging(nn.Module):
    """(N,h,w,C) -> (N,h/2,w/2,2C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.reduction = nn.LayerNorm(4 * width), nn.Linear(4 * width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], dim=-1)
        answer: Tensor = self.reduction(self.norm(x))
        return answer


class Swin(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(12, 5)
        self.embed = nn.Conv2d(3, 6, 4, stride=4)
        self.layers = nn.Sequential(Window(6), Merging(6), nn.Sequential(Window(12), Window(12)))
        self.norm = nn.LayerNorm(12)

    def forward(self, z: Tensor) -> Tensor:
        x = self.norm(self.layers(self.embed(z).permute(0, 2, 3, 1)))  # (N,h,w,C)
        answer: Tensor = self.head(x.mean(dim=(1, 2)))
        return answer


def weighed(score: Tensor, tokens: Tensor, ahead: int = 0) -> Tensor:
    """sum_k alpha_k A^k (L,) of tokens (1,L,D) without the first ``ahead``, by autograd."""
    (slope,) = torch.autograd.grad(score, tokens)
    tokens, slope = tokens[0, ahead:], slope[0, ahead:]
    return (slope.mean(0) * tokens).sum(1).detach().float()


def twin(clf: Classifier) -> tuple[Any, Tensor, Tensor]:
    """The network in double precision, a picture, and the picture as it sees it."""
    image = random_picture(clf)
    return copy.deepcopy(clf.module).double(), image, clf.normalise(image[None]).double().requires_grad_()


@pytest.mark.parametrize("ahead", [1, 5])
def test_with_a_class_token_the_map_is_of_what_the_last_attention_reads(ahead: int) -> None:
    torch.manual_seed(0)
    clf = made(ViT(ahead))
    right, image, z = twin(clf)
    found = grad_cam(clf, image, 3)
    assert found.layer == "blocks.2.norm1"
    assert found.signed.shape == (3, 4)
    score = right(z)[0, 3]
    first, whole = right.blocks[2].kept
    (slope,) = torch.autograd.grad(score, whole, retain_graph=True)
    assert slope[0, 1:].abs().max() == 0  # the class token alone goes on from the last block
    truth = weighed(score, first, ahead).view(3, 4)
    assert truth.abs().max() > 1e-4
    assert torch.allclose(found.signed, truth, atol=1e-5 * float(truth.abs().max()))
    assert found.upsampled.shape == SIZE


def test_without_a_class_token_it_is_of_the_last_block_s_answer() -> None:
    torch.manual_seed(0)
    clf = made(ViT(0))
    right, image, z = twin(clf)
    found = grad_cam(clf, image, 3)
    assert found.layer == "blocks.2"
    score = right(z)[0, 3]
    truth = weighed(score, right.blocks[2].kept[1]).view(3, 4)
    assert torch.allclose(found.signed, truth, atol=1e-5 * float(truth.abs().max()))


def test_swin_s_features_come_last_on_a_grid_that_was_merged() -> None:
    torch.manual_seed(0)
    clf = made(Swin())
    right, image, z = twin(clf)
    found = grad_cam(clf, image, 1)
    assert found.layer == "layers.2.1"
    assert found.signed.shape == (3, 4)
    score = right(z)[0, 1]
    kept = right.layers[2][1].kept
    (slope,) = torch.autograd.grad(score, kept)
    truth = (slope.mean(dim=(1, 2)) * kept).sum(-1)[0].detach().float()
    assert torch.allclose(found.signed, truth, atol=1e-5 * float(truth.abs().max()))


def test_any_block_can_be_chosen() -> None:
    torch.manual_seed(0)
    clf = made(ViT(1))
    assert map_layers(clf)[:4] == ["blocks.2.norm1", "blocks.1", "blocks.1.norm2", "blocks.1.norm1"]
    assert map_layers(clf)[-1] == "patch_embed"
    right, image, z = twin(clf)
    score = right(z)[0, 0]
    truth = weighed(score, right.blocks[1].kept[1], 1).view(3, 4)
    found = grad_cam(clf, image, 0, layer="blocks.1")
    assert torch.allclose(found.signed, truth, atol=1e-5 * float(truth.abs().max()))
    with pytest.raises(ValueError, match=r"layer 'head' answers .*such as blocks\.2\.norm1"):
        grad_cam(clf, image, 0, layer="head")


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_torch_s_own_encoder_in_either_order_of_axes(batch_first: bool, norm_first: bool) -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Conv2d(3, 8, 8, stride=8)
            layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, norm_first=norm_first, batch_first=batch_first)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = nn.Linear(8, 5)

        def forward(self, z: Tensor) -> Tensor:
            x = self.embed(z).flatten(2)  # (N,D,L)
            x = self.encoder(x.transpose(1, 2) if batch_first else x.permute(2, 0, 1))
            answer: Tensor = self.head(x.mean(dim=1 if batch_first else 0))
            return answer

    torch.manual_seed(0)
    clf = made(Encoder())
    right, image, z = twin(clf)
    kept: list[Tensor] = []
    right.encoder.register_forward_hook(lambda layer, inputs, answer: kept.append(answer))
    score = right(z)[0, 2]
    (slope,) = torch.autograd.grad(score, kept[0])
    axis = 1 if batch_first else 0
    truth = (slope.mean(axis, keepdim=True) * kept[0]).sum(-1).flatten().view(3, 4).detach().float()
    found = grad_cam(clf, image, 2)
    assert found.layer == ("encoder.layers.1" if norm_first else "encoder.layers.1.norm2")
    assert torch.allclose(found.signed, truth, atol=1e-5 * float(truth.abs().max()))


def test_tokens_without_known_places_get_a_sentence() -> None:
    class Pooled(ViT):
        def forward(self, z: Tensor) -> Tensor:
            x = nn.functional.adaptive_avg_pool2d(self.patch_embed(z), (1, 5)).flatten(2).transpose(1, 2)
            answer: Tensor = self.head(self.norm(self.blocks(x)).mean(dim=1))
            return answer

    clf = made(Pooled(0), (48, 48))
    with pytest.raises(NetworkError, match=r"The tokens of Net have no known places .* no map for Grad-CAM"):
        grad_cam(clf, random_picture(clf), 0)


def test_a_convolutional_network_that_pools_by_attention_keeps_its_feature_maps() -> None:
    class Pooling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
            self.columns = nn.GRU(8 * 6, 8, batch_first=True)
            self.head = nn.Linear(8, 5)

        def forward(self, z: Tensor) -> Tensor:
            x = self.body(z).flatten(1, 2).transpose(1, 2)  # (N,D,h,w) -> (N,w,D h)
            answer: Tensor = self.head(self.columns(x)[0][:, -1])
            return answer

    torch.manual_seed(0)
    assert last_maps(made(Pooling())) == "body"


def test_a_normalisation_of_channels_that_come_last_makes_no_tokens_of_feature_maps() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(6)

        def forward(self, x: Tensor) -> Tensor:
            answer: Tensor = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            return answer

    torch.manual_seed(0)
    head = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 5))
    for side in (6, 5):  # with six channels on 6 x 6 places, shapes tell nothing
        clf = made(nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), Last(), head), (4 * side, 4 * side))
        assert last_maps(clf) == "0"


def test_places_are_read_by_their_layout() -> None:
    maps = torch.arange(24.0).view(2, 3, 4)  # (n,h,w)
    tokens = maps.flatten(1).T  # (n,h,w) -> (h w,n)
    ahead = torch.cat([torch.full((1, 2), 99.0), tokens])
    for layout, answer, skipped in (
        ("maps", maps[None], 0),
        ("last", maps.permute(1, 2, 0)[None], 0),
        ("tokens", tokens[None], 0),
        ("tokens", ahead[None], 1),
        ("sequence", ahead[:, None], 1),
    ):
        assert torch.equal(Places(layout, (3, 4), skipped).maps(answer), maps)  # type: ignore[arg-type]


def test_places_of_every_call_of_a_swin() -> None:
    clf = made(Swin())
    found = dict(zip((call.name for call in calls(clf)), places(clf.module, calls(clf)), strict=True))
    assert found["embed"] == Places("maps", (6, 8))
    assert found["layers.0.norm1"] == found["layers.0"] == Places("last", (6, 8))
    assert found["layers.1"] == found["layers.2.1"] == found["norm"] == Places("last", (3, 4))
    assert found["head"] is None


@pytest.mark.parametrize(
    ("name", "size", "layer", "grid"),
    [
        ("vit_b_16", 48, "encoder.layers.encoder_layer_11.ln_1", (3, 3)),
        ("swin_t", 64, "features.7.1", (2, 2)),
        ("swin_v2_t", 64, "features.7.1", (2, 2)),
    ],
)
def test_torchvision_s_transformers(name: str, size: int, layer: str, grid: tuple[int, int]) -> None:
    torch.manual_seed(0)
    given = {"image_size": size} if name.startswith("vit") else {}
    module = getattr(torchvision_models(), name)(weights=None, num_classes=5, **given)
    clf = made(module, (size, size))
    assert last_maps(clf) == layer  # also where the head is all zeros, as vit_b_16's is before training
    head = module.heads.head if name.startswith("vit") else module.head
    nn.init.normal_(head.weight)
    found = grad_cam(clf, random_picture(clf), 0)
    assert found.layer == layer
    assert found.signed.shape == grid
    assert found.signed.abs().max() > 0
