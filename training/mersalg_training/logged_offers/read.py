"""A log of offers read and checked: every row that does not count is counted by the reason why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import duckdb
from rich.console import Group, RenderableType
from rich.text import Text

from mersalg.errors import DataError
from mersalg.names import KINDS, MOMENTS
from mersalg_service.experiment.assignment import HOLD_OUT
from mersalg_training.columns import OFFER_COLUMNS, Column
from mersalg_training.data.casts import id_text, number, timestamp_sql
from mersalg_training.data.contract_report import Row, percent, row_text, sentences
from mersalg_training.data.mapping import Bound, bind_columns, mapped_view
from mersalg_training.data.purchases import alias_notes, missing, read_elsewhere, reading
from mersalg_training.data.sources import DataSource, literal
from mersalg_training.logged_offers.acceptance import fill_acceptance
from mersalg_training.logged_offers.files import open_log

KEY: Final = "offers"
EXAMPLES: Final = 3
REQUIRED: Final[tuple[Column, ...]] = ("product_id", "offered_at", "accepted")
SWITCHED_OFF: Final[dict[Column, str]] = {
    "customer_id": "no customer_id: what the customer had bought; intervals take each order for a witness of its own",
    "order_id": "no order_id: carts that are not in the table; requests are told apart by customer, time and moment",
    "kind": "no kind: the log's figures by kind; the bundle says of which kind an offer is",
    "moment": "no moment: figures by moment; every offer is taken for a follow-up, without a cart",
    "position": "no position: position bias, and the list's order; a list has as many places as it shows offers",
    "propensity": "no propensity: the off-policy value; what is told is what the log itself reached",
    "cart": "no cart: it is taken to be the order's products less those offered, which were perhaps added later",
}
"""The sentence that is shown for each missing column."""
TRUE, FALSE = "('1', '1.0', 'true', 't')", "('0', '0.0', 'false', 'f')"


@dataclass(frozen=True)
class OffersReport:
    """Offers read, dropped and kept, by reason."""

    rows_read: int
    rows_kept: int
    rejected: dict[str, int]
    """Reason -> dropped rows, in the order in which reasons are tried; a row counts under the first alone."""
    examples: dict[str, list[Row]]
    """Reason -> at most three of its rows, as the source spells them."""
    notes: list[str]
    """What was read otherwise than it says, in sentences."""
    switched_off: list[str]
    """What a missing column takes away, in sentences."""

    def to_json(self) -> dict[str, Any]:
        """The report in values that JSON knows."""
        return asdict(self)

    def render(self) -> RenderableType:
        """The report for a terminal."""
        lines = [Text(f"{self.rows_kept:,} of {self.rows_read:,} logged offers count")]
        for reason, count in self.rejected.items():
            lines.append(Text(f"  rejected, {reason}: {count:,} ({percent(count, self.rows_read)})"))
            lines += [Text(f"    {row_text(row)}") for row in self.examples[reason]]
        return Group(*lines, *sentences("Note", self.notes), *sentences("Off", self.switched_off))

    def lines(self) -> list[str]:
        """The report in sentences that name no row, and so no customer."""
        rejected = [
            f"rejected, {reason}: {count:,} ({percent(count, self.rows_read)})"
            for reason, count in self.rejected.items()
        ]
        counted = f"{self.rows_kept:,} of {self.rows_read:,} logged offers count"
        return [counted, *rejected, *self.notes, *(f"switched off, {sentence}" for sentence in self.switched_off)]


def read_offers(
    connection: duckdb.DuckDBPyConnection,
    location: str,
    mappings: Mapping[Column, str],
    max_reject_share: float,
    encoding: str = "utf-8",
) -> OffersReport:
    """Make the table `offers` in a database that holds the contract's `products`, and tell what was dropped and why.

    offers(customer_id, order_id VARCHAR NULL, product_id VARCHAR, kind, moment VARCHAR, offered_at TIMESTAMP,
    position BIGINT, propensity DOUBLE NULL, accepted INTEGER, cart VARCHAR[] NULL): one row for each offer shown; kind
    and position NULL throughout where the log has no such column. DataError if the file cannot be read, lacks
    product_id, offered_at or accepted, or if more than max_reject_share of its rows, or all of them, are rejected.
    Rows that were not shown, as of a hold-out, are no offers: they are left out before anything else of them is read,
    and counted in a note. A log whose `accepted` is empty throughout, as a service writes it, gets it of the `lines`.
    """
    source, torn = open_log(connection, location, encoding)
    result, notes = map_offers(connection, source, OFFER_COLUMNS, mappings)
    if torn:
        notes.insert(0, f"{torn:,} lines of the log are torn and were passed over")
    if absent := [column for column in REQUIRED if column not in result]:
        raise DataError(missing(source, absent))
    with reading(KEY):
        notes += type_offers(connection, result)
    if unseen := leave_out_unseen(connection):
        notes.insert(0, f"{unseen:,} rows say that nothing was shown, and are left out")
    notes += fill_acceptance(connection)
    rules = offer_rules(result)
    judge(connection, rules)
    counts = dict(connection.execute("SELECT rejected_by, count(*) FROM judged_offers GROUP BY ALL").fetchall())
    rejected = {reason: counts[place] for place, (reason, _) in enumerate(rules) if place in counts}
    examples = {
        reason: find_examples(connection, place) for place, (reason, _) in enumerate(rules) if reason in rejected
    }
    read, kept = sum(counts.values()), counts.get(None, 0)
    check_share(read, rejected, examples, max_reject_share)
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE offers AS
        SELECT customer_id, order_id, product_id, kind, moment, offered_at, CAST(position AS BIGINT) AS position,
               propensity, accepted, cart FROM judged_offers WHERE rejected_by IS NULL
    """)
    off = [sentence for column, sentence in SWITCHED_OFF.items() if column not in result]
    return OffersReport(read, kept, rejected, examples, notes + propensity_notes(connection, result), off)


def map_offers(
    connection: duckdb.DuckDBPyConnection, source: DataSource, wanted: Sequence[Column], mappings: Mapping[Column, str]
) -> tuple[dict[Column, Bound], list[str]]:
    """Make the view `raw_offers` with the wanted columns, NULL where the source lacks one; which it has, and notes."""
    result, unbound = bind_columns(connection, source, wanted, mappings)
    source = read_elsewhere(connection, source, result.values(), most=None)
    mapped_view(connection, "raw_offers", source, wanted, result)
    unfit = [
        f"data.columns.{failed.column} = {failed.mapping!r} does not bind ({failed.why}): nothing else was found"
        for failed in unbound
        if failed.column not in result
    ]
    return result, [*unfit, *alias_notes(source, result)]


def shown_sql() -> str:
    """SQL over `raw_offers` for whether a row was shown: as it says, else by its arm, since a hold-out sees nothing.

    A row that says neither was shown. NULL where `shown` is no truth value.
    """
    by_arm = f"coalesce({id_text('arm')} <> {literal(HOLD_OUT)}, true)"
    return f"CASE WHEN {id_text('shown')} IS NULL THEN {by_arm} ELSE {truth_value('shown')} END"


def truth_value(column: str) -> str:
    """SQL for 1 and true, 0 and false, in their usual spellings; NULL for anything else."""
    text = f"lower(trim(CAST({column} AS VARCHAR)))"
    return f"CASE WHEN {text} IN {TRUE} THEN true WHEN {text} IN {FALSE} THEN false END"


def type_offers(connection: duckdb.DuckDBPyConnection, result: Mapping[Column, Bound]) -> list[str]:
    """Make `typed_offers`: the rows cast, with the text of what could not be; a note about the spelling of dates."""
    offered_at, note = timestamp_sql(connection, "raw_offers", "offered_at")
    moment = "lower(trim(CAST(moment AS VARCHAR)))" if "moment" in result else "'follow-up'"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE typed_offers AS
        SELECT {id_text("customer_id")} AS customer_id, {id_text("order_id")} AS order_id,
               {id_text("product_id")} AS product_id,
               lower(trim(CAST(kind AS VARCHAR))) AS kind, {moment} AS moment,
               {offered_at} AS offered_at, {number("CAST(position AS VARCHAR)")} AS position,
               {number("CAST(propensity AS VARCHAR)")} AS propensity,
               CAST({truth_value("accepted")} AS INTEGER) AS accepted, {cart_sql(connection)} AS cart,
               {shown_sql()} AS was_shown, CAST(shown AS VARCHAR) AS shown,
               CAST(offered_at AS VARCHAR) AS date_text, CAST(position AS VARCHAR) AS position_text,
               nullif(trim(CAST(propensity AS VARCHAR)), '') AS propensity_text, CAST(accepted AS VARCHAR) AS said
        FROM raw_offers
    """)
    return [note] if note else []


def leave_out_unseen(connection: duckdb.DuckDBPyConnection) -> int:
    """Drop the typed rows that were not shown; how many they were."""
    return int(connection.execute("DELETE FROM typed_offers WHERE NOT was_shown").fetchall()[0][0])


def cart_sql(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL for the cart as a list of ids: a list as it is, a text divided at `|`; an empty text is an empty cart."""
    kind = str(connection.execute("SELECT column_type FROM (DESCRIBE SELECT cart FROM raw_offers)").fetchall()[0][0])
    if kind.endswith("[]"):
        return "CAST(cart AS VARCHAR[])"
    split = "string_split(CAST(cart AS VARCHAR), '|')"
    trimmed = f"list_transform({split}, lambda c: trim(c))"
    return f"CASE WHEN cart IS NOT NULL THEN list_filter({trimmed}, lambda c: c <> '') END"


def offer_rules(result: Mapping[Column, Bound]) -> list[tuple[str, str]]:
    """Reasons and the SQL conditions that raise them, in the order in which they are tried; t is a row, p its product.

    Of several rows that offer one product in one request the accepted one, or else the first place, counts.
    """
    kinds, moments = (", ".join(map(literal, names)) for names in (KINDS, MOMENTS))
    rules = [
        ("missing id", "t.product_id IS NULL"),
        ("unparsable date", "t.offered_at IS NULL"),
        ("shown is not 0 or 1", "t.was_shown IS NULL"),
        ("accepted is not 0 or 1", "t.accepted IS NULL"),
    ]
    if "kind" in result:
        rules.append(("unknown kind", f"coalesce(t.kind NOT IN ({kinds}), true)"))
    if "moment" in result:
        rules.append(("unknown moment", f"coalesce(t.moment NOT IN ({moments}), true)"))
    if "position" in result:
        rules.append(
            ("position is no whole number from 1", "coalesce(t.position < 1 OR t.position <> floor(t.position), true)")
        )
    outside = "coalesce(t.propensity <= 0 OR t.propensity > 1, t.propensity_text IS NOT NULL)"
    return [
        *rules,
        ("propensity outside (0, 1]", outside),
        ("unknown product", "p.product_id IS NULL"),
        ("duplicate", "t.copy > 1"),
    ]


def judge(connection: duckdb.DuckDBPyConnection, rules: Sequence[tuple[str, str]]) -> None:
    """Make `judged_offers`: the typed rows with `rejected_by`, the place of the first rule that they break."""
    *others, (_, duplicate) = rules
    broken = " ".join(f"WHEN {condition} THEN {place}" for place, (_, condition) in enumerate(others))
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE judged_offers AS
        WITH judged AS (
            SELECT t.*, CASE {broken} END AS broken
            FROM typed_offers t LEFT JOIN products p ON t.product_id = p.product_id
        ), numbered AS (
            SELECT *, row_number() OVER (
                PARTITION BY broken IS NULL, customer_id, order_id, offered_at, moment, product_id
                ORDER BY accepted DESC, position, propensity, kind
            ) AS copy FROM judged
        )
        SELECT * EXCLUDE (copy, broken),
               CASE WHEN broken IS NOT NULL THEN broken WHEN {duplicate} THEN {len(others)} END AS rejected_by
        FROM numbered t
    """)


def find_examples(connection: duckdb.DuckDBPyConnection, place: int) -> list[Row]:
    """The first rows that a rule rejects, as the source spells them."""
    rows = connection.execute(f"""
        SELECT customer_id, order_id, product_id, kind, moment, date_text AS offered_at, position_text AS position,
               propensity_text AS propensity, said AS accepted, shown
        FROM judged_offers WHERE rejected_by = {place} ORDER BY ALL LIMIT {EXAMPLES}
    """)
    names = [column[0] for column in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def check_share(read: int, rejected: Mapping[str, int], examples: Mapping[str, list[Row]], most: float) -> None:
    """DataError if there are no rows, if all are rejected, or more than the share that is allowed."""
    if not read:
        raise DataError(f"{KEY}: holds no rows of shown offers; expected at least one")
    dropped = sum(rejected.values())
    if dropped < read and dropped <= most * read:
        return
    told = [
        f"{KEY}: {dropped} of {read} rows ({percent(dropped, read)}) are rejected; contract.max_reject_share allows "
        f"{most:.0%}"
    ]
    for reason, count in sorted(rejected.items(), key=lambda item: -item[1]):
        told += [f"  {reason}: {count} rows, as in", *(f"    {row_text(row)}" for row in examples[reason])]
    told.append("Map the columns in [data.columns], or allow a larger share: --set contract.max_reject_share=0.5")
    raise DataError("\n".join(told))


def propensity_notes(connection: duckdb.DuckDBPyConnection, result: Mapping[Column, Bound]) -> list[str]:
    """Say where a propensity is missing in a log that has them."""
    if "propensity" not in result:
        return []
    empty, rows = connection.execute("SELECT count(*) FILTER (propensity IS NULL), count(*) FROM offers").fetchall()[0]
    if not empty:
        return []
    return [f"{empty:,} of {rows:,} offers have no propensity: their requests are left out of the off-policy value"]
