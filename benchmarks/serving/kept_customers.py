"""What a history costs that is sent with every request, and what one that was read once: in the process, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from interleaved import OpenContender, interleaved_times, summary
from request_file import Request
from services import mersalg_serve

import mersalg

LINES = 600
"""About the median of real customers."""
REQUESTS = 100
Figures = dict[str, float]


def by_customer(
    recommender: mersalg.Recommender, requests: Sequence[Request], repeats: int, log: Path
) -> dict[str, Figures]:
    """How it is asked -> microseconds of one answer, of those REQUESTS whose histories are nearest to LINES.

    All are asked in turn, in one run. AssertionError where a customer is answered otherwise than the history.
    """
    near = sorted(requests, key=lambda request: abs(len(request["history"]) - LINES))[:REQUESTS]
    bare = [{name: value for name, value in request.items() if name != "history"} for request in near]
    as_texts = [
        {**one, "history": [{**line, "ordered_at": line["ordered_at"].isoformat()} for line in one["history"]]}
        for one in near
    ]
    customers = [recommender.customer(request["history"]) for request in near]
    kept = [{**one, "customer": customer} for one, customer in zip(bare, customers, strict=True)]
    if recommender.score(kept) != recommender.score(near):
        raise AssertionError("a customer is answered otherwise than the history")

    def ask(request: Request) -> object:
        return recommender.recommend(**{name: value for name, value in request.items() if name != "request_id"})

    asked = {"without a history": bare, "history": near, "history, times as texts": as_texts, "customer": kept}
    contenders = {name: OpenContender(ask, items) for name, items in asked.items()}
    with ExitStack() as stack:
        options = ("--customers", str(len(near)))
        service = stack.enter_context(mersalg_serve(recommender.folder.resolve(), log, near[0], *options)).ask
        contenders |= over_http(service, bare, near)
        found = interleaved_times(contenders, repeats)
    return {name: summary(micros) | {"least": least(micros)} for name, micros in found.items()}


def least(micros: np.ndarray) -> float:
    """The quickest answer to each request by the clock, and of those the median: what a busy machine hardly moves.

    micros: (2, repeats, items).
    """
    return float(np.median(micros[0].min(axis=0)))


def over_http(
    ask: Callable[[Request], object], bare: Sequence[Request], near: Sequence[Request]
) -> dict[str, OpenContender]:
    """The same of a service, which has been sent each history once."""
    keys = [{"customer": str(place)} for place in range(len(near))]
    for request, key in zip(near, keys, strict=True):
        ask({**request, **key})
    kept = [{**request, **key} for request, key in zip(bare, keys, strict=True)]
    asked = {"HTTP, without a history": bare, "HTTP, history": near, "HTTP, customer's key": kept}
    return {name: OpenContender(ask, items) for name, items in asked.items()}
