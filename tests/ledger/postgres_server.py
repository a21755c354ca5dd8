"""A real PostgreSQL server of its own for the tests, on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import DEADLINE

MISSING = (
    "no PostgreSQL server program is found in PATH or /usr/lib/postgresql/*/bin: the claims about PostgreSQL are NOT "
    "tested; on Debian install it with `apt-get install postgresql`"
)


def server_programs() -> Path | None:
    """The folder that holds `initdb` and `postgres`, the newest version first; None when there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -float(p.parent.name))
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


def other_user() -> dict[str, Any]:
    """How subprocess runs a program as another user, for a server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """The URL of a server's database `postgres`; the server and its folder are gone afterwards."""
    user = other_user()
    folder = Path(tempfile.mkdtemp(prefix="mersalg-pg-"))
    try:
        if user:
            os.chown(folder, user["user"], user["group"])
        data = folder / "data"
        init = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(init, check=True, capture_output=True, cwd=folder, **user)
        settings = ["listen_addresses=", f"unix_socket_directories={folder}", "max_connections=120", "fsync=off"]
        command = [str(programs / "postgres"), "-D", str(data), *(part for s in settings for part in ("-c", s))]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **user)
        try:
            url = f"postgresql://postgres@/postgres?host={folder}"
            wait_for(url, server, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(DEADLINE)
    finally:
        shutil.rmtree(folder)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server takes connections."""
    import psycopg

    until = time.monotonic() + DEADLINE
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the server did not come up:\n{log.read_text()}") from None
            time.sleep(0.1)
        else:
            return
