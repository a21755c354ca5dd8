"""`make demo`: trains configs/demo.toml, shows offers for six real carts, and then its figures on one screen.

The carts come from the test window, which nothing trained has seen. A rule chooses them, without a look at what was
bought: for each kind the request whose best offer is of that kind and the most relevant, and one that is offered
nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mersalg.display import certificate_cells, threshold_cells
from mersalg.errors import MersalgError
from mersalg.names import AFTER_PAYMENT, KINDS, Kind
from mersalg.offers import REASONS, Offers
from mersalg.recommender import AnswersRequests, load, stream_answers
from mersalg_training.config import Config, load_config
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.sources import find_files
from mersalg_training.evaluation.bundle_method import CaseRequests
from mersalg_training.evaluation.precision_shown import EVERY, ShownPrecision
from mersalg_training.evaluation.render import follows_table, headline, interval
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.evaluation.tasks.follow_on import follow_on_cases, known_outcome
from mersalg_training.figure_table import FigureTable, as_text
from mersalg_training.learn import Purchased, read_purchases
from mersalg_training.progress import Stages, results_console
from mersalg_training.train import Trained, train

CONFIG: Final = Path("configs/demo.toml")
BUNDLE: Final = Path("models/demo")
DRAWN: Final = 1000
"""Requests that are drawn and asked, so that some begin with each kind."""
FEW: Final = 6
"""A cart of at most so many products shows at a glance why an offer is made."""
NAMED: Final = 6
"""Products of a list that are named."""


@dataclass(frozen=True)
class Example:
    """A request of the test window, what is offered, and what the customer then bought."""

    request: dict[str, Any]
    offers: Offers
    bought: list[str]
    """Product ids: the rest of the order or, after payment, all orders within the horizon."""

    @property
    def kind(self) -> Kind | None:
        """The kind of the best offer; None where there is no offer."""
        return self.offers[0].kind if self.offers else None


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
    purchased = read_purchases(config, Stages(console))
    recommender = load(trained.bundle)
    examples = choose_examples(recommender, purchased, config.seed)
    show_examples(examples, recommender, purchased, console)
    show_figures(recommender.manifest, trained.evaluation, console)
    show_places(trained, examples, console)


def choose_examples(recommender: AnswersRequests, purchased: Purchased, seed: int) -> list[Example]:
    """Of the requests that the seed draws from the test window, one for each kind of best offer, and an empty answer.

    Of each the one with the most relevant best offer, of empty answers the first; carts of at most FEW products come
    before larger ones. In the order of KINDS, the empty answer last; a kind that no answer begins with has none.
    """
    timeline, windows, days = purchased.timeline, purchased.windows, horizon_days(recommender.manifest)
    window = time_to_day(windows.test_from), time_to_day(windows.to)
    cases = follow_on_cases(timeline, window, days, DRAWN, np.random.default_rng(seed))
    cases = cases.take(np.flatnonzero(known_outcome(cases, window[1], days)))
    requests = CaseRequests(timeline)
    asked = (requests.make(cases, case) for case in range(len(cases)))
    clearest: dict[Kind | None, tuple[tuple[bool, float], Example]] = {}
    for case, offers in enumerate(stream_answers(recommender, asked)):
        clear = len(cases.cart[case]) <= FEW, offers[0].relevance if offers else 0.0
        kind = offers[0].kind if offers else None
        if kind not in clearest or clear > clearest[kind][0]:
            bought = requests.ids(cases.target[case])
            clearest[kind] = clear, Example(requests.make(cases, case), offers, bought)
    return [clearest[kind][1] for kind in (*KINDS, None) if kind in clearest]


def horizon_days(manifest: Mapping[str, Any]) -> float:
    """The days after payment within which a purchase counts, as training resolved them."""
    return float(manifest["config"]["label"]["horizon_days"])


def show_examples(
    examples: Sequence[Example], recommender: AnswersRequests, purchased: Purchased, console: Console
) -> None:
    """Say how the examples were chosen, and show each."""
    names = dict(zip(purchased.timeline.product_ids, purchased.attributes.names, strict=True))
    kinds = recommender.manifest["kinds"]
    console.print(
        f"\nReal carts from {purchased.windows.test_from:%Y-%m-%d} on, which nothing trained has seen. Of up to "
        f"{DRAWN:,} that the seed draws, carts of at most {FEW} products first: for each kind the one whose best offer "
        "is of that kind and the most relevant, and the first that is offered nothing. ✓ = then bought: in the rest of "
        f"the order or, after payment, within {horizon_days(recommender.manifest):g} days."
    )
    for example in examples:
        console.print("", *example_parts(example, names, kinds), sep="\n")
    shown = {example.kind for example in examples}
    for kind in KINDS:
        if kind not in shown:
            told = kinds[kind].get("silent_because")
            console.print(f"\nNo answer begins with {kind}{f': {told}' if told else ''}.", markup=False)


def example_parts(
    example: Example, names: Mapping[str, str], kinds: Mapping[str, Mapping[str, Any]]
) -> tuple[Text, Table]:
    """A heading; below it what was in the cart, what is offered, and what was then bought, the hits first."""
    request, offered = example.request, {offer.product_id for offer in example.offers}
    history = f"{len(request['history']):,} earlier order lines" if request["history"] else "no history sent"
    heading = f"{example.kind or 'no offer'}  ({request['moment']}, {request['at']:%Y-%m-%d %H:%M}, {history})"
    hits = [product for product in example.bought if product in offered]
    others = [product for product in example.bought if product not in offered]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=13, no_wrap=True)
    table.add_column()
    label, products = given(request)
    table.add_row(f"  {label}", named(products, names))
    table.add_row("  offered", offers_text(example, names, kinds))
    table.add_row("  then bought", named(hits + others, names, hits=len(hits)))
    return Text(heading, "bold"), table


def given(request: Mapping[str, Any]) -> tuple[str, list[str]]:
    """What a request is about, and its products: the cart or, where that is empty, the last order of the history."""
    cart, history = request["cart"], request["history"]
    if cart or not history:
        paid = request["moment"] in AFTER_PAYMENT
        return {"product-page": "viewed"}.get(request["moment"], "paid for" if paid else "in the cart"), cart
    last = max(line["ordered_at"] for line in history)
    return "bought last", [line["product_id"] for line in history if line["ordered_at"] == last]


def offers_text(example: Example, names: Mapping[str, str], kinds: Mapping[str, Mapping[str, Any]]) -> Text:
    """Name, kind, relevance and reason of each offer; or why there is none, and how close the best were."""
    offers = example.offers
    if offers.reason is not None:
        text = Text.assemble((f"none: {offers.reason}", "bold"), f"; {REASONS[offers.reason]}")
        close = []
        for kind, best in offers.best_relevance.items():
            least = kinds[kind]["threshold"]
            close.append(f"{kind} {best:.1%} ({'silent' if least is None else f'shown from {least:.1%}'})")
        return text.append(f"\nthe best: {', '.join(close)}", "dim") if close else text
    parts = []
    for offer in offers:
        mark, style = ("✓ ", "bold green") if offer.product_id in example.bought else ("  ", "bold")
        told = (f"\n    {offer.kind}, {offer.relevance:.1%}: {offer.reason.text(names.__getitem__)}", "dim")
        parts.append(Text.assemble((mark + names[offer.product_id], style), told))
    return Text("\n").join(parts)


def named(products: Sequence[str], names: Mapping[str, str], hits: int = 0) -> Text:
    """Products by name, the first `hits` of them with a tick."""
    if not products:
        return Text("nothing", "dim")
    told = [Text(f"✓ {names[product]}", "bold green") for product in products[:hits]]
    told += [Text(names[product]) for product in products[hits:NAMED]]
    if len(products) > NAMED:
        told.append(Text(f"and {len(products) - NAMED} more", "dim"))
    return Text("; ").join(told)


def show_figures(manifest: Mapping[str, Any], evaluation: EvaluationResult | None, console: Console) -> None:
    """What each kind shows and promises and, where there is a test window, how well it ranks and what follows on."""
    for table in figure_tables(manifest, evaluation):
        console.print("", as_text(table), sep="\n")


def figure_tables(manifest: Mapping[str, Any], evaluation: EvaluationResult | None) -> Iterator[FigureTable]:
    """The tables of one screen."""
    shown = evaluation.shown if evaluation is not None else []
    yield kinds_table(manifest, shown)
    if evaluation is not None:
        yield headline(evaluation)
        if evaluation.follow_on:
            yield follows_table(evaluation.follow_on)


def kinds_table(manifest: Mapping[str, Any], shown: Sequence[ShownPrecision]) -> FigureTable:
    """Threshold and certificate of each kind, and what of it was shown and bought in the test window."""
    certified = {certificate["kind"]: certificate for certificate in manifest["certificates"]}
    by_kind = {row.kind: row for row in shown if row.moment == EVERY}
    rows = []
    for kind, rule in manifest["kinds"].items():
        tested = by_kind.get(kind)
        bought = "" if tested is None or tested.precision is None else interval(tested.precision, places=3)
        offers = "" if tested is None else f"{tested.offers:,}"
        rows.append([kind, *threshold_cells(rule), *certificate_cells(certified.get(kind))[:2], offers, bought])
    title = "What each kind shows and certifies, and what was bought of it in the test window"
    columns = ["kind", "shown from", "wanted", "certified", "confidence", "offers", "bought (95 %)"]
    return FigureTable(title, columns, rows, notes=[overall(by_kind[EVERY])] if EVERY in by_kind else [])


def overall(shown: ShownPrecision) -> str:
    """All moments and kinds together."""
    told = f"In all, of {shown.requests:,} requests {shown.seen.value:.1%} see an offer"
    result = shown.precision
    if result is None:
        return f"{told}."
    return f"{told}, and {result.value:.1%} of the {shown.offers:,} offers were bought."


def show_places(trained: Trained, examples: Sequence[Example], console: Console) -> None:
    """How to embed the bundle, and where to look next."""
    carts = [example.request["cart"] for example in examples if example.request["cart"]]
    bundle = trained.bundle.as_posix()
    told = [
        ("Bundle", f"{bundle}, made in {sum(trained.seconds.values()):.0f} s; mersalg inspect {bundle}"),
        ("Run", trained.run),
        *([] if trained.registered is None else [("Registered", f"{trained.registered.uri} (alias challenger)")]),
        ("All figures", f"mersalg evaluate {bundle} --baselines"),
        ("Patterns", f"mersalg patterns {bundle}"),
        ("Playground", f"mersalg playground {bundle}"),
        ("Report", f"mersalg report {bundle} --out {bundle}.html"),
        ("Embed it", snippet(trained.bundle, carts[0][:FEW] if carts else []).replace("\n", "\n" + " " * 13)),
    ]
    console.print("", *(f"{label:<13}{text}" for label, text in told), sep="\n", markup=False, soft_wrap=True)


def snippet(bundle: Path, cart: Sequence[str]) -> str:
    """Two lines of Python that print the offers for a cart."""
    loaded = f"mersalg.load({json.dumps(bundle.as_posix())})"
    return f"import mersalg\nprint({loaded}.recommend(cart={json.dumps(list(cart))}))"


if __name__ == "__main__":
    sys.exit(main())
