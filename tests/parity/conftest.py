from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from mersalg_training.learn import Learned, Purchased, learn, read_purchases
from mersalg_training.progress import Stages
from parity.reference import Shop
from parity.reference_features import Decider
from small_shop import SmallShop, write_shop


@dataclass(frozen=True)
class Reference:
    """What the bundle of the small shop is made of, learned anew."""

    purchased: Purchased
    learned: Learned
    shop: Shop
    decider: Decider

    @property
    def product_ids(self) -> list[str]:
        """By item index."""
        return [self.purchased.timeline.product_ids[code] for code in self.learned.tables.vocabulary.code.tolist()]


@pytest.fixture(scope="session")
def reference(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Learn the small shop once more, as training does, and keep the parts."""
    folder: Path = tmp_path_factory.mktemp("parity")
    config = write_shop(small_shop, folder)
    stages = Stages(Console(file=io.StringIO()))
    purchased = read_purchases(config, stages)
    learned = learn(purchased, config, stages)
    thresholds = {kind: chosen.threshold for kind, chosen in learned.calibrated.thresholds.items()}
    decider = Decider(learned.fitted.rankers.tables, learned.calibrated.calibration, thresholds)
    return Reference(purchased, learned, Shop(learned.tables, learned.fitted.first_weights), decider)
