"""Exposures that wait to be written by a thread of their own, so that no answer waits for a disk.

What is lost is counted and said, never silent. A full queue takes no answer, however many rows it has, so that what is
lost under load is lost alike in every arm.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Thread
from typing import Final, Literal

from mersalg.errors import MersalgError
from mersalg_service.experiment.exposures import Exposure

Fate = Literal["written", "queue full", "not written"]
FATES: Final[tuple[Fate, ...]] = ("written", "queue full", "not written")
MAX_WAITING: Final = 20_000
"""Rows that wait or are being written; the answer that finds as many is not taken any more."""
AT_ONCE: Final = 1000
"""Rows of one write."""
GATHER_SECONDS: Final = 0.1
"""For which a write waits for company, so that answers and the writer rarely want the processor at once."""
SAY_SECONDS: Final = 60.0
"""Between two words on what is lost."""
log: Final = logging.getLogger("mersalg.experiment")


def count_nothing(_fate: Fate, _rows: int) -> None:
    """Where nobody counts."""


class ExposureQueue:
    """Takes exposures as an `ExposureLog` does, at once and without an error, and writes them one after another."""

    def __init__(
        self,
        write: Callable[[Sequence[Exposure]], None],
        most: int = MAX_WAITING,
        count: Callable[[Fate, int], None] = count_nothing,
    ) -> None:
        """`write` keeps rows, as an `ExposureLog` does; `count` hears what became of how many, from any thread."""
        self.write = write
        self.most = most
        self.count = count
        self._pending: deque[Sequence[Exposure]] = deque()
        self._rows = 0
        self._closed = False
        self._changed = Condition()
        self._lost = 0
        self._said = -SAY_SECONDS
        self._writer = Thread(target=self._write_on, name="mersalg-exposures", daemon=True)
        self._writer.start()

    @property
    def waiting(self) -> int:
        """Rows that wait or are being written."""
        return self._rows

    def __call__(self, exposures: Sequence[Exposure]) -> None:
        """Take the rows of one answer, all or none."""
        with self._changed:
            taken = self._rows < self.most and not self._closed
            if taken:
                self._pending.append(exposures)
                self._rows += len(exposures)
                if len(self._pending) == 1:  # else the writer is at work, or will be soon
                    self._changed.notify()
        if not taken:
            self._lose("queue full", len(exposures), f"{self.most} rows wait already")

    def close(self, seconds: float) -> int:
        """Take nothing more and write what waits, for so many seconds at most; gives the rows that are lost by that."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._writer.join(seconds)
        left = self._rows
        if left:
            self._said = -SAY_SECONDS
            self._lose("not written", left, f"they could not be written within {seconds:g} s")
        return left

    def _write_on(self) -> None:
        """Write until closed and empty."""
        while rows := self._next():
            refused = None
            try:
                self.write(rows)
            except MersalgError as error:
                refused = str(error)
            with self._changed:
                self._rows -= len(rows)
            if refused is None:
                self.count("written", len(rows))
            else:
                self._lose("not written", len(rows), refused)

    def _next(self) -> list[Exposure]:
        """Rows for one write, whole answers in their order; none at the end."""
        rows: list[Exposure] = []
        with self._changed:
            while not self._pending and not self._closed:
                self._changed.wait()
            if not self._closed and self._rows < AT_ONCE:
                self._changed.wait(GATHER_SECONDS)
            while self._pending and len(rows) < AT_ONCE:
                rows.extend(self._pending.popleft())
        return rows

    def _lose(self, fate: Fate, rows: int, why: str) -> None:
        """Count rows that are lost, and say it now and then."""
        self.count(fate, rows)
        now = time.monotonic()
        with self._changed:
            self._lost += rows
            says, lost = now - self._said >= SAY_SECONDS, self._lost
            self._said = now if says else self._said
        if says:
            log.error("%d exposures are lost (%d since the start): %s", rows, lost, why)
