"""Every version of a registered model: where it comes from, what it reached, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from mersalg.bundle.manifest import read_manifest
from mersalg_training.evaluation.file import NAME, carried_evaluation
from mersalg_training.evaluation.metrics import NDCG, OURS, Estimate
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.figure_table import FigureTable
from mersalg_training.json_values import finite
from mersalg_training.progress import Tick
from mersalg_training.promotion.record import CHAMPION, PromotionRecord, VersionStanding, standings
from mersalg_training.tracking.registered_models import ModelVersions

HEADLINES: Final = ("completion, all", "next basket, all")
"""Tasks whose NDCG is told."""
SHOWN, SEEN = "precision shown", "requests with an offer"


@dataclass(frozen=True)
class VersionRow:
    """A version and its run."""

    standing: VersionStanding
    data: tuple[str, str]
    """First and last day of the purchases."""
    test_from: str
    """The first day that it has not learned from."""
    figures: dict[str, Estimate]
    """What training measured on the test window."""

    def to_json(self) -> dict[str, Any]:
        """In values that JSON knows."""
        found, record = self.standing.version, self.standing.record
        document = {
            "version": found.version,
            "aliases": list(found.aliases),
            "made": found.created_at.isoformat(),
            "run": found.run_id,
            "data": {"from": self.data[0], "to": self.data[1], "test_from": self.test_from},
            "figures": {name: asdict(estimate) for name, estimate in self.figures.items()},
            "state": self.standing.state,
            "record": None if record is None else asdict(record),
        }
        return dict(finite(document))


def read_rows(models: ModelVersions, most: int, tick: Tick) -> list[VersionRow]:
    """The newest versions, at most so many, the newest first."""
    versions = models.newest(most)
    found = standings(versions, models.aliases().get(CHAMPION))
    rows = []
    with TemporaryDirectory(prefix="mersalg-runs-") as place:
        for done, standing in enumerate(found):
            rows.append(read_row(models, standing, Path(place)))
            tick(done + 1, len(found))
    return rows


def read_row(models: ModelVersions, standing: VersionStanding, place: Path) -> VersionRow:
    """A version's manifest and, where it carries one, its evaluation."""
    version = standing.version.version
    file = models.fetch(version, place, "manifest.json")
    manifest = read_manifest(file.read_bytes(), f"models:/{models.name}/{version}: manifest.json")
    figures: dict[str, Estimate] = {}
    if NAME in manifest["files"]:
        where = models.fetch(version, place, NAME)
        carried = carried_evaluation(where.parent, manifest)
        figures = headline_figures(carried.evaluation) if carried is not None else {}
    data = str(manifest["data"]["from"])[:10], str(manifest["data"]["to"])[:10]
    return VersionRow(standing, data, str(manifest["windows"]["test_from"])[:10], figures)


def headline_figures(evaluation: EvaluationResult) -> dict[str, Estimate]:
    """NDCG of HEADLINES, what is bought of what is shown, and how many see an offer; what is not told is left out."""
    by_task = evaluation.figures(NDCG)
    result = {task: by_task[task][OURS].estimate for task in HEADLINES if OURS in by_task.get(task, {})}
    for row in evaluation.shown:
        if row.moment == row.kind == EVERY:
            result |= {SEEN: row.seen} | ({SHOWN: row.precision} if row.precision is not None else {})
    return result


def versions_table(rows: Sequence[VersionRow]) -> FigureTable:
    """A row a version, with as many figures as a line holds."""
    cells = [
        (
            row.standing.version.version,
            f"{row.standing.version.created_at:%Y-%m-%d}",
            f"{row.data[0]} to {row.data[1]}",
            interval(row.figures.get(HEADLINES[0])),
            interval(row.figures.get(SHOWN)),
            ", ".join(dict.fromkeys([*row.standing.version.aliases, *filter(None, [row.standing.state])])),
        )
        for row in rows
    ]
    columns = ("version", "made", "data", f"{NDCG}, completion", SHOWN, "")
    return FigureTable("", columns, cells, words=(1, 2, 5))


def interval(estimate: Estimate | None) -> str:
    """A figure with its interval; a dash where there is none."""
    return "-" if estimate is None else f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def history_lines(rows: Sequence[VersionRow]) -> list[str]:
    """A line for each version that something was decided of, the newest first."""
    lines = []
    for row in rows:
        record, version = row.standing.record, row.standing.version.version
        if isinstance(record, PromotionRecord):
            before = "" if record.previous is None else f" against version {record.previous}"
            lines.append(f"{version}: {row.standing.state}, {record.at}{before}: {'; '.join(record.why)}")
        elif record is not None:
            lines.append(f"{version}: rolled back to version {record.to}, {record.at}: {record.why}")
    return lines
