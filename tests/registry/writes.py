"""A front before a real MLflow server that lets every call through until it is told to die: before or after a write."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from registry.fronts import listening


@dataclass
class WriteFront:
    """What stands before the server. Once it is dead nothing is passed on, and nothing answered."""

    behind: str
    writes: list[str] = field(default_factory=list)
    """Method and path of each write that came, the fatal one included."""
    dies_at: int | None = None
    """The number of the write at which it dies, from 0; None = never."""
    after: bool = False
    """The fatal write is carried out, and only its answer lost."""
    dead: bool = False
    uri: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """Pass a call on, or die."""
        body = call.rfile.read(int(call.headers.get("Content-Length") or 0))
        with self.lock:
            if self.is_write(call):
                fatal = self.dies_at == len(self.writes)
                self.writes.append(f"{call.command} {call.path.partition('?')[0]}")
                if fatal and self.after and not self.dead:
                    self.passed(call, body)
                self.dead |= fatal
            if self.dead:
                call.close_connection = True
                return
            status, content, kind = self.passed(call, body)
        call.send_response(status)
        call.send_header("Content-Type", kind)
        call.send_header("Content-Length", str(len(content)))
        call.end_headers()
        call.wfile.write(content)

    def is_write(self, call: BaseHTTPRequestHandler) -> bool:
        """Whether a call changes anything; MLflow searches by POST, too."""
        return call.command != "GET" and not call.path.partition("?")[0].endswith("search")

    def passed(self, call: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes, str]:
        """Status, content and type of the server's answer."""
        kept = {name: value for name, value in call.headers.items() if name in ("Content-Type", "Accept")}
        asked = urllib.request.Request(self.behind + call.path, body or None, kept, method=call.command)
        try:
            with urllib.request.urlopen(asked, timeout=120) as stream:
                return stream.status, stream.read(), str(stream.headers.get("Content-Type"))
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), str(error.headers.get("Content-Type"))


@contextmanager
def write_front(behind: str, dies_at: int | None = None, after: bool = False) -> Iterator[WriteFront]:
    """A front that listens until the block ends."""
    told = WriteFront(behind, dies_at=dies_at, after=after)
    with listening(told.answer, "GET", "POST", "PUT", "PATCH", "DELETE") as told.uri:
        yield told
