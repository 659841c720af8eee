"""Grad-CAM, a comparison: where the last feature maps speak for a class, on their own coarse grid."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizcore.copies import private_copy
from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.networks.layers import network_input, through
from vizcore.networks.order import Call, calls, tensor_of, with_tensor
from vizcore.params import check, choice
from vizcore.targets import Output, Target, pick
from vizcore.techniques import token_maps
from vizcore.techniques.token_maps import Places


@dataclass(frozen=True)
class GradCam:
    """Which score is differentiated."""

    output: Output = choice(  # noqa: RUF009
        "logit", get_args(Output), label="Score", help="Selvaraju differentiates the logit, before the softmax."
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class CamMap:
    """L = ReLU(sum_k alpha_k A^k): positive where the feature maps speak for the class, and as coarse as they are.

    ``signed`` (h,w) is the sum before the ReLU, ``alpha`` (n,) the weights of the feature maps, ``layer`` the name of
    the layer whose maps they are, ``score`` is y(I0), and ``size`` (H,W) that of the picture. The unit is that of the
    score per place of the feature maps.
    """

    signed: Tensor
    alpha: Tensor
    layer: str
    score: float
    size: tuple[int, int]

    @property
    def map(self) -> Tensor:
        """(h,w), at least 0."""
        return self.signed.relu()

    @property
    def upsampled(self) -> Tensor:
        """(H,W), at least 0: the map bilinearly spread over the picture, for showing (section 3)."""
        return F.interpolate(self.map[None, None], size=self.size, mode="bilinear", align_corners=False)[0, 0]


def grad_cam(
    clf: Classifier, image: Tensor, target: Target, params: GradCam | None = None, layer: str | None = None
) -> CamMap:
    """alpha_k = mean over places of dy_target/dA^k; L = ReLU(sum_k alpha_k A^k).

    ``image`` is (C,H,W) in [0,1]. A are the answers of ``layer``, by default :func:`last_maps`; of a layer that is
    used several times those of its last use on which the score depends, and of a transformer's layer the tokens on
    their grid. The network is not touched: a private copy over the same weights is looked into. Raises ValueError for
    a picture or a target that is not the network's and for a layer that answers no feature maps, and
    :class:`~vizcore.networks.classifier.NetworkError` where no gradient leads from the score to feature maps.

    Selvaraju et al. 2017, section 3, equations 1 and 2.
    """
    params = params or GradCam()
    clf.check_image(image)
    clf.check_target(target)
    name = last_maps(clf) if layer is None else layer
    if name not in dict(clf.module.named_modules()):
        raise ValueError(f"layer is {name!r}; accepted: a layer of {clf.title}, such as {last_maps(clf)}.")
    uses: list[Tensor] = []

    def begin_here(answer: object) -> object:
        part = tensor_of(answer)
        if part is None or not part.is_floating_point():
            return answer
        uses.append(part.detach().requires_grad_())
        return with_tensor(answer, uses[-1].clone())  # a ReLU in place must not overwrite the maps

    # Also where the caller has switched gradients off, or works in inference mode.
    with torch.inference_mode(False), torch.enable_grad(), clf.passes.sound():
        logits = clf.finite(through(private_copy(clf.network), network_input(clf, image[None]), name, begin_here))
        if not uses:
            raise ValueError(f"layer {name!r} answers nothing; accepted: feature maps, such as {last_maps(clf)}.")
        score = pick(logits, target, params.output, clf.squash)
        slopes = _slopes(clf, score, uses)
    last = next(((use, slope) for use, slope in reversed([*zip(uses, slopes, strict=True)]) if slope is not None), None)
    if last is None:
        raise NetworkError(
            f"No gradient leads from the answer of {clf.title} to its layer {name}, which has no map for Grad-CAM then."
        )
    place = _place(clf, name, tuple(last[0].shape))
    if place is None:
        shape = tuple(last[0].shape)
        raise ValueError(f"layer {name!r} answers {shape}; accepted: feature maps (1,n,h,w), such as {last_maps(clf)}.")
    maps, slope = place.maps(last[0].detach()), place.maps(clf.finite(last[1]))  # (n,h,w) each
    alpha = slope.mean(dim=(1, 2))  # (n,h,w) -> (n,)
    signed = torch.einsum("n,nhw->hw", alpha, maps)
    return CamMap(signed.cpu(), alpha.cpu(), name, float(score[0].detach()), clf.preprocess.size)


def last_maps(clf: Classifier) -> str:
    """The layer that holds the last feature maps: where the last convolution's answers have been joined and summed.

    It is the outermost part of the network around the last convolution that keeps the convolution's places, such as
    ResNet's layer4 with its sums, or GoogLeNet's inception5b with its four branches joined; a convolution beside the
    way to the logits does not count. In a transformer it is the layer with the last block's tokens, see
    :func:`vizcore.techniques.token_maps.token_layers`. Found by a pass of a private copy, once for each network.
    Raises :class:`~vizcore.networks.classifier.NetworkError` where there are no such maps.
    """
    return map_layers(clf)[0]


def map_layers(clf: Classifier) -> list[str]:
    """The layers whose maps Grad-CAM can weigh, the last one, :func:`last_maps`, first.

    They are convolutions, parts that hold convolutions, and a transformer's blocks and their normalisations, if they
    answer more than one place and a gradient leads to them from the logits. What only hands on the answer of a part
    within it is not named again. Raises as :func:`last_maps`.
    """
    return list(_known(clf).layers)


@dataclass(frozen=True)
class _Found:
    answers: tuple[Call, ...]  # of which pass
    layers: tuple[str, ...]
    places: dict[tuple[str, tuple[int, ...]], Places | None]  # by name and shape of an answer


_found: weakref.WeakKeyDictionary[Classifier, _Found] = weakref.WeakKeyDictionary()


def _known(clf: Classifier) -> _Found:
    answers = _calls(clf)
    known = _found.get(clf)
    if known is None or known.answers is not answers:  # these are found anew where layers were exchanged
        known = _found[clf] = _look(clf, answers)
    return known


def _place(clf: Classifier, name: str, shape: tuple[int, ...]) -> Places | None:
    try:
        known = _known(clf).places
    except NetworkError:
        known = {}
    return known.get((name, shape)) or (Places("maps", shape[2:]) if len(shape) == 4 else None)


def _calls(clf: Classifier) -> tuple[Call, ...]:
    if any(isinstance(part, torch.jit.ScriptModule) for part in clf.module.modules()):
        raise NetworkError(
            f"{clf.title} was compiled by TorchScript, so its layers cannot be looked into and it has no map for "
            "Grad-CAM. Give the plain module instead."
        )
    try:
        return calls(clf)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a stranger's network raises when it is looked into
        raise _undifferentiable(clf) from error


def _slopes(clf: Classifier, score: Tensor, uses: list[Tensor]) -> tuple[Tensor | None, ...]:
    if not score.requires_grad:
        return (None,) * len(uses)
    try:
        return torch.autograd.grad(score.sum(), uses, allow_unused=True)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # such as of a network that overwrites what its gradient needs
        raise _undifferentiable(clf) from error


def _undifferentiable(clf: Classifier) -> NetworkError:
    return NetworkError(f"{clf.title} cannot be run with gradients layer by layer, so it has no map for Grad-CAM.")


def _look(clf: Classifier, answers: tuple[Call, ...]) -> _Found:
    modules = dict(clf.module.named_modules())
    places = token_maps.places(clf.module, answers)
    with_maps = [
        (call, place)
        for call, place in zip(answers, places, strict=True)
        if place is not None and place.layout == "maps" and max(place.size) > 1
    ]
    if not any(isinstance(modules[call.name], nn.Conv2d) for call, _ in with_maps):
        raise NetworkError(f"{clf.title} has no convolution with more than one place, so it has no map for Grad-CAM.")
    holders = [
        (call, place)
        for call, place in with_maps
        if call.depends and any(isinstance(part, nn.Conv2d) for part in modules[call.name].modules())
    ]
    sizes = [place.size for call, place in holders if isinstance(modules[call.name], nn.Conv2d)]
    if not sizes:
        raise NetworkError(
            f"No gradient leads from the answer of {clf.title} to a convolution with more than one place, so it has no "
            "map for Grad-CAM."
        )
    last = [call for call, place in holders if place.size == sizes[-1]][-1]
    outermost = {call.same: call.name for call, _ in holders}  # of those that hand on one tensor the last to do so
    names = [name for name in dict.fromkeys(outermost.values()) if name != last.name]
    later = places[max(at for at, call in enumerate(answers) if call.name == last.name) + 1 :]
    placed = any(place is not None and place.layout != "maps" for place in later)
    tokens = token_maps.token_layers(clf, last.name) if placed else []  # which takes another pass
    first = next(call for call in answers if isinstance(modules[call.name], nn.Conv2d) and call.depends)
    if not tokens and first.name == last.name and token_maps.has_blocks(clf, answers, last.name):
        raise NetworkError(
            f"The tokens of {clf.title} have no known places in the picture, so it has no map for Grad-CAM."
        )
    known = {(call.name, call.shape): place for call, place in zip(answers, places, strict=True)}
    ordered = [*names, last.name, *(name for name, _ in tokens)]
    return _Found(answers, tuple(dict.fromkeys(reversed(ordered))), known)
