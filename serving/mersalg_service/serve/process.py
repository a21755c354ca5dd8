"""What a serving process owes to those around it: it outlives a terminal, and neither its parent nor a stop."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

log: Final = logging.getLogger("mersalg.serve")


def ignore_hang_up() -> None:
    """Go on when a terminal closes; with workers, SIGHUP to the first process replaces them one after another."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def end_with_parent() -> None:
    """Stop as by SIGTERM when the process that started this worker is gone: its port would stay taken."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        log.error("the first process is gone: this worker ends, too")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="mersalg-parent", daemon=True).start()


@contextmanager
def ended_at_once() -> Iterator[None]:
    """While nobody is answered yet, let SIGTERM and SIGINT end the process on the spot, not after the loading."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.signal(name, signal.SIG_DFL) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
