"""What the pages share, without a browser: texts, the store of results, messages of the viewer, links."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ui import texts
from ui.frame import formulas
from ui.running.results import Store, size_of
from ui.viewer import feeding, shown, viewer
from vizcore import methods
from vizcore.evaluation import faithfulness, sanity, stability
from vizcore.evaluation.arrangement import Arrangement
from vizcore.pictures import figures, pooling
from vizcore.study.plan import Study
from vizcore.techniques import lime, maximize, occlusion, saliency


def test_store_forgets_what_was_used_longest_ago() -> None:
    store = Store(entries=2, megabytes=10)
    store.put("a", 1)
    store.put("b", 2)
    assert store.get("a") == 1
    store.put("c", 3)
    assert (store.get("a"), store.get("b"), store.get("c")) == (1, None, 3)


def test_store_is_bounded_in_bytes() -> None:
    store = Store(entries=100, megabytes=1)
    for k in range(10):
        store.put(k, torch.zeros(300 * 1024, dtype=torch.uint8))
    assert len(store) == 3
    assert store.megabytes <= 1
    store.put("huge", torch.zeros(2 * 2**20, dtype=torch.uint8))
    assert store.get("huge") is None
    assert store.get(9) is not None


def test_store_makes_a_missing_result_once() -> None:
    store, made = Store(10, 10), []
    for _ in range(3):
        store.get_or("k", lambda: made.append(1) or "value")  # type: ignore[func-returns-value]
    assert made == [1]


def test_size_counts_nested_arrays() -> None:
    assert size_of({"a": [np.zeros(10, np.float64), (torch.zeros(4, dtype=torch.float32),)]}) == 96


def test_viewer_block_holds_header_and_blobs() -> None:
    block = feeding.pack({"width": 2, "label": "kočka"}, {"picture": b"\x01\x02", "map": b"\x03\x04\x05\x06"})
    length = int.from_bytes(block[:4], "little")
    head = json.loads(block[4 : 4 + length])
    assert (head["width"], head["label"]) == (2, "kočka")
    begin, size = head["blobs"]["map"]
    assert block[4 + length :][begin : begin + size] == b"\x03\x04\x05\x06"


def test_viewer_shows_means_of_blocks_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    heat = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
    sent: list[tuple[dict[str, Any], dict[str, bytes]]] = []

    def pack(head: dict[str, Any], blobs: dict[str, bytes]) -> bytes:
        sent.append((head, blobs))
        return b""

    monkeypatch.setattr(viewer, "pack", pack)
    monkeypatch.setattr(viewer, "_MOUNT", lambda **_: None)
    for pool in (1, 4):
        viewer.new_run()
        viewer.viewer("a", torch.zeros(3, 8, 8), "map", heat=heat, unit="logit", meaning="Orange.", pool=pool)
    (raw, raw_blobs), (pooled, blobs) = sent
    assert raw_blobs["map"] == heat.tobytes()
    assert np.array_equal(np.frombuffer(blobs["map"], "<f4").reshape(8, 8), pooling.means(heat, 4))
    assert (raw["unit"], pooled["unit"]) == ("logit", "logit · means of 4\xa0×\xa04\xa0px")
    assert raw["texts"]["meaning"] == "Orange."
    assert pooled["texts"]["meaning"].startswith("Orange. Shown are means of 4\xa0×\xa04\xa0pixels")
    tile: Any = shown.found()["a"].panels["a"]()
    assert tile.unit == pooled["unit"]
    assert tile.limit == figures.robust_limit(pooling.means(heat, 4))


def test_viewer_events() -> None:
    assert viewer.event_of(SimpleNamespace(click={"x": 3, "y": 1}, mask=None), 4, 4) == viewer.Event(x=3, y=1)
    assert viewer.event_of(SimpleNamespace(click={"x": 99, "y": -5}, mask=None), 4, 4) == viewer.Event(x=3, y=0)
    mask = viewer.event_of(SimpleNamespace(click=None, mask=[5, 2, 1]), 4, 2).mask
    assert mask is not None
    assert mask.tolist() == [[False] * 4, [False, True, True, False]]


@pytest.mark.parametrize(
    ("click", "mask"),
    [
        ({"x": "3", "y": 1}, None),
        ("<script>", None),
        ([1, 2], None),
        (None, [1, 2]),
        (None, [10**12]),
        (None, [-1, 9]),
        (None, ["8"]),
        (None, [True] * 8),
        (None, {"a": 1}),
        (None, [0] * 10**5),
    ],
)
def test_viewer_ignores_messages_of_another_shape(click: object, mask: object) -> None:
    assert viewer.event_of(SimpleNamespace(click=click, mask=mask), 4, 2) == viewer.Event()


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _keys_used() -> Iterator[tuple[str, str]]:
    import re
    from pathlib import Path

    root = Path(__file__).parents[2]
    for path in [root / "app.py", *sorted((root / "pages").glob("*.py")), *sorted((root / "ui").rglob("*.py"))]:
        for key in re.findall(r"""\bt\(\s*"([a-z_.-]+)\"""", path.read_text(encoding="utf-8")):
            yield path.name, key


def test_every_text_that_a_page_names_exists() -> None:
    english = texts.table("en")
    used = list(_keys_used())
    assert len(used) > 50
    assert [(file, key) for file, key in used if key not in english] == []


# What vizcore names itself, in English; the other languages hold it under these keys.
ENGINE = ("params.", "classes.", "photos.", "summaries.")


# Whose parameters have controls on a page.
FIGURES = (faithfulness.Faithfulness, stability.Repeats, stability.Sensitivity, sanity.Randomisation)
TECHNIQUES = (lime.Lime, maximize.Maximisation, Study, Arrangement, *methods.METHODS.values(), *FIGURES)


def _engine_keys() -> set[str]:
    from vizcore import params
    from vizcore.networks import catalogue
    from vizcore.pictures import decoding, scenes

    keys = {f"classes.{name}" for name in scenes.CLASSES} | {f"photos.{name}" for name in decoding.sample_photographs()}
    keys |= {f"summaries.{name}" for name in catalogue.names()}
    for technique in TECHNIQUES:
        for name in params.specs(technique):
            owner = next(one for one in reversed(technique.__mro__) if name in getattr(one, "__annotations__", {}))
            keys |= {f"params.{owner.__name__}.{name}.label", f"params.{owner.__name__}.{name}.help"}
    return keys


@pytest.mark.parametrize("language", [name for name in texts.LANGUAGES if name != "en"])
def test_nothing_is_left_untranslated(language: str) -> None:
    english, other = texts.table("en"), texts.table(language)
    pages = {key for key in other if not key.startswith(ENGINE)}
    assert pages == set(english)
    assert {key for key in other if key.startswith(ENGINE)} == _engine_keys()
    assert [key for key in english if _placeholders(english[key]) != _placeholders(other[key])] == []
    same = {key for key in english if english[key] == other[key]}
    names = {"options.method.adaline"}  # the same in every language
    assert {key for key in same if " " in english[key] and "{" not in english[key]} == names


@pytest.mark.parametrize("language", list(texts.LANGUAGES))
def test_texts_are_well_formed(language: str) -> None:
    for key, text in texts.table(language).items():
        assert text.strip() == text
        assert text, key
        for name in _placeholders(text):
            assert name.isidentifier(), key


@pytest.mark.parametrize("output", ["probability", "logit"])
def test_formulas_carry_the_current_values(output: str) -> None:
    assert "0.003" in formulas.maximisation(maximize.Maximisation(lambda_=3e-3, output=output))  # type: ignore[arg-type]
    assert r"10^{-5}" in formulas.maximisation(maximize.Maximisation(lambda_=1e-5))
    plain = formulas.maximisation(maximize.Maximisation(output=output))  # type: ignore[arg-type]
    assert "underline" not in plain
    moved = maximize.Maximisation(
        jitter=16, turn=8, variation=1e-3, blur=0.5, coordinates="fourier", decay=1.3, bounded=True
    )
    added = formulas.maximisation(moved)
    assert r"\arg\max_x" in added
    assert all(
        part in added
        for part in (r"\mathbb E_T", r"\pm 16", r"8^\circ", "TV", "G_{0.5}", "f^{-1.3}", r"\sigma I \in [0, 1]")
    )
    assert added.count("allowbreak") == added.count("quad") == 4  # a telephone breaks the line between any two parts
    assert added.count("underline") == 6  # E_T, T, what T is, the bounds, the variation, the blur
    assert r"\times (1" not in added
    assert added.count("{") == added.count("}")
    assert "0.25" in formulas.saliency(saliency.SmoothGrad(noise=0.25, output=output))  # type: ignore[arg-type]
    assert r"40\times40" in formulas.occlusion(occlusion.Occlusion(window=40, output=output))  # type: ignore[arg-type]
    assert "sum_{k=1}^{120}" in formulas.lime(lime.Lime(samples=120, output=output), 37)  # type: ignore[arg-type]
    for formula in (formulas.lime(lime.Lime(output=output), None), formulas.gradient(output)):  # type: ignore[arg-type]
        assert formula.count("{") == formula.count("}")
        assert ("p_i" in formula) == (output == "probability")
