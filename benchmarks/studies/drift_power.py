# Kept as it ran at commit 8357f4c, there benchmarks/drift_power.py; not brought up to later code.
"""How small a fall `mersalg check` sees: the share of 400 made months in which it calls a kind broken.

    python benchmarks/drift_power.py

Customers see three offers of relevance 20 %, under a certificate of 18 %. Their outcomes hang together: a customer's
own probability is drawn from a beta distribution whose correlation within a customer is 0.1.
"""

from __future__ import annotations

import numpy as np

from mersalg_training.drift.asking import Outcomes
from mersalg_training.drift.comparing import Certificate, compare_kind
from mersalg_training.drift.rules import decide
from mersalg_training.drift.shift import Unknown

MONTHS, OFFERS, PROMISED, CERTIFIED, CORRELATION = 400, 3, 0.20, 0.18, 0.1


def month(customers: int, came: float, random: np.random.Generator) -> Outcomes:
    """The offers of one made month."""
    strength = 1.0 / CORRELATION - 1.0
    own = random.beta(came * strength, (1.0 - came) * strength, customers)
    n = customers * OFFERS
    relevance = np.full(n, PROMISED, dtype=np.float32)
    outcome = (random.random(n) < np.repeat(own, OFFERS)).astype(np.float32)
    unit, depth = np.repeat(np.arange(customers), OFFERS), np.tile(np.arange(OFFERS), customers)
    return Outcomes(np.zeros(n, dtype=np.int64), depth, relevance, relevance, outcome, unit)


def broken(customers: int, came: float, random: np.random.Generator) -> tuple[float, float]:
    """The share of months with a broken certificate, and with another decision than to keep the bundle."""
    certificate = decided = 0
    for _ in range(MONTHS):
        kind = compare_kind("cross-sell", 0.1, Certificate(CERTIFIED, 0.9), month(customers, came, random), None)
        decision, findings = decide([kind], Unknown(0.0, 0.0), None)
        certificate += any(finding.rule == "certificate" for finding in findings)
        decided += decision != "keep"
    return certificate / MONTHS, decided / MONTHS


def main() -> None:
    """Print a Markdown table."""
    random = np.random.default_rng(11)
    shares = (0.20, 0.18, 0.16, 0.14, 0.12, 0.10)
    print("| customers | " + " | ".join(f"{came:.0%} comes" for came in shares) + " |")
    print("| ---: |" + " ---: |" * len(shares))
    for customers in (100, 300, 1000, 3000):
        found = [broken(customers, came, random) for came in shares]
        cells = [f"{certificate:.1%} / {decided:.1%}" for certificate, decided in found]
        print(f"| {customers:,} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
