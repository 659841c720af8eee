"""A step's link: a page and its settings, by the names and values that stand in the app's own addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from vizcore import methods, params
from vizcore.evaluation.arrangement import Arrangement
from vizcore.networks import catalogue
from vizcore.pictures import decoding, scenes
from vizcore.techniques import lime, maximize, occlusion, saliency

P = TypeVar("P")
TECHNIQUES: dict[str, type] = {  # by the page's name, and before the dot in an address
    "maximisation": maximize.Maximisation,
    "saliency": saliency.SmoothGrad,
    "occlusion": occlusion.Occlusion,
    "lime": lime.Lime,
    "interventions": Arrangement,
    **{f"compare.{name}": technique for name, technique in methods.METHODS.items()},
}
LOOKS: dict[str, tuple[str, ...]] = {  # how a page shows its result, which no truth depends on
    "overview": (),
    "filters": ("view", "layer", "map_layer", "scaling", "order", "channel", "page", "chosen"),
    "maximisation": ("part", "unit", "of"),
    "saliency": ("view", "scale", "part"),
    "occlusion": ("closer", "square", "mask"),
    "lime": ("closer", "off"),
    "interventions": ("part", "output", "methods"),
    "compare": (
        *("methods", "classes", "networks", "against", "output", "scale", "of", "layer", "part"),
        *("measure", "top", "stable", "row", "sane", "similarity", "sweep"),
    ),
}
NETWORK, PICTURE = "mini-alexnet", "scene:34"  # where a link names none
_SEED = re.compile(r"(scene|stamped):(\d{1,9})", re.ASCII)


class LinkError(ValueError):
    """A link that leads nowhere, or asks for what cannot be had; the message is a sentence that says what would do."""


@dataclass(frozen=True)
class Link:
    """``page`` by its name, and what stands behind the question mark of its address."""

    page: str
    query: tuple[tuple[str, str], ...]

    @property
    def settings(self) -> dict[str, str]:
        """The settings by their names, as in an address."""
        return dict(self.query)

    @property
    def network(self) -> str:
        """The network that is explained."""
        return self.settings.get("network", NETWORK)

    @property
    def picture(self) -> str:
        """The picture's id."""
        return self.settings.get("picture", PICTURE)

    @property
    def target(self) -> int | None:
        """The class that is explained; None for the most probable one."""
        given = self.settings.get("class", "")
        return int(given) if given else None

    def params(self, technique: type[P], name: str, base: P | None = None) -> P:
        """The parameters called ``name`` (``occlusion``, ``compare.lime``): what the link does not say, as in ``base``.

        A link that was read has nothing to be repaired in it.
        """
        return params.from_json(technique, _of(self.settings, name), base)[0]

    def address(self) -> str:
        """The link as it stands in a file."""
        page = "" if self.page == "overview" else self.page
        return f"/{page}?{urlencode(self.query)}"


def read(text: str) -> Link:
    """A link as the address bar has it, with or without a server's name. Raises :class:`LinkError`."""
    parts = urlsplit(text.strip())
    page = parts.path.rstrip("/").rpartition("/")[2]
    if page not in LOOKS and (not page or parts.path.endswith("/")):  # a server's root, or a folder of it
        page = "overview"
    if page not in LOOKS:
        raise LinkError(f"The link leads to the page {page!r}; accepted: one of {', '.join(LOOKS)}.")
    query = tuple((name, value) for name, value in parse_qsl(parts.query) if name not in ("lang", "present"))
    link = Link(page, query)
    for name, value in query:
        _check(link, name, value)
    return link


def _check(link: Link, name: str, value: str) -> None:
    if name == "network":
        if value not in catalogue.names():
            raise LinkError(f"The link's network is {value!r}; accepted: one of {', '.join(catalogue.names())}.")
    elif name == "picture":
        _check_picture(value)
    elif name == "class":
        if not (value.isascii() and value.isdigit() and len(value) < 6):
            raise LinkError(f"The link's class is {value!r}; accepted: a class by its number, from 0 on.")
    elif "." in name:
        _check_setting(link.page, name, value)
    else:
        raise LinkError(f"The link has {name!r}; accepted: network, picture, class and the settings of a page.")


def _check_picture(value: str) -> None:
    kind, _, rest = value.partition(":")
    scene = _SEED.fullmatch(value) is not None and int(rest) < scenes.TRAINING_SEEDS
    if not scene and not (kind == "photo" and rest in decoding.sample_photographs()):
        raise LinkError(
            f"The link's picture is {value!r}; accepted: scene:NUMBER and stamped:NUMBER below "
            f"{scenes.TRAINING_SEEDS}, or one of {', '.join(f'photo:{one}' for one in decoding.sample_photographs())}."
        )


def _check_setting(page: str, name: str, value: str) -> None:
    owner, _, field = name.rpartition(".")
    if owner in TECHNIQUES and field in (specs := params.specs(TECHNIQUES[owner])):
        _, complaints = params.from_json(TECHNIQUES[owner], {field: value})
        if complaints:
            raise LinkError(f"The link's {name} is {value!r}; accepted: {specs[field].accepted}.")
    elif owner != page or field not in LOOKS[page]:
        known = ", ".join(f"{page}.{one}" for one in _fields(page))
        raise LinkError(f"The link has {name!r}, which its page does not know; accepted: {known or 'nothing more'}.")


def _fields(page: str) -> list[str]:
    own = params.specs(TECHNIQUES[page]) if page in TECHNIQUES else {}
    return [*own, *LOOKS[page]]


def _of(settings: Mapping[str, str], name: str) -> dict[str, Any]:
    prefix = f"{name}."
    return {key[len(prefix) :]: value for key, value in settings.items() if key.startswith(prefix)}
