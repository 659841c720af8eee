"""How long after a slider's release a page shows its first change, and its final result, in a browser.

    python -m benchmarks.latency                             the bundled network
    python -m benchmarks.latency --network squeezenet1_0     whose weights must be there

A row for each page: seconds from the key that moves its main slider to the first changed pixel of the result, and to
the result that no longer changes; median and worst of ``--times``. The app is started anew on this machine, and needs
Chromium. Everything else on the machine is measured, too: run it alone.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.helpers.servers import start, stop

SLIDERS = {"maximisation": "Steps", "saliency": "Noise", "occlusion": "Window", "lime": "Samples"}
SETTLED = 1.2  # seconds without a change, after the page's script has ended, that make a result final
# In the page: every frame the result's pictures are summed up; when they first and last differed is noted.
WATCH = """() => {
  const all = (node) => [...(node.shadowRoot ?? node).querySelectorAll("*")].flatMap((one) =>
    one.shadowRoot ? all(one) : one.matches("canvas:not(.legend)") && one.width ? [one] : []);
  const small = document.createElement("canvas");
  small.width = small.height = 24;
  const context = small.getContext("2d", { willReadFrequently: true });
  let canvases = [], sought = -1000;
  const sum = (now) => {
    // Looking for them at every frame would slow down what is measured.
    if (now - sought > 250 || canvases.some((one) => !one.isConnected)) {
      canvases = [...document.querySelectorAll(".st-key-result")].flatMap(all);
      sought = now;
    }
    return canvases.map((canvas) => {
      context.clearRect(0, 0, 24, 24);
      context.drawImage(canvas, 0, 0, 24, 24);
      return context.getImageData(0, 0, 24, 24).data.reduce((total, value) => (total * 31 + value) % 1000003, 7);
    }).join();
  };
  const watch = (window.vzLatency = { begun: performance.now(), first: null, last: null, alive: null });
  let before = sum(watch.begun);
  document.addEventListener("keydown", () => { watch.begun = performance.now(); }, { capture: true, once: true });
  const app = document.querySelector('[data-testid="stApp"]');
  const look = () => {
    if (window.vzLatency !== watch) return;
    const now = performance.now();
    if (watch.alive === null && app.dataset.testScriptState === "running") watch.alive = now;
    const after = sum(now);
    if (after !== before) {
      watch.first ??= now;
      watch.last = now;
      before = after;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
DONE = f"""() => {{
  const watch = window.vzLatency, app = document.querySelector('[data-testid="stApp"]');
  return watch.last !== null && app.dataset.testScriptState === "notRunning"
    && performance.now() - watch.last > {1000 * SETTLED};
}}"""


def measured(page: Page, slider: str, times: int) -> list[tuple[float, float, float]]:
    """(acknowledged, first change, final result), in seconds, of so many movements of the slider."""
    found = []
    control = page.locator('[data-testid="stSlider"]', has_text=slider).get_by_role("slider")
    for number in range(times):
        page.wait_for_timeout(500)
        page.evaluate(WATCH)
        control.press("ArrowRight" if number % 2 == 0 else "ArrowUp")
        page.wait_for_function(DONE, timeout=300_000)
        watch = page.evaluate("window.vzLatency")
        begun = watch["begun"]
        found.append(tuple((watch[name] - begun) / 1000 for name in ("alive", "first", "last")))
    return found


def row(name: str, times: Sequence[tuple[float, float, float]]) -> str:
    """One row of Markdown: the median and the worst of each."""
    columns = list(zip(*times, strict=True))
    return " | ".join(["", name, *(f"{statistics.median(one):.2f} / {max(one):.2f}" for one in columns), ""]).strip()


def main(argv: Sequence[str] | None = None, say: Callable[[str], object] = print) -> None:
    """The command."""
    about = argparse.ArgumentParser(
        "python -m benchmarks.latency", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    about.add_argument("--network", default="mini-alexnet")
    about.add_argument("--picture", default="", help="as in a link; the network's usual one unless given")
    about.add_argument("--pages", nargs="+", default=list(SLIDERS), choices=list(SLIDERS))
    about.add_argument("--times", type=int, default=10)
    asked = about.parse_args(argv)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    say(f"| page ({asked.network}) | acknowledged, median / worst | first change | final result |")
    say("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        process, address = start(Path(folder))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                for name in asked.pages:
                    page = browser.new_page(viewport={"width": 1366, "height": 768})
                    chosen = f"&picture={asked.picture}" if asked.picture else ""
                    page.goto(f"{address}/{name}?network={asked.network}{chosen}")
                    page.locator(".st-key-result canvas").first.wait_for(timeout=120_000)
                    page.wait_for_timeout(2_000)
                    page.wait_for_selector(
                        '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=300_000
                    )
                    page.wait_for_timeout(2_000)
                    say(row(name, measured(page, SLIDERS[name], asked.times)))
                    page.close()
                browser.close()
        finally:
            stop(process)


if __name__ == "__main__":
    main()
