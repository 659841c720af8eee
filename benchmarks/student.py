"""The wishes of one visitor in the load test, and what became of each."""

from __future__ import annotations

import asyncio
import io
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import expected
from benchmarks.visitor import Shown, Visitor
from vizcore.pictures import figures

_SCRIPTS = sorted(path.stem for path in (Path(__file__).parents[1] / "pages").glob("*.py"))
PAGES = ("", *(name for name in _SCRIPTS if name != "health"))
TIMEOUT = 120.0  # seconds after which nobody waits any longer
CARDS = 5  # pictures of the overview
COMMON = 34  # the scene that a lecturer's link shows to everybody
DONE = re.compile(r"of computing|already computed")
LINKS: dict[str, dict[str, Sequence[float]]] = {  # settings that a student may well choose
    "saliency": {"copies": range(4, 33, 4), "noise": (0.05, 0.1, 0.2)},
    "occlusion": {"window": (16, 24, 32, 48), "stride": (6, 8, 12, 16)},
    "lime": {"samples": range(50, 401, 50), "segments": (10, 20, 40)},
    "maximisation": {"steps": range(20, 101, 10), "seed": range(10)},
}


@dataclass
class Answer:
    """What one request brought: when, and what was shown."""

    page: str
    kind: str
    picture: Image.Image
    sent: float
    first: float | None = None
    maps: float | None = None  # when all maps of a comparison were there; its curves follow
    whole: float | None = None
    address: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)
    seen: NDArray[Any] | None = None  # the picture that the page says the network sees
    shown: NDArray[Any] | None = None  # the result
    views: dict[str, NDArray[Any]] = field(default_factory=dict)  # the pictures under the maps
    errors: list[str] = field(default_factory=list)


@dataclass
class Hall:
    """All visitors' answers, and what went wrong beside them."""

    answers: list[Answer] = field(default_factory=list)
    left: int = 0  # requests that their visitor did not wait for
    lost: list[str] = field(default_factory=list)


class Student:
    """One visitor's wishes, from its own random numbers."""

    def __init__(self, server: str, seed: int, think: float, hall: Hall) -> None:
        self.server, self.random, self.think, self.hall = server, random.Random(seed), think, hall
        self.seed, self.count = seed, 0
        self.picture = expected.scene(COMMON)

    async def visit(self, end: float) -> None:
        """Come, do things until ``end``, and go; a tab that was closed is opened again."""
        while time.monotonic() < end:
            try:
                async with Visitor(self.server) as tab:
                    await self._stay(tab, end)
            except Exception as error:  # a lost connection is a result of the test
                self.hall.lost.append(f"{type(error).__name__}: {error}")
                await asyncio.sleep(1)

    async def _stay(self, tab: Visitor, end: float) -> None:
        await self._link(tab)
        while time.monotonic() < end:
            await asyncio.sleep(self.random.expovariate(1 / self.think) if self.think else 0)
            dice = self.random.random()
            if dice < 0.05:
                await self._leave_half_way(tab)
                return
            if dice < 0.45 or not await (self._upload(tab) if dice < 0.6 else self._slide(tab)):
                return  # the next link is somebody else's: a browser opens it as a new session

    async def _link(self, tab: Visitor) -> None:
        page, query = self._choose()
        wanted = dict(pair.split("=", 1) for pair in query.split("&"))
        await self._ask(tab, page, "link", partial(tab.open, page, query), wanted)

    def _choose(self) -> tuple[str, str]:
        page, self.count = self.random.choice(PAGES), self.count + 1
        scene = COMMON if self.random.random() < 0.2 else 1000 * (self.seed % 10**6) + self.count
        self.picture = expected.scene(scene)
        query = {"network": "mini-alexnet", "picture": f"scene:{scene}"}
        if self.random.random() < 0.5:
            query["class"] = str(self.random.randrange(12))
        for name, values in LINKS.get(page, {}).items():
            query[f"{page}.{name}"] = str(self.random.choice(values))
        return page, "&".join(f"{key}={value}" for key, value in query.items())

    async def _slide(self, tab: Visitor) -> bool:
        """Move a slider, if the page has any."""
        sliders = [name for name in LINKS.get(tab.page, {}) if f"param.{tab.page}.{name}" in tab.shown.widgets]
        if not sliders:
            return False
        name = self.random.choice(sliders)
        for hurry in ([True] if self.random.random() < 0.3 else []) + [False]:
            value = self.random.choice(LINKS[tab.page][name])
            move = partial(tab.set, f"param.{tab.page}.{name}", float(value))
            if hurry:  # and the next movement comes before the answer
                await move()
                self.hall.left += 1
                await tab.watch(lambda shown: f"param.{tab.page}.{name}" in shown.widgets, TIMEOUT)
            else:
                await self._ask(tab, tab.page, "slider", move, {f"{tab.page}.{name}": str(value)})
        return True

    async def _upload(self, tab: Visitor) -> bool:
        """Upload a picture of noise, if the page takes any."""
        self.count += 1
        noise = np.random.default_rng((self.seed, self.count)).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        picture = Image.fromarray(figures.enlarge(noise, 240, smooth=True))
        file = io.BytesIO()
        picture.save(file, "PNG")
        if "frame.picture@en" not in tab.shown.widgets:  # a page about many pictures
            return False
        if "frame.file" not in tab.shown.widgets:
            options = tab.shown.widgets["frame.picture@en"][1].options
            await tab.set("frame.picture@en", next(one for one in options if one.startswith("Your own")))
            if await tab.watch(lambda shown: shown.finished, TIMEOUT) is None:
                self.hall.lost.append("the uploader did not come")
                return False
        self.picture = picture
        send = partial(tab.upload, "frame.file", f"{self.seed}-{self.count}.png", file.getvalue())
        await self._ask(tab, tab.page, "upload", send, {"picture": "upload"})
        return True

    async def _leave_half_way(self, tab: Visitor) -> None:
        page, query = self._choose()
        await tab.open(page, query)
        self.hall.left += 1
        await tab.watch(lambda shown: bool(shown.widgets), TIMEOUT)

    async def _ask(
        self, tab: Visitor, page: str, kind: str, act: Callable[[], Any], wanted: dict[str, str] | None = None
    ) -> None:
        answer = Answer(page, kind, self.picture, time.monotonic(), wanted=wanted or {})
        self.hall.answers.append(answer)
        await act()
        answer.first = await tab.watch(partial(_first, page), TIMEOUT)
        if answer.first and page == "compare":
            answer.maps = await tab.watch(lambda shown: shown.finished or _done(shown), TIMEOUT)
        answer.whole = await tab.watch(lambda shown: shown.finished, TIMEOUT) if answer.first else None
        stop = f"stop-{page}"
        if stop in tab.shown.widgets and not _done(tab.shown) and tab.shown.widgets[stop][1].label == "Start":
            await tab.press(stop)  # a long one waits to be started by hand
            answer.whole = await tab.watch(lambda shown: shown.finished, TIMEOUT)
        shown = tab.shown
        answer.errors, answer.address = shown.errors, shown.address
        if answer.whole is None:
            answer.errors.append(f"nothing within {TIMEOUT:.0f} s")
            return
        if page in expected.RESULTS:
            viewer, which, _, _ = expected.RESULTS[page]
            answer.shown = shown.views.get(viewer, {}).get(which)
            if not _done(shown) or answer.shown is None:
                answer.errors.append("the script ended without a result")
        answer.views = {
            key: view["picture"] for key, view in shown.views.items() if key.split("-")[0] in ("saliency", "occlusion")
        }
        answer.seen = shown.seen


def _done(shown: Shown) -> bool:
    return any(DONE.search(caption) for caption in shown.captions)


def _first(page: str, shown: Shown) -> bool:
    """Whether anything of the result is there: the first estimate, or the first picture of several."""
    if shown.finished:
        return True
    if page in expected.RESULTS:
        return expected.RESULTS[page][0] in shown.fed
    if page == "compare":
        return any(viewer.startswith("compare-") for viewer in shown.fed)
    return page == "" and len(shown.images) > CARDS  # the empty ones come first


def wrong(answer: Answer) -> list[str]:
    """What of an answer does not belong to its picture and its settings."""
    found = []
    own = expected.pixels(answer.picture)
    for key, value in answer.wanted.items():
        given = answer.address.get(key, value)  # what has its default value is not in the address
        if given != value and not ("." in key and float(given) == float(value)):
            found.append(f"{key} is {given} instead of {value}")
    if answer.seen is not None and not np.array_equal(answer.seen, own):
        found.append("the picture that the network sees is another one")
    if any(not np.array_equal(view, own) for view in answer.views.values()):
        found.append("the picture under a map is another one")
    if answer.shown is not None:
        want = expected.result(answer.page, answer.picture, {**answer.wanted, **answer.address})
        if not expected.same(answer.shown, want):
            found.append("the result is another one")
    return found
