"""What a file seems to be that is no picture."""

from __future__ import annotations


def kind_of(data: bytes) -> str:
    """What a file that is no known picture seems to be, for the sentence "This is ..."."""
    head = data[:1024].lstrip().lower()
    kinds = (
        (data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"avif"), "a HEIC or AVIF picture"),
        (data[4:8] == b"ftyp", "a video"),
        (head.startswith(b"%pdf"), "a PDF document"),
        (b"<svg" in head, "a drawing (SVG), not a picture made of pixels"),
        (head.startswith((b"<!doctype html", b"<html")), "a web page, not a picture"),
        (not any(byte < 9 or 13 < byte < 32 for byte in data[:1024]), "a text file, not a picture"),
    )
    return next((name for seems, name in kinds if seems), "not a picture in a known format")
