"""The door to the server: uploads are bounded before they are read, and a visitor's files go when the visitor goes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from ui.server import leaving
from ui.server.room import MEGABYTE, ROOM, Full
from vizcore import memory

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
_STREAM = re.compile(r"/_stcore/stream$")
_SWEEPER = ThreadPoolExecutor(1, "vizcore.sweeper")  # collecting and giving back take a while
_PATIENCE = 30.0  # seconds for an upload of no size
_SLOWEST = MEGABYTE / 4  # bytes per second


class Door:
    """The middleware before everything of Streamlit's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in."""
        path = str(scope.get("path", ""))
        upload = _UPLOAD.search(path)
        if scope["type"] == "http" and scope["method"] == "PUT" and upload:
            await self._upload(upload[1], scope, receive, send)
        elif scope["type"] == "websocket" and _STREAM.search(path):
            try:
                await self.app(scope, receive, send)
            finally:
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
            with ROOM.taking(session, int(said), dict(_held(files))):
                await self.app(scope, in_time, send)
        except Full as full:
            await _refuse(full.status, str(full), scope, receive, send)
        except ClientDisconnect:
            pass  # the visitor has gone, or was too slow
        finally:
            if not runtime.get_instance().is_active_session(session):
                files.remove_session_files(session)


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
    ROOM.forget(runtime.get_instance().is_active_session)
    dropped = 0
    for session, (_, size) in list(_held(files)):
        if not runtime.get_instance().is_active_session(session):
            files.remove_session_files(session)
            leaving.heavy(session)
            dropped += size
    if dropped > MEGABYTE:
        _SWEEPER.submit(memory.release)
