"""Every wrapper of a state_dict, and every older name in one, leads to the same network."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from tests.networks.test_own import SMALL, refusal, saved, state_of
from vizcore.networks import checkpoints, own
from vizcore.networks.installed_torchvision import torchvision_models
from vizcore.networks.own import Design

State = dict[str, torch.Tensor]


def test_densenets_published_names_are_todays() -> None:
    torch.manual_seed(0)
    plain = torchvision_models().densenet121(weights=None, num_classes=4).eval()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", k): v for k, v in plain.state_dict().items()}
    old = {key: value for key, value in old.items() if not key.endswith("num_batches_tracked")}  # new in 2018, too
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    clf = own.network(saved(old), Design("densenet121", (64, 64)), device="cpu")
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(clf.all_scores(x, "logit"), plain(clf.normalise(x)), atol=1e-5)


def test_the_published_names_of_vision_transformers_are_todays() -> None:
    design = Design("vit_b_32", (64, 64))
    state = state_of(design)
    old = {key.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): state[key] for key in state}
    assert old.keys() != state.keys()
    found = own.network(saved(old), design, device="cpu").module.state_dict()
    key = "encoder.layers.encoder_layer_0.mlp.3.weight"
    assert torch.equal(found[key], state[key])


def test_an_architecture_that_asks_for_a_version_is_read_without_one() -> None:
    design = Design("mnasnet0_5", (64, 64))
    state = {key: value for key, value in state_of(design).items() if not key.endswith("num_batches_tracked")}
    found = own.network(saved(state), design, device="cpu").module.state_dict()
    assert torch.equal(found["layers.0.weight"], state["layers.0.weight"])
    assert {value.device.type for value in found.values()} == {"cpu"}


def under(prefix: str, state: State) -> State:
    return {prefix + key: value for key, value in state.items()}


def averaged(state: State) -> State:
    module = torchvision_models().squeezenet1_1(weights=None, num_classes=5)
    module.load_state_dict(state)
    return dict(AveragedModel(module).state_dict())


class Lightning(nn.Module):
    """A module that holds the network as an attribute, as people's own training classes do."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.squeezenet = torchvision_models().squeezenet1_1(weights=None, num_classes=5)
        self.squeezenet.load_state_dict(state)


WRAPPERS = {
    "averaged": averaged,
    "averaged, compiled, parallel": lambda s: {"n_averaged": torch.tensor(3), **under("module._orig_mod.module.", s)},
    "parallel within lightning": lambda s: {"state_dict": under("model.module.", s), "hyper_parameters": {"lr": 0.1}},
    "lightning": lambda s: {"state_dict": dict(Lightning(s).state_dict())},
    "a part was compiled": lambda s: {k.replace("features.", "features._orig_mod."): v for k, v in s.items()},
    "the average only": lambda s: {"model_ema": under("module.", s), "epoch": 9},
    "the average of timm": lambda s: {"arch": "squeezenet", "state_dict_ema": s},
    "beside the settings": lambda s: {"model": {"depth": 18}, "ema": s},
    "beside a tensor": lambda s: {"epoch": torch.tensor(3), "state_dict": s},
    "within": lambda s: {"model": {"state_dict": under("backbone.", s)}, "optimizer": {"state": {}}},
    "both": lambda s: {"model_ema": {key: value + 1 for key, value in s.items()}, "model": s},
}


@pytest.mark.parametrize("kind", WRAPPERS)
def test_wrappers_are_taken_off_until_the_names_fit(kind: str) -> None:
    state = state_of()
    content: Any = WRAPPERS[kind](state)
    found = own.network(saved(content), SMALL, device="cpu").module.state_dict()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


def test_where_no_name_fits_the_file_s_own_names_are_told() -> None:
    text = refusal(saved(under("module.", {"encoder.weight": torch.ones(2, 2)})))
    assert "it also has module.encoder.weight" in text
    state = {"a.b": torch.ones(1), "c": torch.ones(1)}
    assert checkpoints.renamed(state, {"d"}) == state
    assert checkpoints.renamed({}, {"d"}) == {}


def test_a_second_network_in_the_file_is_not_dropped() -> None:
    state = state_of()
    text = refusal(saved({**under("student.", state), **under("teacher.", state)}))
    assert "it also has student." in text
    renamed = checkpoints.renamed({"a._orig_mod.b": torch.ones(1), "a.b": torch.zeros(1)}, {"a.b"})
    assert len(renamed) == 2
