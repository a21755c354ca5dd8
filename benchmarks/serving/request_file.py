"""Requests in a file. Nothing heavy is imported: a process whose memory is measured reads them, too."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

Request = dict[str, Any]


def write_requests(requests: list[Request], file: Path) -> None:
    """A line of JSON each; times in ISO 8601."""
    file.write_text("".join(json.dumps(request, default=datetime.isoformat) + "\n" for request in requests))


def read_requests(file: Path, most: int | None = None) -> list[Request]:
    """The first requests with their times as datetimes, as a Python service has them; no more lines are read."""
    with file.open() as lines:
        requests = [json.loads(line) for line in islice(lines, most)]
    for request in requests:
        request["at"] = datetime.fromisoformat(request["at"])
        for line in request["history"]:
            line["ordered_at"] = datetime.fromisoformat(line["ordered_at"])
    return requests
