"""`make demo`: trains configs/demo.toml, then shows its offers for real carts beside what their customers bought.

The carts come from the test window, which nothing trained has seen: the first that the seed draws of each moment,
whatever the bundle answers.
"""

from __future__ import annotations

import json
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
from mersalg.names import AFTER_PAYMENT
from mersalg.offers import REASONS, Offers
from mersalg.recommender import Recommender, load
from mersalg_training.config import Config, load_config
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.sources import find_files
from mersalg_training.evaluation.bundle_method import CaseRequests
from mersalg_training.evaluation.precision_shown import ShownPrecision
from mersalg_training.evaluation.render import render
from mersalg_training.learn import Purchased, read_purchases
from mersalg_training.progress import Stages, results_console
from mersalg_training.ranking.cases import make_cases
from mersalg_training.train import Trained, train

CONFIG: Final = Path("configs/demo.toml")
BUNDLE: Final = Path("models/demo")
DRAWN: Final = 500
"""Requests that are drawn, so that each moment is among them."""
NAMED: Final = 8
"""Products of a list that are named."""


@dataclass(frozen=True)
class Example:
    """A request of the test window, what is offered, and what the customer then bought."""

    request: dict[str, Any]
    offers: Offers
    bought: list[str]
    """Product ids: the rest of the order or, after payment, all orders within the horizon."""


def main() -> int:
    """Run the demo and give its exit status."""
    try:
        demo(load_config(CONFIG), BUNDLE, results_console(soft_wrap=False, highlight=False))
    except MersalgError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    return 0


def demo(config: Config, out: Path, console: Console) -> None:
    """Train a bundle, in the place of an earlier one, and show it. DataError at once where no purchases are found."""
    find_files("data.orders", config.data.orders)
    if config.data.products is not None:
        find_files("data.products", config.data.products)
    trained = train(config, out, console)
    if trained.evaluation is not None:
        console.print(render(trained.evaluation))
    purchased = read_purchases(config, Stages(console))
    recommender = load(trained.bundle)
    examples = draw_examples(recommender, purchased, config.seed)
    show_examples(examples, recommender, purchased, console)
    if trained.evaluation is not None and trained.evaluation.shown:
        console.print(f"\n{overall(trained.evaluation.shown[0])}")
    show_places(trained, examples, console)


def draw_examples(recommender: Recommender, purchased: Purchased, seed: int) -> list[Example]:
    """The first request of each moment that the seed draws from the test window, with the bundle's answer.

    Requests whose cart holds what the order did not are passed over: they were made for training.
    """
    timeline, windows = purchased.timeline, purchased.windows
    days = (time_to_day(windows.test_from), time_to_day(windows.to), horizon_days(recommender))
    types, unknown = purchased.attributes.product_type, len(purchased.attributes.product_types)
    cases = make_cases(timeline, types, unknown, *days, DRAWN, np.random.default_rng(seed))
    first: dict[int, int] = {}
    for case, (moment, order) in enumerate(zip(cases.moment.tolist(), cases.order.tolist(), strict=True)):
        if np.isin(cases.cart[case], timeline.line_product[timeline.order_lines(order)]).all():
            first.setdefault(moment, case)
    requests = CaseRequests(timeline)
    examples = []
    for _, case in sorted(first.items()):
        request = requests.make(cases, case)
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
    thresholds = {kind: rule["threshold"] for kind, rule in recommender.manifest["kinds"].items()}
    days = horizon_days(recommender)
    console.print(
        f"\nReal carts from {purchased.windows.test_from:%Y-%m-%d} on, which nothing trained has seen: the first of "
        "each moment that the seed draws, whatever the bundle answers. ✓ marks what was offered and then bought."
    )
    for example in examples:
        console.print("", example_table(example, names, thresholds, days), sep="\n")


def example_table(
    example: Example, names: Mapping[str, str], thresholds: Mapping[str, float | None], within_days: float
) -> Table:
    """What was in the cart, what is offered, and what was then bought, the hits first."""
    request, offered = example.request, {offer.product_id for offer in example.offers}
    paid = request["moment"] in AFTER_PAYMENT
    when = f"within {within_days:g} days" if paid else "in the rest of the order"
    known = f"{len(request['history']):,} earlier order lines" if request["history"] else "no history sent"
    title = f"{request['moment']}, {request['at']:%Y-%m-%d %H:%M}, {known}"
    table = Table(title=title, title_justify="left", expand=True)
    cart = "paid for" if paid and request["cart"] else "in the cart"
    for header, ratio in ((cart, 3), ("offered", 4), (f"bought {when}", 3)):
        table.add_column(header, ratio=ratio)
    hits = [product for product in example.bought if product in offered]
    others = [product for product in example.bought if product not in offered]
    bought = named(hits + others, names, hits=len(hits))
    table.add_row(named(request["cart"], names), offers_text(example, names, thresholds), bought)
    return table


def offers_text(example: Example, names: Mapping[str, str], thresholds: Mapping[str, float | None]) -> Text:
    """Name, relevance, kind and reason of each offer; or why there is none, and how close the best were."""
    offers = example.offers
    if offers.reason is not None:
        text = Text.assemble((f"none: {offers.reason}", "bold"), f"\n{REASONS[offers.reason]}")
        for kind, best in offers.best_relevance.items():
            least = thresholds[kind]
            text.append(f"\n{kind}: best {best:.1%}, {'silent' if least is None else f'shown from {least:.1%}'}", "dim")
        return text
    parts = []
    for offer in offers:
        mark, style = ("✓ ", "bold green") if offer.product_id in example.bought else ("  ", "bold")
        told = (f"\n  {offer.relevance:.1%} {offer.kind}, {offer.reason.text(names.__getitem__)}", "dim")
        parts.append(Text.assemble((mark + names[offer.product_id], style), told))
    return Text("\n").join(parts)


def named(products: Sequence[str], names: Mapping[str, str], hits: int = 0) -> Text:
    """Products by name, one a line, the first `hits` of them with a tick."""
    if not products:
        return Text("nothing", "dim")
    told = [Text(f"✓ {names[product]}", "bold green") for product in products[:hits]]
    told += [Text(names[product]) for product in products[hits:NAMED]]
    if len(products) > NAMED:
        told.append(Text(f"and {len(products) - NAMED} more", "dim"))
    return Text("\n").join(told)


def overall(shown: ShownPrecision) -> str:
    """What the examples are examples of: all moments and kinds together."""
    told = f"In all, of {shown.requests:,} such requests {shown.seen.value:.1%} see an offer"
    result = shown.precision
    if result is None:
        return f"{told}."
    return f"{told}, and {result.value:.1%} of the {shown.offers:,} offers were bought."


def show_places(trained: Trained, examples: Sequence[Example], console: Console) -> None:
    """How to embed the bundle, and where everything is."""
    carts = [example.request["cart"] for example in examples if example.request["cart"]]
    code = snippet(trained.bundle, carts[0][:3] if carts else [])
    told = f"Bundle      {trained.bundle}, made in {sum(trained.seconds.values()):.0f} s\nRun         {trained.run}"
    if trained.registered is not None:
        told += f"\nRegistered  {trained.registered.uri} (alias challenger)"
    console.print(f"\nTo embed it, with mersalg installed:\n\n{code}\n\n{told}", markup=False, soft_wrap=True)


def snippet(bundle: Path, cart: Sequence[str]) -> str:
    """Three lines of Python that print the offers for a cart, indented."""
    load_line = f"recommender = mersalg.load({json.dumps(bundle.as_posix())})"
    return f"    import mersalg\n    {load_line}\n    print(recommender.recommend(cart={json.dumps(list(cart))}))"


if __name__ == "__main__":
    sys.exit(main())
