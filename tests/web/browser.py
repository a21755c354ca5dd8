"""A page in a real browser that has no window: it is served here, and sends its result back here."""

from __future__ import annotations

import json
import queue
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from web.programs import find_browser

FLAGS = (
    "--headless",
    "--no-sandbox",  # it runs as root in containers, and opens nothing but this page
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
)


class Handler(SimpleHTTPRequestHandler):
    """Serves files and folders under names, and puts what is posted into a queue."""

    def __init__(self, *args: Any, places: Mapping[str, Path], results: queue.Queue[Any], **kwargs: Any) -> None:
        self.places = places
        self.results = results
        super().__init__(*args, **kwargs)

    def translate_path(self, path: str) -> str:
        """The file behind a path; a name that is not known has none."""
        name, _, rest = path.lstrip("/").partition("?")[0].partition("/")
        place = self.places.get(name) if ".." not in rest.split("/") else None
        return str(place / rest if rest and place else place or "/nowhere")

    def do_POST(self) -> None:
        self.results.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def served(places: Mapping[str, Path], results: queue.Queue[Any]) -> Iterator[str]:
    """The address of a server of these places on this machine alone."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, places=places, results=results)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def result_of_page(page: str, places: Mapping[str, Path], seconds: float, flags: Sequence[str] = ()) -> dict[str, Any]:
    """What the page under this name posts; TimeoutError when it posts nothing in time. flags: more for the browser."""
    results: queue.Queue[dict[str, Any]] = queue.Queue()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        served(places, results) as address,
        (Path(profile) / "log").open("w+") as log,
    ):
        command = [find_browser(), *FLAGS, *flags, f"--user-data-dir={profile}/data", f"{address}/{page}"]
        with subprocess.Popen(command, stdout=log, stderr=log) as browser:
            try:
                return results.get(timeout=seconds)
            except queue.Empty:
                log.seek(0)
                raise TimeoutError(f"no result in {seconds:.0f} s; the browser said: {log.read()[-2000:]}") from None
            finally:
                browser.terminate()
                browser.wait()
