"""The exposure record: a row for each offer, and one for each answer without offers, in the schema of offers shown.

Everyone assigned is in it, the hold-out too; without them there is nothing to compare with. It is JSON Lines, appended
by any number of threads and processes on one machine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Final

from mersalg.errors import MersalgError

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True, slots=True)
class Exposure:
    """An offer that a unit was shown, would have been shown, or that there was none."""

    customer_id: str | None
    order_id: str | None
    product_id: str | None
    """None = the answer had no offer; `reason` says why."""
    kind: str | None
    moment: str
    offered_at: datetime
    """In the clock of the orders: naive, or with a time zone."""
    position: int | None
    """From 1."""
    propensity: float | None
    """The probability with which this product was put in this position: that of the arm, or, where orders are drawn,
    that of the draw; None where nothing was drawn."""
    accepted: bool | None
    """None = not known yet; `mersalg uplift --labelled` fills it in from the orders."""
    experiment: str | None
    """None = no trial runs."""
    unit: str | None
    """The id that was assigned; None = none, so the row is no part of the comparison."""
    arm: str | None
    arm_propensity: float | None
    """The probability with which the unit's arm was drawn; None outside of the comparison."""
    explored: bool | None
    """The order of the answer was drawn; None where none ever is, and where there is no offer."""
    shown: bool
    """False: a hold-out unit would have been shown it, or there is no offer."""
    relevance: float | None
    because: str | None
    bundle: str | None
    """NAME:HASH of the bundle that made the answer; None = none was asked."""
    reason: str | None
    """Why there is no offer."""

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, the time as ISO 8601."""
        return {**{name: getattr(self, name) for name in EXPOSURE_FIELDS}, "offered_at": self.offered_at.isoformat()}


EXPOSURE_FIELDS: Final = tuple(field.name for field in fields(Exposure))


class ExposureLog:
    """A file that exposures are appended to. Call it with them; one call is one write.

    What a disk takes only in part is taken back, so that a call is in the file whole or not at all; only a machine that
    goes down within a write leaves a part.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = Lock()
        try:
            self._descriptor = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise MersalgError(f"{self.path}: cannot be opened for exposures: {error.strerror or error}") from None
        with alone(self._descriptor):
            torn = torn_end(self._descriptor)  # the machine went down while it was written to
        if torn:
            self._write(b"\n")

    def __call__(self, exposures: Sequence[Exposure]) -> None:
        """Append; MersalgError where the disk refuses, so that no offer is shown that nobody recorded."""
        if not exposures:
            return
        rows = [json.dumps(exposure.to_dict(), ensure_ascii=False, allow_nan=False) for exposure in exposures]
        self._write(("\n".join(rows) + "\n").encode("utf-8"))

    def _write(self, content: bytes) -> None:
        try:
            with self._lock, alone(self._descriptor):
                size = os.fstat(self._descriptor).st_size
                written = os.write(self._descriptor, content)
                if written != len(content):
                    os.ftruncate(self._descriptor, size)
        except OSError as error:
            raise MersalgError(f"{self.path}: exposures cannot be written: {error.strerror or error}") from None
        if written != len(content):
            raise MersalgError(f"{self.path}: exposures cannot be written: no room for {len(content)} bytes")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            os.close(self._descriptor)

    def __enter__(self) -> ExposureLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@contextmanager
def alone(descriptor: int) -> Iterator[None]:
    """No other thread or process writes exposures to this file meanwhile, where the system has such locks."""
    if sys.platform == "win32":
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def torn_end(descriptor: int) -> bool:
    """Whether the file ends within a line."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if not size:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"
