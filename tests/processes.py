"""Processes of a test: what it waits for, how long, and where one is killed. Nothing hangs on who is quicker."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

DEADLINE: Final = 120.0
"""Seconds for whatever a test waits for, so many that they tell a hang from a slow machine. No promise of the code."""
PAUSE: Final = 0.01
"""Seconds between two looks at what a test waits for."""
WAITS: Final = "it waits for its end\n"
WAITING: Final = """
import importlib, runpy, sys
module, name, number = sys.argv[1:4]
*owners, name = name.split(".")
owner = importlib.import_module(module)
for each in owners:
    owner = getattr(owner, each)
called, calls = getattr(owner, name), []

def call_or_wait(*arguments, **named):
    calls.append(name)
    if len(calls) == int(number):
        print("it waits for its end", file=sys.stderr, flush=True)
        sys.stdin.read()
    return called(*arguments, **named)

setattr(owner, name, call_or_wait)
sys.argv = sys.argv[4:]
if "/" in sys.argv[0]:
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def wait_until(holds: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Return when it holds; fail when it does not within some seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(PAUSE)


def has_ended(pid: int) -> bool:
    """Whether a process is gone, but for the status that it leaves to its parent."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def killed_before(call: str, number: int, *command: str) -> str:
    """Run a program until it makes a call for so many times, kill it just before, and give what it said on stderr.

    call: `module:name` or `module:Class.name`; command: the program's path, or the module's name, and its arguments.
    """
    told = [sys.executable, "-c", WAITING, *call.split(":"), str(number), *command]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    said: list[str] = []
    with subprocess.Popen(told, **pipes, text=True) as process:  # type: ignore[call-overload]
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if line == WAITS:
                process.kill()
    assert process.returncode == -signal.SIGKILL, "".join(said)
    return "".join(said)
