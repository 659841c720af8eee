"""Weights come whole and verified or not at all, each failure says what to do, and no file is ever executed."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from vizcore.networks import download, weights
from vizcore.networks.weights import WeightsError, find, find_or_download, fit, read

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each path as the test says and counts the requests."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.answers[min(len(self.server.asked), len(self.server.answers)) - 1](self)

    def log_message(self, *_: object) -> None:
        pass

    def send(self, body: bytes, length: int | None = None, code: int = 200) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    answers: list[Answer]
    asked: list[str]

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/models/"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as one:
        one.answers, one.asked = [], []
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A torch cache of the test's own, no folder of weights and no proxy."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VIZCORE_WEIGHTS", raising=False)
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    assert weights.cache_folder() == tmp_path / "home" / "hub" / "checkpoints"
    return tmp_path / "home" / "hub" / "checkpoints"


def state_bytes(size: int = 40_000) -> bytes:
    stream = io.BytesIO()
    torch.save({"weight": torch.arange(size, dtype=torch.float32)}, stream)
    return stream.getvalue()


BODY = state_bytes()
NAME = f"net-{hashlib.sha256(BODY).hexdigest()[:8]}.pth"


def whole(handler: Handler) -> None:
    handler.send(BODY)


def cut(handler: Handler) -> None:
    handler.send(BODY[: len(BODY) // 2], length=len(BODY))


def missing(handler: Handler) -> None:
    handler.send(b"<html>gone</html>", code=404)


def page(handler: Handler) -> None:
    handler.send(b"<!DOCTYPE html><html>Please log in</html>")


def altered(handler: Handler) -> None:
    handler.send(BODY[:5000] + bytes([BODY[5000] ^ 1]) + BODY[5001:])


def busy(handler: Handler) -> None:
    handler.send(b"", code=503)


def silent(handler: Handler) -> None:
    handler.send(BODY[:1000], length=len(BODY))
    handler.server.released.wait(10)  # type: ignore[attr-defined]


def dribbling(handler: Handler) -> None:
    handler.send(b"PK", length=len(BODY))
    for _ in range(200):
        if handler.server.released.wait(0.02):  # type: ignore[attr-defined]
            return
        try:
            handler.wfile.write(b"x")
        except OSError:
            return


def nothing_is_left(cache: Path) -> bool:
    return not cache.exists() or list(cache.iterdir()) == []


def test_a_download_arrives_verified_and_its_size_is_known_from_the_start(server: Server, cache: Path) -> None:
    server.answers = [whole]
    calls: list[tuple[int, int]] = []
    path = find_or_download("net", server.host + NAME, lambda *call: calls.append(call), size=len(BODY))
    assert path == cache / NAME
    assert path.read_bytes() == BODY
    assert [file.name for file in cache.iterdir()] == [NAME], "no temporary file stays"
    assert calls[0] == (0, len(BODY))
    assert calls[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert find_or_download("net", server.host + NAME) == path
    assert server.asked == [f"/models/{NAME}"], "the second time it is on disk"
    assert torch.equal(read(path)["weight"], torch.arange(40_000.0))


def test_who_else_may_read_the_cache_may_read_what_was_downloaded(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    for mask, mode in ((0o022, 0o644), (0o027, 0o640), (0o077, 0o600)):
        server.answers = [whole]
        before = os.umask(mask)
        try:
            path = find_or_download("net", server.host + NAME)
        finally:
            os.umask(before)
        assert path.stat().st_mode & 0o777 == mode
        path.unlink()


@pytest.mark.parametrize(
    ("answer", "says", "times"),
    [
        (cut, f"the connection was cut after {len(BODY) // 2} of {len(BODY)} bytes", 2),
        (missing, "127.0.0.1 no longer has the file (answer 404)", 1),
        (page, "127.0.0.1 answered with a web page", 1),
        (altered, "does not have the checksum", 2),
        (busy, "127.0.0.1 refused it (answer 503)", 2),
    ],
)
def test_a_failed_download_says_why_and_leaves_nothing(
    server: Server, cache: Path, answer: Answer, says: str, times: int
) -> None:
    server.answers = [answer]
    with pytest.raises(WeightsError) as caught:
        find_or_download("net", server.host + NAME, size=len(BODY))
    text = str(caught.value)
    assert text.startswith("The weights of net could not be downloaded: ")
    assert says in text
    assert f"put {NAME} into a folder and start with VIZCORE_WEIGHTS" in text
    assert len(server.asked) == times, "what may pass is tried once more, what stays is not"
    assert nothing_is_left(cache)


@pytest.mark.parametrize(("answer", "says"), [(silent, "was silent for 0.2 seconds"), (dribbling, "bytes a second")])
def test_a_server_that_is_too_slow_is_given_up(server: Server, cache: Path, answer: Answer, says: str) -> None:
    server.answers = [answer]
    server.released = threading.Event()  # type: ignore[attr-defined]
    try:
        with pytest.raises(WeightsError, match=says):
            find_or_download("net", server.host + NAME, timeout=0.2)
    finally:
        server.released.set()  # type: ignore[attr-defined]
    assert nothing_is_left(cache)


@pytest.mark.parametrize("first", [cut, altered, busy])
def test_one_failure_that_passes_is_forgotten(server: Server, cache: Path, first: Answer) -> None:
    server.answers = [first, whole]
    assert find_or_download("net", server.host + NAME).read_bytes() == BODY
    assert [file.name for file in cache.iterdir()] == [NAME]


def test_without_a_server_the_computer_seems_offline(cache: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/{NAME}"
    with pytest.raises(WeightsError, match="cannot be reached; this computer seems to be offline"):
        find_or_download("net", url)
    assert nothing_is_left(cache)


def test_a_cancelled_download_leaves_nothing(server: Server, cache: Path) -> None:
    class Stop(BaseException):
        pass

    def progress(done: int, total: int) -> None:
        if done:
            raise Stop

    server.answers = [whole]
    with pytest.raises(Stop):
        find_or_download("net", server.host + NAME, progress)
    assert nothing_is_left(cache)
    assert find_or_download("net", server.host + NAME).exists(), "and the next one is not blocked"


def test_while_it_downloads_nothing_has_the_final_name(server: Server, cache: Path) -> None:
    server.answers = [whole]
    seen = []
    find_or_download("net", server.host + NAME, lambda *_: seen.append([file.name for file in cache.iterdir()]))
    assert seen
    assert all(len(names) == 1 and names[0].endswith(".part") for names in seen)


def test_threads_that_ask_at_once_download_once(server: Server) -> None:
    server.answers = [whole]
    paths = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        paths.append(find_or_download("net", server.host + NAME))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(paths)) == 1
    assert len(paths) == 4
    assert len(server.asked) == 1


def test_a_full_disk_is_found_out_before_and_during_the_download(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [whole]
    with pytest.raises(
        WeightsError, match=r"has no room for 1000000000 MB\. Make room there, or start with TORCH_HOME"
    ):
        find_or_download("net", server.host + NAME, size=10**9 * 2**20)
    assert server.asked == []

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(WeightsError, match=r"could not be stored: .* has no room"):
        find_or_download("net", server.host + NAME)
    assert nothing_is_left(cache)


def test_a_cache_that_cannot_be_written_is_named(
    server: Server, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"could not be stored: .*checkpoints cannot be written \(Not a directory\)"):
        find_or_download("net", server.host + NAME)

    def refuse(*_: object, **__: object) -> None:  # permissions mean nothing where the tests run as root
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(download.tempfile, "mkstemp", refuse)
    with pytest.raises(WeightsError, match=r"checkpoints cannot be written \(Read-only file system\)"):
        find_or_download("net", server.host + NAME)


def test_only_partial_files_of_dead_processes_are_swept(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True)
    old, fresh, other = (cache / f"{stem}.part" for stem in (f"{NAME}.a", f"{NAME}.b", "another.pth.c"))
    for file in (old, fresh, other):
        file.touch()
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    server.answers = [whole]
    find_or_download("net", server.host + NAME)
    assert sorted(file.name for file in cache.iterdir()) == sorted([NAME, fresh.name, other.name])


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/net-01234567.pth", "file:///etc/net-01234567.pth"])
def test_only_web_addresses_are_fetched(url: str) -> None:
    with pytest.raises(ValueError, match="accepted: one that begins with https://"):
        find_or_download("net", url)


def test_a_file_without_a_checksum_in_its_name_is_not_fetched() -> None:
    with pytest.raises(ValueError, match=r"'net\.pth' carries no checksum"):
        find_or_download("net", "https://example.org/net.pth")


def test_own_folder_comes_before_the_cache(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"https://example.org/{NAME}"
    own = tmp_path / "own"
    assert find("net", url) is None
    for path in (cache / NAME, own / NAME, own / "net.safetensors", own / "net.pth"):  # the last one is preferred
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BODY)
        monkeypatch.setenv("VIZCORE_WEIGHTS", str(own))
        assert find("net", url) == path
        assert find_or_download("net", url) == path
    monkeypatch.setenv("VIZCORE_WEIGHTS", str(tmp_path / "nowhere"))
    assert find("net", url) == cache / NAME
    monkeypatch.setenv("VIZCORE_WEIGHTS", "")
    assert find("net", url) == cache / NAME


def test_an_altered_file_in_the_cache_is_refused(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(BODY[:-1])
    with pytest.raises(WeightsError, match=r"damaged or was altered.*Delete it, and it is downloaded anew"):
        find_or_download("net", f"https://example.org/{NAME}")


class Trap:
    """A pickle that creates a file when it is read without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("legacy", [True, False])
def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path: Path, legacy: bool) -> None:
    proof = tmp_path / "proof"
    path = tmp_path / "net.pth"
    torch.save({"weight": torch.ones(2), "trap": Trap(proof)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(WeightsError, match=r"holds more than weights: it asks for \w+\.open, which was not run"):
        read(path)
    assert not proof.exists()
    torch.load(path, weights_only=False)["trap"].close()
    assert proof.exists(), "the trap works where one steps into it"


def test_a_plain_malicious_pickle_is_refused_and_does_not_run(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    path = tmp_path / "net.pth"
    path.write_bytes(pickle.dumps(Trap(proof), protocol=2))
    with pytest.raises(WeightsError, match=r"net\.pth"):
        read(path)
    assert not proof.exists()


def test_a_whole_model_is_refused_and_its_class_named(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"asks for torch\.nn\.modules\.linear\.Linear.*model\.state_dict\(\)"):
        read(tmp_path / "net.pth")


@pytest.mark.parametrize(
    "data", [b"", b"nonsense" * 50, BODY[:-500], BODY[:200], b"\x80\x02.", b"PK\x03\x04" + bytes(99)]
)
def test_damaged_files_are_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"net\.pth is damaged, incomplete or not a weights file"):
        read(path)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"net\.pth cannot be read: No such file"):
        read(tmp_path / "net.pth")


@pytest.mark.parametrize("content", [[torch.ones(1)], {"a": 1}, {"a": {"b": torch.ones(1)}}, {1: torch.ones(1)}, 5])
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="does not hold a dictionary of plain tensors by name"):
        read(tmp_path / "net.pth")


def test_tensors_without_all_their_values_are_refused(tmp_path: Path) -> None:
    for odd in (torch.eye(2).to_sparse(), torch.ones(2, device="meta")):
        torch.save({"weight": odd}, tmp_path / "net.pth")
        with pytest.raises(WeightsError, match="plain tensors"):
            read(tmp_path / "net.pth")


def test_a_compressed_archive_is_refused_before_it_grows(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(500_000)}, tmp_path / "large.pth")
    with (
        zipfile.ZipFile(tmp_path / "large.pth") as plain,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for entry in plain.namelist():
            bomb.writestr(entry, plain.read(entry))
    with pytest.raises(WeightsError, match=r"bomb\.pth is a compressed archive"):
        read(tmp_path / "bomb.pth")


def test_safetensors_are_read(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    path = tmp_path / "net.safetensors"
    safetensors.save_file({"weight": torch.arange(3.0)}, path)
    assert torch.equal(read(path)["weight"], torch.arange(3.0))
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(WeightsError, match="damaged"):
        read(path)


def test_without_the_package_safetensors_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors.torch", None)
    with pytest.raises(WeightsError, match="needs the package safetensors"):
        read(tmp_path / "net.safetensors")


def small() -> nn.Module:
    with torch.device("meta"):
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def test_fit_takes_the_tensors_over_in_single_precision() -> None:
    state = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict()
    module = small()
    fit(module, dict(state))
    assert module.get_parameter("0.weight").data_ptr() == state["0.weight"].data_ptr(), "no copy"
    module = small()
    fit(module, {key: value.half() for key, value in state.items() if not key.endswith("num_batches_tracked")})
    assert {value.dtype for value in module.parameters()} == {torch.float32}
    assert module(torch.ones(1, 3, 5, 5)).shape == (1, 4, 3, 3)


def test_fit_names_everything_that_does_not_fit() -> None:
    state = dict(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict())
    del state["1.bias"], state["0.bias"]
    state["head.weight"] = torch.ones(1)
    state["0.weight"] = torch.ones(4, 3, 5, 5)
    with pytest.raises(WeightsError) as caught:
        fit(small(), state, "net.pth")
    assert str(caught.value) == (
        "net.pth does not fit Sequential: it lacks 0.bias, 1.bias; it also has head.weight; "
        "0.weight has the shape (4, 3, 5, 5) where (4, 3, 3, 3) is needed."
    )
