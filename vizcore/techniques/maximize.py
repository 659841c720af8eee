"""Input maximisation: the picture that a network would draw if it were asked what a class looks like."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.targets import Channel, Unit
from vizcore.techniques.blurring import blurred, total_variation
from vizcore.techniques.channels import Layer, layer_of, layers
from vizcore.techniques.default_settings import TRIES, Search, defaults, search, search_channels
from vizcore.techniques.gradient_ascent import Climb, climb, climb_in_a_batch
from vizcore.techniques.maximisation import ADDITIONS, START_NOISE, Ascent, Basis, Maximisation, Measured, Start

__all__ = [
    "ADDITIONS", "START_NOISE", "TRIES", "Ascent", "Basis", "Channel", "Climb", "Layer", "Maximisation", "Measured",
    "Search", "Start", "Unit", "blurred", "check_unit", "defaults", "layer_of", "layers", "maximize", "search",
    "search_channels", "together", "total_variation",
]  # fmt: skip


def maximize(
    clf: Classifier, target: Unit, params: Maximisation | None = None, start_image: Tensor | None = None
) -> Iterator[Ascent]:
    """I* = argmax_I y_target(I) - lambda * ||I||_2^2, by gradient ascent on the network's zero-centred input I.

    ||I||^2 is the sum of squares over all channels and pixels, and I is not kept within the colours that a screen can
    show. ``start_image`` (C,H,W) in [0,1] is where ``start`` = "picture" begins, and is not looked at otherwise. Yields
    after every step; keep every so many if you keep them. Raises ValueError for a target that is not the network's, and
    where the start is the picture and there is none.

    The target is a class, a contrast of two, or a :class:`~vizcore.targets.Channel` of a layer. A channel's ``logits``
    are its value y, which has no squashed form: its ``probabilities`` are NaN, and ``output`` = "probability" raises
    ValueError.

    Simonyan et al. 2014, section 2, climb the logit and add the mean for showing, as here. They start from zero
    (``start`` = "grey"); noise is the default here, because a network whose first filters are all silent on a uniform
    picture, such as the bundled one, has no gradient to follow from there. They do not say how they climb; here
    it is Adam (Kingma & Ba 2015), which takes steps of the same size for a logit and for a nearly vanishing gradient of
    the probability, with a step size that falls to zero along half a cosine so that the ascent comes to rest.
    ``coordinates`` = "fourier" climbs the same objective in another basis (Olah et al. 2017). Additions, off by
    default: the mean of y over random shifts, turns and scalings T, E_T[y(T I)], in place of y(I) (Mordvintsev et al.
    2015; Olah et al. 2017), a picture that is clipped after every step to colours in [0,1] (``bounded``: projected
    ascent; in pixels it ends at the constrained optimum, in Fourier coordinates, whose steps are scaled, near it),
    steps that are blurred (Yosinski et al. 2015, section 3, blur the picture, which outruns Adam's small steps), and
    total variation (Mahendran and Vedaldi 2015, section 3.3).
    """
    params = params or Maximisation()
    return climb(clf, target, params, _checked(clf, [(target, params)], start_image))


def together(
    clf: Classifier, climbs: Sequence[Climb], start_image: Tensor | None = None
) -> Iterator[tuple[Ascent, ...]]:
    """I*_i = argmax_I y_i(I) - lambda_i * ||I||_2^2 of several targets, each with its own settings, in their order.

    Each is the ascent of :func:`maximize`, with random numbers of its own, up to rounding: what shares all settings but
    lambda and seed, and is a class or a channel of the same layer, goes through the network in one batch, which takes
    less time than one after the other. Yields after every step of all. Raises ValueError as :func:`maximize` does, and
    where the numbers of steps differ.
    """
    if len({params.steps for _, params in climbs}) > 1:
        numbers = ", ".join(str(params.steps) for _, params in climbs)
        raise ValueError(f"steps are {numbers}; accepted: the same number for all that are climbed together.")
    start = _checked(clf, climbs, start_image)
    batches: dict[Hashable, list[int]] = {}
    for number, (unit, params) in enumerate(climbs):
        kind = (unit.layer, unit.of) if isinstance(unit, Channel) else ()
        batches.setdefault((kind, replace(params, lambda_=0.0, seed=0)), []).append(number)
    return _together(clf, climbs, list(batches.values()), start)


def _together(
    clf: Classifier, climbs: Sequence[Climb], batches: list[list[int]], start: Tensor | None
) -> Iterator[tuple[Ascent, ...]]:
    runs = [climb_in_a_batch(clf, [climbs[k] for k in batch], start) for batch in batches]
    order = [k for batch in batches for k in batch]
    for found in zip(*runs, strict=True):
        ascents = dict(zip(order, (ascent for batch in found for ascent in batch), strict=True))
        yield tuple(ascents[k] for k in range(len(climbs)))


def _checked(clf: Classifier, climbs: Sequence[Climb], start_image: Tensor | None) -> Tensor | None:
    """The picture that is started from, as it is now, if any."""
    for target, params in climbs:
        check_unit(clf, target)
        if isinstance(target, Channel) and params.output == "probability":
            raise ValueError(
                "output is 'probability', which a channel does not have; accepted: 'logit', its own value."
            )
    if all(params.start != "picture" for _, params in climbs):
        return None
    if start_image is None:
        raise ValueError("start is 'picture' but start_image is None; accepted: a (C,H,W) picture in [0,1].")
    clf.check_image(start_image)
    return start_image.detach().clone()


def check_unit(clf: Classifier, unit: Unit) -> None:
    """Raise ValueError unless ``unit`` is a class of the network, a contrast of two, or a channel of its layers."""
    if isinstance(unit, Channel):
        layer_of(clf, unit)
    else:
        clf.check_target(unit)
