"""The links of a prepared lecture, as they are read from a text."""

from __future__ import annotations

import pytest

from ui.frame import playlist


def test_links_are_read_in_their_order_and_comments_are_not() -> None:
    text = "# begin\nhttps://a.example/vizcore/saliency?class=3&picture=scene%3A44\n\n/lime?lime.samples=40\nhttp://a.example/"
    found, wrong = playlist.parse(text)
    assert found == [
        ("saliency", {"class": "3", "picture": "scene:44"}),
        ("lime", {"lime.samples": "40"}),
        ("overview", {}),
    ]
    assert wrong == []


@pytest.mark.parametrize("line", ["nonsense", "https://a.example/elsewhere?x=1", "http://[bad", "/overview/../etc?x"])
def test_what_is_no_link_to_a_page_is_told(line: str) -> None:
    assert playlist.parse(line) == ([], [line])


def test_a_text_without_end_is_cut() -> None:
    found, _ = playlist.parse("/lime?class=1\n" * 5000)
    assert len(found) == playlist.MOST
