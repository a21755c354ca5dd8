"""What the purchases say of the products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from mersalg.reasons import FAR
from mersalg_training.export.patterns import pattern_tables
from mersalg_training.report.blocks import Block, Details, ListCard, ListCards, PageSection, Paragraph, as_block
from mersalg_training.report.subject import Subject
from mersalg_training.report.wording import count, some
from mersalg_training.tables.patterns import LadderStep, Patterns, ProductPair, RepurchaseRhythm

MAX_ROWS: Final = 12
"""Rows of a table."""
MAX_ENTRIES: Final = 4
"""Of a short list."""


def patterns_section(subject: Subject) -> PageSection:
    """The strongest pairs, ladders and rhythms; folded away, tables of these, of add-ons and of what is unusual."""
    blocks: list[Block] = []
    tables = [] if subject.patterns is None else pattern_tables(subject.patterns, subject.product, MAX_ROWS)
    if subject.patterns is None or not tables:
        blocks.append(Paragraph("The bundle holds no patterns.", "note"))
    else:
        told = (
            f"Each row rests on at least {subject.patterns.min_customers} customers. Chance: what orders of their size "
            "hold by popularity alone. `mersalg patterns` prints all."
        )
        blocks += [Paragraph(told, "note"), ListCards(strongest(subject, subject.patterns))]
        blocks += [Details(table.title, [as_block(table)]) for table in tables]
    question = "What do the purchases say of the products?"
    return PageSection("patterns", "What goes with what", question, blocks, opening=True)


def strongest(subject: Subject, patterns: Patterns) -> list[ListCard]:
    """A short list of each sort that has any; of the same types of product one row."""
    name = subject.product
    pairs = [
        (f"{name(row.anchor)} + {name(row.product)}", f"{lift_text(row.lift)}, {some_customers(row.customers)}")
        for row in distinct(subject, patterns, patterns.pairs)
    ]
    ladders = [
        (
            f"{name(row.anchor)} to {name(row.product)}",
            f"{row.price_ratio:.2f} times the price, {some_customers(row.customers)}",
        )
        for row in distinct(subject, patterns, patterns.ladders)
    ]
    rhythms = [
        (name(row.product), f"every {row.interval_days:.0f} days, seen {count(row.intervals)} times")
        for row in distinct(subject, patterns, patterns.rhythms)
    ]
    lists = {"Bought together": pairs, "Traded up": ladders, "Bought again": rhythms}
    return [ListCard(title, "", [], entries) for title, entries in lists.items() if entries]


Row = TypeVar("Row", ProductPair, LadderStep, RepurchaseRhythm)


def distinct(subject: Subject, patterns: Patterns, rows: Sequence[Row]) -> list[Row]:
    """The first few rows of which no two are of the same types of product, in whatever order; none of one name."""
    chosen: dict[frozenset[str], Row] = {}
    for row in rows:
        ids = [row.product] if isinstance(row, RepurchaseRhythm) else [row.anchor, row.product]
        if len({subject.product(product_id) for product_id in ids}) == len(ids):
            chosen.setdefault(frozenset(patterns.types.get(product_id, product_id) for product_id in ids), row)
    return list(chosen.values())[:MAX_ENTRIES]


def lift_text(lift: float) -> str:
    """A lift in words; a rare pair has no exact one."""
    return "far more often than chance" if lift >= FAR else f"{lift:.1f} times as often as chance"


def some_customers(n: int) -> str:
    """So many customers."""
    return some(n, "customer", "customers")
