"""Random architectures against plain torch; thousands are in ``python -m tests.fuzz.architectures --count 5000``."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.fuzz.architectures import compare, generate
from tests.fuzz.architectures.case import case_of
from tests.fuzz.architectures.report import markdown
from tests.fuzz.architectures.run import Examined, many, one
from vizcore.networks.classifier import Classifier

BLOCK = 50


@pytest.mark.parametrize("first", range(0, 300, BLOCK))
def test_every_map_of_a_random_network_is_that_of_plain_torch_or_refused_by_a_sentence(first: int) -> None:
    found = list(many(range(first, first + BLOCK), shrunk=0))
    assert [one.name for one in found if one.faults] == [], markdown(found)
    compared = sum(verdict.outcome == "agrees" for one in found for verdict in one.verdicts.values())
    assert compared > 7 * BLOCK  # of ten techniques on each


def test_a_number_names_the_same_network_for_ever() -> None:
    for number in range(20):
        assert generate.describe(number) == generate.describe(number)
    first, again = (case_of(generate.describe(7)) for _ in range(2))
    weights = [list(case.make().state_dict().values()) for case in (first, again)]
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
    assert torch.equal(first.image, again.image)


def test_a_planted_mistake_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Classifier.logits_of_input

    def wrong(clf: Classifier, z: Tensor, **options: object) -> Tensor:
        logits = own(clf, z, **options)  # type: ignore[arg-type]
        return logits * (1 + 0.01 * any(isinstance(layer, nn.PReLU) for layer in clf.module.modules()))

    monkeypatch.setattr(Classifier, "logits_of_input", wrong)
    texts = (str(generate.describe(number)) for number in range(1000))
    number = next(k for k, text in enumerate(texts) if "'PReLU'" in text and "as logits;" in text)
    found = one(number, shrinking=True)
    assert found.faults["logits"].outcome == "wrong"
    assert any("logits" in techniques and "PReLU" in text for techniques, text in found.shrunk)
    assert all(text.count("\n") <= 6 for _, text in found.shrunk)
    assert "wrong by" in markdown([found])


def test_a_network_that_ends_its_process_ends_nothing_else() -> None:
    found = list(many(range(3), 0, study=_ends_at_one))
    assert [one.verdicts[compare.NETWORK].outcome for one in found] == ["agrees", "crashed", "agrees"]


def _ends_at_one(number: int, shrinking: bool) -> Examined:
    if number == 1:
        raise SystemExit(3)
    return Examined(str(number), {compare.NETWORK: compare.Verdict("agrees")})
