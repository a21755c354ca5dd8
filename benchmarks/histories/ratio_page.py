"""The table over shops as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from verdicts import CLEAR_LEAD, METRIC, Interval, KindResult, SetResult, TaskResult, Totals, totals

HEAD = ("shop", "tasks", "surely ahead", "surely behind", f"ratio of {CLEAR_LEAD:.2f} or more", "median ratio")
TASKS = ("task", "requests", "mersalg", "best baseline", "ratio (95 %)", "verdict", "ceiling")
KINDS = ("kind", "offers shown", "promised", "bought (95 %)", "ECE", "by chance")


def page(results: Sequence[SetResult], commit: str, queries: int) -> str:
    """The totals, then each shop's tasks and what its offers promised."""
    every = [task for result in results for task in result.tasks]
    total = [totals_row(result.name, totals(result.tasks)) for result in results]
    parts = [
        "# Quality over shops",
        f"Commit {commit}, at most {queries:,} requests a task. {METRIC}; the best baseline is the best of all, the "
        "two-stage model included, chosen on the same requests; ratios and verdicts are paired by request, intervals "
        "over customers.",
        table(HEAD, [*total, totals_row("all", totals(every))]),
    ]
    for result in results:
        parts += [f"## {result.name}", table(TASKS, [task_row(task) for task in result.tasks])]
        if result.kinds:
            parts.append(table(KINDS, [kind_row(kind) for kind in result.kinds]))
        else:
            parts.append("Too few offers are shown to say what their relevance promised.")
        for why in dict.fromkeys(result.skipped.values()):
            names = [name for name, reason in result.skipped.items() if reason == why]
            parts.append(f"Not fitted: {', '.join(names)}; {why}.")
    return "\n\n".join(parts) + "\n"


def totals_row(name: str, of: Totals) -> list[str]:
    """A shop's row of the first table."""
    counts = [count(part, of.tasks) for part in (of.surely_ahead, of.surely_behind, of.clear_leads)]
    return [name, f"{of.tasks}", *counts, "" if of.median_ratio is None else f"{of.median_ratio:.2f}"]


def count(part: int, whole: int) -> str:
    """`3 (18 %)`."""
    return f"{part} ({part / whole:.0%})".replace("%", " %") if whole else "0"


def task_row(task: TaskResult) -> list[str]:
    """A task's row."""
    best = f"{task.theirs.value:.3f} {task.best}"
    ratio = "baseline at zero" if task.ratio is None else spread(task.ratio, 2)
    return [
        task.task, f"{task.requests}", f"{task.ours.value:.3f}", best, ratio, task.verdict, f"{task.ceiling:.3f}",
    ]  # fmt: skip


def kind_row(kind: KindResult) -> list[str]:
    """What is shown of a kind."""
    promised, error, by_chance = (f"{x:.3f}" for x in (kind.promised, kind.error, kind.error_by_chance))
    return [kind.kind, f"{kind.offers:,}", promised, spread(kind.came, 3), error, by_chance]


def spread(of: Interval, places: int) -> str:
    """`1.28 (1.10 to 1.44)`."""
    value, low, high = (f"{x:.{places}f}" for x in (of.value, of.low, of.high))
    return f"{value} ({low} to {high})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
