"""What the documentation says of the project: its rooms, the paths that it names, its links, and the Python in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from vizcore import textbook
from vizcore.pictures.scenes import scene

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
MADE = {"benchmarks/results.jsonl"}  # by a command that a page names
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_TOP = r"vizcore|ui|pages|tests|benchmarks|docs|deploy|\.ci|\.github|\.streamlit"
_PATH = re.compile(rf"(?<![\w./<-])(?:{_TOP})/[\w./<>-]*")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def folders(room: str) -> set[str]:
    return {f"{room}.{found.parent.name}" for found in (ROOT / room).glob("*/__init__.py")}


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def blocks(path: Path) -> list[str]:
    """The blocks of Python of a page."""
    return [code for language, code in _FENCE.findall(path.read_text(encoding="utf-8")) if language == "python"]


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_the_picture_shows_the_rooms_that_there_are() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    ((_, drawn),) = (found for found in _FENCE.findall(page) if found[0] == "mermaid")
    shown = re.findall(r'^\s+((?:ui|vizcore)\.\w+)\["', drawn, re.MULTILINE)
    assert len(shown) == len(set(shown))
    assert set(shown) == folders("ui") | folders("vizcore")


def test_the_modules_beside_the_rooms_are_named() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for path in (ROOT / "vizcore").glob("*.py"):
        assert path.stem == "__init__" or f"`{path.stem}`" in page or f"[{path.stem}]" in page, path.name


def test_the_map_of_contributing_leads_into_every_room_of_the_engine() -> None:
    table = prose(ROOT / "CONTRIBUTING.md").partition("## Style")[0]
    for room in folders("vizcore"):
        assert f"`{room.replace('.', '/')}/`" in table, room


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in _LINK.findall(prose(path)):
        if re.match(r"https?:", link):
            continue
        where, _, anchor = link.partition("#")
        target = (path.parent / where).resolve() if where else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_path_that_is_named_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name != "CHANGELOG.md":
        text += " ".join(f" {one.replace('.', '/')}.py" for one in re.findall(r"python -m ([\w.]+)", text))
    for found in _PATH.findall(_LINK.sub("", text)):
        named = found.rstrip(".")
        if "<" in named or named in MADE:
            continue
        exists = (ROOT / named).exists() or (ROOT / named.removesuffix(".py") / "__main__.py").exists()
        assert exists or (path.parent / named).exists(), named


@pytest.mark.parametrize("path", [path for path in PAGES if blocks(path)], ids=name)
def test_the_python_of_a_page_runs(
    path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(scene(34).picture).save(tmp_path / "photo.jpg")  # the reader's own
    monkeypatch.chdir(tmp_path)
    for code in blocks(path):
        exec(compile(code, name(path), "exec"), {"__name__": "page"})  # noqa: S102


def test_the_readme_shows_the_textbooks_gradient() -> None:
    found: dict[str, Any] = {}
    exec(blocks(ROOT / "README.md")[0], found)  # noqa: S102

    def y(x: Tensor) -> Tensor:
        return (x**3).sum(dim=(1, 2, 3))

    image = torch.rand(3, 4, 5)
    assert torch.equal(found["gradient"](y, image), textbook.gradient(y, image))


def test_the_two_commands_are_the_same_everywhere() -> None:
    readme, start = (
        [code for language, code in _FENCE.findall((ROOT / page).read_text(encoding="utf-8")) if language == "bash"]
        for page in ("README.md", "docs/start.md")
    )
    assert readme[:2] == start[:2]


def test_every_page_is_in_the_sites_menu() -> None:
    menu = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(menu) == sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))
