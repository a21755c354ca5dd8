"""A real server of S3's protocol on loopback, in a process of its own: moto's, in the environment `.s3`."""

from __future__ import annotations

import os
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import DEADLINE, wait_until

PROGRAM = Path(__file__).resolve().parents[2] / ".s3" / "bin" / "moto_server"
MISSING = f"no S3 server is found at {PROGRAM}: the claims about s3:// are NOT tested; `make .s3/ready` installs it"
KEYS = {"AWS_ACCESS_KEY_ID": "the-key-of-the-tests", "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-tests"}
BUCKET = "shop"


@contextmanager
def running_objects() -> Iterator[str]:
    """The URL of a server with an empty bucket; it is gone afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(
        [str(PROGRAM), "-H", "127.0.0.1", "-p", str(port)], stdout=quiet, stderr=quiet, env={**os.environ, **KEYS}
    )
    try:
        wait_until(lambda: answers(url, server))
        storage(url).create_dir(BUCKET)
        yield url
    finally:
        server.terminate()
        server.wait(DEADLINE)


def answers(url: str, server: subprocess.Popen[bytes]) -> bool:
    """Whether the server takes requests."""
    assert server.poll() is None, "the server has ended"
    try:
        urllib.request.urlopen(f"{url}/moto-api/", timeout=DEADLINE).close()
    except OSError:
        return False
    return True


def storage(url: str) -> Any:
    """A client of the server."""
    from pyarrow.fs import S3FileSystem

    access, secret = KEYS.values()
    return S3FileSystem(
        access_key=access, secret_key=secret, endpoint_override=url, region="us-east-1", allow_bucket_creation=True
    )


def put(url: str, name: str, content: bytes) -> str:
    """Lay a file into the bucket, and give its address."""
    with storage(url).open_output_stream(f"{BUCKET}/{name}") as file:
        file.write(content)
    return f"s3://{BUCKET}/{name}"
