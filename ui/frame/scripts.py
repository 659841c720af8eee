"""How every script begins that a page offers: what it needs, its imports, its network, and its picture."""

from __future__ import annotations

from collections.abc import Iterable

from ui.frame import sources, uploads
from vizcore.networks import own
from vizcore.networks.classifier import Classifier
from vizcore.pictures.scenes import SHORTCUT

# What stands over every script.
RUNS_ANYWHERE = "# Runs in any folder once the package is installed: pip install . in the folder of this project."
YOUR_PICTURE = "# Your picture lies beside this script and is called picture.png."
YOUR_FILE = "# The file of your network lies beside this script."
YOUR_MODULE = "# The module of your network must be found on PYTHONPATH."


def above(clf: Classifier, picture: str) -> list[str]:
    """The comments over a script: that it runs anywhere, and what it needs besides the package."""
    needs = [YOUR_FILE] * (clf.name in uploads.all_of()) + [YOUR_MODULE] * (clf.name in own.named())
    return [RUNS_ANYWHERE, *needs, *[YOUR_PICTURE] * (picture == "upload"), ""]


def import_block(lines: Iterable[str]) -> list[str]:
    """Import lines without repetition: other people's first, names that come from one module in one line."""
    plain = sorted({line for line in lines if line.startswith("import ")})
    modules: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("from "):
            module, _, names = line.removeprefix("from ").partition(" import ")
            modules.setdefault(module, set()).update(names.split(", "))
    named = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())]
    ours = [line for line in named if line.startswith("from vizcore")]
    return [*plain, *(line for line in named if line not in ours), "", *ours]


def network_of(clf: Classifier) -> tuple[list[str], list[str]]:
    """The imports and the lines of Python that load a network."""
    name, device = clf.name, clf.device.type
    if name in uploads.all_of():
        one = uploads.all_of()[name]
        data = f"Path({one.file!r}).read_bytes()"
        return ["from pathlib import Path", "from vizcore.networks import own"], [
            f"design = own.{one.design!r}",
            f'clf = own.network({data}, design, device="{device}")',
        ]
    if name in own.named():
        module, _, function = name.partition(":")
        return [f"from {module} import {function}"], [f"clf = {function}()"]
    return ["from vizcore import load"], [f'clf = load("{name}", device="{device}")']


def picture_of(identifier: str) -> tuple[list[str], str]:
    """The imports and the expression of Python that make a picture, or the path of one's own file."""
    kind, _, rest = sources.canonical(identifier).partition(":")
    scene = ["from PIL import Image", "from vizcore.pictures import scenes"]
    size = sources.SCENE_SIZE
    return {
        "scene": (scene, f"Image.fromarray(scenes.scene({rest}, size={size}).picture)"),
        "stamped": (
            scene,
            f'Image.fromarray(scenes.scene({rest}, label="{SHORTCUT}", mark=True, size={size}).picture)',
        ),
        "photo": (["from vizcore.pictures import decoding"], f'decoding.sample_photographs()["{rest}"]()'),
        "upload": ([], '"picture.png"'),
    }[kind]
