"""What the engine says in English reaches a Czech reader in Czech: every sentence of it, whole."""

from __future__ import annotations

import ast
import io
import itertools
import re
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ui import texts
from ui.texts import sentences
from vizcore.networks import weights
from vizcore.pictures import decoding

ENGINE = Path(decoding.__file__).parents[1]
ERRORS = ("PictureError", "WeightsError", "DownloadError", "_PassingError", "kind")  # kind: one of the last two
# Modules whose sentences a page shows, and the calls that make them. ParameterError only where it can reach a page.
MODULES = {
    "decoding": (*ERRORS, "notes"),
    "greys": ("notes",),
    "weights": (*ERRORS, "faults"),
    "download": ERRORS,
    "installed_torchvision": ERRORS,
    "own": ERRORS,
    "class_names": ERRORS,
    "architectures": ERRORS,
    "classifier": ("NetworkError",),
    "examination": ("NetworkError",),
    "taking": ("NetworkError", "said"),
    "gradcam": ("NetworkError",),
    "channels": ("NetworkError",),
    "superpixels": ("ParameterError",),
    "occlusion": ("ParameterError",),
    "study/rows": ("StudyError",),
    "study/plan": ("StudyError",),
    "faithfulness": ("ParameterError",),
}


class _Module:
    """The source of a module, and what can be told from it about the strings that it makes."""

    def __init__(self, name: str) -> None:
        (path,) = ENGINE.rglob(f"{name}.py")
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.assigned.setdefault(node.targets[0].id, []).append(node.value)
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}

    def said(self, makers: tuple[str, ...]) -> Iterator[str]:
        """Every sentence that this module hands to one of the ``makers``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and len(node.args) == 1 and _maker(node.func) in makers:
                yield from self.variants(node.args[0])

    def variants(self, node: ast.expr) -> list[str]:
        """Every string that an expression can become; "7" where that is decided while the program runs."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value]
        if isinstance(node, ast.JoinedStr):
            return ["".join(choice) for choice in itertools.product(*(self.variants(part) for part in node.values))]
        if isinstance(node, ast.FormattedValue):
            return self.variants(node.value)
        if isinstance(node, ast.IfExp):
            return self.variants(node.body) + self.variants(node.orelse)
        if isinstance(node, ast.Name) and node.id in self.assigned:
            return [text for value in self.assigned[node.id] for text in self.variants(value)]
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            for table in self.assigned.get(node.value.id, []):
                if isinstance(table, ast.Dict):
                    return [text for value in table.values for text in self.variants(value)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.functions:
            return [text for tail in _returns(self.functions[node.func.id]) for text in self.variants(tail)]
        return ["7"]


def _maker(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return ast.unparse(function.value) if function.attr == "append" else function.attr
    return ast.unparse(function)


def _returns(function: ast.FunctionDef) -> list[ast.expr]:
    return [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]


ALL = {name: sorted({text for text in _Module(name).said(makers) if text != "7"}) for name, makers in MODULES.items()}


def _told(text: str) -> str:
    """A sentence in the session's language, with spaces where lines may break as with those where they may not."""
    return sentences.translated(text).replace("\u00a0", " ")


@pytest.fixture
def czech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "language", lambda: "cs")


def test_the_sentences_are_found_in_the_source() -> None:
    counts = {name: len(found) for name, found in ALL.items()}
    assert counts["decoding"] >= 15
    assert counts["greys"] >= 4
    assert counts["weights"] >= 12
    assert counts["download"] >= 10
    assert min(counts.values()) >= 1
    for expected in ("Turned upright, as its EXIF orientation says.", "Only the first page of the file is shown."):
        assert expected in ALL["decoding"]


@pytest.mark.parametrize("language", [name for name in texts.LANGUAGES if name != "en"])
@pytest.mark.parametrize("module", list(ALL))
def test_every_sentence_is_translated(module: str, language: str) -> None:
    whole, parts = sentences._templates(language)
    templates = (*whole, *parts) if module in ("download", "weights") else whole  # their clauses stand in others
    assert [text for text in ALL[module] if not any(pattern.fullmatch(text) for pattern, _ in templates)] == []


@pytest.mark.parametrize("module", ["examination", "proven"])
@pytest.mark.parametrize("language", [name for name in texts.LANGUAGES if name != "en"])
def test_every_finding_is_translated(module: str, language: str) -> None:
    whole, _ = sentences._templates(language)
    source = _Module(module)
    documented = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docstrings = {ast.get_docstring(node, False) for node in ast.walk(source.tree) if isinstance(node, documented)}
    said = [
        text
        for node in ast.walk(source.tree)
        if not (isinstance(node, ast.Constant) and node.value in docstrings)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for text in source.variants(node)
        if re.fullmatch(
            r"(?:It|Its|They|The|There|Two|Their|Each|All|Such|Pictures|One|torch's|With)\b.*[a-z0-9)]\.", text
        )
    ]
    said = [text for text in said if "class names were given" not in text]  # for whoever writes Python alone
    assert len(said) >= 8
    assert [text for text in said if not any(pattern.fullmatch(text) for pattern, _ in whole)] == []


@pytest.mark.usefixtures("czech")
def test_every_kind_of_file_is_named_in_the_language() -> None:
    tree = _Module("kinds").functions["kind_of"]
    pairs = [node.elts[-1] for node in ast.walk(tree) if isinstance(node, ast.Tuple)]
    kinds = {node.value for node in pairs if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert len(kinds) >= 6
    assert {kind for kind in kinds if kind in sentences.translated(f"This is {kind}; {decoding.ACCEPTED}.")} == set()


@pytest.mark.usefixtures("czech")
def test_nothing_english_is_left_in_a_translated_sentence() -> None:
    for text in (*ALL["decoding"], *ALL["greys"], *ALL["weights"], *ALL["superpixels"]):
        left = set(re.findall(r"\b(?:the|is|of|it|and|file|picture|raise|more|accepted)\b", sentences.translated(text)))
        assert not left or text.startswith(("it ", "7 has the shape", "7 more shape")), (
            text,
            sentences.translated(text),
        )


@pytest.mark.parametrize("language", [name for name in texts.LANGUAGES if name != "en"])
def test_templates_and_translations_fill_in_the_same(language: str) -> None:
    def names(text: str) -> set[str]:  # a count may also choose the form of a word
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    for kind, pairs in sentences.pairs(language).items():
        assert kind in ("sentences", "parts")
        assert len({english for english, _ in pairs}) == len(pairs)
        for english, translation in pairs:
            assert names(english) == names(translation), english
            assert all(name.isidentifier() for name in names(english)), english
            assert english[-1] == translation[-1] or kind == "parts", english


def _jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()


def _refusal(data: bytes) -> str:
    with pytest.raises(decoding.PictureError) as caught:
        decoding.decode(data)
    return str(caught.value)


OPENED = "otevřít lze obrázky JPEG, PNG, WebP, GIF, BMP a TIFF."
REFUSED = [
    (b"", f"Soubor je prázdný; {OPENED}"),
    (b"Dear diary, this is no picture.\n" * 20, f"Toto je textový soubor, ne obrázek; {OPENED}"),
    (b"<!DOCTYPE html><html></html>", f"Toto je webová stránka, ne obrázek; {OPENED}"),
    (b"<svg></svg>", f"Toto je kresba (SVG), ne obrázek z pixelů; {OPENED}"),
    (b"%PDF-1.7\n" + bytes(200), f"Toto je dokument PDF; {OPENED}"),
    (b"\x00\x00\x00\x18ftypheic" + bytes(200), f"Toto je obrázek HEIC nebo AVIF; {OPENED}"),
    (b"\x00\x00\x00\x18ftypisom" + bytes(200), f"Toto je video; {OPENED}"),
    (bytes(range(256)), f"Toto není obrázek ve známém formátu; {OPENED}"),
    (_jpeg()[:-900], "Soubor JPEG končí dříve než obrázek; zkopírujte nebo stáhněte jej znovu, tentokrát celý."),
]


@pytest.mark.parametrize(("data", "expected"), REFUSED, ids=range(len(REFUSED)))
def test_refused_files_are_explained_in_the_language(
    data: bytes, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = _refusal(data)
    monkeypatch.setattr(texts, "language", lambda: "cs")
    assert _told(english) == expected
    monkeypatch.setattr(texts, "language", lambda: "en")
    assert sentences.translated(english) == english


@pytest.mark.usefixtures("czech")
def test_remarks_on_a_picture() -> None:
    frames = [Image.new("RGB", (60, 30), colour) for colour in ("red", "lime")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    notes = decoding.decode(file.getvalue(), side=40).notes
    assert [_told(note) for note in notes] == [
        "Ukazuje se jen první snímek animace.",
        "Zmenšeno z 60 × 30 na 40 × 20 pixelů.",
    ]


@pytest.mark.usefixtures("czech")
def test_remarks_on_deep_greys() -> None:
    file = io.BytesIO()
    Image.fromarray(np.array([[np.nan, 0.0, 1.02]], dtype=np.float32)).save(file, "TIFF")
    assert [_told(note) for note in decoding.decode(file.getvalue()).notes] == [
        "Jeho odstíny šedé od 0 do 1,02 byly roztaženy na celý rozsah od černé po bílou.",
        "Místa bez číselné hodnoty (NaN nebo nekonečno) jsou ukázána černě.",
    ]


@pytest.mark.usefixtures("czech")
def test_weights_that_do_not_fit() -> None:
    module, state = nn.Linear(2, 3), {"weight": torch.zeros(1, 2)} | {name: torch.zeros(1) for name in "abcd"}
    with pytest.raises(weights.WeightsError) as caught:
        weights.fit(module, state, "my {folder}/own.pth")
    assert _told(str(caught.value)) == (
        "my {folder}/own.pth se nehodí k síti Linear: chybí bias; navíc má a, b, c (a dále 1); "
        "weight má tvar (1, 2), ale potřebný je (3, 2)."
    )


@pytest.mark.usefixtures("czech")
def test_an_unknown_sentence_stays_as_it_is() -> None:
    for text in ("Nobody has translated this; {really}.", "", "a video"):
        assert sentences.translated(text) == text
