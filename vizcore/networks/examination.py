"""What a network is asked when it is taken, before anything is explained: what it answers, and what may be relied on.

A picture of noise, a grey one and a photograph, beside a black and a white one, go through it alone and together. What
is found is told in sentences, each with what is done about it; where nothing can be explained, :class:`NetworkError`
says why. Nothing is silently assumed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vizcore.acceleration import interface
from vizcore.networks import answers
from vizcore.networks.answers import Answering, Kind, Path
from vizcore.networks.errors import NetworkError
from vizcore.networks.findings import Examination, Finding
from vizcore.networks.preprocessing import Preprocess
from vizcore.networks.probes import probes
from vizcore.targets import Squash

_SAME = 1e-3  # of the largest logit: what rounding and another order of summation may change
_ALIKE = 1e-5  # the same where the same is computed twice
_SUM = 1e-3  # by which probabilities may miss one in all


@dataclass(frozen=True)
class Examined:
    """A network as it is to be asked: ``module`` answers logits (N,K) for these ``classes``, read by ``squash``."""

    module: nn.Module
    classes: list[str]
    squash: Squash
    examination: Examination


def switched_off() -> dict[str, int]:
    """How many networks each part of the acceleration was switched off for, since the start of the process."""
    return interface.switched_off()


class _Last(interface.Watching):
    """Remembers which operation made the answer; views of it count as made by the same."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[int, str] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if isinstance(found, Tensor):
            of_a_view = not func._schema.is_mutable and args and isinstance(args[0], Tensor) and found._is_view()
            self._made[id(found)] = self._made.get(id(args[0]), "") if of_a_view else func._schema.name
        return found

    def made(self, tensor: Tensor) -> str:
        """The name of the operation that made ``tensor``."""
        return self._made.get(id(tensor), "")


def examine(
    module: nn.Module,
    preprocess: Preprocess,
    classes: list[str],
    *,
    title: str,
    device: torch.device,
    multi_label: bool | None = None,
) -> Examined:
    """Ask ``module``, in eval mode on ``device``, a few pictures, and find how its answers become logits (N,K).

    ``multi_label`` says that each class has a probability by itself, the logistic function of its logit; None is for
    the softmax, unless the last thing that the network does is a logistic function. Raises ValueError where the number
    of classes is another one, and :class:`NetworkError` where the module fails, answers otherwise every time, or with
    no finite number.
    """
    begun = time.perf_counter()
    z = probes(preprocess).to(device)
    with torch.no_grad():
        raw, last = _first(module, z[:1], title)
        path, single = _path(raw, classes)
        kind = _kind_by(last.made(answers.inside(raw, path)))
        one = Answering(module, path, "logits", single=False, one_by_one=False)
        alone = torch.cat([one(part.clone()).float() for part in z.split(1)])  # (5,K)
        said = [_answer_finding(path, raw, len(classes))]
        said += _finite(alone[:3], title)
        said += _repeats(one, z, alone, title)
        one_by_one, found = _company(one, z, alone, title)
        said += found
    if not single and kind == "logits" and _sum_to_one(alone):
        kind = "probabilities"
    squash: Squash = "sigmoid" if single or multi_label or kind == "sigmoids" else "softmax"
    said.append(_scores_finding(kind, single, squash, alone))
    if kind == "probabilities" and multi_label:
        raise NetworkError(
            f"The answers of {title} are probabilities that sum to one, so that it gives one class to each picture; "
            "multi_label is for networks whose classes do not exclude each other."
        )
    names = [f"not {classes[0]}", classes[0]] if single and len(classes) == 1 else classes
    asked = Answering(module, path, kind, single, one_by_one)
    plain = not path and kind == "logits" and not single and not one_by_one and raw.dim() == 2
    seconds = time.perf_counter() - begun
    return Examined(module if plain else asked, names, squash, Examination(tuple(said), seconds))


def _first(module: nn.Module, z: Tensor, title: str) -> tuple[Any, _Last]:
    """The answer to one picture, and what made it."""
    last = _Last()
    try:
        with last:
            return module(z.clone()), last
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # a stranger's network may raise anything
        shape = tuple(z.shape)
        raise NetworkError(f"{title} fails on an input of shape {shape}: {type(error).__name__}: {error}") from error


def _path(raw: Any, classes: list[str]) -> tuple[Path, bool]:
    """The way to the logits, and whether they are a single number for two classes."""
    path = answers.path_to_logits(raw, 1, len(classes))
    if path is not None and len(classes) > 1:
        return path, False
    if path is None and len(classes) == 2:
        path = answers.path_to_logits(raw, 1, 1)
    if path is None:
        raise ValueError(
            f"The network answers with {answers.described(raw)} but {len(classes)} class names were given; "
            f"it must answer (N, K) with one name for each of the K classes."
        )
    return path, True


def _answer_finding(path: Path, raw: Any, classes: int) -> Finding:
    shape = tuple(answers.inside(raw, path).shape)
    if path:
        where = "".join(f"[{step!r}]" for step in path)
        return Finding("answer", f"It answers with {answers.described(raw)}.", f"The logits are taken from {where}.")
    return Finding("answer", f"It answers one picture with a tensor of shape {shape}.")


def _finite(alone: Tensor, title: str) -> list[Finding]:
    """Of noise, a grey picture and a photograph (3,K)."""
    names = ("noise", "a grey picture", "a photograph")
    bad = [name for name, row in zip(names, alone, strict=True) if not bool(row.isfinite().all())]
    if len(bad) == len(names):
        raise NetworkError(
            f"{title} answers with numbers that are infinite or none at all (NaN), to noise, to a grey picture and to "
            "a photograph, so there is nothing to explain. Look at its weights and at its normalisation."
        )
    if bad:
        which = " and ".join(bad)
        found = (
            f"It answers {which} with numbers that are infinite or none at all (NaN), other pictures with finite ones."
        )
        return [Finding("finite", found, "Such pictures are refused when they come.")]
    return [Finding("finite", "It answers noise, a grey picture and a photograph with finite numbers.")]


def _repeats(one: nn.Module, z: Tensor, before: Tensor, title: str) -> list[Finding]:
    """Asked of noise, the photograph and the white picture; the very first answer may be another, as lazy layers'."""
    for k in (0, 2, 4):
        again = one(z[k : k + 1].clone()).float()
        if _same(again, before[k : k + 1], _ALIKE) or (k == 0 and _same(one(z[:1].clone()).float(), again, _ALIKE)):
            continue
        raise NetworkError(
            f"{title} answers the same picture differently every time, so a map of it would be chance. Something "
            "random stays on in eval mode: dropout by F.dropout without training=self.training, say, or a batch norm "
            "that is never switched to eval."
        )
    return [Finding("repeats", "It answers the same picture twice alike.")]


def _company(one: nn.Module, z: Tensor, alone: Tensor, title: str) -> tuple[bool, list[Finding]]:
    """Whether each picture must go through by itself; black and white ones are company that changes any mean."""
    some = [2, 3, 4]
    try:
        together = one(z[some].clone()).float()
    except (torch.OutOfMemoryError, MemoryError):
        return False, [Finding("company", "There was no memory to ask it several pictures at once.")]
    except Exception as error:  # a stranger's network may raise anything
        found = f"It takes one picture at a time ({type(error).__name__} with three)."
        return True, [Finding("company", found, "Pictures go through it one by one, which takes longer.")]
    if together.shape == alone[some].shape and _same(together, alone[some]):
        return False, [Finding("company", "It answers a picture alike alone and beside others.")]
    _repeats(one, z, alone, title)  # chance may have looked like company
    found = "It answers a picture otherwise beside others than alone."
    return True, [Finding("company", found, "Pictures go through it one by one, which takes longer.")]


def _kind_by(operation: str) -> Kind:
    return "sigmoids" if operation in ("aten::sigmoid", "aten::sigmoid_") else "logits"


def _sum_to_one(alone: Tensor) -> bool:
    """Whether the rows are probabilities already, in float32 as good as these are."""
    rows = alone[alone.isfinite().all(1)]
    return bool(((rows >= 0).all(1) & ((rows.sum(1) - 1).abs() <= _SUM)).all())


def _scores_finding(kind: Kind, single: bool, squash: Squash, alone: Tensor) -> Finding:
    if single:
        what = "a probability" if kind == "sigmoids" else "a logit"
        done = "Two classes are made of it, each with the logarithm of its odds as logit."
        return Finding("scores", f"It answers with a single number, {what}.", done)
    if kind == "probabilities":
        done = "Their logarithms are the logits, so that no softmax is taken twice."
        return Finding("scores", "Its answers are probabilities that sum to one.", done)
    if kind == "sigmoids":
        done = "Each class has a probability by itself, and they need not sum to one."
        return Finding("scores", "The last thing that it does is a logistic function.", done)
    if squash == "sigmoid":
        found = "Each class has a probability by itself, the logistic function of its logit."
        return Finding("scores", found, "They need not sum to one.")
    if bool(((alone >= 0) & (alone <= 1)).all()):
        return Finding(
            "scores",
            "All its answers lie between 0 and 1, but they do not sum to one.",
            "They are taken for logits and a softmax follows; with multi_label=True each is read by itself.",
        )
    return Finding("scores", "Its answers are logits, of which a softmax makes probabilities.")


def _same(one: Tensor, other: Tensor, share: float = _SAME) -> bool:
    """Alike up to this share of the largest logit, row by row; what is no number stays none."""
    near = (one - other).abs() <= share * other.nan_to_num(0, 0, 0).abs().amax(1, keepdim=True)
    return bool((near | (one == other) | (one.isnan() & other.isnan())).all())
