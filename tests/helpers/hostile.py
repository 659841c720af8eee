"""Names that a stranger chooses so that a page draws more than text: ``tests.helpers.hostile:network``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch
from google.protobuf.message import Message
from torch import nn

from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.study import rows

# Each would be a picture, a link, a formula, an icon, a colour or other letters. None is longer than a name may be.
NAMES = (
    "![evil](https://evil.example/i.png)",
    "[evil](https://evil.example/l)",
    "[evil]: https://evil.example/r",
    "<img src=https://evil.example/t.png> evil",
    '<a href="https://evil.example/a">evil</a>',
    "<b>evil</b> &copy; &#60;i>evil",
    "https://evil.example/auto",
    "<https://evil.example/angle>",
    "www.evil.example",
    "evil@evil.example",
    ":material/evil: :streamlit:",
    ":red[evil] :blue-background[evil] :red-badge[evil]",
    ":skull: evil :smile:",
    "$evil^2$ and $$evil_2$$",
    "**evil** _evil_ ~~evil~~",
    "``evil` ![evil](https://evil.example/c.png)",
    "# evil",
    "1. evil",
    "- evil",
    "> evil",
    "evil\\",
)
LAYERS = tuple(name.replace(".", "·") for name in NAMES[:3])  # a dot ends the name of a module


def network() -> Classifier:
    """One network whose title, classes and layers have such names."""
    torch.manual_seed(0)
    module = nn.Sequential()
    for number, name in enumerate(LAYERS):
        module.add_module(name, nn.Conv2d(3 if number == 0 else 6, 6, 3, padding=1))
        module.add_module(f"{number} {NAMES[10]}", nn.ReLU())
    module.add_module("pool", nn.AdaptiveAvgPool2d(2))
    module.add_module("flat", nn.Flatten())
    module.add_module("head", nn.Linear(24, len(NAMES)))
    return Classifier(
        module, Preprocess((48, 48), (0.5,) * 3, (0.5,) * 3), list(NAMES), title=NAMES[0], summary=" ".join(NAMES[:9])
    )


def table() -> str:
    """The table of a study with such names wherever one is taken."""
    found = []
    for number, name in enumerate(NAMES):
        for method in ("www.evil.example", "a:evil:", "random"):
            share = (number + len(method)) / 50
            found.append(rows.Row(name, "www.evil.example", method, name, 0.5, deletion=share, insertion=share))
        found.append(rows.Row(name, "a:evil:", "random", name, error=f"The file {name} is no picture."))
    return f"{rows.HEADER}\n{rows.write(found)}"


_CODE = re.compile(r"(?<![`\\])(`+)(?!`)([^\n]*?[^`\n])\1(?!`)")
_LIVE = (
    re.compile(r"(?<!\\)(?:\\\\)*[\[\]<`*_~$]"),  # what no escape stands before
    re.compile(r"(?<!\\)(?:\\\\)*&#?\w+;"),
    re.compile(r"https?\\?:/|www\\?\.|\w@\w", re.IGNORECASE),
    re.compile(r":[\w+-]+(?:/\w+)?\\?:|:[\w-]+\\?\["),
    re.compile(r"^\s*(?:#|>|[-+*] |\d+[.)] |=+$)", re.MULTILINE),
)


def live(text: str) -> list[str]:
    """The parts of a Markdown text around the word "evil" that would be drawn as more than text."""
    found = []
    for line in _CODE.sub("", text).splitlines():
        if "evil" in line.lower():
            found += [line for pattern in _LIVE if pattern.search(line)]
    return found


def words(message: Message, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a message to the browser, and the names of the fields that lead to it."""
    for field, value in message.ListFields():
        here = f"{path}.{field.name}" if path else f"{message.DESCRIPTOR.name}.{field.name}"
        many: Any = value if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)) else [value]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            many = many.values()
        for one in many:
            if isinstance(one, Message):
                yield from words(one, here)
            elif isinstance(one, str):
                yield here, one
