"""Real requests: orders of the test window of the purchases that a bundle was trained on."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from request_file import Request
from rich.console import Console

from mersalg_training.config import Config, parse_config
from mersalg_training.evaluation.bundle_method import CaseRequests
from mersalg_training.evaluation.run import shown_cases, test_window
from mersalg_training.learn import Purchased, read_purchases
from mersalg_training.progress import Stages


@dataclass(frozen=True)
class Source:
    """The purchases of a bundle."""

    config: Config
    purchased: Purchased

    def requests(self, n: int, seed: int) -> list[Request]:
        """At most N requests of the test window, in the mix of moments that a bundle is trained on, in drawn order."""
        random = np.random.default_rng(seed)
        timeline, attributes = self.purchased.timeline, self.purchased.attributes
        window = test_window(timeline, self.purchased.windows)
        cases = shown_cases(timeline, attributes, window, self.config, n, random)
        requests = CaseRequests(timeline)
        return [requests.make(cases, case) for case in random.permutation(len(cases)).tolist()]

    def lines_before_test(self) -> tuple[np.ndarray, list[str]]:
        """Customer, -1 for an unknown one, and product id of every line before the test window."""
        timeline = self.purchased.timeline
        before = timeline.line_day < test_window(timeline, self.purchased.windows)[0]
        codes = timeline.line_product[before].tolist()
        return timeline.order_customer[timeline.line_order[before]], [timeline.product_ids[code] for code in codes]

    def often_bought(self, n: int, seed: int) -> list[str]:
        """N product ids, drawn by how often they are bought before the test window."""
        _, product_ids = self.lines_before_test()
        drawn = np.random.default_rng(seed).choice(len(product_ids), n)
        return [product_ids[line] for line in drawn.tolist()]


def open_source(manifest: dict[str, Any], where: str) -> Source:
    """Read the purchases as the bundle's own configuration says."""
    config = parse_config(manifest["config"], f"{where}/manifest.json: config")
    return Source(config, read_purchases(config, Stages(Console(file=io.StringIO()))))


def lengths_of(requests: list[Request]) -> str:
    """How long carts and histories are."""
    parts = []
    for name in ("cart", "history"):
        low, middle, high = np.quantile([len(request[name]) for request in requests], (0.1, 0.5, 0.9))
        parts.append(f"{name} {middle:.0f} ({low:.0f} to {high:.0f})")
    return f"{len(requests)} requests of the test window; lines at the median (10 % to 90 %): {', '.join(parts)}"
