"""How long after the pointer has moved the overview's square is drawn in its new place, in a browser.

    python -m benchmarks.dragging                          the bundled network
    python -m benchmarks.dragging --network squeezenet1_0  whose weights must be there
    python -m benchmarks.dragging --page interventions     a scene's object, which the server draws in its new place

Milliseconds from the pointer's event to the frame in which picture, number and bars have followed it, of ``--moves``
moves across the picture: median, 95th percentile and worst. ``work`` is what the page itself needs of that; the rest
is waiting for the screen's next frame. On the page of interventions it is the time until the bars show the network's
answer to the object in its new place, of moves by six percent of the picture, each made when the one before was
answered. The app is started anew on this machine, and needs Chromium. Everything else on
the machine is measured, too: run it alone.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as Expired

from tests.helpers.servers import start, stop

CANVAS = {"overview": '.gliding canvas.main[data-place*=","]', "interventions": ".mover canvas.main"}

# In the page: the component asks for its frame when it hears of the pointer, and this listener after it; so the frame
# that is timed here comes after the component's own drawing. What is posted from there arrives when the frame is out.
WATCH = """canvas => {
  const found = (window.vzDragging = { latency: [], work: [] });
  const channel = new MessageChannel();
  let begun = null, drawn = null;
  channel.port1.onmessage = () => {
    found.latency.push(performance.now() - begun);
    begun = null;
  };
  canvas.addEventListener("pointermove", (event) => {
    if (begun !== null) return; // several in one frame are shown as one
    begun = event.timeStamp;
    requestAnimationFrame((now) => {
      found.work.push(performance.now() - now);
      channel.port2.postMessage(null);
    });
  });
}"""

# The bars are put into the page anew with each answer.
ANSWERS = """canvas => {
  const found = (window.vzDragging = { latency: [] });
  const said = () => document.querySelector(".vz-changes")?.textContent ?? "";
  let begun = null, before = said();
  canvas.addEventListener("pointermove", (event) => (begun ??= event.timeStamp));
  new MutationObserver(() => {
    if (begun === null || said() === "" || said() === before) return;
    const since = begun;
    [before, begun] = [said(), null];
    requestAnimationFrame(() => setTimeout(() => found.latency.push(performance.now() - since)));
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def answered(page: Page, moves: int) -> dict[str, list[float]]:
    """Milliseconds of so many moves of the scene's object until the bars had the answer."""
    canvas = page.locator(".mover canvas.main")
    canvas.evaluate(ANSWERS)
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.45 * box["height"])
    page.mouse.down()
    for k in range(moves):
        x = 0.45 + 0.06 * (1 + k % 4) * (-1) ** (k // 4)
        page.mouse.move(box["x"] + x * box["width"], box["y"] + 0.45 * box["height"])
        with contextlib.suppress(Expired):  # a move after which the answer is the same is not counted
            page.wait_for_function(f"window.vzDragging.latency.length > {k}", timeout=3_000)
    page.mouse.up()
    found: dict[str, list[float]] = page.evaluate("window.vzDragging")
    return found


def measured(page: Page, moves: int) -> dict[str, list[float]]:
    """Milliseconds of so many moves: until the frame was out, and of work within it."""
    canvas = page.locator(".gliding canvas.main")
    canvas.evaluate(WATCH)
    box = canvas.bounding_box()
    assert box is not None
    mouse = page.mouse
    for k in range(moves):
        angle = 2 * math.pi * k / 60
        x = box["x"] + box["width"] * (0.5 + 0.3 * math.cos(angle))
        y = box["y"] + box["height"] * (0.5 + 0.3 * math.sin(2 * angle))
        mouse.move(x, y)
        if k == 0:
            mouse.down()
        page.wait_for_timeout(20)
    mouse.up()
    found: dict[str, list[float]] = page.evaluate("window.vzDragging")
    return found


def row(name: str, times: Sequence[float]) -> str:
    """One row of Markdown: how many, their median, 95th percentile and worst."""
    late = statistics.quantiles(times, n=20)[-1]
    return f"| {name} | {len(times)} | {statistics.median(times):.1f} | {late:.1f} | {max(times):.1f} |"


def main(argv: Sequence[str] | None = None, say: Callable[[str], object] = print) -> None:
    """The command."""
    about = argparse.ArgumentParser(
        "python -m benchmarks.dragging", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    about.add_argument("--network", default="mini-alexnet")
    about.add_argument("--moves", type=int, default=300)
    about.add_argument("--page", choices=("overview", "interventions"), default="overview")
    asked = about.parse_args(argv)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        process, address = start(Path(folder))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                page = browser.new_page(viewport={"width": 1366, "height": 768})
                name = "" if asked.page == "overview" else asked.page
                page.goto(f"{address}/{name}?network={asked.network}")
                page.locator(CANVAS[asked.page]).wait_for(timeout=300_000)
                page.wait_for_timeout(2_000)
                page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=300_000)
                found = (measured if asked.page == "overview" else answered)(page, asked.moves)
                browser.close()
        finally:
            stop(process)
    say(f"| dragging ({asked.network}), ms | moves | median | 95th | worst |\n| --- | --- | --- | --- | --- |")
    if asked.page == "interventions":
        say(row("pointer to the network's answer", found["latency"]))
        return
    say(row("pointer to frame", found["latency"]))
    say(row("work within the frame", found["work"]))


if __name__ == "__main__":
    main()
