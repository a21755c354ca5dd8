"""How well a bundle ranks: task by task beside every baseline, with intervals, repeat and explore apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mersalg_training.evaluation.baselines.fitting import TWO_STAGE
from mersalg_training.evaluation.beyond_best_sellers import GINI, PS_NDCG, PS_RECALL
from mersalg_training.evaluation.metrics import COVERAGE, MARGIN, NDCG, OURS, PRECISION, RECALL, REVENUE, Estimate
from mersalg_training.evaluation.result import ORACLE, Difference, EvaluationResult, Row
from mersalg_training.report.blocks import Block, Cell, Details, HeadedRows, PageSection, Paragraph, Table, Tone
from mersalg_training.report.strips import Scale, around_zero, from_zero
from mersalg_training.report.subject import Subject
from mersalg_training.report.wording import DASH, count, number, of_number

VIEWS: Final = {
    "explore": "Explore: products that the customer had not bought before",
    "repeat": "Repeat: products that the customer had bought before",
    "other": "Both together, or one kind of offer",
}
HOW: Final = (
    "Ranked over the whole catalogue, without thresholds, on requests of the test window; each method knows what lies "
    "before it. In brackets, and as lines, 95 % intervals over customers. The difference is taken on the same requests "
    "and draws; ahead or behind is said only where its whole interval lies on one side of zero. The best baseline is "
    "chosen for each task on these very requests, which is to its advantage."
)
PLACES: Final = {REVENUE: 2, MARGIN: 2}
"""Decimals of a metric; 3 of the others."""


def results(subject: Subject) -> PageSection:
    """The main table, other metrics, and all methods by task."""
    result = subject.evaluation
    question = "How far up stands what is bought, beside what simpler methods reach?"
    if not result.rows:
        nothing = Paragraph(subject.unmeasured or "The test window holds no request.", "warning")
        return PageSection("results", "How good it is", question, [nothing])
    blocks: list[Block] = [Paragraph(HOW)]
    if subject.parent is not None:
        told = f"Measured on {subject.parent.name} of {subject.parent.created_at}, from which it was recalibrated"
        blocks.append(Paragraph(f"{told}: it ranks as its parent does.", "note"))
    metrics = [
        metric for metric in (NDCG, RECALL, PS_NDCG, PS_RECALL, REVENUE, MARGIN, PRECISION) if result.figures(metric)
    ]
    blocks += [Paragraph(sentence, "note") for sentence in standing(result, metrics[0])]
    blocks.append(summary(result, metrics[0]))
    blocks += [Details(f"The same by {metric}", [summary(result, metric)]) for metric in metrics[1:]]
    tasks = dict.fromkeys(row.task for row in result.rows)
    each = [Details(task, [every_method(result, task)]) for task in tasks]
    blocks.append(Details("Every method and every metric, task by task", each))
    return PageSection("results", "How good it is", question, blocks)


def standing(evaluation: EvaluationResult, metric: str) -> Iterator[str]:
    """Say on how many tasks it is ahead, level and behind; and what could not be measured."""
    rivals = {"the best single method": best_single(evaluation, metric), TWO_STAGE: two_stage(evaluation, metric)}
    for who, of in rivals.items():
        if of:
            ahead, behind = sum(d.ahead for d in of.values()), sum(d.estimate.high < 0.0 for d in of.values())
            level = len(of) - ahead - behind
            told = f"ahead on {ahead}, level on {level}, behind on {behind} of {len(of)} tasks"
            yield f"By {metric}, beside {who}: {told}."
    if evaluation.without_requests:
        yield f"Without requests in the test window: {', '.join(evaluation.without_requests)}."
    for name, reason in evaluation.skipped.items():
        yield f"Not fitted: {name}, because {reason}."


def best_single(evaluation: EvaluationResult, metric: str) -> dict[str, Difference]:
    """Task -> the difference to the best baseline that is one method."""
    differences = {}
    for task in evaluation.figures(metric):
        best = best_rival(evaluation, task, metric)
        if best is not None and (gap := difference(evaluation, task, best.method, metric)) is not None:
            differences[task] = gap
    return differences


def two_stage(evaluation: EvaluationResult, metric: str) -> dict[str, Difference]:
    """Task -> the difference to the two-stage model, where it was asked."""
    gaps = {task: difference(evaluation, task, TWO_STAGE, metric) for task in evaluation.figures(metric)}
    return {task: gap for task, gap in gaps.items() if gap is not None}


def best_rival(evaluation: EvaluationResult, task: str, metric: str) -> Row | None:
    """The baseline of the highest value that is one method; None where none was asked."""
    rivals = [row for row in evaluation.figures(metric)[task].values() if row.method not in (OURS, TWO_STAGE)]
    return max(rivals, key=lambda row: row.value, default=None)


def difference(evaluation: EvaluationResult, task: str, rival: str, metric: str) -> Difference | None:
    """How much more the bundle reaches than a rival; None where that was not measured."""
    return next((d for d in evaluation.differences if (d.task, d.rival, d.metric) == (task, rival, metric)), None)


def view_of(task: str) -> str:
    """Which of VIEWS a task belongs to."""
    first, *rest = task.split(", ")
    if "explore" in rest or "new products" in rest:
        return "explore"
    return "repeat" if "repeat" in rest or first == "replacement" else "other"


def summary(evaluation: EvaluationResult, metric: str) -> Table:
    """A row for each task: the bundle, the best single method, the two-stage model, and how far apart they are."""
    figures = evaluation.figures(metric)
    single, staged = best_single(evaluation, metric), two_stage(evaluation, metric)
    ours = {task: row for task, of in figures.items() if (row := of.get(OURS)) is not None}
    rivals = {task: best_rival(evaluation, task, metric) for task in ours}
    scale = from_zero([row.estimate for row in [*ours.values(), *(row for row in rivals.values() if row)]])
    around = around_zero([d.estimate for d in [*single.values(), *staged.values()]])
    ceilings = {row.task: row.estimate for row in evaluation.ceilings if (row.method, row.metric) == (ORACLE, metric)}
    places = PLACES.get(metric, 3)
    groups = []
    for view, label in VIEWS.items():
        rows = []
        for task, row in ours.items():
            if view_of(task) != view:
                continue
            cells = [Cell(task), measured(row.estimate, scale, places), rival_cell(rivals[task], scale, places)]
            if single:
                cells.append(gap_cell(single.get(task), around, places))
            if staged:
                cells.append(gap_cell(staged.get(task), around, places))
            if ceilings:
                cells.append(Cell(number(ceilings[task].value, places) if task in ceilings else DASH))
            if any(row.n for row in ours.values()):
                cells.append(Cell(count(row.n)))
            rows.append(cells)
        if rows:
            groups.append(HeadedRows(rows, label))
    columns = ["task", OURS, "best single method"]
    columns += ["difference to it"] if single else []
    columns += [f"difference to {TWO_STAGE}"] if staged else []
    columns += ["ceiling"] if ceilings else []
    columns += ["requests"] if any(row.n for row in ours.values()) else []
    ceiling = "; ceiling: a perfect order of the bundle's own candidates" if ceilings else ""
    beyond = any(cell.strip and cell.strip.beyond for group in groups for row in group.rows for cell in row)
    edge = "; hollow dot: beyond the edge" if beyond else ""
    return Table(f"{metric} by task{ceiling}{edge}", columns, groups)


def measured(estimate: Estimate, scale: Scale, places: int) -> Cell:
    """A figure with its dot and interval."""
    return Cell(of_number(estimate, places), scale.strip(estimate))


def rival_cell(rival: Row | None, scale: Scale, places: int) -> Cell:
    """A rival's figure and its name."""
    if rival is None:
        return Cell("none was asked")
    return Cell(of_number(rival.estimate, places), scale.strip(rival.estimate), note=rival.method)


def gap_cell(gap: Difference | None, scale: Scale, places: int) -> Cell:
    """A difference, and whether it is one."""
    if gap is None:
        return Cell(DASH)
    tone: Tone = "good" if gap.ahead else "bad" if gap.estimate.high < 0.0 else "level"
    word = {"good": "ahead", "bad": "behind", "level": "level"}[tone]
    return Cell(of_number(gap.estimate, places, signed=True), scale.strip(gap.estimate), tone, word)


def every_method(evaluation: EvaluationResult, task: str) -> Table:
    """All methods of a task by all metrics, the best first by the first metric that orders lists."""
    rows = [row for row in evaluation.rows if row.task == task]
    metrics = list(dict.fromkeys(row.metric for row in rows))
    leading = NDCG if NDCG in metrics else metrics[0]
    by_method: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_method.setdefault(row.method, {})[row.metric] = row
    order = sorted(
        by_method, key=lambda method: -by_method[method][leading].value if leading in by_method[method] else 0.0
    )
    scale = from_zero([of[leading].estimate for of in by_method.values() if leading in of])
    lines = [method_line(method, by_method[method], metrics, leading, scale) for method in order]
    return Table(
        f"{task}: every method, the best by {leading} first",
        ["method", leading, *(m for m in metrics if m != leading)],
        [HeadedRows(lines)],
    )


def method_line(method: str, of: dict[str, Row], metrics: Sequence[str], leading: str, scale: Scale) -> list[Cell]:
    """The cells of one method."""
    cells = [Cell(method, tone="ours" if method == OURS else "")]
    for metric in [leading, *(m for m in metrics if m != leading)]:
        row = of.get(metric)
        if row is None:
            cells.append(Cell("not applicable"))
        elif metric in (COVERAGE, GINI):  # of all lists together, without draws
            cells.append(Cell(number(row.value, 4)))
        else:
            strip = scale.strip(row.estimate) if metric == leading else None
            cells.append(Cell(of_number(row.estimate, PLACES.get(metric, 3)), strip))
    return cells
