"""Requests with the offers that a bundle had for them before it learned what came of it, as a state keeps them.

Two tables, in the engine and in the state. `kept_requests` has request (its number), order_id, customer_id (NULL of
nobody), order_day and asked_day (of the request; both in days since 1970-01-01), moment (position in MOMENTS),
brings_history, and stage: `planned` where its time has not come, `open` where its offers are kept and what came of them
is not known, `known`. `kept_offers` has request, kind (position in KINDS), place, score, worth (NaN where unknown),
label (NULL until it is known) and product_id (NULL of a training job's, which are all known).

A request is of its order as that was known when it was scored. What came of it in later orders is as these are known
when it is labelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from mersalg_training.calibration.scored_offers import RequestColumns, ScoredOffers
from mersalg_training.calibration.targets import REQUESTS_OF_CUSTOMER
from mersalg_training.data.timeline import Float32, Int64, Timeline
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.ranking.cases import HORIZONS, Cases
from mersalg_training.update.state import State, StateWriter, relation

Stage = Literal["planned", "open", "known"]
TABLES: Final = {
    "kept_requests": "request BIGINT, order_id VARCHAR, customer_id VARCHAR, order_day DOUBLE, asked_day DOUBLE, "
    "moment TINYINT, brings_history BOOLEAN, stage VARCHAR",
    "kept_offers": "request BIGINT, kind TINYINT, place TINYINT, score FLOAT, worth FLOAT, label FLOAT, "
    "product_id VARCHAR",
}
KNOWN_NOW: Final = f"stage = 'open' AND order_day + {HORIZONS} * $horizon <= $to"


def make_tables(engine: DuckDBEngine, state: State | None = None) -> None:
    """Make both tables, with what a state keeps, or empty."""
    for table, columns in TABLES.items():
        engine.connection.execute(f"CREATE TABLE {table} ({columns})")
        if state is not None:
            engine.add(table, f"SELECT * FROM {relation(state.files(table))}")


def write_tables(engine: DuckDBEngine, writer: StateWriter) -> None:
    """Write both tables."""
    for table in TABLES:
        writer.copy(engine.connection, table, f"SELECT * FROM {table} ORDER BY ALL", run=0)


def next_number(engine: DuckDBEngine) -> int:
    """A number that no request has."""
    return int(engine.rows("SELECT coalesce(max(request), -1) + 1 AS n FROM kept_requests")["n"][0])


def add_requests(engine: DuckDBEngine, timeline: Timeline, cases: Cases, number: Int64, stage: Stage) -> None:
    """Add requests of a timeline, each under its number (n,)."""
    customers = np.array([*timeline.customer_ids, None], dtype=np.object_)  # UNKNOWN is the last place
    engine.lay(
        "more_requests",
        {
            "request": number,
            "order_id": np.array([timeline.order_ids[order] for order in cases.order.tolist()], dtype=np.object_),
            "customer_id": customers[cases.customer],
            "order_day": timeline.order_day[cases.order],
            "asked_day": cases.at,
            "moment": cases.moment,
            "brings_history": cases.history[:, 1] > cases.history[:, 0],
            "stage": np.full(len(cases), stage, dtype=np.object_),
        },
    )
    engine.connection.execute("INSERT INTO kept_requests BY NAME SELECT * FROM more_requests")


def add_offers(
    engine: DuckDBEngine, offers: ScoredOffers, number: Int64, product_id: Sequence[str | None], label: Float32
) -> None:
    """Add offers. number: (n_requests,); product_id, label: (n_offers,), NaN = not known yet."""
    engine.lay(
        "more_offers",
        {
            "request": number[offers.request],
            "kind": offers.kind,
            "place": offers.place,
            "score": offers.score,
            "worth": offers.worth,
            "label": label,
            "product_id": np.array(product_id, dtype=np.object_),
        },
    )
    engine.connection.execute(
        "INSERT INTO kept_offers BY NAME SELECT * REPLACE (CASE WHEN isnan(label) THEN NULL ELSE label END AS label) "
        "FROM more_offers"
    )


def count_known(engine: DuckDBEngine) -> int:
    """Requests of which it is known what came of them."""
    return int(engine.rows("SELECT count(*) AS n FROM kept_requests WHERE stage = 'known'")["n"][0])


def remove(engine: DuckDBEngine, which: str, **parameters: float) -> int:
    """Take out the requests of which a condition in SQL holds, with their offers; how many."""
    ((removed,),) = engine.connection.execute(f"DELETE FROM kept_requests WHERE {which}", parameters or None).fetchall()
    engine.connection.execute("DELETE FROM kept_offers WHERE request NOT IN (SELECT request FROM kept_requests)")
    return int(removed)


def label_known(engine: DuckDBEngine, to_day: float, horizon_days: float) -> None:
    """Label what is known where orders end: whether the product was bought after the request, within the horizon.

    Reads the tables of a history.
    """
    engine.make(
        "labelled", f"SELECT request, customer_id, asked_day FROM kept_requests WHERE {KNOWN_NOW}",
        horizon=horizon_days, to=to_day,
    )  # fmt: skip
    engine.make(
        "bought_later",
        "SELECT DISTINCT r.request, p.product_id FROM labelled r JOIN customer_codes c USING (customer_id) "
        "JOIN order_lines l ON l.customer = c.customer AND l.day > r.asked_day AND l.day <= r.asked_day + $horizon "
        "JOIN product_codes p ON p.product = l.product",
        horizon=horizon_days,
    )
    engine.connection.execute("""
        UPDATE kept_offers SET label = CAST((request, product_id) IN (SELECT request, product_id FROM bought_later)
                                            AS FLOAT)
        WHERE request IN (SELECT request FROM labelled)
    """)
    engine.connection.execute(
        "UPDATE kept_requests SET stage = 'known' WHERE request IN (SELECT request FROM labelled)"
    )
    engine.drop("labelled", "bought_later")


def known_offers(engine: DuckDBEngine, seed: int) -> ScoredOffers:
    """The requests of which it is known what came of them, with their offers, not calibrated.

    Units are numbered in an order that their ids and the seed draw, and at most REQUESTS_OF_CUSTOMER requests of each
    are drawn: from day to day a customer stays in the half that fits, or in the half that certifies.
    """
    engine.make(
        "drawn_requests",
        f"""
        SELECT * FROM (SELECT *, dense_rank() OVER (ORDER BY unit_id) - 1 AS unit FROM (
            SELECT *, md5(concat($seed, CASE WHEN customer_id IS NULL THEN ' order ' || order_id
                                             ELSE ' customer ' || customer_id END)) AS unit_id
            FROM kept_requests WHERE stage = 'known'))
        QUALIFY row_number() OVER (PARTITION BY unit ORDER BY md5(concat($seed, ' request ', request)))
                <= {REQUESTS_OF_CUSTOMER}
        """,
        seed=seed,
    )
    requests = engine.rows(
        "SELECT request, unit, CAST(moment AS BIGINT) AS moment, brings_history FROM drawn_requests ORDER BY request"
    )
    offers = engine.rows("""
        SELECT request, CAST(kind AS BIGINT) AS kind, CAST(place AS BIGINT) AS place, score, worth, label
        FROM kept_offers SEMI JOIN drawn_requests USING (request) ORDER BY request, kind, place
    """)
    engine.drop("drawn_requests")
    return ScoredOffers(
        request=np.searchsorted(requests["request"], offers["request"]),
        kind=np.asarray(offers["kind"]),
        place=np.asarray(offers["place"]),
        score=np.asarray(offers["score"]),
        relevance=np.full(len(offers["score"]), np.nan, dtype=np.float32),
        label=np.asarray(offers["label"]),
        worth=np.asarray(offers["worth"]),
        requests=RequestColumns(
            np.asarray(requests["unit"]), np.asarray(requests["brings_history"]), np.asarray(requests["moment"])
        ),
    )
