"""Claims about a server that never falls silent and never comes to an end: it is cut off in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from mersalg.errors import RegistryError
from mersalg.registry.server import MlflowServer, ModelVersion, make_opener

VERSION = ModelVersion("shop", "1", "somewhere")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nF4240\r\n"


@contextmanager
def dripping(first: bytes) -> Iterator[MlflowServer]:
    """A server that sends these bytes at once and then a byte every 50 ms, with a time-out of 20 s for each read."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            with suppress(OSError), listening.accept()[0] as call:
                call.sendall(first)
                while True:
                    call.sendall(b"x")
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        yield MlflowServer(f"http://127.0.0.1:{listening.getsockname()[1]}", {}, 20.0, make_opener("http"))


def read_all(server: MlflowServer, until: float) -> None:
    with server.file_of(VERSION, "scorer.onnx", until) as stream:
        while stream.read(2**16):
            pass


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX: ", HEAD, CHUNKED])
def test_a_download_that_drips_ends_at_its_deadline(first: bytes) -> None:
    with dripping(first) as server:
        until = time.monotonic() + 0.5
        with pytest.raises(RegistryError, match="did not come in time") as refused:
            read_all(server, until)  # which would drip for fourteen hours
    assert refused.value.unreachable
    assert time.monotonic() >= until
