"""A hall that answers on its telephones, against really started servers: one lecturer and many guests.

    python -m benchmarks.hall --guests 30 --seconds 30

Every guest is a websocket client that does what a browser does by itself: it looks at the room again and again. It is
reported how much of a core the servers took while everybody waited, and how soon the tally and the truth had come to
all. Several ``servers`` share the rooms' file, and the guests.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.load import server
from benchmarks.visitor import Shown, Visitor
from ui.hall.looking import EVERY, PATH

STEP = "lesson=occlusion&step=1"
LATEST = 300.0  # seconds until something is given up
_CODE = re.compile(r"\*\*([A-Z]{4})\*\*")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Report:
    """What came of it: the ``tally`` as the screen says it, what each guest was told at last, and what that took.

    ``core`` is the share of a core that all servers took while everybody waited; ``seconds`` after which the tally and
    the truth had come to each guest.
    """

    tally: str
    told: list[str]
    errors: list[str]
    core: float
    seconds: dict[str, list[float]]


def run(guests: int, seconds: float, servers: int = 1) -> Report:
    """Have ``guests`` answer one question at fresh servers with a file of rooms, and wait ``seconds`` for its tally."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as started:
        rooms = {"VIZCORE_HALL": str(Path(folder) / "hall.sqlite")}
        logs = [Path(folder) / f"server-{k}.log" for k in range(servers)]
        running = [started.enter_context(server(log, rooms)) for log in logs]
        return asyncio.run(_lecture(running, guests, seconds))


def guess(guest: int) -> int:
    """What each guest sends: all over the scale."""
    return 7 * guest % 101


async def _lecture(running: Sequence[tuple[str, int]], guests: int, seconds: float) -> Report:
    async with AsyncExitStack() as held:
        lecturer = await held.enter_async_context(Visitor(running[0][0]))
        await lecturer.open("learn", STEP)
        await _shown(lecturer, lambda shown: shown.finished and "hall.open" in shown.widgets)
        await lecturer.press("hall.open")
        await _shown(lecturer, lambda shown: shown.finished and any(map(_CODE.search, shown.captions)))
        code = next(found[1] for found in map(_CODE.search, lecturer.shown.captions) if found)

        phones = [await held.enter_async_context(Visitor(running[k % len(running)][0])) for k in range(guests)]
        errors: list[str] = []
        screen = asyncio.create_task(_count(lecturer))
        await asyncio.gather(*(_answer(phone, code, guess(k), errors) for k, phone in enumerate(phones)))

        before, begun = _worked(running), time.monotonic()
        await asyncio.gather(*(_wait(phone, code, 0, lambda _: False, seconds, errors) for phone in phones))
        core = (_worked(running) - before) / (time.monotonic() - begun)
        screen.cancel()

        taken: dict[str, list[float]] = {}
        for turn, (stage, seen) in enumerate((("tally", _looks_up), ("truth", _knows))):
            pressed = time.monotonic()
            _, *came = await asyncio.gather(
                lecturer.press(f"hall.{stage}"), *(_wait(phone, code, turn, seen, LATEST, errors) for phone in phones)
            )
            taken[stage] = [one - pressed for one in came if one is not None]
            await _shown(lecturer, lambda shown: shown.finished)
        tally = next((one for one in lecturer.shown.captions if "nearly right" in one), "")
        errors += lecturer.shown.errors
        return Report(
            tally, [phone.shown.notes[0] if phone.shown.notes else "" for phone in phones], errors, core, taken
        )


async def _answer(phone: Visitor, code: str, value: int, errors: list[str]) -> None:
    """Come into the room, set the slider and send it."""
    slider = f"learn.hall.{code}.occlusion.1@en"
    await phone.open("learn", f"hall={code}")
    await _shown(phone, lambda shown: shown.finished and slider in shown.widgets)
    await phone.set(slider, float(value))
    await _shown(phone, lambda shown: shown.finished and "hall.send" in shown.widgets)
    await phone.press("hall.send")
    await _shown(phone, lambda shown: shown.finished and any("Sent" in note for note in shown.notes))
    errors += phone.shown.errors


async def _wait(
    phone: Visitor, code: str, turn: int, until: Callable[[Shown], bool], seconds: float, errors: list[str]
) -> float | None:
    """Look at the room as a browser does, and run the page again where it has gone on from ``turn``; when it was shown.

    None where that was not within ``seconds``.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        now = await asyncio.to_thread(_turn, phone.server, code)
        if now != turn:
            turn = now
            await phone.again()
        if await phone.watch(lambda shown: shown.finished and until(shown), min(EVERY, left)) is not None:
            errors += phone.shown.errors
            return time.monotonic()
    return None


def _turn(server: str, code: str) -> int:
    with urllib.request.urlopen(f"{server}{PATH}?code={code}", timeout=LATEST) as answer:
        return int(answer.read())


async def _count(lecturer: Visitor) -> None:
    """The screen counts the answers all the time."""
    while True:
        for fragment in list(lecturer.shown.looks):
            await lecturer.look(fragment)
        await lecturer.watch(lambda _: False, EVERY)


async def _shown(visitor: Visitor, until: Callable[[Shown], bool]) -> None:
    if await visitor.watch(until, LATEST) is None:
        raise RuntimeError(f"Not shown within {LATEST:g} s; errors: {visitor.shown.errors}")


def _looks_up(shown: Shown) -> bool:
    return any("lecturer's screen" in note for note in shown.notes)


def _knows(shown: Shown) -> bool:
    return any(note.startswith(("**Right", "**Nearly", "**Not")) for note in shown.notes)


def _worked(running: Sequence[tuple[str, int]]) -> float:
    """Seconds of a core that the servers have taken so far; NaN where the system does not say so."""
    try:
        fields = [Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split() for _, process in running]
    except OSError:
        return float("nan")
    return sum(int(one[11]) + int(one[12]) for one in fields) / _TICKS


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guests", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--servers", type=int, default=1)
    options = parser.parse_args(arguments)
    report = run(options.guests, options.seconds, options.servers)
    print(f"{options.guests} guests at {options.servers} server(s): {report.core:.1%} of a core while they wait")
    for stage, came in report.seconds.items():
        middle, slow = np.percentile(came, [50, 100]) if came else (float("nan"),) * 2
        print(f"the {stage} came to {len(came)} of them, within {middle:.1f} s (median), {slow:.1f} s (the last)")
    print(f"tally: {report.tally}\nerrors: {report.errors or 'none'}")
    return int(bool(report.errors) or any(len(came) < options.guests for came in report.seconds.values()))


if __name__ == "__main__":
    raise SystemExit(main())
