"""What restraint costs: carts that see an offer at an equal realised precision, beside the other methods."""

from __future__ import annotations

from collections.abc import Sequence

from mersalg_training.evaluation.baselines.fitting import TWO_STAGE
from mersalg_training.evaluation.coverage_at_precision import TITLE, CoverageAtPrecision
from mersalg_training.evaluation.metrics import OURS
from mersalg_training.report.blocks import Block, Cell, Details, HeadedRows, Table
from mersalg_training.report.strips import Scale, from_zero
from mersalg_training.report.wording import of_number, of_share


def restraint_blocks(result: Sequence[CoverageAtPrecision]) -> list[Block]:
    """The bundle beside the best single method and the two-stage model; folded away, every method."""
    return [short_table(result), Details("Every method at an equal precision", [long_table(result)])]


def questions(result: Sequence[CoverageAtPrecision]) -> list[tuple[str, list[CoverageAtPrecision]]]:
    """Each task and precision in words, and its rows, the one that serves most carts first."""
    asked = []
    for task, wanted in dict.fromkeys((row.task, row.wanted) for row in result):
        rows = [row for row in result if (row.task, row.wanted) == (task, wanted)]
        asked.append((f"{task}: {wanted:.0%} of it bought", sorted(rows, key=lambda row: -reach(row))))
    return asked


def reach(row: CoverageAtPrecision) -> float:
    """The share of carts; below zero where the precision is not reached."""
    return -1.0 if row.coverage is None else row.coverage.value


def short_table(result: Sequence[CoverageAtPrecision]) -> Table:
    """A row for each task and precision."""
    scale = scale_of(result)
    rows = []
    for asked, methods in questions(result):
        ours = next((row for row in methods if row.method == OURS), None)
        staged = next((row for row in methods if row.method == TWO_STAGE), None)
        single = next((row for row in methods if row.method not in (OURS, TWO_STAGE)), None)
        rows.append([Cell(asked), *(cell(row, scale) for row in (ours, single, staged))])
    columns = ["what is shown", OURS, "best single method", TWO_STAGE]
    return Table(f"{TITLE}: what restraint costs", columns, [HeadedRows(rows)])


def cell(row: CoverageAtPrecision | None, scale: Scale) -> Cell:
    """The share of carts that a method serves, and how many times as many the bundle does."""
    if row is None:
        return Cell("not asked")
    name = "" if row.method in (OURS, TWO_STAGE) else row.method
    if row.coverage is None:
        return Cell("not reached", note=name)
    ratio = "" if row.ratio is None else f"{OURS} serves {of_number(row.ratio, 2)} times as many"
    note = "; ".join(text for text in (name, ratio) if text)
    return Cell(of_share(row.coverage), scale.strip(row.coverage), note=note)


def long_table(result: Sequence[CoverageAtPrecision]) -> Table:
    """A row for each method that reaches the precision."""
    scale = scale_of(result)
    groups = []
    for asked, methods in questions(result):
        rows = [
            [
                Cell(row.method, tone="ours" if row.method == OURS else ""),
                Cell(of_share(row.coverage), scale.strip(row.coverage)),
                Cell("" if row.ratio is None else of_number(row.ratio, 2)),
            ]
            for row in methods
            if row.coverage is not None
        ]
        missed = [row.method for row in methods if row.coverage is None]
        groups.append(HeadedRows(rows, asked + (f"; not reached by {', '.join(missed)}" if missed else "")))
    return Table(TITLE, ["method", "carts that see one (95 %)", f"{OURS} over it"], groups)


def scale_of(result: Sequence[CoverageAtPrecision]) -> Scale:
    """One scale for all shares."""
    return from_zero(row.coverage for row in result if row.coverage is not None)
