"""Addresses from strangers: whatever stands in them, every parameter comes out within its bounds.

python -m tests.fuzz.links --count 50000
"""

from __future__ import annotations

import logging
import random
from typing import Any
from unittest import mock

from tests.fuzz import watch
from ui.frame import link, sources, state
from vizcore import params
from vizcore.networks import catalogue
from vizcore.techniques import lime, maximize, occlusion, saliency

# Outside of a page Streamlit remarks on that with every text that is looked up.
logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel(logging.ERROR)

TECHNIQUES: dict[str, type] = {
    "lime": lime.Lime,
    "maximisation": maximize.Maximisation,
    "occlusion": occlusion.Occlusion,
    "saliency": saliency.SmoothGrad,
}
NUMBERS = "0 1 -1 0.5 1e400 -1e400 nan inf -inf 1e-400 0x10 1_000 ٣ ² 1e9 00012 +5 5. .5 5,0 9" + "9" * 180
WORDS = ["", " ", "\0", "\n", "true", "True", "None", "null", "[]", "{}", "probability", "grey", "slic", "upload"]
WORDS += ["own:0123456789ab", "own:", "photo:", "photo:../../etc/passwd", "scene:", "scene:-1", "scene:٣", "scene:²"]
WORDS += ["scene:1", f"scene:{10**9}", f"scene:{10**9 + 1}", "scene:" + "9" * 190, "scene:1e3", "<script>alert(1)", "'"]
WORDS += ["*bold* [a](javascript:x) $x$ :red[y]", "\ud800", "\u202e", "🐈" * 50, "a" * 5000, "%00", "..", "__class__"]


def make(number: int) -> dict[str, str]:
    """The parameters of the address with this number."""
    rng = random.Random(f"address {number}")
    names = [f"{name}.{field}" for name, technique in TECHNIQUES.items() for field in params.specs(technique)]
    names += ["network", "picture", "class", "lang", "occlusion.closer", "filters.layer", "filters.chosen"]
    query = {}
    for _ in range(rng.choice((0, 1, 3, 10, 60, 100))):
        name = rng.choice(names) if rng.random() < 0.9 else _word(rng)
        query[name] = _word(rng)
    return query


def _word(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(NUMBERS.split(" "))
    if kind < 0.6:
        return rng.choice(WORDS)
    if kind < 0.7:
        return rng.choice(catalogue.names())
    if kind < 0.85:
        return repr(rng.choice((rng.uniform(-10, 1000), rng.randrange(-10, 10**6), 10 ** rng.uniform(-320, 300))))
    return "".join(chr(rng.choice((rng.randrange(128), rng.randrange(0xD800)))) for _ in range(rng.randrange(40)))


def attempt(query: dict[str, str]) -> str:
    """Take the address as a page does, in a session of its own; raises where anything comes out that cannot be."""
    session: dict[str, Any] = {}
    address = mock.Mock()
    address.to_dict.return_value = query
    with mock.patch("streamlit.session_state", session), mock.patch("streamlit.query_params", address):
        state.enter("lime")
        arrived = state.arrived("lime")
        if arrived is None:
            assert not query
            return "empty"
        assert len(arrived) <= 60
        assert all(len(key) <= 60 and len(value) <= state.LONGEST for key, value in arrived.items())
        link.take(arrived)
        chosen = state.choices().frame
        assert chosen["network"] in catalogue.names()
        assert sources.valid(chosen["picture"])
        assert chosen["class"] == "" or 0 <= int(chosen["class"]) < 10**6
        complaints = len(state.choices().complaints)
        for name, technique in TECHNIQUES.items():
            taken: Any
            taken, wrong = state.take_params(name, technique, arrived)
            params.check(taken)
            assert all(len(str(complaint.given)) <= 40 for complaint in wrong)
            complaints += len(wrong)
            again: Any
            again, none = params.from_json(technique, params.to_json(taken))
            assert (again, none) == (taken, [])
            written = state.address_of(name, taken)
            assert state.take_params(name, technique, written)[0] == taken
    return "taken with repairs" if complaints else "taken as it stands"


if __name__ == "__main__":
    watch.main(make, attempt, 50_000)
