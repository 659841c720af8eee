"""Visitors who mean harm: what the tests of attacks, and the table of them, send to a really started server."""

from __future__ import annotations

import asyncio
import http.client
import io
import statistics
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import torch
from PIL import Image
from websockets.exceptions import WebSocketException

from benchmarks import expected
from benchmarks.load import memory
from benchmarks.visitor import XSRF, Visitor
from vizcore.networks import architectures, own
from vizcore.networks.classifier import Classifier, Preprocess
from vizcore.study.rows import HEADER, Row, write

MEGABYTE = 2**20
VIEWER = expected.RESULTS["occlusion"][0]
SETTLES = 20.0  # seconds within which the memory has to come back
Attack = Callable[[str, list[str]], AbstractAsyncContextManager[None]]


@dataclass
class Outcome:
    """Seconds of another visitor's first estimate before, during and after; the server's memory, and what was told."""

    before: float
    during: list[float] = field(default_factory=list)
    after: float = 0.0
    bytes_before: int = 0
    bytes_peak: int = 0
    bytes_after: int = 0
    said: list[str] = field(default_factory=list)

    @property
    def usual(self) -> float:
        """The median of those during the attack: a single one tells what else the machine had to do."""
        return statistics.median(self.during)

    def check(self) -> None:
        """Hold it to the bound that the documentation promises."""
        most = 3 * self.before + 2
        assert max(self.usual, self.after) <= most, self
        assert self.bytes_after - self.bytes_before <= 100 * MEGABYTE, self


_SCENES = iter(range(10_000, 10**6))


async def first_estimate(server: str, network: str = "mini-alexnet") -> float:
    """How long a visitor with a picture of its own waits for the first estimate of a map."""
    async with Visitor(server) as tab:
        begun = time.monotonic()
        await tab.open("occlusion", f"network={network}&picture=scene:{next(_SCENES)}&occlusion.stride=16")
        seen = await tab.watch(lambda shown: shown.finished or VIEWER in shown.fed, 120)
        assert seen is not None, "nothing came within two minutes"
        assert not tab.shown.errors, tab.shown.errors
        assert VIEWER in tab.shown.fed
        return seen - begun


async def under(server: str, process: int, attack: Attack, times: int = 5) -> Outcome:
    """What another visitor has of an attack; ``times`` first estimates before, while it goes on, and the one after."""
    for page in ("saliency", "study", "network"):  # that are attacked: what they load once is there
        async with Visitor(server) as tab:
            await tab.open(page, "network=mini-alexnet")
            await tab.watch(lambda shown: shown.finished, 60)
    await asyncio.gather(*(first_estimate(server) for _ in range(8)))
    outcome = Outcome(max([await first_estimate(server) for _ in range(times)]))
    outcome.bytes_before = memory(process)["now"]
    watching = asyncio.create_task(_watch(process, outcome))
    async with attack(server, outcome.said):
        for _ in range(times):
            outcome.during.append(await first_estimate(server))
    watching.cancel()
    left = time.monotonic()
    while time.monotonic() - left < SETTLES:
        outcome.bytes_after = memory(process)["now"]
        if outcome.bytes_after - outcome.bytes_before <= 50 * MEGABYTE:
            break
        await asyncio.sleep(0.5)
    outcome.after = await first_estimate(server)
    return outcome


async def _watch(process: int, outcome: Outcome) -> None:
    while True:
        outcome.bytes_peak = max(outcome.bytes_peak, memory(process)["now"])
        await asyncio.sleep(0.1)


def put(server: str, session: str, name: str, content: bytes, size: int | None = None) -> int:
    """The status that answers an upload of ``content``, repeated up to ``size`` bytes."""
    cookies = urllib.request.urlopen(f"{server}/_stcore/health", timeout=20).headers.get_all("Set-Cookie") or []
    token = next(one.partition("=")[2].partition(";")[0] for one in cookies if one.startswith(XSRF))
    size = len(content) if size is None else size
    head = b'--0f7d1c\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    tail = b"\r\n--0f7d1c--\r\n"
    connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=60)
    try:
        connection.putrequest("PUT", f"/_stcore/upload_file/{session}/{name}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=0f7d1c")
        connection.putheader("Content-Length", str(len(head) + size + len(tail)))
        connection.putheader("Cookie", f"{XSRF}={token}")
        connection.putheader("X-Xsrftoken", token)
        connection.endheaders()
        try:
            connection.send(head)
            for begin in range(0, size, max(1, len(content))):
                connection.send(content[: size - begin])
            connection.send(tail)
        except OSError:
            pass  # refused before all was sent
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


@asynccontextmanager
async def large_files(server: str, said: list[str]) -> AsyncIterator[None]:
    """One session puts 390 MB six times to the address for uploads."""
    zeros = bytes(4 * MEGABYTE)
    async with Visitor(server) as tab:
        await tab.open("network", "network=mini-alexnet")
        await tab.watch(lambda shown: shown.finished, 60)

        async def puts() -> None:
            for number in range(5):
                status = await asyncio.to_thread(put, server, tab.session, f"file{number}", zeros, 390 * MEGABYTE)
                said.append(str(status))

        task = asyncio.create_task(tab.upload("own.file.0", "network.pth", bytes(390 * MEGABYTE)))
        await asyncio.sleep(0.5)
        yield
        await task
        await tab.watch(lambda shown: shown.finished, 60)  # now the session's state holds the first one, too
        await puts()


def animation(side: int) -> bytes:
    """A WebP of two frames in one colour: a few hundred bytes, however large."""
    file = io.BytesIO()
    frames = [Image.new("RGB", (side, side), colour) for colour in ("red", "blue")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    return file.getvalue()


@asynccontextmanager
async def animations(server: str, said: list[str]) -> AsyncIterator[None]:
    """Eight sessions upload animations of a few hundred bytes and of as many pixels as are taken, again and again."""
    content = animation(2000)
    ended = asyncio.Event()

    async def upload(number: int) -> None:
        async with Visitor(server) as tab:
            await tab.open("saliency", "network=mini-alexnet")
            await tab.watch(lambda shown: shown.finished and "frame.picture@en" in shown.widgets, 60)
            options = tab.shown.widgets["frame.picture@en"][1].options
            await tab.set("frame.picture@en", next(one for one in options if one.startswith("Your own")))
            turn = 0
            while await tab.watch(lambda shown: shown.finished and "frame.file" in shown.widgets, 60):
                said.extend(tab.shown.errors)
                if ended.is_set():
                    return
                turn += 1
                await tab.upload("frame.file", f"{number}-{turn}.webp", content + bytes(8 * turn))
                await asyncio.sleep(1)
            said.append("no place for a picture")

    tasks = [asyncio.create_task(upload(number)) for number in range(8)]
    await asyncio.sleep(2)
    yield
    ended.set()
    await asyncio.gather(*tasks)


@asynccontextmanager
async def dear_network(server: str, said: list[str]) -> AsyncIterator[None]:
    """A session has a large network explained by occlusion, in as many windows as there are, and moves on and on."""
    ended = asyncio.Event()

    async def explain() -> None:
        async with Visitor(server) as tab:
            while not ended.is_set():
                query = f"network={DEAR}&picture=scene:{next(_SCENES)}&occlusion.stride=4"
                await tab.open("occlusion", query)
                await tab.watch(lambda shown: shown.finished or VIEWER in shown.fed or ended.is_set(), 5)

    task = asyncio.create_task(explain())
    await asyncio.sleep(3)
    yield
    ended.set()
    await task


DEAR = "tests.helpers.attacking:large"


def large() -> Classifier:
    """ResNet50 with random weights, for pictures of 448 pixels: 33 thousand million operations for each."""
    module = architectures.blank("resnet50", 10, (448, 448), 3).to_empty(device="cpu")
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    for buffer in module.buffers():
        buffer.fill_(1)
    return Classifier(module, Preprocess((448, 448), own.MEAN, own.STD), [f"class {k}" for k in range(10)])


@asynccontextmanager
async def connections(server: str, said: list[str]) -> AsyncIterator[None]:
    """One address opens websockets as long as it is let in; how many it got is what was told."""
    async with AsyncExitStack() as held:
        got = 0
        with suppress(OSError, WebSocketException):
            while got < 600:
                await held.enter_async_context(Visitor(server, "127.0.0.2"))
                got += 1
        said.append(str(got))
        yield


def table(rows: int, networks: int) -> bytes:
    """A study's table with so many rows, and names of networks."""
    found = (Row(f"scene:{k}", f"net{k % networks}", "gradient", "3", 0.5, 0.1, 0.2) for k in range(rows))
    return f"{HEADER}\n{write(found)}".encode()


@asynccontextmanager
async def tables(server: str, said: list[str]) -> AsyncIterator[None]:
    """A session has a table of 10,000 names and one of 150,000 rows drawn, again and again, and closes its tab."""
    files = [await asyncio.to_thread(table, *size) for size in ((10_000, 10_000), (150_000, 3))]
    ended = asyncio.Event()

    async def draw() -> None:
        async with Visitor(server) as tab:
            await tab.open("study", "study.source=finished")
            if await tab.watch(lambda shown: "study.table" in shown.widgets, 60) is None:
                said.append("no place for a table")
                return
            turn = 0
            while not ended.is_set():
                await tab.upload("study.table", f"{turn}.csv", files[turn % 2])
                turn += 1
                await tab.watch(lambda shown: shown.finished or ended.is_set(), 60)
                said.extend(tab.shown.errors)
                await asyncio.sleep(0.2)

    task = asyncio.create_task(draw())
    await asyncio.sleep(3)
    yield
    ended.set()
    await task
