"""The file `patterns.json` of a bundle, read, chosen from and laid out as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from mersalg.bundle import read_file
from mersalg.errors import BundleError
from mersalg_training.figure_table import FigureTable
from mersalg_training.tables.association import MAX_LIFT
from mersalg_training.tables.patterns import LadderStep, Patterns, ProductPair, RepurchaseRhythm

NAME: Final = "patterns.json"
"""What it is called in a bundle."""


def read_patterns(folder: Path, manifest: Mapping[str, Any]) -> Patterns | None:
    """The patterns of a verified bundle; None where it carries none. BundleError where the file is none of these."""
    if NAME not in manifest["files"]:
        return None
    try:
        return Patterns.model_validate_json(read_file(folder, dict(manifest), NAME))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{folder / NAME}: {key}: {first['msg']}; export the bundle again") from None


def chosen(patterns: Patterns, name: Callable[[str], str], product: str | None, product_type: str | None) -> Patterns:
    """The rows in which a product stands, by its id or a part of its name, and one of a type; None = any."""

    def holds(row: ProductPair | LadderStep | RepurchaseRhythm) -> bool:
        ids = [row.product] if isinstance(row, RepurchaseRhythm) else [row.anchor, row.product]
        is_product = product is None or any(i == product or product.lower() in name(i).lower() for i in ids)
        types = [patterns.types.get(i, "").lower() for i in ids]
        return is_product and (product_type is None or product_type.lower() in types)

    lists = ("pairs", "add_ons", "ladders", "rhythms", "unusual")
    rows = {field: [row for row in getattr(patterns, field) if holds(row)] for field in lists}
    named = {value for kept in rows.values() for row in kept for value in row.model_dump().values()}
    types = {product_id: of_type for product_id, of_type in patterns.types.items() if product_id in named}
    return patterns.model_copy(update={**rows, "types": types})


def pattern_tables(patterns: Patterns, name: Callable[[str], str], most: int) -> list[FigureTable]:
    """A table of at most so many rows for each sort of pattern that has any; a pair stands once, in one direction."""
    name = apart(patterns, name)

    def pairs(title: str, both: Sequence[ProductPair], *, unusual: bool = False) -> FigureTable:
        once: dict[frozenset[str], ProductPair] = {}
        for row in both:
            once.setdefault(frozenset((row.anchor, row.product)), row)
        rows = list(once.values())
        columns = ["with", "goes", "lift", "orders", "customers", *(["unusual"] if unusual else [])]
        cells = [
            [name(row.anchor), name(row.product), lift_text(row.lift), f"{row.orders:,}", f"{row.customers:,}",
             *([row.unusual] if unusual else [])]
            for row in rows[:most]
        ]  # fmt: skip
        return FigureTable(title, columns, cells, [1, *([5] if unusual else [])], more(rows))

    def more(rows: Sequence[object]) -> list[str]:
        return [f"The first {most:,} of {len(rows):,}."] if len(rows) > most else []

    ladders = [
        [name(row.anchor), name(row.product), f"{row.price_ratio:.2f}", f"{row.switches:,}", f"{row.customers:,}"]
        for row in patterns.ladders[:most]
    ]
    rhythms = [[name(row.product), f"{row.interval_days:.1f}", f"{row.intervals:,}"] for row in patterns.rhythms[:most]]
    tables = [
        pairs("What goes with what, by size-corrected lift", patterns.pairs),
        pairs("What extends what: add-ons", patterns.add_ons),
        FigureTable(
            "Ladders upwards, by observed switches", ["from", "to", "price ratio", "switches", "customers"],
            ladders, [1], more(patterns.ladders),
        ),
        FigureTable("Rhythms of replacement", ["product", "days", "intervals"], rhythms, (), more(patterns.rhythms)),
        pairs("Unusual", patterns.unusual, unusual=True),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def apart(patterns: Patterns, name: Callable[[str], str]) -> Callable[[str], str]:
    """Names that tell products apart: one that several products of the patterns have stands with the id."""
    rows: list[ProductPair | LadderStep] = [
        *patterns.pairs, *patterns.add_ons, *patterns.ladders, *patterns.unusual
    ]  # fmt: skip
    ids = {row.anchor for row in rows} | {row.product for row in [*rows, *patterns.rhythms]}
    shared = Counter(map(name, ids))
    return lambda product_id: f"{name(product_id)} ({product_id})" if shared[name(product_id)] > 1 else name(product_id)


def lift_text(lift: float) -> str:
    """A lift, which the counts cap."""
    return f"{lift:,.0f}+" if lift >= MAX_LIFT else f"{lift:,.1f}"
