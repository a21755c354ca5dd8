"""Who answers the same requests, and what each needs on disk.

Everything is imported where it is used: a contender that is started alone shall pay for its own imports only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from request_file import Request, read_requests

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from services import Running

    import mersalg

Ask = Callable[[Any], Any]
BATCH = 64


@dataclass(frozen=True)
class Place:
    """Where everything lies."""

    bundle: Path
    work: Path
    """requests.jsonl, and a folder for each contender's own files."""


def each(requests: list[Request]) -> list[Any]:
    """The requests as they are."""
    return list(requests)


@dataclass(frozen=True)
class Contender:
    """One way to get offers."""

    name: str
    """By which --only chooses it."""
    title: str
    gives: str
    """What an answer holds."""
    open: Callable[[Place], Ask] | None = None
    """Imports and loads; what it gives is asked one item after the other."""
    files: tuple[str, ...] = ()
    """What it loads, below the place's folders: `bundle/...` or `work/...`."""
    items: Callable[[list[Request]], list[Any]] = each
    """What is asked with, made of the requests beforehand."""
    requests_of_item: int = 1
    is_cold_started: bool = True
    """Whether it is also started alone in a process of its own, for memory and cold start."""
    serve: Callable[[Place], AbstractContextManager[Running]] | None = None
    """In the place of `open` for a service, which is a process of its own anyway."""


@cache
def loaded(bundle: Path) -> mersalg.Recommender:
    """The bundle, opened once."""
    import mersalg  # noqa: PLC0415

    return mersalg.load(bundle)


def offers(place: Place) -> Ask:
    recommender = loaded(place.bundle)
    return lambda request: recommender.recommend(**request)


def graph_alone(place: Place) -> Ask:
    return loaded(place.bundle).session.run


def encoded(requests: list[Request]) -> list[Any]:
    """The graph's inputs."""
    from mersalg.requests import encode, read_mapping  # noqa: PLC0415

    return [encode(read_mapping(request)) for request in requests]


def in_batches(place: Place) -> Ask:
    return loaded(place.bundle).score


def batches(requests: list[Request]) -> list[Any]:
    """Whole batches; the requests from the front fill the last one."""
    repeated = requests + requests[: -len(requests) % BATCH]
    return [repeated[start : start + BATCH] for start in range(0, len(repeated), BATCH)]


def pyfunc(place: Place) -> Ask:
    import mlflow.pyfunc  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    model = mlflow.pyfunc.load_model(str(place.work / "mlflow"))

    def ask(request: Request) -> Any:
        row = {"request_id": "1"} | {name: value for name, value in request.items() if value is not None}
        return model.predict(pd.DataFrame([row]))

    return ask


def mersalg_service(place: Place) -> AbstractContextManager[Running]:
    from services import mersalg_serve  # noqa: PLC0415

    return mersalg_serve(place.bundle, place.work / "mersalg-serve.log", first_request(place))


def mlflow_service(place: Place) -> AbstractContextManager[Running]:
    from services import mlflow_serve  # noqa: PLC0415

    return mlflow_serve(place.work / "mlflow", place.work / "mlflow-serve.log", first_request(place))


def first_request(place: Place) -> Request:
    return read_requests(place.work / "requests.jsonl")[0]


def lookup(opener: str) -> Callable[[Place], Ask]:
    """One of the bare lookups."""

    def open_it(place: Place) -> Ask:
        import lookups  # noqa: PLC0415

        opened: Ask = getattr(lookups, opener)(place.work / "lookups")
        return opened

    return open_it


OFFERS, IDS = "offers", "ids only"
SCORER = ("bundle/scorer.onnx",)
CONTENDERS = (
    Contender("recommend", "mersalg: `recommend`", OFFERS, offers, SCORER),
    Contender("graph", "mersalg: the graph alone", OFFERS, graph_alone, SCORER, items=encoded, is_cold_started=False),
    Contender(
        "batch", f"mersalg: `score` in batches of {BATCH}", OFFERS, in_batches, SCORER, items=batches,
        requests_of_item=BATCH, is_cold_started=False,
    ),
    Contender("pyfunc", "MLflow pyfunc", OFFERS, pyfunc, SCORER),
    Contender("serve", "`mersalg serve`, HTTP", OFFERS, files=SCORER, serve=mersalg_service),
    Contender("mlflow-serve", "`mlflow models serve`, HTTP", OFFERS, files=SCORER, serve=mlflow_service),
    Contender("item-item", "implicit, item-item", IDS, lookup("open_item_item"), ("work/lookups/item_item.npz",)),
    Contender("als", "implicit, ALS of a known customer", IDS, lookup("open_als"), ("work/lookups/als.npz",)),
    Contender("scan", "full scan of factors, numpy", IDS, lookup("open_scan"), ("work/lookups/factors.npy",)),
)  # fmt: skip
"""In the order of the table."""


def paths_of(contender: Contender, place: Place) -> list[Path]:
    """What it loads."""
    folders = {"bundle": place.bundle, "work": place.work}
    return [folders[file.partition("/")[0]] / file.partition("/")[2] for file in contender.files]


def size_megabytes(contender: Contender, place: Place) -> float:
    """What it loads from disk, in 10^6 bytes."""
    return sum(path.stat().st_size for path in paths_of(contender, place)) / 1e6
