"""One visitor of a really started server: a websocket client that speaks the browser's protocol, without a browser."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import UploadedFileInfo
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Slider_pb2 import Slider
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

XSRF = "_streamlit_xsrf"


@dataclass
class Shown:
    """What one run of a page's script has shown: its address, pictures, maps, words, controls and errors."""

    address: dict[str, str] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)  # where they are to be fetched
    seen: NDArray[Any] | None = None  # what the network sees (H,W,3), as the strip shows it
    views: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)  # of each viewer, as shown last
    fed: set[str] = field(default_factory=set)  # viewers that got more than what they were mounted with
    captions: list[str] = field(default_factory=list)
    widgets: dict[str, tuple[str, Any]] = field(default_factory=dict)  # by the user's key: full id and declaration
    notes: list[str] = field(default_factory=list)  # what stands in boxes that are no errors
    errors: list[str] = field(default_factory=list)
    looks: dict[str, float] = field(default_factory=dict)  # fragments, and after how many seconds each runs again
    finished: bool = False


class Visitor:
    """A browser tab: it opens links, moves controls, uploads files, and remembers what it was shown last."""

    def __init__(self, server: str, source: str | None = None) -> None:
        self.server = server
        self.source = source  # the address from which it comes, where that is not to be this machine's first
        self.shown = Shown()
        self.page = ""
        self._states: dict[str, WidgetState] = {}
        self._socket: ClientConnection | None = None
        self._urls: dict[str, Any] = {}
        self.session = ""

    async def __aenter__(self) -> Visitor:
        stream = self.server.replace("http", "ws", 1) + "/_stcore/stream"
        source: dict[str, Any] = {} if self.source is None else {"local_addr": (self.source, 0)}
        known = [Subprotocol("streamlit")]
        self._socket = await connect(stream, subprotocols=known, max_size=None, proxy=None, **source)
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._socket is not None
        await self._socket.close()

    async def open(self, page: str, query: str) -> None:
        """Come to a page by a link; the script's name is empty for the front page."""
        self.page = page
        self._states.clear()
        await self._rerun(query)

    async def set(self, key: str, value: float | str) -> None:
        """Move the slider, or choose the option, that has this key."""
        full, declaration = self.shown.widgets[key]
        state = WidgetState(id=full)
        if isinstance(declaration, Slider) and declaration.options:
            state.string_array_value.data.append(declaration.options[int(value)])
        elif isinstance(value, str):
            options = list(declaration.options)
            state.string_value = options[options.index(value)]
        else:
            state.double_array_value.data.append(value)
        self._states[full] = state
        await self._rerun(None)

    async def again(self) -> None:
        """Run the page again, as it is."""
        await self._rerun(None)

    async def press(self, key: str) -> None:
        """Press a button."""
        full, _ = self.shown.widgets[key]
        self._states[full] = WidgetState(id=full, trigger_value=True)
        await self._rerun(None)
        del self._states[full]

    async def look(self, fragment: str) -> None:
        """Run a fragment again, as a browser does by itself; all else stays as it is shown."""
        message = BackMsg()
        asked = message.rerun_script
        asked.page_name, asked.fragment_id, asked.is_auto_rerun = self.page, fragment, True
        asked.query_string = urlencode(self.shown.address)
        asked.widget_states.widgets.extend(self._states.values())
        await self._send(message)

    async def upload(self, key: str, name: str, content: bytes) -> None:
        """Give a file to the uploader with this key."""
        full, _ = self.shown.widgets[key]
        ask = BackMsg()
        ask.file_urls_request.request_id = name
        ask.file_urls_request.file_names.append(name)
        ask.file_urls_request.session_id = self.session
        await self._send(ask)
        while name not in self._urls:
            await self._receive()
        urls = self._urls.pop(name)
        await asyncio.to_thread(self._put, urls.upload_url, name, content)
        info = UploadedFileInfo(file_id=urls.file_id, name=name, size=len(content), file_urls=urls)
        state = WidgetState(id=full)
        state.file_uploader_state_value.uploaded_file_info.append(info)
        self._states[full] = state
        await self._rerun(None)

    def _put(self, path: str, name: str, content: bytes) -> None:
        with urllib.request.urlopen(f"{self.server}/_stcore/health") as answer:
            cookies = answer.headers.get_all("Set-Cookie") or []
        token = next((one.split(";")[0].split("=", 1)[1] for one in cookies if one.startswith(XSRF)), "")
        edge = "0f7d1c"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={edge}",
            "Cookie": f"{XSRF}={token}",
            "X-Xsrftoken": token,
        }
        urllib.request.urlopen(urllib.request.Request(self.server + path, body, headers, method="PUT")).close()

    async def watch(self, until: Callable[[Shown], bool], timeout: float) -> float | None:
        """Take in what the server sends until something is shown; when that was, or None if it did not come in time."""
        end = time.monotonic() + timeout
        while not until(self.shown):
            left = end - time.monotonic()
            if left <= 0:
                return None
            try:
                await asyncio.wait_for(self._receive(), left)
            except TimeoutError:
                return None
        return time.monotonic()

    async def _rerun(self, query: str | None) -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.page_name = self.page
        asked.query_string = "&".join(f"{k}={v}" for k, v in self.shown.address.items()) if query is None else query
        asked.widget_states.widgets.extend(self._states.values())
        if query is not None:
            self.shown.address = dict(parse_qsl(query))  # as it stands in a browser's bar until the page writes another
        self.shown = Shown(address=self.shown.address, finished=False)
        self._fresh = False
        await self._send(message)

    async def _send(self, message: BackMsg) -> None:
        assert self._socket is not None
        await self._socket.send(message.SerializeToString())

    async def _receive(self) -> None:
        assert self._socket is not None
        data = await self._socket.recv()
        assert isinstance(data, bytes)
        message = ForwardMsg.FromString(data)
        kind = message.WhichOneof("type")
        if kind == "new_session" and message.metadata.run.fragment_ids:
            return  # a part of what is shown is drawn again
        if kind == "new_session":  # a run begins: what came before belongs to another one
            self.session = message.new_session.initialize.session_id
            self.shown, self._fresh = Shown(address=self.shown.address), True
        elif kind == "file_urls_response":
            self._urls[message.file_urls_response.response_id] = message.file_urls_response.file_urls[0]
        elif not self._fresh:
            return
        elif kind == "auto_rerun":
            self.shown.looks[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "page_info_changed":
            self.shown.address = dict(parse_qsl(message.page_info_changed.query_string))
        elif kind == "script_finished":
            early = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN
            self.shown.finished = message.script_finished != early
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._take(message.delta.new_element)

    def _take(self, element: Element) -> None:
        kind, shown = element.WhichOneof("type"), self.shown
        if kind == "bidi_component":
            component = element.bidi_component
            if component.component_name == "vizcore_strip":
                shown.seen = _inline(json.loads(component.json)["picture"])
            elif component.component_name in ("vizcore_viewer", "vizcore_feed"):
                key, arrays = unpack(component.bytes)
                shown.views[key] = arrays
                if component.component_name == "vizcore_feed":
                    shown.fed.add(key)
        elif kind == "imgs":
            shown.images += [image.url for image in element.imgs.imgs]
        elif kind == "exception":
            shown.errors.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "alert" and element.alert.format == Alert.ERROR:
            shown.errors.append(element.alert.body)
        elif kind == "alert":
            shown.notes.append(element.alert.body)
        elif kind == "markdown":
            shown.captions.append(element.markdown.body)
        elif kind in ("slider", "selectbox", "button", "number_input", "file_uploader"):
            declaration = getattr(element, kind)
            shown.widgets[declaration.id.split("-", 2)[2]] = (declaration.id, declaration)


def _inline(address: str) -> NDArray[Any]:
    """The picture (H,W,3) that an address holds itself."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))


def unpack(block: bytes) -> tuple[str, dict[str, NDArray[Any]]]:
    """A viewer's key, its picture (H,W,3) and its map (H,W) where there is one."""
    length = int.from_bytes(block[:4], "little")
    head, body = json.loads(block[4 : 4 + length]), block[4 + length :]
    size, arrays = (head["height"], head["width"]), {}
    for name, (start, count) in head["blobs"].items():
        if name == "picture":
            arrays[name] = np.frombuffer(body, np.uint8, count, start).reshape(*size, 3)
        elif name == "map":
            arrays[name] = np.frombuffer(body[start : start + count], "<f4").reshape(size)
    return head["key"], arrays
