"""Which licences the app may rest on, for ``pip-licenses --format=json | python -m tests.project.licences``.

Permissive licences pass. So does the Mozilla Public Licence, whose duties end at the borders of its own, unchanged
files. Anything else, the LGPL too, is refused until somebody has read what it asks of a container that carries it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping

ALLOWED = {
    "0bsd",
    "3-clause bsd license",
    "apache license 2.0",
    "apache software license",
    "apache-2.0",
    "apache-2.0 with llvm-exception",
    "bsd",
    "bsd license",
    "bsd-2-clause",
    "bsd-3-clause",
    "bsl-1.0",
    "cc0-1.0",
    "hpnd",
    "isc",
    "isc license (iscl)",
    "mit",
    "mit license",
    "mit-cmu",
    "mozilla public license 2.0 (mpl 2.0)",
    "mpl-2.0",
    "psf-2.0",
    "python software foundation license",
    "zlib",
}
# The CUDA builds of torch rest on NVIDIA's libraries, which come under NVIDIA's own terms. The CPU builds have none.
OWN_TERMS = ("nvidia-", "cuda-")


def allowed(expression: str) -> bool:
    """Whether a licence passes: of ``A OR B`` one part must, of ``A AND B`` and of the list ``A; B`` all must."""
    if expression.strip().lower() in ALLOWED:
        return True
    parts = [part.strip().strip("()") for part in re.split(r"\s+AND\s+|;", expression)]
    return all(any(one.strip().lower() in ALLOWED for one in re.split(r"\s+OR\s+", part)) for part in parts)


def refused(packages: Iterable[Mapping[str, str]]) -> list[str]:
    """``name version: licence`` of every package that may not be there."""
    return [
        f"{one['Name']} {one['Version']}: {one['License']}"
        for one in packages
        if not allowed(one["License"]) and not one["Name"].lower().startswith(OWN_TERMS)
    ]


if __name__ == "__main__":
    found = json.load(sys.stdin)
    wrong = refused(found)
    print(f"{len(found)} licences read, {len(wrong)} refused", *wrong, sep="\n  ")
    sys.exit(bool(wrong) or not found)
