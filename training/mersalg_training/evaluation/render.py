"""An evaluation for people: the tables of a terminal, and the same in Markdown with every interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from rich.console import Group, RenderableType

from mersalg.names import KINDS
from mersalg_training.evaluation.beyond_best_sellers import BEST_SELLER_SHARE, BEST_SELLERS, GINI, PS_NDCG
from mersalg_training.evaluation.coverage_at_precision import TITLE as RESTRAINT_TITLE
from mersalg_training.evaluation.coverage_at_precision import CoverageAtPrecision
from mersalg_training.evaluation.empty_answers import EmptyAnswers
from mersalg_training.evaluation.follow_on import MIN_LIFT, FollowOnShown
from mersalg_training.evaluation.metrics import COVERAGE, NDCG, OURS, PRECISION, Estimate
from mersalg_training.evaluation.order_by_value import SalesByOrder
from mersalg_training.evaluation.precision_shown import ShownPrecision
from mersalg_training.evaluation.reliability import Reliability
from mersalg_training.evaluation.result import KNOWN, NEW, ORACLE, EvaluationResult
from mersalg_training.figure_table import FigureTable, as_markdown, as_text

NOTHING: Final = "nothing shown"
HEADLINE: Final = (
    "completion, all",
    "completion, explore",
    "completion, anonymous",
    "next basket, all",
    "upsell, in type",
    "add-on, by asymmetry",
    "replacement, due",
)
"""The tasks that stand for all of them where there is little room."""


def render(evaluation: EvaluationResult, metric: str = NDCG) -> RenderableType:
    """For a terminal of 120 columns: one metric by task beside the best baseline, and what the thresholds show."""
    shown = [row for row in evaluation.shown if row.offers]
    tables = [summary(evaluation, metric), *beyond(evaluation), *beside(evaluation, shown)]
    first, *others = map(as_text, tables)
    return Group(first, *(part for table in others for part in ("", table)))


def markdown(evaluation: EvaluationResult, metric: str = NDCG) -> str:
    """Every method by task, what the candidates hold, and what the thresholds show."""
    shown = evaluation.shown
    tables = [every_method(evaluation, metric), *ceilings(evaluation), *beyond(evaluation), *beside(evaluation, shown)]
    return "\n\n".join(map(as_markdown, tables)) + "\n"


def beside(evaluation: EvaluationResult, shown: Sequence[ShownPrecision]) -> Iterator[FigureTable]:
    """What was asked besides the tasks: one table each, none for what was not asked. shown: its rows that are told."""
    if evaluation.follow_on:
        yield follow_on_table(evaluation.follow_on)
    if evaluation.shown:
        yield shown_table(shown)
    if evaluation.empty:
        yield empty_table(evaluation.empty)
    if evaluation.kept:
        yield kept_table(evaluation.kept)
    if evaluation.restraint:
        yield restraint_table(evaluation.restraint)
    if evaluation.sold:
        yield sold_table(evaluation.sold)


def summary(evaluation: EvaluationResult, metric: str) -> FigureTable:
    """A row for each task: the bundle beside the best baseline.

    A group of customers, and the precision of a task that is judged by it too, stand below their task.
    """
    precise = evaluation.figures(PRECISION)
    rows = []
    for task, by_method in evaluation.figures(metric).items():
        rows.append(summary_row(evaluation, task, metric, below(task)))
        if task in precise and metric != PRECISION and OURS in by_method:
            rows.append(summary_row(evaluation, task, PRECISION, f"  {PRECISION}"))
    title = f"{metric}; ceiling: a perfect order of the bundle's own candidates"
    columns = ["task", f"{OURS} [95 %]", "best baseline", "ratio", "difference [95 %]", "n", "ceiling"]
    return FigureTable(title, columns, rows, words=[2], notes=remarks(evaluation, metric))


def summary_row(evaluation: EvaluationResult, task: str, metric: str, label: str) -> list[str]:
    """The cells of a task."""
    by_method = evaluation.figures(metric)[task]
    best, ratio, _ = compared(evaluation, task, metric)
    gap, ours = evaluation.against_best(task, metric), by_method[OURS]
    ceiling = (row for row in evaluation.ceilings if (row.task, row.method, row.metric) == (task, ORACLE, metric))
    return [
        label,
        short(ours.estimate),
        f"{three(by_method[best].value)} {best}" if best else "",
        ratio,
        short(gap.estimate, signed=True) if gap else "",
        str(ours.n),
        next((three(row.value) for row in ceiling), ""),
    ]


def headline(evaluation: EvaluationResult) -> FigureTable:
    """The tasks of HEADLINE beside the best baseline, and in how many of all tasks the bundle is ahead or behind."""
    by_task = evaluation.figures(NDCG)
    rows = [summary_row(evaluation, task, NDCG, task)[:-1] for task in HEADLINE if task in by_task]
    gaps = [evaluation.against_best(task, NDCG) for task in by_task if below(task) == task]
    ahead = sum(gap is not None and gap.ahead for gap in gaps)
    behind = sum(gap is not None and gap.estimate.high < 0.0 for gap in gaps)
    note = (
        f"Of all {len(gaps)} tasks it is ahead of the best baseline in {ahead} and behind in {behind}, outside the "
        "interval of the difference."
    )
    columns = ["task", f"{OURS} [95 %]", "best baseline", "ratio", "difference [95 %]", "n"]
    return FigureTable(f"{NDCG} beside the best of the quick baselines", columns, rows, words=[2], notes=[note])


def every_method(evaluation: EvaluationResult, metric: str) -> FigureTable:
    """A row for each task, a column for each method."""
    methods = list(dict.fromkeys(row.method for row in evaluation.rows))
    rows = []
    for task, by_method in evaluation.figures(metric).items():
        of_methods = [interval(by_method[m].estimate) if m in by_method else "" for m in methods]
        n = str(max(row.n for row in by_method.values()))
        rows.append([task, n, *of_methods, *compared(evaluation, task, metric)])
    columns = ["task", "n", *methods, "best baseline", "ratio", "more"]
    title = f"{metric} on the test window, in brackets the 95 % interval"
    return FigureTable(title, columns, rows, words=[len(columns) - 3], notes=remarks(evaluation, metric))


def compared(evaluation: EvaluationResult, task: str, metric: str) -> tuple[str, str, str]:
    """The best baseline, the bundle's ratio to it, and the difference; the latter for whole tasks only."""
    by_method = evaluation.figures(metric)[task]
    rivals = [row for row in by_method.values() if row.method != OURS]
    if not rivals or OURS not in by_method:
        return "", "", ""
    best = max(rivals, key=lambda row: row.value)
    ratio = f"{by_method[OURS].value / best.value:.2f}" if best.value else ""
    gap = evaluation.against_best(task, metric)
    return best.method, ratio, interval(gap.estimate, signed=True) if gap else ""


def remarks(evaluation: EvaluationResult, metric: str) -> list[str]:
    """Say where the bundle is not above the best baseline, outside the interval, and what could not be asked."""
    best = {task: evaluation.against_best(task, metric) for task in evaluation.figures(metric)}
    behind = [f"{task} ({gap.rival})" for task, gap in best.items() if gap is not None and not gap.ahead]
    told = []
    if any(gap is not None for gap in best.values()):
        told.append(
            f"Not above the best baseline, outside the interval of the difference: {', '.join(behind)}."
            if behind
            else "Above the best baseline in every task, outside the interval of the difference."
        )
    if evaluation.without_requests:
        told.append(f"Without requests in the test window: {', '.join(evaluation.without_requests)}.")
    told += [f"Not fitted: {name}, because {reason}." for name, reason in evaluation.skipped.items()]
    return told


def ceilings(evaluation: EvaluationResult) -> Iterator[FigureTable]:
    """What the bundle's candidates hold, a row for each task; nothing where that was not asked."""
    if not evaluation.ceilings:
        return
    columns = list(dict.fromkeys((row.method, row.metric) for row in evaluation.ceilings))
    by_task: dict[str, dict[tuple[str, str], str]] = {}
    for row in evaluation.ceilings:
        by_task.setdefault(row.task, {})[row.method, row.metric] = interval(row.estimate)
    header = ["task", *(f"{metric}, {method}" if method == ORACLE else metric for method, metric in columns)]
    title = f"What the bundle's candidates hold, and what a perfect order of them ({ORACLE}) would reach"
    yield FigureTable(title, header, [[task, *(of.get(c, "") for c in columns)] for task, of in by_task.items()])


def beyond(evaluation: EvaluationResult) -> Iterator[FigureTable]:
    """The bundle beyond best-sellers beside the baseline of the highest propensity-scored NDCG, by whole task."""
    rows = []
    for task, by_method in evaluation.figures(PS_NDCG).items():
        if below(task) != task or OURS not in by_method:
            continue
        best, _, _ = compared(evaluation, task, PS_NDCG)
        gap = evaluation.against_best(task, PS_NDCG)
        both = [evaluation.figures(metric)[task] for metric in (BEST_SELLER_SHARE, COVERAGE, GINI)]
        rows.append(
            [
                task,
                short(by_method[OURS].estimate),
                f"{three(by_method[best].value)} {best}" if best else "",
                short(gap.estimate, signed=True) if gap else "",
                *(" / ".join(three(of[method].value) for method in (OURS, best) if method) for of in both),
            ]
        )
    if rows:
        title = (
            f"{PS_NDCG}; {OURS} / that baseline: share of the {BEST_SELLERS} best-sellers, coverage, Gini of the lists"
        )
        columns = ["task", f"{OURS} [95 %]", "best baseline", "difference [95 %]", "best-sellers", "coverage", "Gini"]
        yield FigureTable(title, columns, rows, words=[2])


def follow_on_table(result: Sequence[FollowOnShown]) -> FigureTable:
    """A column for each method with and without history, a row for each figure."""
    table = follows_table(result)
    rows = [*table.rows]
    for kind in KINDS:
        shown = [next((row for row in method.kinds if row.kind == kind), None) for method in result]
        if any(shown):
            rows.append([f"{kind}: bought", *("" if row is None else part_of(row.bought, row.judged) for row in shown)])
            most = ("" if row is None else part_of(row.most_shown_offers, row.offers) for row in shown)
            rows.append(["  offers of one product", *most])
            rows.append(["  least relevance", *("" if row is None else f"{row.least_relevance:.4f}" for row in shown)])
    most_shown = [
        f"Most shown by {row.method}, {row.history}: {', '.join(f'{of.kind} {of.most_shown}' for of in row.kinds)}."
        for row in result
        if row.method == OURS and row.kinds
    ]
    return replace(table, rows=rows, notes=most_shown)


def follows_table(result: Sequence[FollowOnShown]) -> FigureTable:
    """The same of all kinds together."""
    parts: dict[str, list[tuple[int, int]]] = {
        "requests that see nothing": [(row.empty, row.requests) for row in result],
        f"new: the {BEST_SELLERS} best-sellers": [(row.best_sellers, row.new_offers) for row in result],
        f"  lift of {MIN_LIFT} or more": [(row.lifted, row.new_offers) for row in result],
        "upsells named as anchor": [(row.unnamed_upsells, row.upsells) for row in result],
        "confirmation: just paid for": [(row.just_paid, row.confirmation_offers) for row in result],
        "  of a type just paid for": [(row.type_just_paid, row.confirmation_offers) for row in result],
    }
    rows = [[label, *(part_of(*counts) for counts in of)] for label, of in parts.items()]
    title = "Whether what is shown follows on; new = cross-sells and add-ons, lift is size-corrected"
    return FigureTable(title, ["what is shown", *(f"{row.method}, {row.history}" for row in result)], rows)


def shown_table(result: Sequence[ShownPrecision]) -> FigureTable:
    """A row for each kind at a moment."""
    rows = [
        [
            row.moment,
            row.kind,
            f"{row.requests}",
            f"{row.seen.value:.1%}",
            f"{row.offers}",
            f"{row.relevant}",
            NOTHING if row.precision is None else interval(row.precision, places=3),
        ]
        for row in result
    ]
    columns = ["moment", "kind", "requests", "see one", "offers", "bought", "precision"]
    return FigureTable("What is shown at the thresholds, and bought", columns, rows, words=[1])


def empty_table(result: Sequence[EmptyAnswers]) -> FigureTable:
    """A row for each reason at a moment."""
    rows = [[row.moment, row.reason, f"{row.requests:,}", f"{row.requests / row.of:.1%}"] for row in result]
    columns = ["moment", "reason", "requests", "of all at the moment"]
    return FigureTable("Requests of the test window that see nothing, and why", columns, rows, words=[1])


def kept_table(result: Sequence[Reliability]) -> FigureTable:
    """A row for each kind in a group."""
    rows = [
        [
            row.kind,
            row.group,
            f"{row.offers}",
            f"{row.promised:.3f}",
            interval(row.came, places=3),
            f"{row.error:.3f}",
            f"{row.error_by_chance:.3f}",
        ]
        for row in result
    ]
    columns = ["kind", "group", "offers", "promised", "bought", "calibration error", "by chance"]
    return FigureTable("What the relevance of what is shown promised, and what came", columns, rows, words=[1])


def restraint_table(result: Sequence[CoverageAtPrecision]) -> FigureTable:
    """A row for each method at a precision."""
    rows = [
        [
            row.task,
            f"{row.wanted:.0%}",
            row.method,
            "not reached" if row.coverage is None else of_share(row.coverage),
            "" if row.ratio is None else interval(row.ratio, places=2),
        ]
        for row in result
    ]
    columns = ["task", "precision", "method", "carts that see an offer", "ratio of ours to it"]
    return FigureTable(RESTRAINT_TITLE, columns, rows, words=[2])


def sold_table(result: Sequence[SalesByOrder]) -> FigureTable:
    """A row for each order of offers, and one for how much more the order by value sells."""
    names = list(dict.fromkeys(name for sold in result for name in sold.worth))
    rows = []
    for sold in result:
        precision = NOTHING if sold.precision is None else interval(sold.precision, places=3)
        worth = [interval(sold.worth[name], places=3) for name in names]
        rows.append([f"by {sold.order}", f"{sold.requests}", f"{sold.offers}", precision, *worth])
        if sold.more:
            rows.append(["more", "", "", "", *(interval(sold.more[name], places=3, signed=True) for name in names)])
    columns = ["order", "requests", "offers", "precision", *names]
    return FigureTable("What each order of the offers sells, of what is shown", columns, rows)


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


def part_of(part: int, whole: int) -> str:
    """A count of another and its share: `12 of 345 (3.5%)`."""
    return f"{part:,} of {whole:,} ({part / whole:.1%})" if whole else NOTHING


def of_share(estimate: Estimate) -> str:
    """A share with its interval: `17.9% (17.1% to 18.6%)`."""
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
