"""Deeper layers: what their channels answer to most, as pictures made for each and as crops of pictures that exist."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ui.frame import controls, formulas, navigation, sources
from ui.frame.layout import Frame
from ui.running import play
from ui.running.results import RESULTS
from ui.texts import quoted, t
from ui.viewer import show
from ui.viewer.cards import cards
from vizcore.networks.classifier import Classifier
from vizcore.pictures import decoding, figures, scenes
from vizcore.targets import Channel
from vizcore.techniques import crops, maximize

AT_ONCE = 12  # channels on one page
TOGETHER = 4  # of them in one batch: more gain little, and the first would be seen later
STEPS = 40  # of each ascent: enough to tell the channels apart
EACH = maximize.TRIES + STEPS  # steps of the search for lambda, at most, and of the ascent
CARD, CROPS = 168, 4  # pixels: two in a row on a telephone; crops beneath each picture
SCENES_EACH = 3  # of each of the scenes' classes
FIRST_SCENE = 2000  # seeds that no training has seen

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Settings:
    """Which channels of which layer are shown."""

    layer: maximize.Layer
    first: int

    @property
    def channels(self) -> range:
        return range(self.first, min(self.first + AT_ONCE, self.layer.channels))


@dataclass(frozen=True, eq=False)
class Drawn:
    """Pictures (H,W,3) of some channels, in their order, as far as they have been climbed; None: not begun yet."""

    pictures: tuple[Picture | None, ...]
    values: tuple[float, ...]
    step: int
    of: int


def settings(page: Frame) -> Settings:
    """The choice of a layer, in running order, and of a page of its channels."""
    found: list[maximize.Layer] = play.once(("layers of maps", page.clf.checksum), lambda: maximize.layers(page.clf))
    layers = {layer.name: layer for layer in found}
    layer = layers[controls.look("filters.map_layer", list(layers), t("filters.map_layer"))]
    pages = -(-layer.channels // AT_ONCE)
    number = controls.whole("filters.page", 1, pages, t("filters.page", of=pages), usual=1) if pages > 1 else 1
    return Settings(layer, (number - 1) * AT_ONCE)


def formula(chosen: Settings) -> str:
    """What is climbed for each channel."""
    mean = formulas.channel_mean("y_k", "k", chosen.layer.name)
    return r"I_k = \arg\max_I\; y_k(I) - \lambda_k\,\lVert I\rVert_2^2" + formulas.AND + mean


def show_all(page: Frame, chosen: Settings) -> None:
    """A card for each channel, filled in while they are computed."""
    layer, channels = chosen.layer, chosen.channels
    st.markdown(f"**{_heading(chosen, quoted(chosen.layer.name))}**")
    st.caption(t("filters.card", side=_side(page.clf, layer.name)))
    boxes = []
    with cards("channels", len(channels), CARD):
        for channel in channels:
            with st.container(gap="xsmall"):
                boxes.append((st.empty(), st.empty(), st.empty()))
                unit = f"{layer.name}:{channel}"
                navigation.to("maximisation", t("filters.channel_of", channel=channel), {"maximisation.unit": unit})
    for picture, *_ in boxes:
        if RESULTS.get(_key(page, chosen)) is None:  # the place of each picture, so that nothing jumps
            show.picture(show.blank(page.clf), box=picture, alt=t("overview.blank"))
    _draw_crops(page, chosen, [(crop, words) for _, crop, words in boxes])  # first, since they take less long
    _draw_pictures(page, chosen, [picture for picture, *_ in boxes])


def _heading(chosen: Settings, name: str = "") -> str:
    layer, channels, (height, width) = chosen.layer, chosen.channels, chosen.layer.size
    place = {"first": channels[0], "last": channels[-1], "count": layer.channels, "height": height, "width": width}
    return t("filters.channels_of", layer=name or layer.name, **place)


def _key(page: Frame, chosen: Settings) -> tuple[Any, ...]:
    return ("channels", page.picture_key[0], chosen.layer.name, chosen.first)


def _draw_pictures(page: Frame, chosen: Settings, boxes: list[Any]) -> None:
    shown: list[Any] = [None] * len(boxes)
    last = [0.0]

    def draw(drawn: Drawn) -> None:
        if drawn.step < drawn.of and time.monotonic() - last[0] < 0.5:
            return
        last[0] = time.monotonic()
        for number, (box, picture, value) in enumerate(zip(boxes, drawn.pictures, drawn.values, strict=True)):
            if picture is not None and picture is not shown[number]:
                shown[number] = picture
                label, group = f"channel-{chosen.channels[number]}", ("filters-channels", _heading(chosen))
                alt = t("filters.drawn", channel=chosen.channels[number], value=value)
                show.picture(picture, box=box, alt=alt, keep=label, within=group)

    key = _key(page, chosen)
    units = [Channel(chosen.layer.name, channel) for channel in chosen.channels]
    play.play(
        "channels",
        key,
        lambda: climbed(page.clf, units, key[:2]),
        draw,
        unit="units.steps",
        cost=len(units) * EACH,
        pace=("channels", page.clf.checksum, chosen.layer.name),
    )


def climbed(clf: Classifier, units: list[Channel], name: tuple[Any, ...]) -> Iterator[Drawn]:
    """A few channels in one batch, then the next few; those that are finished are kept, whatever comes after."""
    pictures: list[Picture | None] = [None] * len(units)
    values = [float("nan")] * len(units)

    def drawn(step: int) -> Drawn:
        return Drawn(tuple(pictures), tuple(values), step, len(units) * EACH)

    for begin in range(0, len(units), TOGETHER):
        few = units[begin : begin + TOGETHER]
        key, places, done = (*name, tuple(few), STEPS), slice(begin, begin + len(few)), begin * EACH
        known = RESULTS.get(key)
        if known is None:
            found: tuple[maximize.Search, ...] = ()
            for found in maximize.search_channels(clf, few):
                if any(one.step < one.of for one in found):
                    yield drawn(done + sum(one.step for one in found))
            done += len(few) * maximize.TRIES
            climbs = [(unit, replace(one.params, steps=STEPS)) for unit, one in zip(few, found, strict=True)]
            for ascents in maximize.together(clf, climbs):
                pictures[places] = [figures.picture(ascent.image) for ascent in ascents]
                values[places] = [ascent.score for ascent in ascents]
                if ascents[0].step < STEPS:
                    yield drawn(done + sum(ascent.step for ascent in ascents))
            RESULTS.put(key, (pictures[places], values[places]))
        else:
            pictures[places], values[places] = known
        yield drawn((begin + len(few)) * EACH)


def _draw_crops(page: Frame, chosen: Settings, boxes: list[tuple[Any, Any]]) -> None:
    """Beneath each picture the crops that excite the channel most, and what it answers to the page's own picture."""
    name = chosen.layer.name
    here: crops.Answered = play.once(
        ("answered", *page.picture_key, name), lambda: next(crops.answered(page.clf, name, [page.image], 1))
    )
    side = _side(page.clf, name)
    last = [0.0]

    def draw(known: crops.Answered | None) -> None:
        if known is not None and known.step < known.of and time.monotonic() - last[0] < 1.0:
            return
        last[0] = time.monotonic()
        every = here if known is None else known + here
        for channel, (box, words) in zip(chosen.channels, boxes, strict=True):
            row = _row(every.strongest(channel, CROPS, side))
            alt, group = t("filters.crops", channel=channel), ("filters-crops", _heading(chosen))
            show.picture(row, box=box, alt=alt, keep=f"crops-{channel}", within=group)
            words.caption(t("filters.answers", mean=float(here.means[0, channel])))

    draw(None)
    pictures = Pictures.of()
    play.quietly(
        "channels.crops",
        ("answered", page.picture_key[0], name, len(pictures)),
        lambda: crops.answered(page.clf, name, (page.clf.pixels(one) for one in pictures), len(pictures)),
        draw,
    )


def _side(clf: Classifier, layer: str) -> int:
    found: int = play.once(("side of crops", clf.checksum, layer), lambda: crops.side(clf, layer))
    return found


def _row(found: Tensor) -> Picture:
    """Crops (m,C,s,s) of bytes beside each other, with empty places where there are fewer than ``CROPS``."""
    colours = found.expand(-1, 3, -1, -1) if found.shape[1] == 1 else found
    tiles = torch.full((CROPS, *colours.shape[1:]), 128, dtype=torch.uint8)
    tiles[: len(colours)] = colours
    large = [figures.enlarge(tile.permute(1, 2, 0).numpy(), 2 * CARD // CROPS, smooth=True) for tile in tiles]
    return figures.grid(np.stack(large), CROPS, gap=4)


@dataclass(frozen=True)
class Pictures:
    """Scenes of every class and the photographs that come with the project, each made when it is asked for."""

    scenes: tuple[tuple[int, str], ...]
    photographs: tuple[str, ...]

    @classmethod
    def of(cls) -> Pictures:
        classes = scenes.CLASSES
        seeds = range(FIRST_SCENE, FIRST_SCENE + SCENES_EACH * len(classes))
        return cls(tuple((seed, classes[seed % len(classes)]) for seed in seeds), tuple(decoding.sample_photographs()))

    def __len__(self) -> int:
        return len(self.scenes) + len(self.photographs)

    def __iter__(self) -> Iterator[Image.Image]:
        samples = decoding.sample_photographs()
        yield from (samples[name]() for name in self.photographs)
        for seed, label in self.scenes:
            yield Image.fromarray(scenes.scene(seed, label=label, size=sources.SCENE_SIZE).picture)
