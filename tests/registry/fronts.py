"""A front before a real MLflow server that goes down, cuts off, tampers and asks for credentials when it is told to."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Front:
    """What stands before the server, and what it does with answers that hold `part` in their path."""

    behind: str
    trouble: str = ""
    """"", "down", "cut", "flip", "longer", "redirect" or "credentials"."""
    part: str = ""
    asked: list[str] = field(default_factory=list)
    given: list[str | None] = field(default_factory=list)
    """The credentials that came."""
    uri: str = ""

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """Pass a call on, with the trouble that was ordered."""
        self.asked.append(call.path)
        self.given.append(call.headers.get("Authorization"))
        trouble = self.trouble if self.part in call.path else ""
        if trouble == "down":
            call.close_connection = True
            return
        if trouble in ("redirect", "credentials"):
            call.send_response(302 if trouble == "redirect" else 401)
            call.send_header("Location", "http://127.0.0.1:1/elsewhere")
            call.end_headers()
            return
        try:
            with urllib.request.urlopen(self.behind + call.path, timeout=60) as stream:
                status, body = stream.status, stream.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        call.send_response(status)
        if trouble == "flip":
            body = body[:-1] + bytes([body[-1] ^ 1])
        body += b"more" if trouble == "longer" else b""
        call.send_header("Content-Length", str(len(body)))
        call.end_headers()
        call.wfile.write(body[: len(body) // 2] if trouble == "cut" else body)


@contextmanager
def front(behind: str) -> Iterator[Front]:
    """A front that listens until the block ends."""
    told = Front(behind)
    with listening(told.answer, "GET") as told.uri:
        yield told


@contextmanager
def listening(answer: Callable[[BaseHTTPRequestHandler], None], *methods: str) -> Iterator[str]:
    """A server whose calls of some methods are answered so, until the block ends; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    for method in methods:
        setattr(Handler, f"do_{method}", Handler.do)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
