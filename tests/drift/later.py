"""A bundle of the small shop's first 200 days, and 80 days more of the same shop."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from mersalg_training.train import train
from small_shop import DAYS, START, Line, Product, SmallShop, make_shop, small_config, write_table

END = START + timedelta(days=DAYS)
LATER_DAYS = 80
CERTIFIABLE = {"cross-sell": 0.02, "add-on": 0.05, "upsell": 0.03, "more-of-same": 0.05, "replacement": 0.05}


@dataclass(frozen=True)
class Later:
    """A bundle, and what happened since."""

    bundle: Path
    shop: SmallShop
    """With the later days."""
    folder: Path

    def orders(self, name: str, lines: list[Line] | None = None) -> str:
        """The shop's lines, or others, as a file."""
        return str(write_table(self.shop.lines if lines is None else lines, Line, self.folder / f"{name}.parquet"))


def train_on_the_past(folder: Path) -> None:
    """Train on the first days of a longer history; the bundle is in `bundle`."""
    shop = make_shop(days=DAYS + LATER_DAYS)
    past = [line for line in shop.lines if line.ordered_at < END]
    orders = write_table(past, Line, folder / "past.parquet")
    products = write_table(shop.products, Product, folder / "products.csv")
    thresholds = {"precision": CERTIFIABLE, "confidence": 0.9}
    config = small_config(orders, products, split={"test_days": 0}, thresholds=thresholds)
    train(config, folder / "bundle", Console(file=io.StringIO(), width=200))
