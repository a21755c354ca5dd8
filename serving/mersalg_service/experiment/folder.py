"""Where exposures are kept: one file, or a folder with a file for each day, so that old days can be deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock
from typing import Final

from mersalg.errors import MersalgError
from mersalg_service.experiment.exposures import Exposure, ExposureLog

JSON_LINES: Final = (".jsonl", ".ndjson")


def today() -> date:
    """The day, in UTC."""
    return datetime.now(UTC).date()


class ExposureFolder:
    """Appends exposures to `exposures-YYYY-MM-DD.jsonl` of the day (UTC) on which they are written."""

    def __init__(self, folder: str | Path, day: Callable[[], date] = today) -> None:
        """Make the folder where it is not there; MersalgError where that cannot be, or no file can be opened in it."""
        self.folder = Path(folder)
        self.day = day
        self._lock = Lock()
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise MersalgError(
                f"{self.folder}: cannot be a folder of exposures: {error.strerror or error}; name a folder, or a file "
                "that ends in .jsonl"
            ) from None
        self._day = day()
        self._log = self._open(self._day)

    def __call__(self, exposures: Sequence[Exposure]) -> None:
        """Append to the file of today; MersalgError where the disk refuses."""
        with self._lock:
            now = self.day()
            if now != self._day:
                newer = self._open(now)
                self._log.close()
                self._day, self._log = now, newer
            self._log(exposures)

    def _open(self, day: date) -> ExposureLog:
        return ExposureLog(self.folder / f"exposures-{day.isoformat()}.jsonl")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._log.close()


def open_exposures(path: str | Path) -> ExposureLog | ExposureFolder:
    """A file by its name's end, .jsonl or .ndjson; else a folder with a file a day."""
    return ExposureLog(path) if Path(path).suffix.lower() in JSON_LINES else ExposureFolder(path)
