"""What the purchases say of the products."""

from __future__ import annotations

from typing import Final

from mersalg_training.export.patterns import pattern_tables
from mersalg_training.report.blocks import Block, Details, PageSection, Paragraph, as_block
from mersalg_training.report.subject import Subject

MAX_ROWS: Final = 12
"""Rows of a table."""


def patterns_section(subject: Subject) -> PageSection:
    """What goes with what, what extends it, ladders, rhythms, and what is unusual."""
    blocks: list[Block] = []
    tables = [] if subject.patterns is None else pattern_tables(subject.patterns, subject.product, MAX_ROWS)
    if subject.patterns is None or not tables:
        blocks.append(Paragraph("The bundle holds no patterns.", "note"))
    else:
        told = (
            "Lift says how many times as often two products are bought together as orders of their size explain. Each "
            f"row rests on at least {subject.patterns.min_customers} customers; `mersalg patterns` prints all."
        )
        blocks.append(Paragraph(told))
        blocks += [Details(table.title, [as_block(table)]) for table in tables]
    return PageSection("patterns", "What goes with what", "What do the purchases say of the products?", blocks)
