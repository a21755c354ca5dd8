"""A training job on the small shop that is quicker still, for claims about jobs and not about what they learn."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console

import mersalg
from mersalg_training.config import Config
from mersalg_training.tracking.run import UntrackedRun
from mersalg_training.train import Trained, train
from small_shop import SmallShop

QUICK: dict[str, dict[str, Any]] = {"ranker": {"trees": 5, "requests": 400}, "factors": {"iterations": 1}}


class TalkativeRun(UntrackedRun):
    """A run that keeps all that it is told as one text."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.told = ""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return self.note if name.startswith(("log_", "set_")) else found

    def note(self, *told: object) -> None:
        self.told += repr(told)


def run(config: Config, out: Path) -> tuple[Trained, str]:
    """Train, and what was printed."""
    printed = io.StringIO()
    return train(config, out, Console(file=printed, width=200)), printed.getvalue()


def offers_of(bundle: Path, requests: list[dict[str, Any]]) -> list[mersalg.Offer]:
    """All that is retrieved for the requests."""
    answers = mersalg.load(bundle).score(requests, threshold=False)
    return [offer for answer in answers for offer in answer]


def without_customers(shop: SmallShop) -> SmallShop:
    """The same lines by nobody."""
    return shop.with_lines([line._replace(customer_id=None) for line in shop.lines])
