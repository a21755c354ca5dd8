"""The result of an evaluation: as rows, as MLflow metrics, as tables for a terminal and in Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mersalg_training.evaluation.coverage_at_precision import COLUMNS as RESTRAINT_COLUMNS
from mersalg_training.evaluation.coverage_at_precision import TITLE as RESTRAINT_TITLE
from mersalg_training.evaluation.coverage_at_precision import Restraint
from mersalg_training.evaluation.coverage_at_precision import cells as restraint_cells
from mersalg_training.evaluation.empty_answers import Empty
from mersalg_training.evaluation.metrics import NDCG, OURS, PRECISION, Estimate
from mersalg_training.evaluation.order_by_value import Sold
from mersalg_training.evaluation.precision_shown import Shown
from mersalg_training.evaluation.reliability import Kept, Promises

ORACLE: Final = "oracle over candidates"
"""The method that puts the bundle's own candidates into the best order there is: its ceiling, not its rival."""
NEW, KNOWN = "new customers", "known customers"
"""The groups of requests that some tasks are told apart by."""


@dataclass(frozen=True)
class Row:
    """One figure of one method."""

    task: str
    """`next basket, repeat`; of some tasks also for `new customers` and `known customers`."""
    method: str
    metric: str
    estimate: Estimate

    @property
    def value(self) -> float:
        """The figure."""
        return self.estimate.value

    @property
    def low(self) -> float:
        """The lower end of its 95 % interval."""
        return self.estimate.low

    @property
    def high(self) -> float:
        """The upper end."""
        return self.estimate.high

    @property
    def n(self) -> int:
        """Requests."""
        return self.estimate.n


@dataclass(frozen=True)
class Difference:
    """How much more the bundle reaches than a baseline, on the same requests and the same draws."""

    task: str
    rival: str
    metric: str
    estimate: Estimate

    @property
    def ahead(self) -> bool:
        """The whole interval is above zero."""
        return self.estimate.low > 0.0


@dataclass(frozen=True)
class Evaluation:
    """What was found on a test window."""

    rows: Sequence[Row]
    differences: Sequence[Difference]
    shown: Sequence[Shown]
    """Empty where the thresholds were not asked for."""
    without_requests: Sequence[str]
    """Tasks for which the window holds no request."""
    ceilings: Sequence[Row] = ()
    """By task, what the bundle's candidates hold and what a perfect order of them would reach."""
    sold: Sequence[Sold] = ()
    """What is shown by relevance and by value, and bought; empty where that was not asked for."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Baseline -> why it could not be fitted."""
    kept: Sequence[Kept] = ()
    """What the relevance of what is shown promised, and what came of it; empty where that was not asked for."""
    promises: Promises | None = None
    """The offers behind it, for a plot."""
    restraint: Sequence[Restraint] = ()
    """How many carts see an offer at an equal precision; empty where that was not asked for."""
    empty: Sequence[Empty] = ()
    """Why requests were shown nothing, of the same requests as `shown`; empty where that was not asked for."""

    def figures(self, metric: str) -> dict[str, dict[str, Row]]:
        """Task -> method -> its row."""
        found: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            if row.metric == metric:
                found.setdefault(row.task, {})[row.method] = row
        return found

    def against_best(self, task: str, metric: str) -> Difference | None:
        """The difference to the baseline of the highest value; None where no baseline was asked."""
        rivals = [row for row in self.figures(metric)[task].values() if row.method != OURS]
        if not rivals:
            return None
        best = max(rivals, key=lambda row: row.value).method
        found = (d for d in self.differences if (d.task, d.rival, d.metric) == (task, best, metric))
        return next(found, None)

    def metrics(self) -> dict[str, float]:
        """The figures under flat names, as MLflow takes them: `test/completion.explore/ndcg_at_10` is the bundle's.

        A baseline's is `test/completion.explore/baseline.popularity/ndcg_at_10`, the ceiling
        `test/completion.explore/oracle_over_candidates/ndcg_at_10`; what the thresholds show is under
        `test/shown.cart.cross-sell/`, and what the two orders of offers sell under `test/shown_by.value/`.
        """
        found = {}
        for row in self.ceilings:
            method = "" if row.method == OURS else f"{metric_key(row.method)}/"
            found[f"test/{metric_key(row.task)}/{method}{metric_key(row.metric)}"] = row.value
        for row in self.rows:
            method = "" if row.method == OURS else f"baseline.{metric_key(row.method)}/"
            found[f"test/{metric_key(row.task)}/{method}{metric_key(row.metric)}"] = row.value
        for offered in self.shown:
            under = f"test/shown.{offered.moment}.{offered.kind}"
            found[f"{under}/offers"] = float(offered.offers)
            found[f"{under}/share_of_requests"] = offered.seen.value
            if offered.precision is not None:
                found[f"{under}/precision"] = offered.precision.value
        for sold in self.sold:
            under = f"test/shown_by.{sold.order}"
            if sold.precision is not None:
                found[f"{under}/precision"] = sold.precision.value
            found |= {f"{under}/{metric_key(name)}": estimate.value for name, estimate in sold.worth.items()}
        for checked in self.kept:
            under = f"test/kept.{checked.kind}.{metric_key(checked.group)}"
            values = {"offers": checked.offers, "promised": checked.promised, "bought": checked.came.value}
            values |= {"calibration_error": checked.error, "calibration_error_by_chance": checked.error_by_chance}
            found |= {f"{under}/{name}": float(value) for name, value in values.items()}
        return found

    def render(self, metric: str = NDCG) -> RenderableType:
        """For a terminal of 120 columns: one metric by task beside the best baseline, and what the thresholds show.

        A group of customers, and the precision of a task that is judged by it too, stand below their task.
        """
        table = Table(
            *("task", f"{OURS} [95 %]", "best baseline", "ratio", "difference [95 %]", "n", "ceiling"),
            title=f"{metric}; ceiling: a perfect order of the bundle's own candidates",
            **COMPACT,
        )
        precise = self.figures(PRECISION)
        for task, by_method in self.figures(metric).items():
            table.add_row(*self.line(task, metric, below(task)))
            if task in precise and metric != PRECISION and OURS in by_method:
                table.add_row(*self.line(task, PRECISION, f"  {PRECISION}"))
        parts: list[RenderableType] = [table, *map(Text, self.remarks(metric))]
        if self.shown:
            offers = Table(*SHOWN_COLUMNS, title="What is shown at the thresholds, and bought", **COMPACT)
            for row in self.shown:
                if row.offers:
                    offers.add_row(*shown_cells(row))
            parts.append(offers)
        if self.empty:
            parts.append(text_table(EMPTY_TITLE, EMPTY_COLUMNS, map(empty_cells, self.empty)))
        if self.kept:
            parts.append(text_table(KEPT_TITLE, KEPT_COLUMNS, map(kept_cells, self.kept)))
        if self.restraint:
            parts.append(text_table(RESTRAINT_TITLE, RESTRAINT_COLUMNS, map(restraint_cells, self.restraint)))
        if self.sold:
            header, lines = self.sold_cells()
            by_order = Table(*header, title="What each order of the offers sells, of what is shown", **COMPACT)
            for line in lines:
                by_order.add_row(*line)
            parts.append(by_order)
        return Group(*parts)

    def line(self, task: str, metric: str, label: str) -> list[str]:
        """The cells of one task in a terminal."""
        by_method = self.figures(metric)[task]
        best, ratio, _ = self.compared(task, metric)
        found, ours = self.against_best(task, metric), by_method[OURS]
        return [
            label,
            short(ours.estimate),
            f"{three(by_method[best].value)} {best}" if best else "",
            ratio,
            short(found.estimate, signed=True) if found else "",
            str(ours.n),
            next((three(c.value) for c in self.ceilings if (c.task, c.method, c.metric) == (task, ORACLE, metric)), ""),
        ]

    def markdown(self, metric: str = NDCG) -> str:
        """The same tables in Markdown, with every interval."""
        methods, lines = self.cells(metric)
        header = ["task", "n", *methods, "best baseline", "ratio", "more"]
        text = f"{metric} on the test window, in brackets the 95 % interval.\n\n{markdown_table(header, lines)}"
        text += "".join(f"\n\n{remark}" for remark in self.remarks(metric))
        if self.ceilings:
            text += (
                f"\n\nWhat the bundle's candidates hold, and what a perfect order of them ({ORACLE}) would reach.\n\n"
            )
            text += markdown_table(*self.ceiling_cells())
        if self.shown:
            text += "\n\nWhat is shown at the thresholds, and bought.\n\n"
            text += markdown_table(SHOWN_COLUMNS, map(shown_cells, self.shown))
        if self.empty:
            text += f"\n\n{EMPTY_TITLE}.\n\n" + markdown_table(EMPTY_COLUMNS, map(empty_cells, self.empty))
        if self.kept:
            text += f"\n\n{KEPT_TITLE}.\n\n" + markdown_table(KEPT_COLUMNS, map(kept_cells, self.kept))
        if self.restraint:
            text += f"\n\n{RESTRAINT_TITLE}.\n\n"
            text += markdown_table(RESTRAINT_COLUMNS, map(restraint_cells, self.restraint))
        if self.sold:
            text += "\n\nWhat each order of the offers sells, of what is shown.\n\n"
            text += markdown_table(*self.sold_cells())
        return text + "\n"

    def sold_cells(self) -> tuple[list[str], list[list[str]]]:
        """The header, a line of text for each order of offers, and one for how much more the order by value sells."""
        names = list(dict.fromkeys(name for sold in self.sold for name in sold.worth))
        lines = []
        for sold in self.sold:
            precision = "nothing shown" if sold.precision is None else interval(sold.precision, places=3)
            worth = [interval(sold.worth[name], places=3) for name in names]
            lines.append([f"by {sold.order}", f"{sold.requests}", f"{sold.offers}", precision, *worth])
            if sold.more:
                more = [interval(sold.more[name], places=3, signed=True) for name in names]
                lines.append(["more", "", "", "", *more])
        return ["order", "requests", "offers", "precision", *names], lines

    def ceiling_cells(self) -> tuple[list[str], list[list[str]]]:
        """The header, and a line of text for each task."""
        columns = list(dict.fromkeys((row.method, row.metric) for row in self.ceilings))
        by_task: dict[str, dict[tuple[str, str], str]] = {}
        for row in self.ceilings:
            by_task.setdefault(row.task, {})[row.method, row.metric] = interval(row.estimate)
        header = ["task", *(f"{metric}, {method}" if method == ORACLE else metric for method, metric in columns)]
        return header, [[task, *(cells.get(c, "") for c in columns)] for task, cells in by_task.items()]

    def cells(self, metric: str) -> tuple[list[str], list[list[str]]]:
        """The methods, and a line of text for each task."""
        figures = self.figures(metric)
        methods = list(dict.fromkeys(row.method for row in self.rows))
        lines = []
        for task, by_method in figures.items():
            of_methods = [interval(by_method[m].estimate) if m in by_method else "" for m in methods]
            n = str(max(row.n for row in by_method.values()))
            lines.append([task, n, *of_methods, *self.compared(task, metric)])
        return methods, lines

    def compared(self, task: str, metric: str) -> tuple[str, str, str]:
        """The best baseline, the bundle's ratio to it, and the difference; the latter for whole tasks only."""
        by_method = self.figures(metric)[task]
        rivals = [row for row in by_method.values() if row.method != OURS]
        if not rivals or OURS not in by_method:
            return "", "", ""
        best = max(rivals, key=lambda row: row.value)
        ratio = f"{by_method[OURS].value / best.value:.2f}" if best.value else ""
        found = self.against_best(task, metric)
        return best.method, ratio, interval(found.estimate, signed=True) if found else ""

    def remarks(self, metric: str) -> list[str]:
        """Say where the bundle is not above the best baseline, outside the interval, and what could not be asked."""
        best = {task: self.against_best(task, metric) for task in self.figures(metric)}
        behind = [f"{task} ({found.rival})" for task, found in best.items() if found is not None and not found.ahead]
        told = []
        if any(found is not None for found in best.values()):
            told.append(
                f"Not above the best baseline, outside the interval of the difference: {', '.join(behind)}."
                if behind
                else "Above the best baseline in every task, outside the interval of the difference."
            )
        if self.without_requests:
            told.append(f"Without requests in the test window: {', '.join(self.without_requests)}.")
        told += [f"Not fitted: {name}, because {reason}." for name, reason in self.skipped.items()]
        return told


COMPACT: Final[dict[str, Any]] = {"box": box.SIMPLE_HEAD, "show_edge": False, "padding": (0, 1, 0, 0)}
"""So that a line of results fits a terminal of 120 columns."""
SHOWN_COLUMNS: Final = ("moment", "kind", "requests", "see one", "offers", "bought", "precision")


def shown_cells(row: Shown) -> list[str]:
    """A line of text for a kind at a moment."""
    precision = "nothing shown" if row.precision is None else interval(row.precision, places=3)
    seen = f"{row.seen.value:.1%}"
    return [row.moment, row.kind, f"{row.requests}", seen, f"{row.offers}", f"{row.relevant}", precision]


EMPTY_TITLE: Final = "Why requests see nothing"
EMPTY_COLUMNS: Final = ("moment", "reason", "requests", "share")


def empty_cells(row: Empty) -> list[str]:
    """A line of text for a reason at a moment."""
    return [row.moment, row.reason, f"{row.requests}", f"{row.requests / row.of:.1%}"]


KEPT_TITLE: Final = "What the relevance of what is shown promised, and what came"
KEPT_COLUMNS: Final = ("kind", "group", "offers", "promised", "bought", "calibration error", "by chance")


def kept_cells(row: Kept) -> list[str]:
    """A line of text for a kind in a group."""
    errors = [f"{row.error:.3f}", f"{row.error_by_chance:.3f}"]
    return [row.kind, row.group, f"{row.offers}", f"{row.promised:.3f}", interval(row.came, places=3), *errors]


def text_table(title: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    """A table for a terminal."""
    table = Table(*header, title=title, **COMPACT)
    for line in lines:
        table.add_row(*line)
    return table


def below(task: str) -> str:
    """A task as it stands in a terminal's table: a group of customers below its task, without its name."""
    group = task.rpartition(", ")[2]
    return f"  {group}" if group in (NEW, KNOWN) else task


def short(estimate: Estimate, signed: bool = False) -> str:
    """A figure with its interval in few places: `.179 [.171 .186]`."""
    if math.isnan(estimate.value):
        return "unknown"
    return f"{three(estimate.value, signed)} [{three(estimate.low)} {three(estimate.high)}]"


def three(value: float, signed: bool = False) -> str:
    """Three decimals without the zero before the point."""
    text = f"{value:{'+' if signed else ''}.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.9995 else text


def interval(estimate: Estimate, places: int = 4, signed: bool = False) -> str:
    """A figure with its interval: `0.1790 (0.1712 to 0.1862)`."""
    if math.isnan(estimate.value):
        return "unknown"
    sign = "+" if signed else ""
    value, low, high = (f"{x:{sign}.{places}f}" for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    rule = ["---"] * len(header)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *lines))


def metric_key(text: str) -> str:
    """A label as part of an MLflow name: `next basket, repeat` is `next_basket.repeat`, `NDCG@10` is `ndcg_at_10`."""
    plain = text.lower().replace("@", "_at_").replace(", ", ".")
    return re.sub(r"[^a-z0-9._-]+", "_", plain)
