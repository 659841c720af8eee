"""Damaged weights of every kind of file: the tensors of a state_dict or one sentence comes out, and nothing is run.

python -m tests.fuzz.files --count 5000
"""

from __future__ import annotations

import functools
import io
import random
import warnings
import zipfile
from collections import OrderedDict
from typing import Any

import torch

from tests.fuzz import mutate, watch
from vizcore.networks import architectures, own, weights

DESIGN = own.Design("shufflenet_v2_x0_5", size=(32, 32))  # the fewest weights of all


@functools.cache
def corpus() -> list[bytes]:
    """Small whole files: as torch writes them now and before 2020, wrapped as checkpoints are, and safetensors."""
    from safetensors.torch import save

    state = OrderedDict(
        (name, torch.arange(size, dtype=dtype).reshape(shape))
        for name, size, shape, dtype in (
            ("features.0.weight", 64 * 27, (64, 3, 3, 3), torch.float32),
            ("features.0.bias", 64, (64,), torch.float16),
            ("features.1.num_batches_tracked", 1, (), torch.int64),
            ("classifier.1.weight", 12, (3, 4), torch.bfloat16),
        )
    )
    shared = torch.ones(8)
    views = {"a": shared, "b": shared[2:4], "c": shared.expand(3, 8), "d": torch.ones(2, 2).t()}
    contents: list[Any] = [state, {"state_dict": state, "epoch": 3, "lr": 0.1, "name": "x"}, views]
    files = [_saved(content) for content in contents]
    files += [_saved(content, _use_new_zipfile_serialization=False) for content in contents]
    blank = architectures.blank(DESIGN.architecture, 3, DESIGN.size).state_dict()
    whole = {key: torch.full(value.shape, 0.01).to(torch.float16) for key, value in blank.items()}
    return [*files, save(dict(state)), save({"a": torch.ones(2, 3)}, {"format": "pt"}), _saved(whole), save(whole)]


def _saved(content: object, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def make(number: int) -> bytes:
    """The damaged file with this number."""
    rng = random.Random(f"weights {number}")
    data = rng.choice(corpus())
    if data[:2] != b"PK" or rng.random() < 0.3:
        return mutate.mutated(rng, [data] if rng.random() < 0.7 else corpus())
    # Inside a whole archive, so that the damage comes as far as the reader of its parts.
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w") as target:
        entries = source.infolist()
        hit = rng.choice([one for one in entries if one.filename.endswith(".pkl")] * 3 + entries)
        for one in entries:
            content = source.read(one)
            if one is hit and content:
                content = mutate.mutated(rng, [content])
            target.writestr(one.filename, content)
    return file.getvalue()


def attempt(data: bytes) -> str:
    """Read the file and fit it to a network; raises where anything else than tensors or a sentence comes out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            state = weights.parse(data, "net.pth")
        except weights.WeightsError as error:
            return watch.sentence(error, 1000)
        for value in state.values():
            assert value.untyped_storage().nbytes() >= 0
            if value.numel() <= 10**6:
                value.clone().double().sum().item()  # every value can be read
        try:
            own.network(data, DESIGN, source="net.pth", device="cpu")
        except weights.WeightsError as error:
            watch.sentence(error, 3000)
            return "read, and does not fit"
    return "fits"


if __name__ == "__main__":
    watch.main(make, attempt, 5000)
