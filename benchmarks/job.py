"""What one child process is asked to measure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

Settings = Mapping[str, int]


@dataclass(frozen=True)
class Job:
    """One contender at one technique on one network, with the technique's settings.

    ``tuned``: the weights are channels-last and take no gradient, and freed memory is kept for the next layer, as in
    vizcore; else everything is as the libraries make it. ``at_once`` is how many pictures go through the network
    together, for contenders that leave the choice to their caller (0: not chosen). ``settings`` may hold ``size``, the
    side of the picture in pixels.
    """

    technique: str
    network: str
    contender: str
    tuned: bool = True
    at_once: int = 0
    device: str = "cpu"
    picture: str = ""
    settings: Settings = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What a stored measurement is found by: everything but the batch size, which is found by measuring."""
        return json.dumps({k: v for k, v in asdict(self).items() if k not in ("at_once", "tuned")}, sort_keys=True)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Job:
        return Job(**json.loads(text))
