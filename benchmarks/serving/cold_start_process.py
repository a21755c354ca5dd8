"""One contender alone in a new process: python cold_start_process.py NAME BUNDLE WORK. Prints one line of JSON.

NAME `bare` imports numpy and onnxruntime and nothing else: what every figure is compared with.
"""

from __future__ import annotations

import time

START = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

ANSWERS = 64
"""After which memory is looked at, for a runtime's arenas grow with the longest requests."""


def main() -> None:
    name, place = sys.argv[1], (Path(sys.argv[2]), Path(sys.argv[3]))
    figures = bare() if name == "bare" else cold_start(name, *place)
    print(json.dumps(figures))


def bare() -> dict[str, float]:
    """Seconds and memory of the imports that every loader of ONNX graphs needs."""
    import numpy  # noqa: F401, PLC0415
    import onnxruntime  # noqa: F401, PLC0415

    seconds = time.perf_counter() - START
    from memory import megabytes  # noqa: PLC0415

    return {"seconds": seconds, "loaded_seconds": seconds, **megabytes()}


def cold_start(name: str, bundle: Path, work: Path) -> dict[str, float]:
    """Seconds until it is loaded and until its first answer, and memory after ANSWERS, without that of the requests."""
    from contenders import CONTENDERS, Place  # noqa: PLC0415

    ours = time.perf_counter()
    from memory import megabytes  # noqa: PLC0415
    from request_file import read_requests  # noqa: PLC0415

    before = megabytes()
    requests = read_requests(work / "requests.jsonl", ANSWERS)
    of_requests = {name: now - before[name] for name, now in megabytes().items()}
    not_counted = time.perf_counter() - ours
    contender = next(each for each in CONTENDERS if each.name == name)
    if contender.open is None:
        sys.exit(f"{name} is a service, which runs in a process of its own anyway")
    ask = contender.open(Place(bundle, work))
    loaded = time.perf_counter() - START - not_counted
    ask(requests[0])
    seconds = time.perf_counter() - START - not_counted
    for request in requests:
        ask(request)
    held = {name: now - of_requests[name] for name, now in megabytes().items()}
    return {"seconds": seconds, "loaded_seconds": loaded, **held}


if __name__ == "__main__":
    main()
