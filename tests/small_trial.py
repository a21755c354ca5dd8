"""A trial whose truth is known: customers with a rhythm of their own, of whom the treated spend more."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

START = datetime(2025, 1, 1)


def write_trial(
    folder: Path, customers: int = 600, effect: float = 0.3, seed: int = 1, days: int = 150, shares: float = 0.5
) -> tuple[Path, Path]:
    """Orders as CSV and exposures as JSON Lines; assigned on day 60 to 90, each order after it costs `effect` more."""
    random = np.random.default_rng(seed)
    orders, exposures = ["customer_id,order_id,product_id,ordered_at,quantity,unit_price"], []
    for number in range(customers):
        name, level = f"c{number:04}", float(random.gamma(6.0, 5.0))
        arm = "hold-out" if random.random() < shares else "champion"
        assigned = float(random.uniform(60.0, 90.0))
        day, place = float(random.uniform(0.0, 20.0)), 0
        if random.random() < 0.3:
            day += 95.0 if assigned + 5 < 95.0 else 0.0
        while day < days:
            treated = arm == "champion" and day >= assigned
            price = level * float(random.uniform(0.8, 1.2)) * (1.0 + effect * treated)
            at = START + timedelta(days=day)
            orders.append(f"{name},{name}-{place},p{place % 5},{at.isoformat()},1,{price:.4f}")
            day, place = day + float(random.gamma(4.0, 3.0)), place + 1
        exposures.append(
            {
                "customer_id": name, "order_id": None, "product_id": "p1", "kind": "cross-sell", "moment": "cart",
                "offered_at": (START + timedelta(days=assigned)).isoformat(), "position": 1,
                "propensity": shares if arm == "hold-out" else 1.0 - shares, "accepted": None, "experiment": "spring",
                "unit": name, "arm": arm, "shown": arm == "champion", "relevance": 0.2, "because": None,
                "bundle": "toy:0", "reason": None,
            }
        )  # fmt: skip
    (folder / "orders.csv").write_text("\n".join(orders) + "\n")
    (folder / "offers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in exposures))
    return folder / "orders.csv", folder / "offers.jsonl"
