"""All contenders on the same requests in one run: time, memory, cold start, size on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from cold_start import BARE, Figures, cold_starts
from contenders import Contender, Place, size_megabytes
from interleaved import OpenContender, interleaved_times, summary
from memory import family_megabytes
from request_file import Request
from threadpoolctl import threadpool_limits


@dataclass(frozen=True)
class Row:
    """A contender's figures; None for what was not measured or has no meaning."""

    name: str
    title: str
    gives: str
    micros: Figures
    """p50, p90, p99, mean of a request, and cpu, the median of processor time; of a service that is the client's."""
    cold_seconds: float | None = None
    """Import, load and first answer, above the bare import of numpy and onnxruntime; of a service, from its start."""
    uss_megabytes: float | None = None
    """Above that import; of a service, of all its processes and not above anything. MiB."""
    rss_megabytes: float | None = None
    size_megabytes: float = 0.0
    """10^6 bytes on disk."""
    is_service: bool = False


def measure(
    contenders: Sequence[Contender],
    place: Place,
    requests: list[Request],
    repeats: int,
    starts: int,
    progress: Callable[[str], None],
) -> tuple[list[Row], Figures]:
    """The rows in the order of the contenders, and the figures of the bare import."""
    fresh: dict[str, Figures] = {}
    if starts:
        progress(f"Starting each alone, {starts} times")
        fresh = cold_starts(contenders, place, starts)
    with ExitStack() as stack, threadpool_limits(1):
        asked, services = {}, {}
        for contender in contenders:
            progress(f"Opening {contender.title}")
            if contender.serve is not None:
                services[contender.name] = stack.enter_context(contender.serve(place))
                ask: Callable[[Any], Any] = services[contender.name].ask
            else:
                assert contender.open is not None
                ask = contender.open(place)
            asked[contender.name] = OpenContender(ask, contender.items(requests), contender.requests_of_item)
        progress(f"Asking {len(requests)} requests, {repeats} times")
        micros = interleaved_times(asked, repeats)
        for name, running in services.items():
            fresh[name] = {"seconds": running.first_answer_seconds, **family_megabytes(running.pid)}
    bare = fresh.get(BARE, {})
    return [row(each, place, summary(micros[each.name]), fresh.get(each.name), bare) for each in contenders], bare


def row(contender: Contender, place: Place, micros: Figures, alone: Figures | None, bare: Figures) -> Row:
    """A contender's row; a service's figures are its own, the others stand above the bare import."""
    head = (contender.name, contender.title, contender.gives, micros)
    size, is_service = size_megabytes(contender, place), contender.serve is not None
    if alone is None:
        return Row(*head, size_megabytes=size, is_service=is_service)
    base = dict.fromkeys(alone, 0.0) if is_service else bare
    above = {name: value - base[name] for name, value in alone.items()}
    return Row(*head, above["seconds"], above["uss"], above["rss"], size, is_service)


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows for a file."""
    return [asdict(each) for each in rows]
