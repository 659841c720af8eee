"""The app in a process that counts what it holds whenever it is asked to: for the test of what sessions leave behind.

Started as ``python -m tests.helpers.census FOLDER --server.port ...``; at SIGUSR1 it writes them to ``FOLDER/census``.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import ClassVar

from streamlit.web import cli


def census() -> dict[str, int]:
    """Live tensors, jobs, generators, threads, hooks, Streamlit's sessions, temporary files, and bytes in use."""
    gc.collect()
    from torch import Tensor, nn

    from vizcore.jobs.job import Job

    counts = {"tensors": 0, "tensor_bytes": 0, "jobs": 0, "generators": 0, "hooks": 0, "app_sessions": 0}
    for one in gc.get_objects():
        kind = type(one)
        if issubclass(kind, nn.Module):
            counts["hooks"] += len(one._forward_hooks) + len(one._backward_hooks) + len(one._forward_pre_hooks)
        elif issubclass(kind, Tensor):
            counts["tensors"] += 1
            counts["tensor_bytes"] += one.numel() * one.element_size()
        elif kind is Job:
            counts["jobs"] += 1
        elif kind.__name__ == "generator" and "/vizcore/" in one.gi_code.co_filename:
            counts["generators"] += 1
        elif kind.__name__ == "AppSession":
            counts["app_sessions"] += 1
    counts["threads"] = threading.active_count()
    counts["files"] = len(os.listdir(tempfile.gettempdir()))
    counts["heap"] = _heap()
    return counts


class _MallInfo(ctypes.Structure):
    """``man mallinfo2``; of interest are ``uordblks`` and ``hblkhd``, the bytes that are in use."""

    _names = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    _fields_: ClassVar = [(name, ctypes.c_size_t) for name in _names]


def _heap() -> int:
    """Bytes that the C library's heap has given out and not had back; 0 where it does not say.

    The memory that a process occupies says less: free pieces between pieces in use stay with it.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return 0
    library.mallinfo2.restype = _MallInfo
    found = library.mallinfo2()
    return int(found.uordblks + found.hblkhd)


def main(folder: Path) -> None:
    """Serve the app and answer the signal."""

    def answer(*_: object) -> None:
        part = folder / "part"
        part.write_text(json.dumps(census()))
        part.rename(folder / "census")

    signal.signal(signal.SIGUSR1, answer)
    cli.main(["run", "app.py", *sys.argv[2:]])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
