"""The container's health check: asks the server, and ends one that has not answered for two minutes.

Docker marks a container as unhealthy and leaves it at that. It starts one again that has ended, where it is told to
(``restart: unless-stopped``), so this ends it: the server is the child of the container's first process, or that itself
where the container was started without ``--init``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import urllib.request
from pathlib import Path

MOST = 12  # answers in a row that failed to come, ten seconds apart
TIMEOUT = 4  # seconds
INITS = ("docker-init", "tini", "catatonit", "dumb-init")


def answers(port: str) -> bool:
    """Whether the server says that it is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=TIMEOUT) as answer:
            return answer.status == 200
    except OSError:
        return False


def check(healthy: bool, kept: Path, first: int = 1) -> int:
    """The exit status for Docker; ``kept`` counts the failures, and ``first`` is the container's first process."""
    if healthy:
        kept.unlink(missing_ok=True)
        return 0
    try:
        failed = int(kept.read_text(encoding="ascii")) + 1
    except (OSError, ValueError):
        failed = 1
    if failed >= MOST:
        end(first)
        failed = 0  # the next one gets as much time
    with contextlib.suppress(OSError):  # of a full disk; the container stays marked as unhealthy
        kept.write_text(str(failed), encoding="ascii")
    return 1


def end(first: int) -> None:
    """End the server. A first process takes no signal that it did not ask for, and Streamlit asks for this one."""
    name = Path(f"/proc/{first}/comm").read_text(encoding="utf-8").strip()
    if name not in INITS:
        os.kill(first, signal.SIGTERM)
        return
    for child in Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split():
        os.kill(int(child), signal.SIGKILL)  # one that hangs would not hear of another


if __name__ == "__main__":
    sys.exit(
        check(
            answers(os.environ.get("STREAMLIT_SERVER_PORT", "8501")), Path(tempfile.gettempdir()) / "vizcore-unanswered"
        )
    )
