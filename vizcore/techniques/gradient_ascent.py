"""How input maximisation climbs: Adam in the chosen coordinates, for one picture or several in a batch.

Coordinates are linear, I = P x. So x is never needed: a step of x is followed in I, and the slopes in I are carried
back by P's transpose. That is two transforms of each step, whatever is bounded, shown and measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vizcore.networks.batches import in_batches
from vizcore.networks.classifier import Classifier, NetworkError
from vizcore.networks.gradients import gradient_batch, no_gradient
from vizcore.seeds import generator as seeded
from vizcore.targets import Unit
from vizcore.techniques.blurring import total_variation
from vizcore.techniques.channels import answering
from vizcore.techniques.fourier import coordinates
from vizcore.techniques.maximisation import START_NOISE, Ascent, Maximisation, Measured
from vizcore.techniques.transformations import moves, transformed

LOUDER = (0.3, 1.0, 3.0)  # deviations of the starting noise, where none of the network answers to a fainter one
_MEASURED = 50  # steps between two measurements of the three scores
_DRAWS = 4  # over which the mean under transformations is measured

Climb = tuple[Unit, Maximisation]
Values = tuple[float, float, float, float, float]  # score, penalty, variation, probability and logit


@dataclass(frozen=True)
class Slopes:
    """Of some pictures: their values, the objective's slopes (N,...) in x, and whether the score has any in I."""

    values: list[Values]
    x: Tensor
    answers: list[bool]


@dataclass(eq=False)
class _Told:
    """What is known of one picture: a list each of its :data:`Values` so far, and its three scores as last measured."""

    noise: float
    columns: list[list[float]]
    measured: Measured | None = None


def climb(clf: Classifier, unit: Unit, params: Maximisation, start_image: Tensor | None) -> Iterator[Ascent]:
    """The ascent of :func:`vizcore.techniques.maximize.maximize`, step by step."""
    for (ascent,) in climb_in_a_batch(clf, [(unit, params)], start_image):
        yield ascent


def climb_in_a_batch(
    clf: Classifier,
    climbs: Sequence[Climb],
    start_image: Tensor | None,
    over: Callable[[int, Ascent], bool] = lambda _number, _ascent: False,
) -> Iterator[tuple[Ascent, ...]]:
    """The ascents of several units, which :func:`~vizcore.techniques.channels.answering` takes together, in one batch.

    Their settings differ in lambda and seed alone, and each has random numbers of its own. One that is ``over``, by its
    number and how far it is, stays as it is, and so does all where none is left.
    """
    params = climbs[0][1]
    with torch.inference_mode(False), torch.no_grad():
        batch = _Batch(clf, climbs)
        z, slopes = batch.begin(start_image)
        x = slopes.x
        first, second = torch.zeros_like(x), torch.zeros_like(x)  # Adam's running means of the slopes and their squares
    found: dict[int, Ascent] = {}
    for step in range(1, params.steps + 1):
        with torch.inference_mode(False), torch.no_grad():
            z = batch.moved(z, _adam(x, first, second, step, params))
            slopes = batch.slopes(z, batch.climbing)
            found |= batch.tell(z, slopes, step)
            x = slopes.x
            going = [place for place, k in enumerate(batch.climbing) if not over(k, found[k])]
            if len(going) < len(z):
                batch.climbing = [batch.climbing[place] for place in going]
                z, x, first, second = (each[going] for each in (z, x, first, second))
        yield tuple(found[k] for k in range(len(climbs)))
        if not going:
            return


def _adam(slope: Tensor, first: Tensor, second: Tensor, step: int, params: Maximisation) -> Tensor:
    """The step of x (N,...); ``first`` and ``second`` are the running means of the slope and of its square."""
    first.lerp_(slope, 0.1)
    second.mul_(0.999).addcmul_(slope, slope, value=0.001)
    root, bias = second.sqrt(), math.sqrt(1 - 0.999**step)
    least = 1e-8 * root.flatten(1).amax(1) + 1e-30 * bias  # (N,): of each picture by itself
    size = params.step_size * (1 + math.cos(math.pi * (step - 1) / params.steps)) / 2
    ratio = first / root.add_(least.view(-1, *[1] * (root.dim() - 1)))
    return ratio.mul_(size * bias / (1 - 0.9**step))


class _Batch:
    """Pictures that climb side by side, each towards its own unit, with its own lambda and its own random numbers."""

    def __init__(self, clf: Classifier, climbs: Sequence[Climb]) -> None:
        units, params = zip(*climbs, strict=True)
        self._clf, self._params = clf, params[0]
        self.climbing, self._seeds = [*range(len(climbs))], [one.seed for one in params]  # by their numbers
        self._answer, self._space = answering(clf, units), coordinates(clf, params[0])
        self._generators = [torch.Generator().manual_seed(seed) for seed in self._seeds]
        self._lambdas = [one.lambda_ for one in params]
        self._darkest, self._lightest = (clf.normalise(torch.full_like(clf.mean, end)) for end in (0.0, 1.0))
        self._told: list[_Told] = []

    def begin(self, start_image: Tensor | None) -> tuple[Tensor, Slopes]:
        """The pictures (N,C,H,W) at the start and their slopes: of noise the faintest to which the score answers."""
        clf, params = self._clf, self._params
        if params.start == "picture" and start_image is not None:
            z = clf.normalise(start_image[None]).expand(len(self.climbing), -1, -1, -1)
            z, noise = z.to(torch.promote_types(z.dtype, torch.float32)), torch.zeros(())
            deviations = [0.0 for _ in self.climbing]
        else:
            noise = self._space.picture(torch.cat([self._space.noise(own) for own in self._generators]))
            deviations = [START_NOISE if params.start == "noise" else 0.0 for _ in self.climbing]
            z = deviations[0] * noise
        begun = self.slopes(z, self.climbing)
        silent = [k for k in self.climbing if deviations[k] > 0 and not begun.answers[k]]
        for louder in LOUDER:
            if not silent:
                break
            tried = self.slopes(louder * noise[silent], silent)
            for number, k in enumerate(silent):
                if tried.answers[number]:
                    z[k], deviations[k] = louder * noise[k], louder
                    begun.x[k], begun.values[k] = tried.x[number], tried.values[number]
            silent = [k for k, answers in zip(silent, tried.answers, strict=True) if not answers]
        told = zip(deviations, begun.values, strict=True)
        self._told = [_Told(deviation, [[value] for value in values]) for deviation, values in told]
        return z, begun

    def moved(self, z: Tensor, step: Tensor) -> Tensor:
        """The pictures z (N,C,H,W) after a step of their x."""
        params = self._params
        z = z + self._space.picture(self._space.smoothed(step, params.blur) if params.blur > 0 else step)
        return z.clamp(self._darkest, self._lightest) if params.bounded else z

    def slopes(self, z: Tensor, which: Sequence[int]) -> Slopes:
        """At the pictures z (n,C,H,W), which are those of these numbers."""
        clf, params = self._clf, self._params
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            moved = transformed(leaf, params, params.draws, [self._generators[k] for k in which])
            rough = params.variation * total_variation(leaf) if params.variation > 0 else None
        draws = len(moved) // len(z)
        of_score, probability, logit = self._asked(moved.detach(), [k for k in which for _ in range(draws)], True)
        if moved is not leaf:
            (of_score,) = torch.autograd.grad(moved, leaf, of_score / draws if draws > 1 else of_score)
        slopes = of_score.contiguous()
        total = slopes.flatten(1).sum(1)  # 0 where there are none, and hardly ever where there are
        lambdas = torch.tensor([self._lambdas[k] for k in which], dtype=z.dtype, device=z.device)
        penalty, variation = lambdas * z.square().sum((1, 2, 3)), torch.zeros_like(lambdas)
        if any(self._lambdas):
            slopes = slopes.addcmul(lambdas.view(-1, 1, 1, 1), z, value=-2)
        if rough is not None:
            variation = rough.detach()
            slopes = slopes - torch.autograd.grad(rough, leaf, torch.ones_like(rough))[0]
        x = clf.finite(self._space.slopes(slopes))
        if draws > 1:
            probability, logit = (each.view(-1, draws).mean(1) for each in (probability, logit))
        score = logit if params.output == "logit" else probability
        values = torch.stack([score, penalty, variation, probability, logit, total], 1).tolist()  # one transfer
        answers = [values[k][-1] != 0 or bool(of_score[k].any()) for k in range(len(z))]
        return Slopes([(a, b, c, d, e) for a, b, c, d, e, _ in values], x, answers)

    def _asked(self, z: Tensor, own: Sequence[int], sloping: bool) -> tuple[Tensor, Tensor, Tensor]:
        """dy/dz (n,C,H,W) of inputs z where it is wanted, and their probabilities and logits (n,); ``own`` pictures."""
        clf = self._clf

        def work(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            begin, end = int(rows[0]), int(rows[-1]) + 1
            part = z[begin:end].clone(memory_format=clf.layout)
            with torch.inference_mode(False), torch.set_grad_enabled(sloping):  # on a worker's thread, too
                probability, logit = self._answer(part.requires_grad_(sloping), own[begin:end])
                score = (logit if self._params.output == "logit" else probability).sum()
                if not sloping:
                    return score, probability, logit
                if not score.requires_grad:
                    raise NetworkError(no_gradient(clf.title))
                (slopes,) = torch.autograd.grad(score, part)
            return slopes, probability.detach(), logit.detach()

        size, each = (lambda: gradient_batch(clf), 2) if sloping else (lambda: clf.batch_size, 1)
        parts = in_batches(clf, torch.arange(len(z)), work, size, each * clf.picture_bytes)
        if len(parts) == 1:
            return parts[0]
        slopes, probabilities, logits = zip(*parts, strict=True)
        return torch.cat(slopes) if sloping else slopes[0], torch.cat(probabilities), torch.cat(logits)

    def tell(self, z: Tensor, slopes: Slopes, step: int) -> dict[int, Ascent]:
        """The pictures z (N,C,H,W) as they are after so many steps, with all that was noted of each on the way."""
        shown = self._clf.denormalise(z).clamp_(0, 1)
        if step % _MEASURED == 0 or step == self._params.steps:
            self._measure(z, shown, step)
        found = {}
        for place, k in enumerate(self.climbing):
            told = self._told[k]
            for column, value in zip(told.columns, slopes.values[place], strict=True):
                column.append(value)
            picture, image = (each[place].cpu().clone() for each in (z, shown))  # (C,H,W) each
            score, penalty, variation, probability, logit = (tuple(column) for column in told.columns)
            found[k] = Ascent(
                picture, image, step, self._params.steps, score, penalty, variation, probability, logit, told.measured,
                told.noise, slopes.answers[place],
            )  # fmt: skip
        return found

    def _measure(self, z: Tensor, shown: Tensor, step: int) -> None:
        """The three scores of each of the pictures z (N,C,H,W), of which ``shown`` (N,C,H,W) in [0,1] is seen."""
        params, count = self._params, len(z)
        pictures, own = [z], [*self.climbing]
        if not params.bounded:  # else it is what is seen
            pictures.append(self._clf.normalise(shown).to(z.dtype))
            own += self.climbing
        if moves(params):
            others = [seeded(self._seeds[k], step) for k in self.climbing]  # the ascent's own draws stay what they are
            pictures.append(transformed(z, params, _DRAWS, others))
            own += [k for k in self.climbing for _ in range(_DRAWS)]
        _, *answers = self._asked(torch.cat(pictures), own, False)
        three = []
        for values in answers:  # (N + N + N n,): probabilities, then logits
            of_i, rest = values[:count], values[count:]
            clipped, rest = (of_i, rest) if params.bounded else (rest[:count], rest[count:])
            mean = rest.view(count, _DRAWS).mean(1) if moves(params) else of_i
            three.append(torch.stack([of_i, mean, clipped], 1).tolist())
        for k, probabilities, logits in zip(self.climbing, *three, strict=True):
            self._told[k].measured = Measured(step, tuple(logits), tuple(probabilities))
