"""Settings of input maximisation with which a network draws something recognisable, found once for each network."""

from __future__ import annotations

import math
import statistics
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.params import specs
from vizcore.targets import Channel, Unit
from vizcore.techniques.channels import layer_of
from vizcore.techniques.gradient_ascent import climb, climb_in_a_batch
from vizcore.techniques.maximisation import Ascent, Maximisation

CONTRAST = 0.5  # root of the mean square of I at which lambda balances y; a photograph's is about 1
_CLASSES = 3  # that are climbed to find lambda
TRIES = 60  # steps after which a class is given up that has not come to that contrast
# Chosen by eye on a dozen classes of SqueezeNet and on the bundled network's.
_LOOK = Maximisation(step_size=0.5, steps=100, coordinates="fourier", decay=1.2, turn=15, zoom=0.25, bounded=True)
_STEP = 0.05  # of the search, so that it has found its way when it is at that contrast
_NEAR = 0.02  # rounding may move a picture's square and its ratio by less than this share
_ONE_STEP = 0.25  # and one step more or less the ratio by less than this
_SHIFT = 14  # the shift is this part of the shorter side: 16 px of 224

_of_channels: weakref.WeakKeyDictionary[Classifier, tuple[tuple[int, ...], dict[Channel, Maximisation]]] = (
    weakref.WeakKeyDictionary()
)
_found: weakref.WeakKeyDictionary[Classifier, tuple[tuple[int, ...], Maximisation]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Search:
    """How far the search for lambda has come, and the settings as far as they are known."""

    step: int
    of: int
    params: Maximisation


def defaults(clf: Classifier, unit: Unit | None = None) -> Maximisation:
    """The settings with which pages open for this network: lambda = median_j (y_j(I) - y_j(I_0)) / (2 ||I||^2).

    Each I is climbed without a penalty or bounds, in Fourier coordinates with transformations, until the root of its
    mean square is ``CONTRAST``, for a few classes j spread over all. Where y grows in proportion to I, as on a linear
    network, that lambda is the one under which y - lambda ||I||^2 is largest at this very contrast. It is rounded to
    the nearest stop of its slider. The same network gets the same settings; they are kept as long as it lives
    unchanged. Where there is nothing to climb lambda stays as it is in :class:`Maximisation`.

    A channel's answers have another size than logits, and each its own: where ``unit`` is a
    :class:`~vizcore.targets.Channel`, lambda follows by the same rule from climbing that channel alone, and for the
    central place of a layer with h x w places shifts are no longer than from one place to the next, H / h. Raises
    ValueError where the network has no such channel.
    """
    *_, last = search(clf, unit)
    return last.params


def search(clf: Classifier, unit: Unit | None = None) -> Iterator[Search]:
    """:func:`defaults`, step by step."""
    if isinstance(unit, Channel):
        for (found,) in search_channels(clf, [unit]):
            yield found
        return
    known = _found.get(clf)
    if known is not None and known[0] == clf.version:
        yield Search(1, 1, known[1])
        return
    version = clf.version
    params = _look(clf)
    count = len(clf.classes)
    classes = sorted({k * count // _CLASSES for k in range(_CLASSES)})
    of, ratios = len(classes) * TRIES, list[float]()
    free = replace(params, lambda_=0.0, steps=TRIES, step_size=_STEP, bounded=False)
    for number, target in enumerate(classes):
        try:
            for ascent in climb(clf, target, free, None):
                square = float(ascent.input.square().sum())
                if square >= CONTRAST**2 * ascent.input.numel():
                    ratios.append((ascent.score - ascent.scores[0]) / (2 * square))
                    break
                if ascent.step < TRIES:
                    yield Search(number * TRIES + ascent.step, of, params)
        except NetworkError:  # whoever asks for the picture itself is told
            break
    rising = [ratio for ratio in ratios if ratio > 0]
    if rising:
        lambda_ = statistics.median_low(sorted(rising))
        params = replace(params, lambda_=_stop(lambda_))
    _found[clf] = version, params
    yield Search(of, of, params)


def search_channels(clf: Classifier, units: Sequence[Channel]) -> Iterator[tuple[Search, ...]]:
    """:func:`search` of several channels, of one layer and with the same part, which climb in one batch.

    Each finds what it finds alone: where a batch, which rounds otherwise, might have decided between two stops of
    lambda's slider, the channel is climbed again by itself.
    """
    *_, layer = (layer_of(clf, unit) for unit in units)
    params = _look(clf)
    if units[0].of == "centre":
        apart = min(side // places for side, places in zip(clf.input_shape[1:], layer.size, strict=True))
        params = replace(params, jitter=min(params.jitter, apart))
    version, found = _of_channels.get(clf, ((), {}))
    if version != clf.version:
        version, found = _of_channels[clf] = clf.version, {}
    wanted = [unit for unit in dict.fromkeys(units) if unit not in found]
    enough, near, ascents = CONTRAST**2 * math.prod(clf.input_shape), set[int](), tuple[Ascent, ...]()

    def over(number: int, ascent: Ascent) -> bool:
        square = float(ascent.input.square().sum())
        if abs(square / enough - 1) < _NEAR:
            near.add(number)
        return square >= enough or not ascent.answers

    def steps(at: int) -> tuple[Search, ...]:
        return tuple(
            Search(TRIES, TRIES, found[unit]) if unit in found else Search(at, TRIES, params) for unit in units
        )

    at, free = 0, replace(params, lambda_=0.0, steps=TRIES, step_size=_STEP, bounded=False)
    for each in climb_in_a_batch(clf, [(unit, free) for unit in wanted], None, over) if wanted else ():
        at, ascents = at + 1, each
        if at < TRIES:
            yield steps(at)
    for number, (unit, ascent) in enumerate(zip(wanted, ascents, strict=True)):
        ratio = (ascent.score - ascent.scores[0]) / (2 * float(ascent.input.square().sum()))
        margin = 1 + (_ONE_STEP if number in near else _NEAR)
        if len(wanted) > 1 and ratio > 0 and _stop(ratio * margin) != _stop(ratio / margin):
            for _ in search_channels(clf, [unit]):  # which keeps what it finds
                at += 1
                if at < TRIES:
                    yield steps(at)
        else:
            found[unit] = replace(params, lambda_=_stop(ratio)) if ratio > 0 and over(number, ascent) else params
    yield steps(TRIES)


def _look(clf: Classifier) -> Maximisation:
    """The settings that do not depend on the unit."""
    return replace(_LOOK, jitter=min(16, round(min(clf.input_shape[1:]) / _SHIFT)))


def _stop(lambda_: float) -> float:
    """The stop of lambda's slider with the nearest order of magnitude."""
    stops = [stop for stop in specs(Maximisation)["lambda_"].levels if stop > 0]  # type: ignore[union-attr]
    return min(stops, key=lambda stop: max(stop / lambda_, lambda_ / stop))
