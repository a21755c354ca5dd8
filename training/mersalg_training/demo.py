"""`make demo`: trains configs/demo.toml, then shows its offers for real carts beside what their customers bought.

The carts come from the test window, which nothing trained has seen: the first that the seed draws of each moment,
whatever the bundle answers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mersalg.errors import MersalgError
from mersalg.names import AFTER_PAYMENT, MOMENTS
from mersalg.offers import REASONS, Offers
from mersalg.recommender import Recommender, load
from mersalg_training.answers import SHOWN, request_maker, time_to_day
from mersalg_training.cases import make_cases
from mersalg_training.config import Config, load_config
from mersalg_training.progress import Stages
from mersalg_training.sources import find_files
from mersalg_training.train import Purchased, Trained, read_purchases, train

CONFIG: Final = Path("configs/demo.toml")
BUNDLE: Final = Path("models/demo")
DRAWN: Final = 500
"""Requests that are drawn, so that each moment is among them."""
NAMED: Final = 8
"""Products of a list that are named."""
PLAIN_WIDTH: Final = 120
"""Columns where the output is no terminal."""

Names = Mapping[str, str]
"""Product id -> name."""


@dataclass(frozen=True)
class Example:
    """A request of the test window, what is offered, and what the customer then bought."""

    request: dict[str, Any]
    offers: Offers
    bought: list[str]
    """Product ids: the rest of the order or, after payment, all orders within the horizon."""


def main() -> int:
    """Run the demo and give its exit status."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    try:
        demo(load_config(CONFIG), BUNDLE, Console(soft_wrap=True, width=width))
    except MersalgError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    return 0


def demo(config: Config, out: Path, console: Console) -> None:
    """Train a bundle, in the place of an earlier one, and show it. DataError before anything starts if data is missing."""
    find_files("data.orders", config.data.orders)
    if config.data.products is not None:
        find_files("data.products", config.data.products)
    trained = train(config, out, console)
    if trained.evaluation is not None:
        console.print(trained.evaluation.render())
    purchased = read_purchases(config, Stages(console))
    recommender = load(trained.bundle)
    examples = draw_examples(recommender, purchased, config.seed)
    show_examples(examples, recommender, purchased, console)
    show_places(trained, examples, console)


def draw_examples(recommender: Recommender, purchased: Purchased, seed: int) -> list[Example]:
    """The first request of each moment that the seed draws from the test window, with the bundle's answer."""
    timeline, windows = purchased.timeline, purchased.windows
    cases = make_cases(
        timeline,
        time_to_day(windows.test_from),
        time_to_day(windows.to),
        horizon_days(recommender),
        DRAWN,
        np.random.default_rng(seed),
    )
    of_moments = [np.flatnonzero(cases.moment == moment)[:1] for moment in range(len(MOMENTS))]
    cases = cases.take(np.concatenate(of_moments))
    make_request = request_maker(timeline)
    examples = []
    for case in range(len(cases)):
        request = make_request(cases, case, None, None, SHOWN)
        bought = [timeline.product_ids[code] for code in cases.target[case].tolist()]
        examples.append(Example(request, recommender.score([request])[0], bought))
    return examples


def horizon_days(recommender: Recommender) -> float:
    """The days after payment within which a purchase counts, as training resolved them."""
    return float(recommender.manifest["config"]["label"]["horizon_days"])


def show_examples(
    examples: Sequence[Example], recommender: Recommender, purchased: Purchased, console: Console
) -> None:
    """A table for each example."""
    names = dict(zip(purchased.timeline.product_ids, purchased.attributes.names, strict=True))
    rules = recommender.manifest["kinds"]
    thresholds = {kind: rule["threshold"] for kind, rule in rules.items()}
    windows, days = purchased.windows, horizon_days(recommender)
    console.print(
        f"\nReal carts from {windows.test_from:%Y-%m-%d} on, which nothing trained has seen: the first of each moment "
        "that the seed\ndraws, whatever the bundle answers. ✓ marks what was offered and then bought."
    )
    for example in examples:
        console.print()
        console.print(example_table(example, names, thresholds, days))


def example_table(example: Example, names: Names, thresholds: Mapping[str, float | None], within_days: float) -> Table:
    """What was in the cart, what is offered, and what was then bought."""
    request, offered = example.request, {offer.product_id for offer in example.offers}
    paid = request["moment"] in AFTER_PAYMENT
    when = f"within {within_days:g} days" if paid else "in the rest of the order"
    known = f"{len(request['history']):,} earlier order lines" if request["history"] else "no history sent"
    table = Table(
        title=f"{request['moment']}, {request['at']:%Y-%m-%d %H:%M}, {known}", title_justify="left", expand=True
    )
    for header, ratio in (("paid for" if paid else "in the cart", 3), ("offered", 4), (f"bought {when}", 3)):
        table.add_column(header, ratio=ratio)
    hits = [product for product in example.bought if product in offered]
    others = [product for product in example.bought if product not in offered]
    table.add_row(
        listed(request["cart"], names),
        offers_text(example, names, thresholds),
        listed(hits + others, names, marked=set(hits)),
    )
    return table


def offers_text(example: Example, names: Names, thresholds: Mapping[str, float | None]) -> Text:
    """Name, relevance, kind and anchor of each offer; or why there is none, and how close the best were."""
    text = Text()
    offers = example.offers
    if offers.reason is not None:
        text.append(f"none: {offers.reason}\n", style="bold")
        text.append(REASONS[offers.reason])
        for kind, best in offers.best_relevance.items():
            least = thresholds[kind]
            text.append(
                f"\n{kind}: best {best:.1%}, " + ("silent" if least is None else f"shown from {least:.1%}"), "dim"
            )
        return text
    for offer in offers:
        hit = offer.product_id in example.bought
        again = offer.because == offer.product_id
        because = "bought before" if again else f"because of {names[offer.because]}" if offer.because else "no anchor"
        text.append("\n" if text else "")
        text.append(("✓ " if hit else "  ") + names[offer.product_id], "bold green" if hit else "bold")
        text.append(f"\n  {offer.relevance:.1%} {offer.kind}, {because}", "dim")
    return text


def listed(products: Sequence[str], names: Names, marked: set[str] = frozenset()) -> Text:  # type: ignore[assignment]
    """Products by name, one a line, the marked ones with a tick."""
    text = Text()
    for product in products[:NAMED]:
        hit = product in marked
        text.append("\n" if text else "")
        text.append(("✓ " if hit else "") + names[product], "bold green" if hit else "")
    if len(products) > NAMED:
        text.append(f"\nand {len(products) - NAMED} more", "dim")
    return text or Text("nothing", "dim")


def show_places(trained: Trained, examples: Sequence[Example], console: Console) -> None:
    """How to embed the bundle, and where everything is."""
    cart = next((example.request["cart"] for example in examples if example.request["cart"]), [])
    console.print("\nTo embed it, with mersalg installed:\n")
    console.print(f"  {snippet(trained.bundle, cart[:3])}\n", markup=False, highlight=False)
    console.print(f"Trained     in {sum(trained.seconds.values()):.0f} s")
    console.print(f"Bundle      {trained.bundle}")
    console.print(f"Run         {trained.run}", markup=False)
    if trained.registered is not None:
        console.print(f"Registered  {trained.registered.uri} (alias challenger)")


def snippet(bundle: Path, cart: Sequence[str]) -> str:
    """Three lines of Python that give the offers for a cart."""
    return "\n  ".join(
        [
            "import mersalg",
            f"recommender = mersalg.load({json.dumps(bundle.as_posix())})",
            f"print(recommender.recommend(cart={json.dumps(list(cart))}))",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
