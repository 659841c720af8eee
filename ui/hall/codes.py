"""A room's code: four letters that cannot be mistaken for one another and spell nothing."""

from __future__ import annotations

import re
import secrets

# No vowels, so that no words come out; no letter that looks like a digit or another letter (B, G, I, O, Q, S, U, W, Z).
LETTERS = "CDFHJKLMNPRTVX"
LENGTH = 4
_RUDE = ("KKK", "FCK", "FKN", "CNT", "DCK", "CCK", "PRD", "KRV", "PCH", "MRD", "HJN", "NCK", "CRP", "TRD", "XXX")
_WRITTEN = re.compile(rf"[{LETTERS}]{{{LENGTH}}}")


def draw() -> str:
    """A code by chance, of some 38,000."""
    while True:
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        if not any(rude in code for rude in _RUDE):
            return code


def clean(text: str) -> str:
    """The code that somebody has typed or followed, in capitals and without spaces; empty where it can be none."""
    code = re.sub(r"[\s-]", "", text[:20]).upper()
    return code if _WRITTEN.fullmatch(code) else ""
