"""The defaults under which the app starts, as they stand in the file and as a really started server acts on them."""

from __future__ import annotations

import http.client
import shutil
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.helpers.servers import ROOT, knock, start, stop

FILE = ROOT / ".streamlit" / "config.toml"
LARGEST_MESSAGE, LARGEST_UPLOAD = 50, 400  # megabytes
SAFE = {
    "server.maxUploadSize": LARGEST_UPLOAD,
    "server.maxMessageSize": LARGEST_MESSAGE,
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    "server.allowedHosts": [],
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": False,
    "browser.gatherUsageStats": False,
    "client.showSidebarNavigation": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": False,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, address = start(tmp_path_factory.mktemp("server"))
    yield address
    stop(process)


def session(address: str) -> ClientConnection:
    """A client that speaks the browser's protocol."""
    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    return connect(stream, subprotocols=[Subprotocol("streamlit")], max_size=2**26, proxy=None)


def run(client: ClientConnection) -> bytes:
    """Run the page's script as a browser that opens it does; everything that the browser would be told."""
    client.send(BackMsg(rerun_script=ClientState()).SerializeToString())
    told = b""
    while True:
        message = client.recv(timeout=30)
        assert isinstance(message, bytes)
        told += message
        if ForwardMsg.FromString(message).WhichOneof("type") == "script_finished":
            return told


def offer(address: str, session_id: str, megabytes: int, token: bool = True) -> int:
    """The status that answers an upload as soon as its length has been said, before a byte of it is sent."""
    cookie = urllib.request.urlopen(f"{address}/_stcore/health", timeout=10).headers.get_all("Set-Cookie")
    xsrf = next(one.partition("=")[2].partition(";")[0] for one in cookie if one.startswith("_streamlit_xsrf="))
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    try:
        connection.putrequest("PUT", f"/_stcore/upload_file/{session_id}/1")
        connection.putheader("Content-Length", str(megabytes * 2**20))
        connection.putheader("Cookie", f"_streamlit_xsrf={xsrf}")
        if token:
            connection.putheader("X-Xsrftoken", xsrf)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(address: str) -> None:
    with session(address) as client:
        client.send(BackMsg(rerun_script=ClientState()).SerializeToString())
        message = client.recv(timeout=30)
        assert isinstance(message, bytes)
        mine = ForwardMsg.FromString(message).new_session.initialize.session_id
        assert offer(address, mine, LARGEST_UPLOAD + 1) == 413
        assert offer(address, mine, 22) == 413  # on this page nobody brings a network
        assert offer(address, mine, 1, token=False) == 403


def test_every_choice_is_the_safe_one() -> None:
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))
    del tables["theme"]
    assert {f"{section}.{name}": value for section in tables for name, value in tables[section].items()} == SAFE


def test_the_installed_streamlit_knows_every_option() -> None:
    known = set(config._config_options_template)
    assert {name for name in SAFE if name not in known} == set()


def test_any_host_name_is_served(address: str) -> None:
    for host in ["vizcore.example.org", "192.0.2.7:8501", "[2001:db8::7]:8501"]:
        request = urllib.request.Request(address, headers={"Host": host})
        assert urllib.request.urlopen(request, timeout=10).status == 200
        assert knock(address, Host=host, Origin=f"http://{host}") == 101


def test_a_foreign_page_opens_no_session(address: str) -> None:
    own = address.removeprefix("http://")
    assert knock(address, Origin=address) == 101
    assert knock(address, Origin="https://elsewhere.example") == 403
    assert knock(address, Host=own, Origin="null") == 403


def test_where_the_names_are_known_others_are_refused(tmp_path: Path) -> None:
    flags = ["--server.allowedHosts", "vizcore.example.org", "--server.allowedHosts", "*.example.edu"]
    process, address = start(tmp_path, *flags)
    try:
        for host, status in {
            "vizcore.example.org": 101,
            "lab.example.edu:8501": 101,
            "example.net": 403,
            "vizcore.example.org.example.net": 403,
        }.items():
            assert knock(address, Host=host, Origin=f"http://{host}") == status, host
    finally:
        stop(process)


def test_a_message_beyond_the_limit_ends_its_own_connection_only(address: str) -> None:
    with session(address) as other, session(address) as client:
        # The head of one masked binary message that announces its length: the server need not wait for the rest.
        client.socket.sendall(b"\x82\xff" + (LARGEST_MESSAGE * 1_000_000 + 1).to_bytes(8, "big") + bytes(4))
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == CloseCode.MESSAGE_TOO_BIG
        assert other.ping().wait(timeout=30)


def test_an_error_shows_nothing_of_itself_to_the_user_and_all_to_the_log(tmp_path: Path) -> None:
    shutil.copytree(FILE.parent, tmp_path / ".streamlit")
    (tmp_path / "app.py").write_text("secret_value = 'of the operator'\nraise ValueError(secret_value)\n")
    process, address = start(tmp_path, root=tmp_path)
    try:
        with session(address) as client:
            told = run(client)
    finally:
        stop(process)
    assert b"encountered an error" in told
    for word in [b"ValueError", b"of the operator", b"secret_value", b"Traceback"]:
        assert word not in told, word
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" in log
    assert "ValueError" in log
    assert "of the operator" in log
