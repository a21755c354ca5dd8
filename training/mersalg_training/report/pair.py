"""Two bundles side by side: what each promises, keeps, reaches and shows, and in which settings they differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mersalg.names import KINDS
from mersalg_training.evaluation.metrics import NDCG, OURS, RECALL, REVENUE, Estimate
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.evaluation.reliability import ALL
from mersalg_training.export.card import at_least
from mersalg_training.figure_table import FigureTable
from mersalg_training.report.blocks import (
    Block,
    Card,
    Cards,
    Cell,
    Details,
    HeadedRows,
    PageSection,
    Paragraph,
    Table,
    as_block,
)
from mersalg_training.report.sections.reliability import verdict
from mersalg_training.report.sections.results import PLACES
from mersalg_training.report.strips import from_zero
from mersalg_training.report.subject import Subject
from mersalg_training.report.wording import DASH, count, day, number, of_number, of_share, some

UNPAIRED: Final = (
    "The two were measured each by itself: the figures are not paired, and two intervals that overlap leave open which "
    "bundle is ahead. Two that lie apart tell that one is, where the test windows are of the same days and purchases."
)
Pair = tuple[Subject, Subject]


def labels(pair: Pair) -> tuple[str, str]:
    """What each is called on the page: its name, and the time at which it was made where the names are the same."""
    first, second = (subject.name for subject in pair)
    if first != second:
        return first, second
    return f"{first}, first", f"{second}, second"


def glance(pair: Pair) -> Cards:
    """A card for each bundle."""
    cards = []
    for label, subject in zip(labels(pair), pair, strict=True):
        manifest = subject.manifest
        certified = len(manifest["certificates"])
        headline = f"{certified} of {some(len(subject.thresholds), 'kind', 'kinds')} certified"
        text = f"Made {manifest['created_at']} by mersalg {manifest['mersalg_version']}."
        facts = [
            ("purchases", f"{manifest['data']['from']} to {manifest['data']['to']}"),
            ("order lines", count(manifest["data"]["lines"])),
            ("products", count(manifest["vocabulary"]["products"])),
            ("scorer, MB", f"{manifest['files']['scorer.onnx']['size'] / 1e6:.1f}"),
        ]
        cards.append(Card(label, "", "good" if certified else "level", headline, text, facts))
    return Cards(cards)


def sections(pair: Pair) -> list[PageSection]:
    """Everything that can be set side by side."""
    return [promised(pair), kept(pair), reached(pair), shown(pair), made(pair)]


def both(pair: Pair, *columns: str) -> list[str]:
    """The headings of some columns, each for the first and for the second bundle."""
    return [f"{label}: {column}" for column in columns for label in labels(pair)]


def promised(pair: Pair) -> PageSection:
    """Thresholds and certificates, kind by kind."""
    rows = []
    for kind in KINDS:
        certificates = [subject.certificate(kind) for subject in pair]
        thresholds = [subject.thresholds.get(kind) for subject in pair]
        rows.append(
            [
                kind,
                *("silent" if t is None else number(t, 4) for t in thresholds),
                *("none" if c is None else at_least(c["precision"]) for c in certificates),
                *(DASH if c is None else count(c["n"]) for c in certificates),
            ]
        )
    columns = ["kind", *both(pair, "shown from", "certified", "offers measured")]
    table = as_block(FigureTable("Thresholds and certificates", columns, rows))
    return PageSection("promises", "What they promise", "From which relevance on is an offer shown?", [table])


def kept(pair: Pair) -> PageSection:
    """What is bought of what is shown on the test windows, kind by kind."""
    result = [{row.kind: row for row in subject.evaluation.kept if row.group == ALL} for subject in pair]

    def told(subject: Subject, kind: str, came: Estimate) -> str:
        certificate = subject.certificate(kind)
        return "not certified" if certificate is None else verdict(certificate["precision"], came)[0]

    scale = from_zero(row.came for of in result for row in of.values())
    rows = []
    for kind in KINDS:
        cells = []
        for subject, of in zip(pair, result, strict=True):
            row = of.get(kind)
            if row is None:
                cells.append(Cell("not told"))
            else:
                cells.append(Cell(of_share(row.came), scale.strip(row.came), note=told(subject, kind, row.came)))
        rows.append([Cell(kind), *cells])
    table = Table("Bought of what is shown on test (95 %)", ["kind", *labels(pair)], [HeadedRows(rows)])
    blocks: list[Block] = [Paragraph(UNPAIRED), windows_told(pair), table]
    for label, subject in zip(labels(pair), pair, strict=True):
        if subject.unmeasured:
            blocks.append(Paragraph(f"{label}: {subject.unmeasured}", "warning"))
    return PageSection("keeps", "Do they keep it", "Is as much bought as was promised?", blocks)


def windows_told(pair: Pair) -> Paragraph:
    """Whether both were measured on the same purchases and days."""
    first, second = (subject.manifest for subject in pair)
    days = [f"{day(m['windows']['test_from'])} to {day(m['windows']['to'])}" for m in (first, second)]
    same = first["data"]["digest"] == second["data"]["digest"]
    purchases = "The purchases are the same" if same else "The purchases differ"
    if days[0] == days[1]:
        return Paragraph(f"{purchases}; the test windows are of the same days, {days[0]}.", "" if same else "warning")
    one, other = labels(pair)
    return Paragraph(f"{purchases}; the test windows are of other days: {one} {days[0]}, {other} {days[1]}.", "warning")


def reached(pair: Pair) -> PageSection:
    """The bundles' own figures, task by task."""
    others = [Details(f"The same by {metric}", [by_task(pair, metric)]) for metric in (RECALL, REVENUE)]
    blocks: list[Block] = [by_task(pair, NDCG), *others]
    return PageSection("results", "How good they are", "How far up stands what is bought?", blocks)


def by_task(pair: Pair, metric: str) -> Table:
    """One metric of both bundles; a task that one was not asked keeps its place."""
    ours = (OURS, metric)
    result = [{r.task: r.estimate for r in s.evaluation.rows if (r.method, r.metric) == ours} for s in pair]
    places = PLACES.get(metric, 3)
    return side_by_side(pair, f"{metric} by task", "task", result, lambda estimate: of_number(estimate, places))


def shown(pair: Pair) -> PageSection:
    """Who sees an offer on the test windows."""
    seen = []
    for subject in pair:
        rows = (row for row in subject.evaluation.shown if row.moment == EVERY)
        seen.append({"every kind" if row.kind == EVERY else row.kind: row.seen for row in rows})
    table = side_by_side(pair, "Requests that see an offer on test, at most three each (95 %)", "kind", seen, of_share)
    return PageSection("costs", "What they show", "How many requests see an offer?", [table])


def side_by_side(
    pair: Pair, caption: str, head: str, result: Sequence[Mapping[str, Estimate]], text: Callable[[Estimate], str]
) -> Table:
    """A column for each bundle on one scale; rows in the order in which either has them."""
    scale = from_zero(estimate for of in result for estimate in of.values())
    rows = []
    for name in dict.fromkeys(name for of in result for name in of):
        cells = [Cell(text(of[name]), scale.strip(of[name])) if name in of else Cell("not told") for of in result]
        rows.append([Cell(name), *cells])
    return Table(caption, [head, *labels(pair)], [HeadedRows(rows)])


def made(pair: Pair) -> PageSection:
    """Where each comes from, and the settings in which they differ."""
    first, second = ({**facts(s.manifest), **settings(s.manifest["config"])} for s in pair)
    names = [name for name in dict.fromkeys([*first, *second]) if first.get(name) != second.get(name)]
    rows = [[name, first.get(name, "not told"), second.get(name, "not told")] for name in names]
    table = as_block(FigureTable("Where they differ", ["fact or setting", *labels(pair)], rows, words=[1, 2]))
    nothing = Paragraph("They do not differ in any setting.")
    return PageSection("making", "How they were made", "In what do they differ?", [table if rows else nothing])


def facts(manifest: Mapping[str, Any]) -> dict[str, str]:
    """What tells a bundle from another."""
    return {
        "made at": manifest["created_at"],
        "mersalg": manifest["mersalg_version"],
        "MLflow run": manifest["run_id"] or "not tracked",
        "parent": manifest["lineage"]["parent"]["name"] if manifest.get("lineage") else "none",
        "digest of the purchases": manifest["data"]["digest"],
        "order lines": count(manifest["data"]["lines"]),
        "products": count(manifest["vocabulary"]["products"]),
        "candidates": count(manifest["graph"]["candidates"]),
        "features": count(len(manifest["features"])),
        "scorer, SHA-256": manifest["files"]["scorer.onnx"]["sha256"],
    }


def settings(config: Mapping[str, Any], under: str = "") -> dict[str, str]:
    """Each setting under its dotted name, as JSON."""
    result: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            result |= settings(value, f"{under}{name}.")
        else:
            result[f"{under}{name}"] = json.dumps(value, ensure_ascii=False)
    return result
