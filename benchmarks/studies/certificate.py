# Kept as it ran at commit 19998fd, there benchmarks/certificate.py; not brought up to later code.
"""How often a certificate is broken, on simulated shops whose truth is known.

    python benchmarks/certificate.py [--repeats 1000] [--plot docs/images/certificate.png]

Each repeat draws customers, chooses a threshold on one half of them and certifies it on the other, as training does. A
certificate is broken where the true precision at its threshold is below what it promises: at most delta of the repeats
may do that. Where the truth is exactly what is wanted, every certificate counts as broken. *Naive* promises the same of
the lowest threshold at which the certifying half happens to keep it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.stats import beta

from mersalg.names import KINDS
from mersalg_training.config import ThresholdConfig
from mersalg_training.plots import FAINT, INK, QUIET, STRONG, canvas, percent_ticks, plain_axes, png
from mersalg_training.targets import thresholds_to_try
from mersalg_training.thresholds import aim
from mersalg_training.timeline import Float64
from mersalg_training.tradeoffs import Shown

MOST: Final = 36
"""Offers of a customer."""
TRUTH: Final = 40_000
"""Customers of whom the truth is taken."""


@dataclass(frozen=True)
class Shop:
    """A simulated shop: what its customers buy of what is shown to them."""

    name: str
    customers: int
    """Of each half."""
    wanted: float
    confidence: float
    low: float
    """The chance that the least relevant offer is bought, and the most relevant one."""
    high: float
    tail: float = 1.2
    """Pareto exponent of the customers' activity: the lower, the more a few of them have of all offers."""
    busy: float = 0.0
    """How much less the busiest customers buy of what they see."""
    way: str = "precision"

    def draw(self, customers: int, random: np.random.Generator) -> Shown:
        """What would be shown to so many customers, and what they buy."""
        offers = np.minimum(np.ceil(1.5 * random.pareto(self.tail, customers) + 1e-9), MOST).astype(np.int64)
        unit = np.repeat(np.arange(customers), offers)
        n = len(unit)
        relevance = random.random(n)
        chance = self.low + (self.high - self.low) * relevance
        whim = random.choice([0.3, 1.7], customers)[unit]
        less = 1.0 - self.busy * (offers[unit] / MOST - 0.5)
        return Shown(
            kind=np.zeros(n, dtype=np.int64),
            relevance=relevance.astype(np.float32),
            bought=(random.random(n) < chance * whim * less).astype(np.float32),
            unit=unit,
            request=np.arange(n),
            depth=np.zeros(n, dtype=np.int64),
            known=np.ones(n, dtype=np.bool_),
            worth=np.full(n, np.nan, dtype=np.float32),
            asked=np.full(len(KINDS), n),
        )

    def truth(self, random: np.random.Generator) -> tuple[Float64, Float64]:
        """Ascending thresholds, and the true precision from each on; of very many customers."""
        shown = self.draw(TRUTH, random)
        order = np.argsort(-shown.relevance, kind="stable")
        precision = np.cumsum(shown.bought[order], dtype=np.float64) / np.arange(1, len(order) + 1)
        return shown.relevance[order][::-1].astype(np.float64), precision[::-1]


SHOPS: Final = (
    Shop("exactly at the boundary", 300, 0.20, 0.9, low=0.20, high=0.20),
    Shop("boundary, rare purchases", 300, 0.05, 0.9, low=0.05, high=0.05),
    Shop("few customers", 40, 0.30, 0.9, low=0.05, high=0.45),
    Shop("threshold searched", 300, 0.30, 0.9, low=0.05, high=0.45),
    Shop("heavy tails, the busy buy less", 300, 0.25, 0.9, low=0.05, high=0.40, tail=0.8, busy=0.8),
    Shop("the same at 95 %", 300, 0.25, 0.95, low=0.05, high=0.40, tail=0.8, busy=0.8),
    Shop("by coverage", 300, 0.5, 0.9, low=0.05, high=0.45, way="coverage"),
)


@dataclass(frozen=True)
class Outcome:
    """What came of the repeats on one shop."""

    shop: Shop
    repeats: int
    certified: int
    broken: int
    naive: int


def simulate(shop: Shop, repeats: int, random: np.random.Generator) -> Outcome:
    """Choose and certify again and again."""
    config = ThresholdConfig.model_validate({"cross-sell": {shop.way: shop.wanted}, "confidence": shop.confidence})
    thresholds, precision = shop.truth(random)

    def true_precision(threshold: float) -> float:
        return float(precision[min(np.searchsorted(thresholds, threshold), len(precision) - 1)])

    certified = broken = naive = 0
    for _ in range(repeats):
        fitting, certify = shop.draw(shop.customers, random), shop.draw(shop.customers, random)
        grid = thresholds_to_try(fitting)
        found = aim("cross-sell", config, grid, fitting, certify)
        if found.promised > 0.0 and found.threshold is not None:
            certified += 1
            # Where nothing can be told from relevance the truth is known without drawing customers.
            real = shop.low if shop.low == shop.high else true_precision(found.threshold)
            broken += real < found.promised or (shop.low == shop.high and real <= found.promised)
        if shop.way == "precision":
            held = next((t for t in grid if certify.precision(t) >= shop.wanted), None)
            naive += held is not None and (shop.low == shop.high or true_precision(held) < shop.wanted)
    return Outcome(shop, repeats, certified, broken, naive)


def interval(count: int, n: int) -> tuple[float, float]:
    """The exact 95 % interval of a share (Clopper and Pearson 1934)."""
    low = float(beta.ppf(0.025, count, n - count + 1)) if count else 0.0
    return low, float(beta.ppf(0.975, count + 1, n - count)) if count < n else 1.0


def draw_figure(outcomes: list[Outcome]) -> bytes:
    """Draw each break rate with its interval beside what is allowed."""
    figure = canvas(8.4, 0.9 + 0.55 * len(outcomes), "How often a certificate is broken, with exact 95 % intervals")
    axes = figure.add_subplot()
    for place, found in enumerate(outcomes):
        allowed = 1.0 - found.shop.confidence
        axes.plot([allowed, allowed], [place - 0.4, place + 0.4], color=INK, linewidth=1.4)
        marks = [(found.broken, STRONG, -0.12, "certificate")]
        if found.shop.way == "precision":
            marks.append((found.naive, FAINT, 0.14, "naive promise"))
        for count, colour, shift, name in marks:
            low, high = interval(count, found.repeats)
            label = name if place == 0 else None
            axes.plot([low, high], [place + shift] * 2, color=colour, linewidth=2)
            axes.plot(count / found.repeats, place + shift, "o", color=colour, markersize=6, label=label)
    plain_axes(axes, f"broken, of {outcomes[0].repeats:,} repeats; black: what is allowed", "")
    axes.set_yticks(range(len(outcomes)), [found.shop.name for found in outcomes], color=QUIET)
    axes.set_ylim(len(outcomes) - 0.4, -0.6)
    axes.set_xlim(0.0, None)
    axes.xaxis.set_major_formatter(percent_ticks())
    axes.legend(fontsize=9, loc="lower right")
    return png(figure)


def main() -> None:
    """Print a line for each shop, and draw them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    outcomes = []
    print("| shop | customers | confidence | certified | broken | 95 % interval | naive |")
    print("| --- | ---: | ---: | ---: | ---: | --- | ---: |")
    for seed, shop in enumerate(SHOPS):
        found = simulate(shop, args.repeats, np.random.default_rng(seed))
        low, high = interval(found.broken, found.repeats)
        naive = f"{found.naive / found.repeats:.1%}" if shop.way == "precision" else ""
        print(
            f"| {shop.name} | {shop.customers} | {shop.confidence:.0%} | {found.certified / found.repeats:.1%} "
            f"| {found.broken / found.repeats:.1%} | {low:.1%} to {high:.1%} | {naive} |",
            flush=True,
        )
        outcomes.append(found)
    if args.plot is not None:
        args.plot.write_bytes(draw_figure(outcomes))


if __name__ == "__main__":
    main()
