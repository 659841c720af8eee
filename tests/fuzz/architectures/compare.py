"""The engine against the oracle on one network: what agrees, what is wrong, and what cannot be told."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from tests.fuzz.architectures.case import Case
from tests.fuzz.architectures.oracle import Oracle, Unclear
from tests.fuzz.architectures.techniques import TECHNIQUES, Technique
from vizcore.networks.classifier import Classifier
from vizcore.networks.weights import WeightsError

# Error up to which nothing is said: of the largest number in the result, and of the largest logit.
RELATIVE, FLOOR = 3e-4, 2e-6
# An error counts where it is so many times what the oracle itself changes by when weights and picture are rounded.
TIMES, TRIALS, ROUNDING = 10, 6, 2.0**-22

# Of the largest logit: a network whose logits single precision changes by more is chaotic.
CHAOS = 1e-3

Outcome = Literal["agrees", "wrong", "crashed", "refused", "refused without a reason", "unclear"]
FAULTS: tuple[Outcome, ...] = ("wrong", "crashed", "refused without a reason")
NETWORK = "the network itself"  # beside the techniques: whether it is taken at all
READINGS = ("as they are", "logarithm", "log-odds", "two classes", "two classes of a probability")


@dataclass(frozen=True)
class Verdict:
    """What became of one technique; ``error`` is relative to the largest number of the right result."""

    outcome: Outcome
    error: float = 0.0
    reason: str = ""

    @property
    def fault(self) -> bool:
        return self.outcome in FAULTS

    @property
    def sort(self) -> str:
        """What stays the same while a failing network is made smaller."""
        return f"{self.outcome} {self.reason.split(':')[0] if self.outcome == 'crashed' else ''}".strip()

    def __str__(self) -> str:
        told = f" by {self.error:.2g} of the largest value" if self.outcome == "wrong" and not self.reason else ""
        return f"{self.outcome}{told}{': ' + self.reason if self.reason else ''}"


def examine(case: Case, only: Iterable[str] | None = None) -> dict[str, Verdict]:
    """The verdict on the network itself and, where the engine takes it, on each technique (or on ``only`` some)."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = Oracle(case.plain(), case.preprocess.mean, case.preprocess.std)
        try:
            first, again = oracle.logits(case.image), oracle.logits(case.image)
        except Exception as error:
            return {NETWORK: Verdict("unclear", reason=f"plain torch: {_short(error)}")}
        try:
            clf = Classifier(case.make(), case.preprocess, [f"class {k}" for k in range(case.classes)])
        except Exception as error:
            return {NETWORK: _refusal(error, case.excuses)}
        if not torch.allclose(first, again, rtol=0, atol=1e-6 * float(first.abs().max())):
            return {NETWORK: Verdict("wrong", 1.0, "it answers at random and is explained nevertheless")}
        clf.batch_size = case.batch
        found = {NETWORK: Verdict("agrees")}
        if case.excuses:
            oracle.reading, oracle.squash = _reading(clf, oracle, case), clf.squash
        for name in TECHNIQUES if only is None else [name for name in only if name in TECHNIQUES]:
            found[name] = _verdict(name, clf, oracle, case)
    return found


def _verdict(name: str, clf: Classifier, oracle: Oracle, case: Case) -> Verdict:
    technique = TECHNIQUES[name]
    try:
        result = technique.ask(clf, case)
    except Exception as failure:
        return _refusal(failure, [*case.excuses, *_excuses(name, oracle, case)])
    oracle.kinked = False
    try:
        seen, truth = technique.both(oracle, case, result)
        if seen.shape != truth.shape:
            return Verdict("wrong", 1.0, f"shape {tuple(seen.shape)} in place of {tuple(truth.shape)}")
        error = float((seen.double() - truth).abs().max()) if truth.numel() else 0.0
        largest = float(truth.abs().max()) if truth.numel() else 0.0
        logits = float(oracle.logits(case.image).abs().max())
        allowed = RELATIVE * largest + FLOOR * max(logits, 1e-2)
        if error <= allowed:
            return Verdict("agrees", error / max(largest, 1e-30))
        if _chaotic(oracle, case):
            return Verdict("unclear", error / max(largest, 1e-30), "the network is chaotic")
        if oracle.kinked:
            return Verdict("unclear", error / max(largest, 1e-30), "the score has a kink here")
        if error <= TIMES * _change(technique, oracle, case, result, truth, (error - allowed) / TIMES) + allowed:
            return Verdict("unclear", error / max(largest, 1e-30), "ill-conditioned")
    except Unclear as reason:
        return Verdict("unclear", reason=str(reason))
    except AssertionError as wrong:
        return Verdict("wrong", 1.0, str(wrong))
    return Verdict("wrong", error / max(largest, 1e-30))


def _excuses(name: str, oracle: Oracle, case: Case) -> list[str]:
    """Why this technique may be refused on this network."""
    if name == "Grad-CAM":
        return ["it may have no maps"]
    if name == "filters":
        return [] if oracle.first_kernels(case.image) else ["it has no filters"]
    try:
        for level in (0.0, 0.5):
            oracle.logits(torch.full_like(case.image, level))
    except Unclear:
        return ["it has no finite answer where nothing is to be seen"]
    return []


def _chaotic(oracle: Oracle, case: Case) -> bool:
    """Whether single precision alone changes the logits so much that nothing finer can be compared."""
    right = oracle.logits(case.image)
    with oracle.single():
        return not float((oracle.logits(case.image) - right).abs().max()) <= CHAOS * float(right.abs().max())


def _change(technique: Technique, oracle: Oracle, case: Case, result: Any, truth: Tensor, enough: float) -> float:
    """By how much rounding changes the right result at most, as far as a few trials show; looked for up to ``enough``.

    First in single precision throughout, then with weights and pictures rounded.
    """
    trials = [oracle.single(), *(oracle.rounded(trial, ROUNDING * (1 + trial % 3)) for trial in range(TRIALS))]
    change = 0.0
    for trial in trials:
        with trial:
            change = max(change, float((technique.both(oracle, case, result)[1] - truth).abs().max()))
        if change >= enough:
            break
    return change


def _reading(clf: Classifier, oracle: Oracle, case: Case) -> str:
    """How the classifier reads the answers of a network whose answers are not logits of several classes."""
    try:
        seen = clf.all_scores(case.image[None], "logit")[0].double()
    except Exception:  # said where the logits are compared
        return READINGS[0]
    errors = {}
    for reading in READINGS:
        oracle.reading = reading
        try:
            truth = oracle.logits(case.image)
        except Unclear:
            continue
        if truth.shape == seen.shape:
            errors[reading] = float((truth - seen).abs().max())
    return min(errors, key=lambda reading: errors[reading], default=READINGS[0])


def _refusal(error: Exception, excuses: Iterable[str]) -> Verdict:
    text = " ".join(str(error).split())
    if not (isinstance(error, (ValueError, WeightsError)) and is_sentence(text)):
        return Verdict("crashed", 1.0, _short(error))
    return Verdict("refused" if list(excuses) else "refused without a reason", 1.0, text[:300])


def is_sentence(text: str) -> bool:
    """Whether a message is one for a user: words that begin like a sentence or with a name, and end with a stop."""
    return 20 < len(text) < 1000 and text.endswith(".") and len(text.split()) >= 5


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
