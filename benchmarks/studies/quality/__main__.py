# Kept as it ran at commit 19998fd, there benchmarks/quality; not brought up to later code.
"""What each candidate source and each group of features is worth: `make bench-quality`, or as here.

    python benchmarks/quality configs/demo.toml --only sources --requests 12000 --queries 800

All is measured on the calibrate window; the test window is cut off the purchases before anything else reads them.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from recall import KEPT, UNION, Bools, Brought, brought
from rich.console import Console
from variants import (
    SOURCES,
    Shop,
    Sides,
    Values,
    answers,
    ask,
    feature_groups,
    learned,
    no_trees,
    open_shop,
    trees_without_start,
    with_seed,
    with_settings,
    without_columns,
)

from mersalg_training.config import Config, load_config
from mersalg_training.learn import RankerRows, fit_trees, read_purchases
from mersalg_training.metrics import DEPTHS, NDCG, RECALL, Estimate, difference, mean, ratio
from mersalg_training.progress import Stages, unseen

SECTIONS = ("sources", "features", "curve", "seeds", "trees")
RECALL_TASKS = ("completion, all", "completion, explore", "next basket, repeat", "next basket, explore")
CURVE = (3_000, 12_000, 40_000)
"""Training requests; those of the full model are not learned again."""
TREES = ((60, 16, 0.15), (100, 31, 0.1), (250, 47, 0.05))
"""Trees, leaves, learning rate."""
Variants = Iterator[tuple[str, Callable[[], Values]]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/quality", description=__doc__.partition("\n")[0])
    parser.add_argument("config", nargs="?", type=Path, default=Path("configs/demo.toml"))
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", dest="overrides")
    parser.add_argument("--requests", type=int, default=12_000, help="training requests of a model")
    parser.add_argument("--queries", type=int, default=800, help="most requests of a task")
    parser.add_argument("--only", type=sections, default=SECTIONS, help=f"some of {','.join(SECTIONS)}")
    args = parser.parse_args()
    stages = Stages(Console(stderr=True))
    config = load_config(args.config, [*args.overrides, f"ranker.requests={args.requests}"])
    names = ("mersalg", "numpy", "onnxruntime", "lightgbm", "implicit")
    print(f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in names), sep=", ")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: {parser.prog} {shlex.join(sys.argv[1:])}")
    purchased = read_purchases(config, stages)
    with stages.stage("Counting, factorising, making requests"):
        shop = open_shop(purchased, config, args.queries)
    with stages.stage("Learning the full model"):
        rows, trees = learned(shop)
    with stages.stage("Asking the full model"):
        full = ask(shop, rows, trees)
    tell_window(shop)
    if "sources" in args.only:
        tell_recall(shop, rows, stages)
    for section in args.only:
        tell_full(section, NDCG, shop, full)
        found = {}
        for name, run in variants_of(section, shop, rows, trees):
            with stages.stage(f"{section}: {name}"):
                found[name] = run()
            tell_variant(name, NDCG, shop, full, found[name])
        tell_full(section, RECALL, shop, full)
        for name, other in found.items():
            tell_variant(name, RECALL, shop, full, other)


def sections(text: str) -> tuple[str, ...]:
    """Names of sections, in the order given."""
    names = tuple(text.split(","))
    if unknown := set(names) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"expected some of {','.join(SECTIONS)}, got {','.join(sorted(unknown))}")
    return names


def variants_of(section: str, shop: Shop, rows: RankerRows, trees: Sides) -> Variants:
    """The variants of a section, and how each is learned and asked."""
    if section == "sources":
        for name, without in SOURCES.items():
            yield f"without {name}", partial(changed, shop, without)
    elif section == "features":
        for name, columns in feature_groups(rows).items():
            yield f"without {name}", partial(refitted, shop, without_columns(rows, columns), shop.fitting)
        yield "not on top of the first score", lambda: ask(shop, rows, trees_without_start(shop, rows))
    elif section == "curve":
        for requests in (n for n in CURVE if n != shop.fitting.ranker.requests):
            yield f"{requests:,} requests", partial(answers, with_settings(shop, "ranker", requests=requests))
    elif section == "seeds":
        for seed in (shop.fitting.seed + 1, shop.fitting.seed + 2):
            yield f"seed {seed}", partial(changed, shop, partial(with_seed, seed=seed))
    else:
        yield "no trees: the first score alone", lambda: ask(shop, rows, no_trees(trees))
        for n, leaves, rate in TREES:
            other = with_settings(shop, "ranker", trees=n, leaves=leaves, learning_rate=rate)
            if other.fitting != shop.fitting:
                yield f"{n} trees of {leaves} leaves, rate {rate:g}", partial(refitted, shop, rows, other.fitting)


def changed(shop: Shop, change: Callable[[Shop], Shop]) -> Values:
    """The answers of a shop that is learned otherwise."""
    return answers(change(shop))


def refitted(shop: Shop, rows: RankerRows, fitting: Config) -> Values:
    """The answers with other trees."""
    return ask(shop, rows, fit_trees(rows, fitting, unseen()))


def tell_window(shop: Shop) -> None:
    """What was asked of whom."""
    windows, config = shop.purchased.windows, shop.fitting.ranker
    print(f"\nAsked: orders from {windows.calibrate_from:%Y-%m-%d} to {windows.test_from:%Y-%m-%d} (calibrate window).")
    print(
        f"Full model: {config.requests:,} training requests, {config.trees} trees of {config.leaves} leaves a side, "
        f"rate {config.learning_rate:g}, seed {shop.fitting.seed}."
    )


def tell_recall(shop: Shop, rows: RankerRows, stages: Stages) -> None:
    """Candidate recall by source, all tasks in one table."""
    columns: dict[str, Brought] = {}
    for name in (name for name in RECALL_TASKS if name in shop.tasks):
        with stages.stage(f"candidates: {name}") as tick:
            task, late = shop.tasks[name], shop.late
            columns[name] = brought(shop.purchased.timeline, task, late, rows.first_weights, tick)
    print(f"\n### Candidate recall, % of what followed, at {', '.join(map(str, DEPTHS))}\n")
    print("In brackets: brought by no other source at 100.\n")
    heads = [f"{name} (n = {len(shop.tasks[name].cases)})" for name in columns]
    print(f"| source | {' | '.join(heads)} |\n| --- |{' --- |' * len(columns)}")
    widest = 0.0
    for source in [*next(iter(columns.values())).alone, UNION, KEPT]:
        cells = []
        for name, of in columns.items():
            shares = [share(shop, name, hits) for hits in of.found[source]]
            widest = max(widest, *((each.high - each.low) / 2 for each in shares))
            only = f" ({100 * of.alone[source].mean():.1f})" if source in of.alone else ""
            cells.append(" / ".join(f"{100 * each.value:.1f}" for each in shares) + only)
        print(f"| {source} | {' | '.join(cells)} |")
    sizes = [" / ".join(f"{size:.0f}" for size in of.candidates) for of in columns.values()]
    print(f"| products in the union | {' | '.join(sizes)} |")
    print(f"\n95 % intervals, by customer, reach at most {100 * widest:.1f} to either side.")


def share(shop: Shop, task: str, hits: Bools) -> Estimate:
    """The share of all targets of a task that was brought."""
    target, draws = shop.tasks[task].cases.target, shop.draws[task]
    found = np.bincount(target.row, weights=hits, minlength=len(target)).astype(np.float64)
    return ratio(found, target.lengths.astype(np.float64), draws)


def tell_full(section: str, metric: str, shop: Shop, full: Values) -> None:
    """The head of a section's table, and the full model's figures."""
    print(f"\n### {section}: {metric} x 1000, and the difference of each variant with its 95 % interval\n")
    print(f"| model | {' | '.join(full)} |\n| --- |{' --- |' * len(full)}")
    print(f"| requests | {' | '.join(str(len(shop.tasks[task].cases)) for task in full)} |")
    values = (mean(full[task][metric], shop.draws[task]) for task in full)
    cells = [f"{1000 * each.value:.1f} ({1000 * each.low:.1f} to {1000 * each.high:.1f})" for each in values]
    print(f"| full | {' | '.join(cells)} |", flush=True)


def tell_variant(name: str, metric: str, shop: Shop, full: Values, other: Values) -> None:
    """How much more than the full model a variant reaches, request by request."""
    more = (difference(other[task][metric], full[task][metric], shop.draws[task]) for task in full)
    print(f"| {name} | {' | '.join(map(signed, more))} |", flush=True)


def signed(more: Estimate) -> str:
    """A difference, bold where its interval leaves out zero."""
    value, low, high = (f"{1000 * each:+.1f}" for each in (more.value, more.low, more.high))
    return f"**{value}** ({low} to {high})" if more.low > 0 or more.high < 0 else f"{value} ({low} to {high})"


if __name__ == "__main__":
    main()
