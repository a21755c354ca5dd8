"""The playground on this machine: the standard library's server, which gives the files of one site and no other."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from mersalg.errors import MersalgError
from mersalg_service.playground.site import CODE, START, Site

LOOPBACK: Final = "127.0.0.1"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
BYTES: Final = "application/octet-stream"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
        "worker-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
KEPT: Final = "private, max-age=31536000, immutable"


def headers_for(address: str) -> dict[str, str]:
    """The headers of what stands under an address."""
    keeping = KEPT if address.startswith(CODE) else "no-cache"
    return {**HEADERS, "Content-Type": TYPES.get(Path(address).suffix, BYTES), "Cache-Control": keeping}


class PlaygroundHandler(BaseHTTPRequestHandler):
    """Gives the files of a site to who asks this machine by its own name."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, site: Site, **kwargs: Any) -> None:
        self.site = site
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        """Send a file."""
        self.give(with_body=True)

    def do_HEAD(self) -> None:
        """Send the head of a file."""
        self.give(with_body=False)

    def give(self, *, with_body: bool) -> None:
        """Send what stands under the address; 404 where nothing does, 421 to a page of another name."""
        name = self.headers.get("Host", "").rpartition(":")[0]
        address = unquote(urlsplit(self.path).path).lstrip("/") or START
        content = self.site.get(address)
        if name not in (LOOPBACK, "localhost"):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
        elif content is None or (isinstance(content, Path) and not content.is_file()):
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self.send(content, headers_for(address), with_body=with_body)

    def send(self, content: Path | bytes, headers: Mapping[str, str], *, with_body: bool) -> None:
        """Send a head and, where it is wanted, the content."""
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        self.send_response(HTTPStatus.OK)
        for header, value in {**headers, "Content-Length": str(size)}.items():
            self.send_header(header, value)
        self.end_headers()
        if not with_body:
            return
        if isinstance(content, bytes):
            self.wfile.write(content)
        else:
            with content.open("rb") as file:
                self.connection.sendfile(file)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: a look at a file is no event."""


class PlaygroundServer(ThreadingHTTPServer):
    """Listens on this machine's own address alone."""

    def __init__(self, site: Site, port: int) -> None:
        try:
            super().__init__((LOOPBACK, port), partial(PlaygroundHandler, site=site))
        except (OSError, OverflowError) as error:
            raise MersalgError(f"--port {port}: cannot listen there: {error}; name another, or 0 for any") from None

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet where a browser has gone away; anything else is told on stderr."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
