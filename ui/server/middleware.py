"""The middleware: uploads are bounded before they are read, and a visitor's files go when the visitor goes."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

from ui.server import leaving
from ui.server.quota import MEGABYTE, QUOTA, Full
from vizcore import memory

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
_STREAM = re.compile(r"/_stcore/stream$")
DESCRIPTORS = 4  # of an open page: its connection, and the three of an event loop that Streamlit gives it
_SWEEPER = ThreadPoolExecutor(1, "vizcore.sweeper")  # collecting and giving back take a while
_PATIENCE = 30.0  # seconds for an upload of no size
_SLOWEST = MEGABYTE / 4  # bytes per second


class Limits:
    """The middleware before everything of Streamlit's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.open: Counter[str] = Counter()  # pages by the address that they are shown at
        self.most = _most_open()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in."""
        path = str(scope.get("path", ""))
        upload = _UPLOAD.search(path)
        if scope["type"] == "http" and scope["method"] == "PUT" and upload:
            await self._upload(upload[1], scope, receive, send)
        elif scope["type"] == "websocket" and _STREAM.search(path):
            # Behind a proxy that FORWARDED_ALLOW_IPS names it is the address that this one says: uvicorn sees to that.
            address = str((scope.get("client") or ("",))[0])
            if self.open.total() >= self.most or self.open[address] >= self.most // 2:  # the other half is for others
                await receive()
                await send({"type": "websocket.close", "code": 1013})
                return
            self.open[address] += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self.open[address] -= 1
                self.open += Counter()  # forgets who has none
                await _left()
        else:
            await self.app(scope, receive, send)

    async def _upload(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        said = dict(scope["headers"]).get(b"content-length", b"")
        files = _files()
        if files is None or not said.isdigit() or len(said) > 15:
            await _refuse(411, "The length of the file has to be said.", scope, receive, send)
            return
        end = asyncio.get_running_loop().time() + _PATIENCE + int(said) / _SLOWEST

        async def in_time() -> Message:
            try:
                async with asyncio.timeout_at(end):
                    return await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}

        try:
            with QUOTA.taking(session, int(said), dict(_held(files))):
                await self.app(scope, in_time, send)
        except Full as full:
            await _refuse(full.status, str(full), scope, receive, send)
        except ClientDisconnect:
            pass  # the visitor has gone, or was too slow
        finally:
            if not runtime.get_instance().is_active_session(session):
                files.remove_session_files(session)


def _most_open() -> int:
    """How many pages may be open: as many as two thirds of the descriptors are enough for.

    Where the system allows the process more of them than it has, it takes them.
    """
    if resource is None:
        return 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    more = min(hard, 16384) if hard != resource.RLIM_INFINITY else 16384
    if soft != resource.RLIM_INFINITY and soft < more:
        resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
        soft = more
    return max(1, 2 * min(soft if soft != resource.RLIM_INFINITY else more, 16384) // (3 * DESCRIPTORS))


async def _refuse(status: int, reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(reason, status, {"Connection": "close"})(scope, receive, send)


def _files() -> MemoryUploadedFileManager | None:
    """Where Streamlit keeps the files; None before it runs."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    return manager if isinstance(manager, MemoryUploadedFileManager) else None


def _held(files: MemoryUploadedFileManager) -> Iterator[tuple[str, tuple[int, int]]]:
    for session, own in list(files.file_storage.items()):
        sizes = [len(one.data) for one in list(own.values())]
        yield session, (len(sizes), sum(sizes))


async def _left() -> None:
    """Drop the files of everybody who is not there any more, and later what else such visitors had."""
    loop = asyncio.get_running_loop()
    for seconds in (leaving.GRACE, leaving.remembered()):
        loop.call_later(seconds + 0.5, _SWEEPER.submit, leaving.sweep)
    files = _files()
    if files is None:
        return
    QUOTA.forget(runtime.get_instance().is_active_session)
    dropped = 0
    for session, (_, size) in list(_held(files)):
        if not runtime.get_instance().is_active_session(session):
            files.remove_session_files(session)
            leaving.heavy(session)
            dropped += size
    if dropped > MEGABYTE:
        _SWEEPER.submit(memory.release)
