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
from vizcore.params import check, choice
from vizcore.targets import Output, Target, pick


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

    ``image`` is (C,H,W) in [0,1]. A are the answers of ``layer``, by default :func:`last_maps`. The network is not
    touched: a private copy over the same weights is looked into. Raises ValueError for a picture or a target that is
    not the network's, for a layer that answers no feature maps (1,n,h,w), and for a network without convolutions.

    Selvaraju et al. 2017, section 3, equations 1 and 2.
    """
    params = params or GradCam()
    clf.check_image(image)
    clf.check_target(target)
    name = last_maps(clf) if layer is None else layer
    found: list[Tensor] = []

    def begin_here(answer: Tensor) -> Tensor:
        if not found:
            found.append(answer.detach().requires_grad_())
            return found[0].clone()  # a ReLU in place must not overwrite the maps
        return answer

    if name not in dict(clf.module.named_modules()):
        raise ValueError(f"layer is {name!r}; accepted: a layer of {clf.title}, such as {last_maps(clf)}.")
    with torch.enable_grad():  # also where the caller has switched gradients off
        logits = clf.finite(through(private_copy(clf.module), network_input(clf, image[None]), name, begin_here))
        if not found or found[0].dim() != 4:
            shape = tuple(found[0].shape) if found else "nothing"
            raise ValueError(
                f"layer {name!r} answers {shape}; accepted: feature maps (1,n,h,w), such as {last_maps(clf)}."
            )
        score = pick(logits, target, params.output, clf.squash)
        grad = clf.finite(torch.autograd.grad(score.sum(), found[0])[0])
    alpha = grad.mean(dim=(2, 3))[0]  # (1,n,h,w) -> (n,)
    signed = torch.einsum("n,nhw->hw", alpha, found[0].detach()[0])
    return CamMap(signed.cpu(), alpha.cpu(), name, float(score[0].detach()), clf.preprocess.size)


_last_maps: weakref.WeakKeyDictionary[Classifier, str] = weakref.WeakKeyDictionary()


def last_maps(clf: Classifier) -> str:
    """The layer that holds the last feature maps: where the last convolution's answers have been joined and summed.

    It is the outermost part of the network around the last convolution that keeps the convolution's places, such as
    ResNet's layer4 with its sums, or GoogLeNet's inception5b with its four branches joined. Found by one forward pass
    of a private copy, once for each network. Raises ValueError where no convolution answers more than one place.
    """
    if clf not in _last_maps:
        _last_maps[clf] = _found_last_maps(clf)
    return _last_maps[clf]


def _found_last_maps(clf: Classifier) -> str:
    network = private_copy(clf.module)
    answers: list[tuple[str, nn.Module, tuple[int, ...]]] = []  # in the order in which they are complete

    for name, module in network.named_modules():

        def note(module: nn.Module, inputs: object, answer: object, name: str = name) -> None:
            if name and isinstance(answer, Tensor) and answer.dim() == 4:
                answers.append((name, module, tuple(answer.shape[2:])))

        module.register_forward_hook(note)
    with torch.no_grad():
        network(network_input(clf, torch.zeros(1, *clf.input_shape)))
    places = [shape for _, module, shape in answers if isinstance(module, nn.Conv2d) and max(shape) > 1]
    if not places:
        raise NetworkError(f"{clf.title} has no convolution with more than one place, so it has no map for Grad-CAM.")
    holders = [
        name
        for name, module, shape in answers
        if shape == places[-1] and any(isinstance(part, nn.Conv2d) for part in module.modules())
    ]
    return holders[-1]
