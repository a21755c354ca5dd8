"""The exposure record read: who was in which arm since when, and what was, or would have been, shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import duckdb

from mersalg.errors import DataError
from mersalg_service.experiment.assignment import Unit
from mersalg_training.columns import RECORD_COLUMNS, Column
from mersalg_training.data.casts import id_text, number, timestamp_sql
from mersalg_training.data.purchases import reading
from mersalg_training.data.sources import literal
from mersalg_training.logged_offers.files import open_log
from mersalg_training.logged_offers.read import map_offers, shown_sql, truth_value

MAX_CROSSED: Final = 0.01
"""A larger share of units that were seen in two arms is no experiment any more."""


@dataclass(frozen=True)
class Record:
    """What the tables `exposures` and `units` hold.

    exposures(unit, customer_id, order_id, product_id, kind, moment, offered_at, shown, position, relevance, because,
    bundle, propensity, arm_propensity, explored, experiment, arm): a row of the record.
    units(unit, customer_id, arm, assigned_at): each unit once, in the arm in which it was seen first.
    """

    experiment: str | None
    unit: Unit
    arms: Mapping[str, int]
    """Arm -> units, in the order of the names."""
    shares: Mapping[str, float] | None
    """The propensity of each arm in the record; None where it has none, or several for one arm."""
    has_would_be: bool
    """Some offer that was not shown is in it, so that the hold-out's offers are known."""
    notes: list[str]


def read_record(
    connection: duckdb.DuckDBPyConnection,
    location: str,
    mappings: Mapping[Column, str],
    unit: Unit,
    experiment: str | None = None,
    encoding: str = "utf-8",
    max_crossed: float = MAX_CROSSED,
) -> Record:
    """Make the tables `exposures` and `units`; columns are found as those of any log of offers are.

    DataError: not readable, no unit with an arm and a time, several experiments and none named, a larger share than
    max_crossed of the units in two arms.
    """
    source, torn = open_log(connection, location, encoding)
    _, found_notes = map_offers(connection, source, RECORD_COLUMNS, mappings)
    offered_at, note = timestamp_sql(connection, "raw_offers", "offered_at")
    said = ", ".join(f"CAST({column} AS VARCHAR)" for column in RECORD_COLUMNS)  # a torn line says nothing
    with reading("--offers"):
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE read_exposures AS
            SELECT coalesce({id_text("unit")}, {id_text(f"{unit}_id")}) AS unit,
                   {id_text("customer_id")} AS customer_id,
                   {id_text("order_id")} AS order_id, {id_text("product_id")} AS product_id,
                   {id_text("kind")} AS kind, {id_text("moment")} AS moment, {offered_at} AS offered_at,
                   {number("CAST(propensity AS VARCHAR)")} AS propensity,
                   {number("coalesce(CAST(arm_propensity AS VARCHAR), CAST(propensity AS VARCHAR))")} AS arm_propensity,
                   {truth_value("explored")} AS explored, {id_text("experiment")} AS experiment,
                   {id_text("arm")} AS arm, TRY_CAST(position AS INTEGER) AS position,
                   TRY_CAST(relevance AS DOUBLE) AS relevance, {id_text("because")} AS because,
                   {id_text("bundle")} AS bundle,
                   coalesce({shown_sql()}, false) AND {id_text("product_id")} IS NOT NULL AS shown,
                   {shown_sql()} IS NULL AS shown_unclear
            FROM raw_offers WHERE coalesce({said}) IS NOT NULL
        """)
    named = choose_experiment(connection, experiment)
    notes = [f"{torn:,} lines of the record are torn and were passed over"] if torn else []
    notes += [*found_notes, note] if note else found_notes
    notes += keep_rows(connection, named)
    notes += make_units(connection, max_crossed)
    arms = dict(connection.execute("SELECT arm, count(*) FROM units GROUP BY arm ORDER BY arm").fetchall())
    would_be = connection.execute(
        "SELECT count(*) FROM exposures WHERE product_id IS NOT NULL AND NOT shown"
    ).fetchall()[0][0]
    return Record(named, unit, arms, find_shares(connection, list(arms)), would_be > 0, notes)


def choose_experiment(connection: duckdb.DuckDBPyConnection, experiment: str | None) -> str | None:
    """The one experiment that is analysed; None where the record names none."""
    rows = connection.execute(
        "SELECT DISTINCT experiment FROM read_exposures WHERE experiment IS NOT NULL ORDER BY 1"
    ).fetchall()
    names = [row[0] for row in rows]
    if experiment is not None and experiment not in names:
        raise DataError(f"--experiment {experiment}: the record holds {', '.join(names) or 'no name of an experiment'}")
    if experiment is None and len(names) > 1:
        raise DataError(f"--offers: holds the experiments {', '.join(names)}; name one with --experiment")
    return experiment or (names[0] if names else None)


def keep_rows(connection: duckdb.DuckDBPyConnection, experiment: str | None) -> list[str]:
    """Make `exposures` of the experiment's rows with unit, arm and time; tell how many others there are."""
    condition = "true" if experiment is None else f"experiment = {literal(experiment)}"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE exposures AS SELECT * EXCLUDE (shown_unclear) FROM read_exposures
        WHERE {condition} AND unit IS NOT NULL AND arm IS NOT NULL AND offered_at IS NOT NULL
    """)
    kept, unit, arm, time, unclear = connection.execute(f"""
        SELECT (SELECT count(*) FROM exposures), count(*) FILTER (unit IS NULL), count(*) FILTER (arm IS NULL),
               count(*) FILTER (offered_at IS NULL), count(*) FILTER (shown_unclear)
        FROM read_exposures WHERE {condition}
    """).fetchall()[0]
    if not kept:
        raise DataError(
            "--offers: no row has a unit (or customer_id), an arm and offered_at; `mersalg_service.experiment` writes "
            "such a record, docs/uplift.md has its columns"
        )
    told = (("a unit's id", unit), ("an arm", arm), ("a time", time))
    notes = [f"{count:,} rows without {what} are no part of the comparison" for what, count in told if count]
    return [*notes, f"{unclear:,} rows whose `shown` is not 0 or 1 count as not shown"] if unclear else notes


def make_units(connection: duckdb.DuckDBPyConnection, max_crossed: float) -> list[str]:
    """Make `units`: by its first exposure each."""
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE units AS
        SELECT unit, arg_min(customer_id, offered_at) AS customer_id, arg_min(arm, (offered_at, arm)) AS arm,
               min(offered_at) AS assigned_at, count(DISTINCT arm) AS arms
        FROM exposures GROUP BY unit
    """)
    units, crossed = connection.execute("SELECT count(*), count(*) FILTER (arms > 1) FROM units").fetchall()[0]
    if crossed > max_crossed * units:
        raise DataError(
            f"--offers: {crossed:,} of {units:,} units are in more than one arm; expected one arm for each as long as "
            "the experiment runs. Were its shares changed without a new name? Analyse the time before apart"
        )
    return [f"{crossed:,} units were seen in two arms; they count in the first"] if crossed else []


def find_shares(connection: duckdb.DuckDBPyConnection, arms: list[str]) -> Mapping[str, float] | None:
    """The shares that the record itself names, where they are one an arm and sum to 1."""
    rows = connection.execute(
        "SELECT arm, min(arm_propensity), max(arm_propensity) FROM exposures GROUP BY arm"
    ).fetchall()
    result = {arm: low for arm, low, high in rows if low is not None and low == high}
    whole = set(result) == set(arms) and math.isclose(math.fsum(result.values()), 1.0, abs_tol=1e-6)
    return {arm: result[arm] for arm in arms} if whole else None
