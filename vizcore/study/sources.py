"""The pictures of a study: scenes by their seeds, stamped or not, and the picture files of a folder.

A picture's identity is its id, and for a file the SHA-256 of its bytes; both are part of what a study is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vizcore.networks.classifier import Classifier
from vizcore.pictures.scene_parts import UNCHANGED, Changes
from vizcore.pictures.scenes import SHORTCUT, TRAINING_SEEDS, Scene, scene

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"))
FIRST = 700_000  # the first seed of "scenes:N": used for no training, calibration or figure of the model card
MOST = 1_000_000  # pictures of one study
_SEEDS = re.compile(r"(scenes|stamped):(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)


class StudyError(ValueError):
    """A study that cannot be made, opened or continued; the message is a sentence that says why, and what would do."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a study: ``scene:SEED``, ``stamped:SEED``, or a file by its name, with the file's own bytes.

    ``data`` holds the bytes of an upload; a file of a folder is read from ``path`` when its turn comes.
    """

    id: str
    digest: str = ""
    path: Path | None = None
    data: bytes | None = None

    def content(self) -> bytes | None:
        """The file's bytes, None for a scene. Raises OSError where the file cannot be read."""
        return self.path.read_bytes() if self.path is not None else self.data


@dataclass(frozen=True)
class Shown:
    """What a network sees of a picture: pixels (C,H,W) in [0,1]; of a scene also its truth, masks as bool (H,W)."""

    image: Tensor
    label: str | None = None
    mask: Tensor | None = None
    stamp: Tensor | None = None


def find(requested: Iterable[str]) -> tuple[Picture, ...]:
    """The pictures that are asked for: ``scenes:N``, ``scenes:A-B``, ``stamped:N``, ``stamped:A-B``, or a folder.

    ``scenes:N`` are the N scenes from seed 700,000 on. ``stamped`` scenes show a horse and carry the date stamp, as all
    horses did in the training of the bundled twin. A folder's pictures are told by their suffix, in all folders below
    it, in the order of their names. Raises :class:`StudyError` where there is nothing, or something twice.
    """
    found: list[Picture] = []
    for one in requested:
        match = _SEEDS.fullmatch(one)
        found += _seeded(one, match) if match else _folder(one)
    if not found:
        raise StudyError("There is no picture to study; name a folder of pictures, or scenes:N for N scenes.")
    if len(found) > MOST:
        raise StudyError(f"There are {len(found)} pictures; a study takes up to {MOST}.")
    return distinct(found)


def distinct(found: Sequence[Picture]) -> tuple[Picture, ...]:
    """The same pictures. Raises :class:`StudyError` where two have one id."""
    seen: set[str] = set()
    for picture in found:
        if picture.id in seen:
            raise StudyError(f"The picture {picture.id} is asked for twice; every picture counts once.")
        seen.add(picture.id)
    return tuple(found)


def _seeded(requested: str, match: re.Match[str]) -> list[Picture]:
    kind = {"scenes": "scene", "stamped": "stamped"}[match[1]]
    if match[3] is None:
        first, last = FIRST, FIRST + int(match[2]) - 1
    else:
        first, last = int(match[2]), int(match[3])
    if not first <= last or last - first >= MOST:
        raise StudyError(f"{requested} names no scenes; accepted: {match[1]}:N or {match[1]}:A-B with A up to B.")
    if last >= TRAINING_SEEDS:
        raise StudyError(
            f"{requested} has seeds from {TRAINING_SEEDS} on, which the bundled networks were trained on; "
            "take lower ones."
        )
    return [Picture(f"{kind}:{seed}") for seed in range(first, last + 1)]


def _folder(requested: str) -> list[Picture]:
    folder = Path(requested)
    if not folder.is_dir():
        raise StudyError(f"{requested} is neither a folder nor scenes:N, scenes:A-B, stamped:N or stamped:A-B.")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return [Picture(name_of(path.relative_to(folder).as_posix()), _digest(path), path) for path in files]


def name_of(file: str) -> str:
    """A file's name as an id that no table, terminal or spreadsheet takes for something else.

    What is not printable, a percent sign, and a first character that begins a formula become %XX, the bytes in UTF-8.
    """
    start = "".join(
        one if one.isprintable() and one != "%" and not (at == 0 and one in "=+-@") else _percent(one)
        for at, one in enumerate(file)
    )
    return re.sub("^(?=(scene|stamped):)", "./", start)  # a file, whatever it is called


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"  # its rows will say so


def uploaded(name: str, data: bytes) -> Picture:
    """A picture from the bytes of a file."""
    return Picture(name_of(name), hashlib.sha256(data).hexdigest(), data=data)


def see(clf: Classifier, identifier: str, content: bytes | None) -> Shown:
    """What ``clf`` sees of a picture. Raises :class:`vizcore.pictures.decoding.PictureError` for a broken file."""
    if content is not None:
        return Shown(clf.pixels(content))
    found = compose(identifier, size_for(clf))
    stamp = None
    if found.mark_box is not None:
        left, top, right, bottom = found.mark_box
        plate = np.zeros(found.mask.shape, bool)
        plate[top:bottom, left:right] = True
        stamp = _as_seen(clf, plate)
    return Shown(clf.pixels(Image.fromarray(found.picture)), found.label, _as_seen(clf, found.mask), stamp)


def size_for(clf: Classifier) -> int:
    """The side with which scenes are drawn for a network, so that none of its pixels is made up."""
    return clf.preprocess.resize or max(clf.preprocess.size)


def compose(identifier: str, size: int, changes: Changes = UNCHANGED) -> Scene:
    """The scene called ``scene:SEED``, or ``stamped:SEED``: a horse with the date stamp; or that scene with changes."""
    kind, _, seed = identifier.partition(":")
    if kind == "stamped":
        return scene(int(seed), label=SHORTCUT, mark=True, size=size, changes=changes)
    return scene(int(seed), size=size, changes=changes)


def _as_seen(clf: Classifier, mask: np.ndarray) -> Tensor:
    """A mask (H,W) of the picture, resized and cropped as the network does with the picture."""
    grey = Image.fromarray((mask * 255).astype(np.uint8))
    return torch.as_tensor(clf.preprocess.pixels(grey)[0] > 0.5)
