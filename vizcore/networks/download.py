"""A file comes from a server whole and verified, or not at all.

The checksum is part of the file's name, as torch's hub has it: the SHA-256 of ``squeezenet1_0-b66bff10.pth`` begins
with b66bff10.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

Progress = Callable[[int, int], None]

_CHUNK = 2**17
_SLOWEST = 1024  # bytes a second below which it is hopeless: the smallest network would take more than an hour


class DownloadError(Exception):
    """Why a file did not come: a clause that can follow "could not be downloaded:"."""


class _PassingError(DownloadError):
    """A failure that may not happen again: worth one more try."""


def file_name(url: str) -> str:
    """The last part of the path of ``url``."""
    return PurePosixPath(urlsplit(url).path).name


def checksum(name: str) -> str:
    """The first digits of the SHA-256 that ``name`` promises. Raises ValueError where it promises none."""
    found = re.search(r"-([0-9a-f]{8,64})\.", name)
    if not found:
        raise ValueError(f"The file name {name!r} carries no checksum; accepted: like squeezenet1_0-b66bff10.pth.")
    return found[1]


def fetch(url: str, target: Path, progress: Progress, size: int, timeout: float) -> None:
    """Download ``url`` to ``target``, which appears only when it is complete and verified.

    ``progress(done, total)`` in bytes is called first with 0; ``size`` is the total as long as the server tells none;
    ``timeout`` in seconds is how long the server may be silent. One failure that may pass is tried again. Raises
    :class:`DownloadError` for whatever the network does and OSError for the disk, and leaves nothing behind.
    """
    promised = checksum(file_name(url))
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"url is {url!r}; accepted: one that begins with https:// or http://.")
    target.parent.mkdir(parents=True, exist_ok=True)
    for old in target.parent.glob(f"{target.name}.*.part"):  # of a process that was killed
        if time.time() - old.stat().st_mtime > 86400:
            old.unlink(missing_ok=True)
    if shutil.disk_usage(target.parent).free < size:
        raise OSError(ENOSPC, os.strerror(ENOSPC))
    handle, part = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                _receive(url, file, promised, progress, size, timeout)
            except _PassingError:
                file.seek(0)
                file.truncate()
                _receive(url, file, promised, progress, size, timeout)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave an empty file under the final name
        os.chmod(part, 0o666 & ~_mask())  # a temporary file is its owner's alone, the cache may be everybody's
        os.replace(part, target)
    finally:  # also where the user cancels: nothing half done stays
        Path(part).unlink(missing_ok=True)


def _mask() -> int:
    """What the user's umask takes from a new file's mode. Where it is not told, the usual one is taken."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("Umask:")[2].split()[0], 8)
    except (OSError, ValueError, IndexError):
        return 0o022  # os.umask can only be read by setting it, for all threads


def _receive(url: str, file: BinaryIO, promised: str, progress: Progress, size: int, timeout: float) -> None:
    host = urlsplit(url).hostname or url
    digest, done, total = hashlib.sha256(), 0, size
    progress(0, total)
    with _explained(host, timeout):
        answer = urllib.request.urlopen(url, timeout=timeout)  # http or https only, see above
    with answer:
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else size
        mark, since = time.monotonic(), 0
        while True:
            with _explained(host, timeout):
                chunk = answer.read1(_CHUNK)  # what has arrived; read() would wait for the whole chunk, however slow
            if not chunk:
                break
            if done == 0 and chunk.lstrip()[:1] == b"<":
                raise DownloadError(f"{host} answered with a web page; perhaps a proxy wants a log-in.")
            digest.update(chunk)
            file.write(chunk)
            done, since = done + len(chunk), since + len(chunk)
            progress(done, max(total, done))
            if time.monotonic() - mark > timeout:
                if since < _SLOWEST * timeout:
                    raise _PassingError(f"{host} sends less than {_SLOWEST} bytes a second.")
                mark, since = time.monotonic(), 0
    if length.isdigit() and done != total:
        raise _PassingError(f"the connection was cut after {done} of {total} bytes.")
    if not digest.hexdigest().startswith(promised):
        raise _PassingError(f"what {host} sent does not have the checksum {promised}; it was damaged on its way.")


@contextmanager
def _explained(host: str, timeout: float) -> Iterator[None]:
    """Turn what the network's libraries raise into clauses that a user understands."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (404, 410):
            raise DownloadError(f"{host} no longer has the file (answer {error.code}).") from None
        kind = _PassingError if error.code >= 500 or error.code == 429 else DownloadError
        raise kind(f"{host} refused it (answer {error.code}).") from None
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, TimeoutError):
            raise _PassingError(f"{host} was silent for {timeout:g} seconds.") from error
        if isinstance(cause, ssl.SSLError):
            raise DownloadError(f"the secure connection to {host} failed; perhaps a proxy is in between.") from error
        if isinstance(cause, http.client.HTTPException | ConnectionResetError | BrokenPipeError):
            raise _PassingError("the connection was cut.") from error
        raise _PassingError(f"{host} cannot be reached; this computer seems to be offline.") from error
