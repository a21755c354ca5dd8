"""A log of offers of the toy bundle's shop whose truth is known, as a table and as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from mersalg_training.data.timeline import Timeline
from mersalg_training.logged_offers.read import read_offers
from mersalg_training.logged_offers.requests import LoggedOffers, gather_offers
from small_history import Order, make_timeline
from toy_bundle import CANDIDATES, VALUES

APPEAL = {"milk": 0.6, "bread": 0.4, "butter": 0.3, "bag": 0.25, "wine": 0.15, "filter": 0.1, "honey": 0.05}
"""How likely each product is accepted when it is looked at."""
LOOKED_AT = (1.0, 0.6, 0.3)
"""How likely each position is looked at."""


def toy_timeline(orders: Sequence[Order] = ()) -> Timeline:
    """The toy shop's purchases; without any given, one long ago."""
    return make_timeline(orders or [Order("nobody", 1.0, "milk")], VALUES)


def write_log(rows: Sequence[Mapping[str, Any]], file: Path) -> Path:
    """Rows as a Parquet file; a missing field is NULL."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    with duckdb.connect() as connection:
        unnested = ", ".join(f"unnest(${place + 1}) AS {name}" for place, name in enumerate(names))
        connection.execute(f"CREATE TABLE log AS SELECT {unnested}", list(columns.values()))
        connection.execute(f"COPY log TO '{file}' (FORMAT parquet)")
    return file


def gather(rows: Sequence[Mapping[str, Any]], folder: Path, timeline: Timeline | None = None) -> LoggedOffers:
    """Rows read as a log is."""
    timeline = timeline or toy_timeline()
    connection = duckdb.connect()
    connection.execute("CREATE TABLE products AS SELECT unnest($1) AS product_id", [timeline.product_ids])
    read_offers(connection, str(write_log(rows, folder / "log.parquet")), {}, 0.0)
    return gather_offers(connection, timeline)


def drawn_log(
    requests: int, random: np.random.Generator, *, customers: int = 300, looked_at: Sequence[float] = LOOKED_AT
) -> list[dict[str, Any]]:
    """A log whose policy puts three products, drawn alike, in three positions of each request."""
    names = list(CANDIDATES)
    rows = []
    for request in range(requests):
        for place, product in enumerate(random.permutation(len(names))[: len(looked_at)].tolist()):
            name = names[product]
            rows.append(
                {
                    "customer_id": f"customer-{request % customers}",
                    "order_id": f"request-{request}",
                    "product_id": name,
                    "kind": CANDIDATES[name][0],
                    "moment": "cart",
                    "offered_at": f"2024-05-01 {request // 3600 % 24:02}:{request // 60 % 60:02}:{request % 60:02}",
                    "position": place + 1,
                    "propensity": 1.0 / len(names),
                    "accepted": int(random.random() < looked_at[place] * APPEAL[name]),
                }
            )
    return rows
