"""The links of a prepared lecture, as they are read from a text."""

from __future__ import annotations

import base64
import string
import zlib

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


def test_a_playlist_fits_into_a_link_and_comes_back() -> None:
    links, _ = playlist.parse(
        "https://a.example/saliency?class=3&picture=scene%3A44\n/lime?lime.samples=40\nhttp://a.example/"
    )
    text = playlist.packed(links)
    assert set(text) <= set(string.ascii_letters + string.digits + "-_"), "nothing that an address would escape"
    assert playlist.parse(playlist.unpacked(text)) == (links, [])
    bomb = base64.urlsafe_b64encode(zlib.compress(b"/lime?class=1\n" * 10**6)).decode()
    assert len(playlist.unpacked(bomb)) == playlist.LONGEST


@pytest.mark.parametrize("text", ["", "A", "no such thing", "é", "eJw"])
def test_what_is_no_playlist_is_empty(text: str) -> None:
    assert playlist.unpacked(text) == ""
