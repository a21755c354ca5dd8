"""A trial around a mailing: who is held out gets nothing, and everybody of the batch is in its record.

That a customer is held out is a decision like any other: it is in the ledger before it is in a file. It claims nothing,
so that no cap and no "offered before" comes of an offer that nobody saw. The record of a batch is a file that appears
when it is whole, and is written from the decisions: a batch that was killed and goes on has each row once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from mersalg.errors import ConfigError
from mersalg.recommender import AnswersRequests
from mersalg.table import form_of
from mersalg_service.experiment.assignment import HOLD_OUT, Experiment, read_experiment
from mersalg_service.experiment.trial import bundle_version, exposures_of, the_one_arm
from mersalg_service.follow_up.batch import (
    HELD_OUT,
    MailingRequest,
    Undecided,
    all_rounds,
    look_at_all,
    open_kinds,
)
from mersalg_service.follow_up.orders import Histories
from mersalg_service.follow_up.tables import Type
from mersalg_service.ledger import Answer, Ask, Batch, Decision, Ledger
from mersalg_service.ledger.ledger import settle
from mersalg_service.ledger.rules import OFFERED

EXPOSURE_COLUMNS: Final[dict[str, Type]] = {
    "customer_id": "text", "order_id": "text", "product_id": "text", "kind": "text", "moment": "text",
    "offered_at": "time", "position": "whole", "propensity": "real", "accepted": "truth", "experiment": "text",
    "unit": "text", "arm": "text", "arm_propensity": "real", "explored": "truth", "shown": "truth", "relevance": "real",
    "because": "text", "bundle": "text", "reason": "text",
}  # fmt: skip
FILES: Final = (".parquet", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class FollowUpTrial:
    """An experiment on customers with one arm beside the hold-out, and where its record goes."""

    experiment: Experiment
    exposures: Path
    bundle: str
    """NAME:HASH of the bundle that answers."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What a batch that goes on has to have in common with its beginning; of the key no more than a probe."""
        e = self.experiment
        return {"name": e.name, "arms": dict(e.arms), "shadow": e.shadow, "probe": e.uniform(HOLD_OUT, "\0")}

    def is_held_out(self, customer_id: str) -> bool:
        """Whether a customer is never shown offers."""
        return self.experiment.assign(customer_id).arm == HOLD_OUT

    def path_of(self, batch: Batch) -> Path:
        """The file of a batch's record, whose folder is made where it is not there."""
        if self.exposures.suffix.lower() in FILES:
            return self.exposures
        make_folder(self.exposures)
        return self.exposures / f"follow-up-{quote(batch.batch, safe=' ')}.jsonl"

    def would_be(
        self,
        answers: AnswersRequests,
        ledger: Ledger,
        batch: Batch,
        histories: Histories,
        mailing: MailingRequest,
        decided: Mapping[str, Decision | None],
    ) -> dict[str, Decision]:
        """What who is held out would have got, where the experiment has a shadow arm; nothing is written."""
        if self.experiment.shadow is None:
            return {}
        held_out = [who for who, decision in decided.items() if decision is not None and decision.reason == HELD_OUT]
        views = dict(look_at_all(ledger, batch, held_out, mailing.rules))

        def claim(asks: Sequence[Ask]) -> list[Answer]:
            return [settle(ask, views[ask.customer_id].standing, mailing.rules.limit) for ask in asks]

        asked = [
            Undecided(customer_id, dict.fromkeys(view.standing.taken, OFFERED), open_kinds(mailing, view))
            for customer_id, view in views.items()
        ]
        return all_rounds(answers, claim, histories, mailing, asked)

    def rows(
        self, batch: Batch, moment: str, decided: Iterable[tuple[str, Decision]], would_be: Mapping[str, Decision]
    ) -> Iterator[dict[str, Any]]:
        """The record of a batch: the rows of its customers, in their order."""
        for customer_id, decision in decided:
            computed = self.experiment.shadow is not None or decision.reason != HELD_OUT
            shown = would_be.get(customer_id, decision) if decision.reason == HELD_OUT else decision
            rows = exposures_of(
                self.experiment.name,
                shown.offers,
                self.experiment.assign(customer_id),
                shown.reason,
                customer_id=customer_id,
                order_id=None,
                unit=customer_id,
                moment=moment,
                offered_at=batch.begun_at,
                bundle=self.bundle if computed else None,
            )
            yield from ({name: getattr(row, name) for name in EXPOSURE_COLUMNS} for row in rows)


def open_trial(file: Path | None, exposures: Path | None, manifest: Mapping[str, Any]) -> FollowUpTrial | None:
    """The trial that the command names; None for none. ConfigError for one that a mailing cannot run."""
    if file is None and exposures is None:
        return None
    if file is None or exposures is None:
        missing = "--trial FILE.toml" if file is None else "--exposures FOLDER"
        raise ConfigError(f"{missing}: expected with the other; a trial and its record are given together")
    experiment = read_experiment(file)
    the_one_arm(experiment)
    if experiment.unit != "customer":
        raise ConfigError(
            f"{file}: unit: expected customer, for a follow-up is part of no order; got {experiment.unit!r}"
        )
    if exposures.suffix.lower() in FILES:
        form_of(exposures)
    return FollowUpTrial(experiment, exposures, bundle_version(manifest))


def make_folder(folder: Path) -> None:
    """Make a folder for records, where it is not there."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--exposures {folder}: cannot be a folder: {error.strerror or error}") from None
