"""Every method under one roof: what each makes of the same picture and target, as one signed map.

A thin adapter over the technique modules, which stay as they are: :func:`explain` turns whatever a technique yields
into an :class:`Attribution`, so that a comparison can treat all alike. Two maps that do not look at the network stand
beside the techniques, see :mod:`vizcore.evaluation.baselines`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, get_args

import torch.nn.functional as F
from torch import Tensor

from vizcore.evaluation import baselines
from vizcore.networks.classifier import Classifier
from vizcore.params import choice
from vizcore.targets import Output, Target
from vizcore.techniques import gradcam, integrated_gradients, lime, occlusion, saliency
from vizcore.techniques.lime import Known

View = Literal["times_input", "signed", "absolute"]
Sign = Literal["both", "positive"]

_VIEW_HELP = (
    "Gradient times input is signed for the class and in units of the score. The gradient's own sign only says "
    "whether more light would help; its magnitude, the map of Simonyan et al., has no sign."
)


@dataclass(frozen=True)
class Gradient(saliency.Saliency):
    """The plain gradient's settings, and how its three channels become one signed map."""

    view: View = choice("times_input", get_args(View), label="View", help=_VIEW_HELP)  # noqa: RUF009


@dataclass(frozen=True)
class SmoothGradient(saliency.SmoothGrad):
    """SmoothGrad's settings, and how its three channels become one signed map."""

    view: View = choice("times_input", get_args(View), label="View", help=_VIEW_HELP)  # noqa: RUF009


@dataclass(frozen=True)
class Path(integrated_gradients.IntegratedGradients):
    """Integrated gradients from the mean colour, which is what gradient times input counts as nothing, too.

    From black, the technique's own default, everything bright gets a share of the score for being bright. On the
    bundled network such maps are far worse than random orders by deletion to grey, and those from the mean far better.
    """

    baseline: integrated_gradients.Baseline = choice(  # noqa: RUF009
        "mean",
        get_args(integrated_gradients.Baseline),
        label="Baseline",
        help="What counts as nothing. The mean colour is what gradient times input starts from as well.",
    )


@dataclass(frozen=True)
class Cam(gradcam.GradCam):
    """Grad-CAM's settings, whether what speaks against the class is kept, and of which layer the maps are.

    ``layer`` is empty for the last feature maps. Since one choice holds for all networks that are compared, these are
    also taken where a network has no maps of that name; :attr:`Attribution.layer` says which were.
    """

    sign: Sign = choice(  # noqa: RUF009
        "both",
        get_args(Sign),
        label="Sign",
        help="The paper's ReLU keeps only what speaks for the class; the other maps here show both.",
    )
    layer: str = ""


@dataclass(frozen=True)
class Adaline(lime.Lime):
    """LIME with the linear model trained step by step."""

    model: lime.Model = field(default="adaline", init=False)
    half: bool = field(default=False, init=False)  # what is compared is computed in full


@dataclass(frozen=True)
class Ridge(lime.Lime):
    """LIME with the reference implementation's kernel-weighted ridge regression."""

    model: lime.Model = field(default="ridge", init=False)
    half: bool = field(default=False, init=False)  # what is compared is computed in full


METHODS: dict[str, type] = {
    "gradient": Gradient,
    "smoothgrad": SmoothGradient,
    "integrated": Path,
    "gradcam": Cam,
    "occlusion": occlusion.Occlusion,
    "adaline": Adaline,
    "ridge": Ridge,
    "random": baselines.Random,
    "edges": baselines.Edges,
}
# Those that take least first, as they do on most networks: what waits for several has something to look at soon.
BY_COST = ("gradient", "gradcam", "random", "edges", "occlusion", "smoothgrad", "integrated", "adaline", "ridge")
SEEDED = ("smoothgrad", "adaline", "ridge", "random")  # those with chance in them: another seed, another map
PIXELWISE = ("gradient", "smoothgrad", "integrated", "random")  # signed for every single pixel, unless viewed without
BASELINES = ("random", "edges")  # those that do not look at the network

P = TypeVar("P")


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each pixel speaks for the target, by one method: heat (H,W), positive where it does.

    ``heat`` is float32 on the CPU. Its unit is the score's for ``gradient`` and ``smoothgrad`` (as gradient x input),
    ``integrated``, ``occlusion``, ``adaline`` and ``ridge``: a contribution per pixel for the first three, the fall of
    the score under a window, and the worth of a whole superpixel. Grad-CAM's is the score per place of the feature
    maps; the baselines have none, and ``edges`` is never negative. ``score`` is y(I0), a probability or a logit as
    ``params.output`` says. ``step`` of ``of`` are in (copies, points, windows, sub-images). ``forward`` and
    ``backward`` count the pictures sent through the network so far, ``backward`` those whose gradient was taken; what
    occlusion reuses of the uncovered picture is counted as if it were computed. ``layer`` names the layer whose feature
    maps Grad-CAM has weighed.
    """

    heat: Tensor
    step: int
    of: int
    score: float
    forward: int
    backward: int
    layer: str = ""


def check_method(method: str) -> None:
    """Raise ValueError unless ``method`` is one of :data:`METHODS`."""
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; accepted: one of {', '.join(METHODS)}.")


def defaults(method: str) -> Any:
    """The parameters of a method at their defaults. Raises ValueError for an unknown method."""
    check_method(method)
    return METHODS[method]()


def with_seed(params: P, seed: int) -> P:
    """The same parameters with another seed.

    Raises ValueError where the method has no chance in it, and ParameterError for a seed out of range.
    """
    if not hasattr(params, "seed"):
        raise ValueError(
            f"{type(params).__name__} has no seed; accepted: the parameters of one of {', '.join(SEEDED)}."
        )
    changed: P = replace(params, seed=seed)  # type: ignore[type-var]
    return changed


def with_output(params: P, output: Output) -> P:
    """The same parameters about another score: maps of one unit want one score. Raises ParameterError if unknown."""
    changed: P = replace(params, output=output)  # type: ignore[type-var]
    return changed


def explain(
    clf: Classifier, image: Tensor, target: Target, method: str, params: Any | None = None, known: Known | None = None
) -> Iterator[Attribution]:
    """heat = how much each pixel of ``image`` speaks for ``target``, by ``method``, from the first estimate on.

    ``image`` is (C,H,W) in [0,1]; ``params`` an instance of ``METHODS[method]``, its defaults where None. Methods that
    need one pass yield once. Where ``known`` is given, LIME's sub-images serve both its models and every class. Raises,
    before any computation, ValueError for an unknown method, parameters of another one, a picture or a target that is
    not the network's, and ParameterError for settings that do not fit the picture.
    """
    check_method(method)
    params = params or METHODS[method]()
    if not isinstance(params, METHODS[method]):
        raise ValueError(
            f"params is of type {type(params).__name__}; accepted for {method}: {METHODS[method].__name__}."
        )
    clf.check_image(image)
    clf.check_target(target)
    if isinstance(params, lime.Lime):
        return _lime(clf, image, target, params, known or Known())
    return _ADAPTERS[method](clf, image, target, params)


def _viewed(found: saliency.SaliencyMap, view: View) -> Tensor:
    views = {"times_input": saliency.times_input, "signed": saliency.signed, "absolute": saliency.absolute_max}
    return views[view](found)


def _gradient(clf: Classifier, image: Tensor, target: Target, params: Gradient) -> Iterator[Attribution]:
    found = saliency.gradient(clf, image, target, params)
    yield Attribution(_viewed(found, params.view), 1, 1, found.score, 1, 1)


def _smoothgrad(clf: Classifier, image: Tensor, target: Target, params: SmoothGradient) -> Iterator[Attribution]:
    for found in saliency.smoothgrad(clf, image, target, params):
        yield Attribution(_viewed(found, params.view), found.step, found.of, found.score, 1 + found.step, found.step)


def _integrated(clf: Classifier, image: Tensor, target: Target, params: Path) -> Iterator[Attribution]:
    for found in integrated_gradients.integrated_gradients(clf, image, target, params):
        heat = saliency.times_input(found)
        yield Attribution(heat, found.step, found.of, found.score, 2 + found.step, found.step)


def _gradcam(clf: Classifier, image: Tensor, target: Target, params: Cam) -> Iterator[Attribution]:
    names = gradcam.map_layers(clf)
    found = gradcam.grad_cam(clf, image, target, params, params.layer if params.layer in names else names[0])
    heat = found.upsampled
    if params.sign == "both":
        heat = F.interpolate(found.signed[None, None], size=found.size, mode="bilinear", align_corners=False)[0, 0]
    yield Attribution(heat.clone(), 1, 1, found.score, 2, 1, found.layer)  # one more pass finds the layer


def _occlusion(clf: Classifier, image: Tensor, target: Target, params: occlusion.Occlusion) -> Iterator[Attribution]:
    for found in occlusion.occlude(clf, image, target, params):
        yield Attribution(found.heat(), found.step, found.of, found.score, 1 + found.step, 0)


def _lime(clf: Classifier, image: Tensor, target: Target, params: lime.Lime, known: Known) -> Iterator[Attribution]:
    for found, passes in lime.carried_on(clf, image, target, params, known):
        yield Attribution(found.heat(), found.step, found.of, found.score, passes, 0)


def _random(clf: Classifier, image: Tensor, target: Target, params: baselines.Random) -> Iterator[Attribution]:
    score = float(clf.scores(image[None], target, params.output)[0])
    yield Attribution(baselines.noise(clf.preprocess.size, params), 1, 1, score, 1, 0)


def _edges(clf: Classifier, image: Tensor, target: Target, params: baselines.Edges) -> Iterator[Attribution]:
    yield Attribution(baselines.edges(image), 1, 1, float(clf.scores(image[None], target, params.output)[0]), 1, 0)


_ADAPTERS: dict[str, Callable[..., Iterator[Attribution]]] = {
    "gradient": _gradient,
    "smoothgrad": _smoothgrad,
    "integrated": _integrated,
    "gradcam": _gradcam,
    "occlusion": _occlusion,
    "random": _random,
    "edges": _edges,
}
