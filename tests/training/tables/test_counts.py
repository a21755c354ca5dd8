"""Claims: the counts of a few hand-made orders are those that one counts by hand, and of many those of a slow count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import asdict
from itertools import pairwise, permutations
from statistics import median

import numpy as np
import pytest

from mersalg_training.config import Config, parse_config
from mersalg_training.data.timeline import Timeline
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.tables import counts as module
from mersalg_training.tables.counts import Counts, PairCounts, PairTable, count_purchases
from small_history import Order, history_of, make_timeline

TYPES = {"bread": 0, "butter": 1, "jam": 2, "milk": 3, "oat-milk": 3}
SHOP = {"bread": 3.0, "butter": 2.0, "jam": 4.0, "milk": 1.0, "oat-milk": 2.5}
NEVER_LATER = 1e9


def floors(min_support: int = 1, min_pairs: int = 1, min_customers: int = 1) -> Config:
    return parse_config(
        {
            "name": "counts",
            "data": {"orders": "none"},
            "counts": {"min_support": min_support, "min_pairs": min_pairs, "follow_days": 30.0},
            "privacy": {"min_customers": min_customers},
        },
        "test",
    )


EVERY = floors()


def counted(orders: Sequence[Order], config: Config = EVERY, cut_day: float = NEVER_LATER) -> tuple[Counts, Timeline]:
    timeline = make_timeline(orders, SHOP)
    types = np.array([TYPES[product] for product in timeline.product_ids], dtype=np.int32)
    return count_purchases(history_of(timeline), types, 4, [cut_day], config).before(0), timeline


def gathered(pairs: PairCounts | PairTable) -> PairCounts:
    return pairs.all() if isinstance(pairs, PairTable) else pairs


def by_name(pairs: PairCounts | PairTable, timeline: Timeline) -> dict[tuple[str, str], float]:
    ids, pairs = timeline.product_ids, gathered(pairs)
    return {(ids[a], ids[b]): n for a, b, n in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.n.tolist(), strict=True)}


def column(counts: Counts, timeline: Timeline, table: str, name: str) -> dict[str, float]:
    columns = getattr(counts, table)
    products = [timeline.product_ids[int(code)] for code in columns["product"]]
    return dict(zip(products, np.asarray(columns[name], dtype=np.float64).tolist(), strict=True))


def test_orders_of_a_product_and_their_first_and_last_day_are_counted() -> None:
    counts, timeline = counted([Order("a", 1, "milk bread"), Order(None, 5, "milk")])
    assert counts.orders == 2
    assert column(counts, timeline, "products", "orders") == {"bread": 1, "milk": 2}
    assert column(counts, timeline, "products", "first_day")["milk"] == 1
    assert column(counts, timeline, "products", "last_day")["milk"] == 5


def test_the_last_week_and_the_last_four_are_counted_from_the_cut() -> None:
    counts, timeline = counted([Order("a", day, "milk") for day in (60, 75, 90, 95)], cut_day=100.0)
    assert column(counts, timeline, "products", "month_orders") == {"milk": 3}
    assert column(counts, timeline, "products", "week_orders") == {"milk": 1}


def test_a_pair_in_a_basket_counts_in_both_directions() -> None:
    counts, timeline = counted([Order("a", 1, "bread butter jam"), Order("b", 2, "bread butter")])
    pairs = by_name(counts.basket, timeline)
    assert pairs["bread", "butter"] == pairs["butter", "bread"] == 2
    assert pairs["jam", "bread"] == 1
    assert len(pairs) == 6


def test_pairs_below_the_floor_and_rare_products_are_dropped() -> None:
    orders = [Order("a", 1, "bread butter jam"), Order("b", 2, "bread butter"), Order("c", 3, "jam")]
    assert by_name(counted(orders, floors(min_pairs=2))[0].basket, make_timeline(orders, SHOP)) == {
        ("bread", "butter"): 2,
        ("butter", "bread"): 2,
    }
    rare, timeline = counted([*orders, Order("d", 4, "milk bread")], floors(min_support=2))
    assert all("milk" not in pair for pair in by_name(rare.basket, timeline))


def test_pairs_of_a_type_are_those_of_its_products_added_up() -> None:
    counts, timeline = counted([Order("a", 1, "milk bread"), Order("b", 2, "oat-milk bread")])
    ids, pairs = timeline.product_ids, counts.by_type.all()
    of_dairy = {
        ids[b]: n for a, b, n in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.n.tolist(), strict=True) if a == 3
    }
    assert of_dairy == {"bread": 2}


def test_buyers_who_came_back_for_it_are_counted() -> None:
    counts, timeline = counted(
        [Order("a", 1, "milk"), Order("a", 9, "milk"), Order("b", 2, "milk"), Order(None, 3, "milk")]
    )
    assert column(counts, timeline, "repeats", "customers") == {"milk": 2}
    assert column(counts, timeline, "repeats", "repeaters") == {"milk": 1}


def test_intervals_are_between_purchases_of_one_product_by_one_customer() -> None:
    orders = [
        Order("a", 1, "milk"),
        Order("a", 4, "bread"),
        Order("a", 11, "milk"),
        Order("a", 15, "milk"),
        Order("b", 13, "milk"),
    ]
    counts, timeline = counted(orders)
    assert column(counts, timeline, "intervals", "interval_days") == {"milk": 7.0}
    assert column(counts, timeline, "intervals", "intervals") == {"milk": 2}
    assert counts.order_gap_days == pytest.approx(4.0)


def test_without_customers_there_is_no_gap_and_no_repeat() -> None:
    counts, _ = counted([Order(None, 1, "milk"), Order(None, 2, "milk")])
    assert np.isnan(counts.order_gap_days)
    assert len(counts.repeats["product"]) == len(counts.intervals["product"]) == len(counts.follow.a) == 0


def test_a_follow_on_pair_is_new_to_the_customer_and_lies_in_the_next_order() -> None:
    counts, timeline = counted([Order("a", 1, "milk"), Order("a", 5, "milk bread"), Order("a", 9, "jam bread")])
    assert by_name(counts.follow, timeline) == {("milk", "bread"): 1, ("milk", "jam"): 1, ("bread", "jam"): 1}


def test_a_follow_on_pair_that_is_too_far_apart_does_not_count() -> None:
    counts, timeline = counted([Order("a", 1, "milk"), Order("a", 50, "bread")])
    assert by_name(counts.follow, timeline) == {}


def test_a_switch_is_the_next_purchase_of_another_product_of_the_type() -> None:
    counts, timeline = counted([Order("a", 1, "milk"), Order("a", 5, "bread"), Order("a", 9, "oat-milk")])
    assert by_name(counts.switches, timeline) == {("milk", "oat-milk"): 1}


def test_lines_from_the_cut_on_count_nowhere() -> None:
    orders = [Order("a", 1, "milk bread"), Order("a", 5, "milk jam"), Order("a", 10, "oat-milk butter")]
    before, timeline = counted(orders, cut_day=10.0)
    alone, _ = counted(orders[:2], cut_day=10.0)
    assert before.orders == 2
    assert column(before, timeline, "products", "orders") == {"bread": 1, "jam": 1, "milk": 2}
    for name in ("basket", "by_type", "follow", "switches"):
        assert by_name(getattr(before, name), timeline) == by_name(getattr(alone, name), timeline)


def test_pairs_come_in_one_order_whatever_the_database_does() -> None:
    counts, _ = counted([Order("a", 1, "bread butter jam milk")])
    anchors = counts.basket.all().a.tolist()
    assert anchors == sorted(anchors)


Tallies = dict[tuple[str, str], tuple[int, int]]
"""Pair -> how often, and of how many distinct customers."""


def tallied(pairs: PairCounts | PairTable, timeline: Timeline, first: Sequence[str] | None = None) -> Tallies:
    names, pairs = first or timeline.product_ids, gathered(pairs)
    rows = zip(pairs.a.tolist(), pairs.b.tolist(), pairs.n.tolist(), pairs.customers.tolist(), strict=True)
    return {(names[a], timeline.product_ids[b]): (n, customers) for a, b, n, customers in rows}


class SlowCount:
    """What the counts should be, gone through order by order."""

    def __init__(self, orders: Sequence[Order], min_support: int, min_pairs: int, min_customers: int) -> None:
        self.min_pairs, self.min_customers = min_pairs, min_customers
        # An order without a customer stands for one.
        self.baskets = [(o.customer or f"order {i}", frozenset(o.products.split())) for i, o in enumerate(orders)]
        self.of_customer: dict[str, list[Order]] = defaultdict(list)
        for order in sorted(orders, key=lambda order: order.day):
            if order.customer is not None:
                self.of_customer[order.customer].append(order)
        holders: dict[str, list[str]] = defaultdict(list)
        for unit, basket in self.baskets:
            for product in basket:
                holders[product].append(unit)
        self.orders = {product: len(units) for product, units in holders.items()}
        self.customers = {product: len(set(units)) for product, units in holders.items()}
        supported = {product for product, n in self.orders.items() if n >= min_support}
        self.frequent = {product for product in supported if self.customers[product] >= min_customers}
        self.rare = len(supported - self.frequent)

    def kept(self, seen: Sequence[tuple[Hashable, Hashable, str]], least: int) -> tuple[Tallies, int]:
        """Of all pairs with the customer of each: those of enough, and how many are of too few customers."""
        who: dict[tuple[Hashable, Hashable], list[str]] = defaultdict(list)
        for a, b, customer in seen:
            who[a, b].append(customer)
        often = {pair: (len(c), len(set(c))) for pair, c in who.items() if len(c) >= least}
        kept = {pair: tally for pair, tally in often.items() if tally[1] >= self.min_customers}
        return kept, len(often) - len(kept)  # type: ignore[return-value]

    def basket(self) -> tuple[Tallies, int]:
        kept, left_out = self.kept(self.together(), self.min_pairs)
        assert left_out % 2 == 0
        return kept, left_out // 2

    def together(self) -> list[tuple[str, str, str]]:
        return [(a, b, unit) for unit, basket in self.baskets for a, b in permutations(basket & self.frequent, 2)]

    def by_type(self) -> tuple[Tallies, int]:
        return self.kept([(f"type {TYPES[a]}", b, unit) for a, b, unit in self.together()], self.min_pairs)

    def next_orders(self) -> list[tuple[str, Order, set[str]]]:
        """Customer, an order, and what was bought for the first time in the next within 30 days."""
        found = []
        for customer, orders in self.of_customer.items():
            first_day = {
                p: min(o.day for o in orders if p in o.products.split()) for o in orders for p in o.products.split()
            }
            for order, later in pairwise(orders):
                if later.day - order.day <= 30:
                    found.append((customer, order, {p for p in later.products.split() if first_day[p] == later.day}))
        return found

    def follow(self) -> tuple[Tallies, int]:
        seen = [
            (a, b, customer)
            for customer, order, firsts in self.next_orders()
            for a in self.frequent.intersection(order.products.split())
            for b in firsts & self.frequent - {a}
        ]
        return self.kept(seen, self.min_pairs)

    def switches(self) -> tuple[Tallies, int]:
        seen = []
        for customer, orders in self.of_customer.items():
            of_type: dict[int, list[str]] = defaultdict(list)
            for order in orders:
                for product in sorted(order.products.split()):
                    of_type[TYPES[product]].append(product)
            for products in of_type.values():
                seen += [(a, b, customer) for a, b in pairwise(products) if a != b]
        return self.kept(seen, 1)

    def gaps(self) -> dict[str, dict[str, list[float]]]:
        """Product -> customer -> days between purchases."""
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for customer, orders in self.of_customer.items():
            for product in SHOP:
                days = [order.day for order in orders if product in order.products.split()]
                for before, after in pairwise(days):
                    if after > before:
                        found[product][customer].append(after - before)
        return found


def drawn_orders(seed: int) -> list[Order]:
    """Some customers who come often, some who come once, some who are not known."""
    random = np.random.default_rng(seed)
    names = [None, None, *(f"regular-{n}" for n in range(4)), *(f"guest-{n}" for n in range(12))]
    weight = np.array([3.0, 3.0, *[4.0] * 4, *[1.0] * 12])
    chance = np.array([0.6, 0.5, 0.15, 0.4, 0.15])
    orders = []
    for _ in range(70):
        products = [p for p, drawn in zip(SHOP, random.random(5) < chance, strict=True) if drawn] or ["jam"]
        who = names[int(random.choice(len(names), p=weight / weight.sum()))]
        orders.append(Order(who, float(random.integers(0, 200)), " ".join(products)))
    # Two orders of one customer on one day would leave open which is the next.
    return list({(order.customer or number, order.day): order for number, order in enumerate(orders)}.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("min_support", "min_pairs", "min_customers"), [(1, 1, 1), (1, 2, 3), (12, 2, 5), (10, 1, 9)])
def test_the_statements_count_what_a_slow_count_does(
    seed: int, min_support: int, min_pairs: int, min_customers: int
) -> None:
    orders = drawn_orders(seed)
    counts, timeline = counted(orders, floors(min_support, min_pairs, min_customers))
    slow = SlowCount(orders, min_support, min_pairs, min_customers)
    types = [f"type {number}" for number in range(4)]
    left_out = {}
    for name, found, expected in (
        ("pairs", tallied(counts.basket, timeline), slow.basket()),
        ("type_pairs", tallied(counts.by_type, timeline, types), slow.by_type()),
        ("follow_pairs", tallied(counts.follow, timeline), slow.follow()),
        ("switches", tallied(counts.switches, timeline), slow.switches()),
    ):
        assert found == expected[0], name
        left_out[name] = expected[1]
    assert column(counts, timeline, "products", "orders") == slow.orders
    assert column(counts, timeline, "products", "customers") == slow.customers
    gaps = slow.gaps()
    told = {p: median(g for of in gaps[p].values() for g in of) for p in gaps if len(gaps[p]) >= min_customers}
    assert column(counts, timeline, "intervals", "interval_days") == pytest.approx(told)
    buyers = {p: [c for c, o in slow.of_customer.items() if any(p in x.products.split() for x in o)] for p in SHOP}
    known = {p: len(c) for p, c in buyers.items() if c}
    assert column(counts, timeline, "repeats", "customers") == {p: n for p, n in known.items() if n >= min_customers}
    left_out |= {
        "products": slow.rare,
        "intervals": len(gaps) - len(told),
        "repeats": sum(n < min_customers for n in known.values()),
    }
    assert asdict(counts.left_out) == left_out


def test_what_is_counted_by_slices_is_the_same_and_no_slice_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    laid_down: list[int] = []

    make = DuckDBEngine.make

    def watched(engine: DuckDBEngine, table: str, select: str, **parameters: float) -> None:
        make(engine, table, select, **parameters)
        if table == "pairs":
            laid_down.append(int(engine.rows("SELECT count(*) AS n FROM pairs")["n"][0]))

    monkeypatch.setattr(DuckDBEngine, "make", watched)
    orders = drawn_orders(4)
    whole, timeline = counted(orders, floors(1, 1, 2))
    at_once, laid_down[:] = list(laid_down), []
    monkeypatch.setattr(DuckDBEngine, "rows_at_once", 60)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 5)
    sliced, _ = counted(orders, floors(1, 1, 2))
    assert sum(laid_down) == sum(at_once)
    assert len(laid_down) > len(at_once) == 3
    assert max(laid_down) <= 60 < max(at_once)
    for name in ("basket", "by_type", "follow", "switches"):
        assert tallied(getattr(sliced, name), timeline) == tallied(getattr(whole, name), timeline)
        assert len(gathered(getattr(sliced, name)).n) > 0
    for name in ("interval_days", "intervals"):
        assert column(sliced, timeline, "intervals", name) == column(whole, timeline, "intervals", name)
    assert sliced.left_out == whole.left_out


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("min_support", "min_pairs", "min_customers"), [(1, 1, 1), (3, 2, 3), (12, 2, 5)])
def test_what_is_counted_once_for_several_cuts_is_what_each_cut_counts_alone(
    seed: int, min_support: int, min_pairs: int, min_customers: int
) -> None:
    orders, config, cuts = drawn_orders(seed), floors(min_support, min_pairs, min_customers), [90.0, 91.0, 140.0, 500.0]
    timeline = make_timeline(orders, SHOP)
    types = np.array([TYPES[product] for product in timeline.product_ids], dtype=np.int32)
    once = count_purchases(history_of(timeline), types, 4, cuts, config)
    for number, cut in enumerate(cuts):
        alone, together = counted([order for order in orders if order.day < cut], config, cut)[0], once.before(number)
        # A customer of later orders alone has a code all the same: codes are compared by what they name.
        for name in ("basket", "by_type", "follow", "switches"):
            assert tallied(getattr(together, name), timeline) == tallied(getattr(alone, name), timeline), (name, cut)
        for table, of_table in {
            "products": ("orders", "customers", "first_day", "last_day", "price", "company", "month_orders"),
            "repeats": ("customers", "repeaters"),
            "intervals": ("interval_days", "intervals", "customers"),
            "followed": ("n", "company"),
            "firsts": ("n",),
        }.items():
            for name in of_table:
                assert column(together, timeline, table, name) == column(alone, timeline, table, name), (table, name)
        assert together.orders == alone.orders
        assert together.left_out == alone.left_out
        assert together.order_gap_days == pytest.approx(alone.order_gap_days, nan_ok=True)


@pytest.mark.parametrize("seed", [1, 2])
def test_company_is_all_that_stands_beside_a_product_and_all_that_is_first_bought_after_it(seed: int) -> None:
    orders = drawn_orders(seed)
    counts, timeline = counted(orders, floors(min_support=20))
    slow = SlowCount(orders, 20, 1, 1)
    beside: dict[str, float] = defaultdict(float)
    for _, basket in slow.baskets:
        for product in basket:
            beside[product] += len(basket - {product})
    assert column(counts, timeline, "products", "company") == beside
    followed: dict[str, float] = defaultdict(float)
    first_after: dict[str, float] = defaultdict(float)
    first: dict[str, float] = defaultdict(float)
    for _, order, firsts in slow.next_orders():
        for product in order.products.split():
            followed[product] += 1
            first_after[product] += len(firsts)
        for product in firsts:
            first[product] += 1
    assert column(counts, timeline, "followed", "n") == followed
    assert column(counts, timeline, "followed", "company") == first_after
    assert column(counts, timeline, "firsts", "n") == first


def test_what_one_customer_alone_does_is_left_out_and_told() -> None:
    alone = [Order("ann", day, "milk bread") for day in range(0, 80, 10)]
    alone += [Order("ann", 100.0, "oat-milk")]
    others = [Order(f"{product}-{n}", 5.0, product) for n in range(5) for product in ("milk", "bread")]
    counts, _ = counted([*alone, *others], floors(min_support=1, min_customers=5))
    for pairs in (counts.basket, counts.by_type, counts.follow, counts.switches):
        assert len(gathered(pairs).n) == 0
    assert len(counts.intervals["product"]) == 0
    assert asdict(counts.left_out) == {
        "products": 1,  # oat-milk
        "pairs": 1,  # milk with bread
        "type_pairs": 2,  # of the type of either with the other
        "follow_pairs": 0,  # of what is frequent nothing is new later
        "switches": 1,  # from milk to oat-milk
        "intervals": 2,
        "repeats": 1,  # the only buyer of oat-milk
    }
    everything, _ = counted([*alone, *others], EVERY)
    assert (len(everything.basket.all().n), len(everything.switches.n), len(everything.intervals["product"])) == (
        2,
        1,
        2,
    )
    assert set(asdict(everything.left_out).values()) == {0}
