"""For MkDocs: what GitHub draws by itself, drawn here without scripts from elsewhere.

Links that leave docs/ lead to the repository, formulas become MathML, and the picture of the rooms becomes boxes.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from latex2mathml.converter import convert

_LINK = re.compile(r"\[([^]]+)\]\(((?:\.\./)+[^)\s]+)\)")
_ROOMS = re.compile(r"^```mermaid\n(.+?)^```$", re.MULTILINE | re.DOTALL)
_BOX = "border:1px solid currentColor;border-radius:.3rem;padding:.2rem .6rem;margin:.3rem"
_FORMULA = re.compile(r"^\$\$(.+?)\$\$$", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """One page, before it is turned into HTML."""
    folder = posixpath.dirname(posixpath.join("docs", page.file.src_uri))

    def outside(found: re.Match[str]) -> str:
        text, path = found[1], posixpath.normpath(posixpath.join(folder, found[2]))
        if path.startswith("docs/"):
            return found[0]
        if config.repo_url:
            return f"[{text}]({config.repo_url.rstrip('/')}/blob/HEAD/{path})"
        return f"`{path}`" if path.endswith(text) else f"{text} (`{path}`)"

    markdown = _LINK.sub(outside, markdown)
    markdown = _ROOMS.sub(lambda found: boxes(found[1]), markdown)
    return _FORMULA.sub(lambda found: convert(found[1].strip(), display="block"), markdown)


def boxes(flowchart: str) -> str:
    """The subgraphs and nodes of a flowchart as nested boxes, in their order; its arrows all lead downwards."""
    parts = []
    for line in flowchart.splitlines():
        named = re.fullmatch(r'\s*(subgraph )?[\w.]+\["(.+)"\]', line)
        if named and named[1]:
            parts.append(f'<div style="{_BOX}"><strong>{named[2]}</strong><br>')
        elif named:
            wide = "block" if ":" in named[2] else "inline-block"
            parts.append(f'<span style="display:{wide};{_BOX}">{named[2]}</span>')
        elif line.strip() == "end":
            parts.append("</div>")
    return "".join(parts)
