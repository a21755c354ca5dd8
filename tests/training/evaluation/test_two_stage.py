"""Claims about the hand-made two-stage model: its candidates, its features, its carts, and what it learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from mersalg.names import KINDS, Kind
from mersalg_training.data.timeline import Timeline
from mersalg_training.evaluation.baselines.two_stage import TwoStage, fit_two_stage, model
from mersalg_training.evaluation.baselines.two_stage.carts import QUESTIONS, Carts, Question, assemble, make_carts
from mersalg_training.evaluation.baselines.two_stage.facts import make_facts
from mersalg_training.evaluation.baselines.two_stage.features import (
    CandidateRows,
    cart_columns,
    own_columns,
    price_columns,
)
from mersalg_training.evaluation.baselines.two_stage.model import Looked, question_of, sampled
from mersalg_training.evaluation.baselines.two_stage.past import Tally, make_past
from mersalg_training.evaluation.baselines.two_stage.sources import CANDIDATES, FEW, candidates, foremost
from mersalg_training.evaluation.tasks.task import OWN_KINDS, Restriction
from mersalg_training.ranking.cases import Cases
from small_history import Order, make_attributes, make_timeline, named

PRICES = {"ale": 4.0, "beer": 2.0, "chips": 1.0, "lager": 3.0, "nuts": 1.0, "stout": 6.0}
TYPES: dict[str, str | None] = {
    "ale": "drink", "beer": "drink", "chips": "snack", "lager": "drink", "nuts": "snack", "stout": "drink",
}  # fmt: skip
ORDERS = [
    Order("ann", 0, "beer chips"),
    Order("ann", 10, "beer nuts"),
    Order("ann", 20, "beer chips"),
    Order("bob", 0, "ale chips"),
    Order("bob", 5, "lager"),
    Order("cat", 8, "stout chips"),
    Order("ann", 26, "stout chips"),
    Order("ann", 27, "nuts"),
]
BEFORE = 25.0


@pytest.fixture
def timeline() -> Timeline:
    return make_timeline(ORDERS, PRICES)


def codes(*names: str) -> np.ndarray:  # type: ignore[type-arg]
    return np.array([sorted(PRICES).index(name) for name in names], dtype=np.int64)


def ask(timeline: Timeline, cart: str = "", customer: str = "ann", day: float = 26) -> Cases:
    """A request at the time of an order of the customer."""
    code = timeline.customer_ids.index(customer)
    order = int(np.flatnonzero((timeline.order_customer == code) & (timeline.order_day == day))[0])
    return assemble(timeline, [order], [codes(*cart.split())], [np.array([0])])


def rows_for(*names: str) -> CandidateRows:
    return CandidateRows(np.zeros(len(names), np.int64), np.zeros(len(names), np.int64), codes(*names))


def test_facts_hold_only_what_lies_before_the_day(timeline: Timeline) -> None:
    facts = make_facts(timeline, make_attributes(TYPES), BEFORE)
    assert facts.orders[codes("beer", "chips", "stout")].tolist() == [3, 4, 1]
    assert facts.static["idle"][codes("nuts")] == 15
    later = make_timeline([*ORDERS, *[Order("bob", 30 + n, "nuts lager") for n in range(5)]], PRICES)
    again = make_facts(later, make_attributes(TYPES), BEFORE)
    for name, values in facts.static.items():
        np.testing.assert_array_equal(values, again.static[name], err_msg=name)


def test_facts_place_a_product_within_its_type(timeline: Timeline) -> None:
    facts = make_facts(timeline, make_attributes(TYPES), BEFORE)
    assert facts.static["share_in_type"][codes("beer", "chips")].tolist() == [3 / 6, 4 / 5]
    assert facts.static["price_place"][codes("beer", "lager", "ale", "stout")].tolist() == [1 / 8, 3 / 8, 5 / 8, 7 / 8]
    assert facts.static["interval"][codes("beer")] == 10


def test_types_go_together_by_the_orders_that_hold_both(timeline: Timeline) -> None:
    drink, snack = 0, 1
    confidence = make_facts(timeline, make_attributes(TYPES), BEFORE).affine["confidence"].toarray()
    assert confidence[drink, snack] == pytest.approx(5 / 6)
    assert confidence[snack, drink] == pytest.approx(1.0)
    assert confidence[drink, drink] == 0.0


def test_without_types_and_prices_the_facts_are_unknown(timeline: Timeline) -> None:
    bare = replace(timeline, line_price=np.full_like(timeline.line_price, np.nan))
    facts = make_facts(bare, make_attributes(dict.fromkeys(TYPES)), BEFORE)
    for name in ("price", "price_place", "share_in_type", "share_in_category", "type_size"):
        assert np.isnan(facts.static[name]).all(), name
    assert not facts.share_in_type.any()


def test_a_key_that_is_not_there_has_the_default() -> None:
    tally = Tally(np.array([3, 7]), {"count": np.array([2.0, 5.0])})
    assert tally.get("count", np.array([7, 4, 9, -1, 3])).tolist() == [5, 0, 0, 0, 2]
    assert np.isnan(Tally(np.zeros(0, np.int64), {}).get("count", np.array([1]), np.nan)).all()


def test_own_features_count_and_age_the_purchases_of_the_product(timeline: Timeline) -> None:
    facts = make_facts(timeline, make_attributes(TYPES), BEFORE)
    past = make_past(timeline, ask(timeline), facts)
    found = own_columns(rows_for("beer", "nuts", "ale"), past, facts)
    assert found["own_count"].tolist() == [3, 1, 0]
    assert found["own_rate"].tolist() == [1, 1 / 3, 0]
    assert found["own_since"][:2].tolist() == [6, 16]
    assert np.isnan(found["own_since"][2])
    assert found["own_gap"][0] == 10
    assert found["own_in_last"].tolist() == [1, 0, 0]
    assert found["own_short"][0] == pytest.approx(2 ** (-6 / 14) + 2 ** (-16 / 14) + 2 ** (-26 / 14))


def test_a_history_of_one_order_counts_in_every_request_that_brings_it() -> None:
    timeline = make_timeline([Order("ann", 1, "beer"), Order("ann", 2, "ale"), Order("bob", 1, "nuts")], PRICES)
    facts = make_facts(timeline, make_attributes(TYPES), 3.0)
    order = timeline.history_before(1)
    assert (order.start, order.stop) == (0, 1)
    twice = assemble(timeline, [1, 1], [codes(), codes()], [codes("ale"), codes("ale")])
    assert make_past(timeline, twice, facts).context["own_orders"].tolist() == [1, 1]


def test_a_request_without_history_has_no_own_products(timeline: Timeline) -> None:
    facts = make_facts(timeline, make_attributes(TYPES), BEFORE)
    cases = ask(timeline, "beer")
    past = make_past(timeline, replace(cases, history=cases.history[:, [1, 1]]), facts)
    assert len(past.own(0)) == 0
    assert past.context["own_orders"].tolist() == [0]
    assert np.isnan(past.context["since_order"]).all()


def test_cart_features_compare_types(timeline: Timeline) -> None:
    facts = make_facts(timeline, make_attributes(TYPES), BEFORE)
    found = cart_columns(rows_for("lager", "nuts"), ask(timeline, "ale beer"), facts)
    assert found["cart_same_type"].tolist() == [2, 0]
    assert found["cart_same_brand"].tolist() == [0, 0]
    assert found["type_confidence"].tolist() == pytest.approx([0.0, 5 / 6])


def test_the_price_is_held_against_the_cart_s_product_of_the_type(timeline: Timeline) -> None:
    facts = make_facts(timeline, make_attributes(TYPES), BEFORE)
    cases = ask(timeline, "beer nuts")
    found = price_columns(rows_for("ale", "chips"), cases, make_past(timeline, cases, facts), facts)
    assert found["price_to_anchor"].tolist() == pytest.approx([np.log(4 / 2), 0.0])
    assert found["price_to_cart"].tolist() == pytest.approx([np.log(4 / 1.5), np.log(1 / 1.5)])
    empty = ask(timeline)
    by_habit = price_columns(rows_for("ale"), empty, make_past(timeline, empty, facts), facts)
    assert by_habit["price_to_anchor"].tolist() == pytest.approx([np.log(4 / 2)])
    assert np.isnan(by_habit["price_to_cart"]).all()


def test_the_foremost_are_those_of_a_plain_sort() -> None:
    random = np.random.default_rng(3)
    for _ in range(50):
        scores = random.integers(-2, 40, size=3000).astype(np.float32)
        permitted = random.random(3000) < 0.5
        able = np.flatnonzero(permitted & (scores > 0))
        plain = able[np.lexsort((able, -scores[able]))]
        found = foremost(scores, permitted, 20)
        assert scores[found].tolist() == scores[plain[:20]].tolist()
        assert permitted[found].all()
        assert len(np.unique(found)) == 20


def test_few_permitted_products_are_all_candidates() -> None:
    permitted = np.zeros(5000, dtype=np.bool_)
    permitted[10 : 10 + FEW] = True
    scores = {"cosine_sum": np.zeros((1, 5000), dtype=np.float32)}
    assert candidates(scores, 0, permitted, np.arange(5000)).tolist() == list(range(10, 10 + FEW))


def test_what_the_sources_leave_open_is_filled_with_the_popular() -> None:
    permitted = np.ones(5000, dtype=np.bool_)
    permitted[4999] = False
    said = np.zeros((1, 5000), dtype=np.float32)
    said[0, [7, 4999]] = 1.0
    found = candidates({"cosine_sum": said}, 0, permitted, np.arange(4999, -1, -1))
    assert found.tolist() == sorted([7, *range(4999 - CANDIDATES + 1, 4999)])


def test_sources_take_turns() -> None:
    permitted = np.ones(5000, dtype=np.bool_)
    low, high = np.zeros((2, 1, 5000), dtype=np.float32)
    low[0, :2000] = np.arange(2000, 0, -1)
    high[0, 3000:] = np.arange(2000, 0, -1)
    found = candidates({"near": low, "confidence_max": high}, 0, permitted, np.arange(5000))
    assert set(range(50)) <= set(found.tolist())
    assert set(range(3000, 3050)) <= set(found.tolist())


def test_what_is_permitted_tells_the_question(timeline: Timeline) -> None:
    facts = make_facts(timeline, make_attributes(TYPES), BEFORE)
    own, cart = codes("beer", "chips", "nuts"), codes("beer")

    def asked(*permitted: str) -> str:
        mask = np.zeros(len(PRICES), dtype=np.bool_)
        mask[codes(*permitted)] = True
        return question_of(mask, own, cart, facts)

    assert asked("chips", "nuts") == "own"
    assert asked("ale", "stout") == "upsell"
    assert asked("ale", "lager", "stout", "chips", "nuts") == "all"
    cart = codes("nuts")
    assert asked("ale", "lager", "stout") == "new"


def test_an_upsell_is_asked_with_the_usual_product_instead_of_the_dearer_one(timeline: Timeline) -> None:
    facts = make_facts(timeline, make_attributes(TYPES), BEFORE)
    carts = make_carts(timeline, facts, (BEFORE, 30.0), np.random.default_rng(1))
    (upsells,) = [made for made in carts if made.questions == ("upsell",)]
    assert named(timeline, upsells.cases.cart[0]) == ["beer", "chips"]
    assert named(timeline, upsells.cases.target[0]) == ["stout"]
    in_type, anywhere = [mask for _, mask in upsells.asked(0, codes("beer", "chips"), facts.sold)]
    assert named(timeline, np.flatnonzero(in_type)) == ["ale", "lager", "stout"]
    assert named(timeline, np.flatnonzero(anywhere)) == ["ale", "lager", "nuts", "stout"]


def test_a_cart_asks_for_what_is_new_only_where_something_is_known(timeline: Timeline) -> None:
    carts = Carts(ask(timeline, "beer"), ("all", "new", "own"))
    sold = np.ones(len(PRICES), dtype=np.bool_)
    assert [question for question, _ in carts.asked(0, codes(), sold)] == ["all"]
    masks = dict(carts.asked(0, codes("beer", "chips"), sold))
    assert named(timeline, np.flatnonzero(masks["own"])) == ["chips"]
    assert named(timeline, np.flatnonzero(masks["new"])) == ["ale", "lager", "nuts", "stout"]


def test_kept_negatives_weigh_as_much_as_all(timeline: Timeline) -> None:
    cases = ask(timeline, "beer")
    rows = CandidateRows(np.zeros(500, np.int64), np.zeros(500, np.int64), np.arange(500))
    looked = Looked(np.array([0]), np.array([0]), rows, np.zeros((500, 1), np.float32))
    kept, y, weight = sampled(looked, cases, np.random.default_rng(5))
    assert rows.product[kept[y == 1]].tolist() == cases.target[0].tolist()
    assert len(kept) < 100
    assert weight[y == 1].tolist() == [1.0]
    assert weight[y == 0].sum() == pytest.approx(499)


def test_too_few_carts_give_no_model(timeline: Timeline) -> None:
    for day in (BEFORE, -1.0):
        assert fit_two_stage(timeline, make_attributes(TYPES), day, np.random.default_rng(1)) is None


PAIRS = 15
SHOP = {f"{side}{number:02d}": 1.0 + (side == "b") for number in range(PAIRS) for side in "ab"}
END = 100.0


def shop(known: bool = True) -> Timeline:
    """Every customer buys three pairs of an a and its b, favours the pairs beside the own number, and comes back."""
    random = np.random.default_rng(9)
    orders = []
    for customer in range(45):
        favourites = [(customer + step) % PAIRS for step in range(4)]
        for day in np.sort(random.uniform(0, END + 5, size=16)).tolist():
            chosen = random.choice([*favourites * 3, *range(PAIRS)], size=3)
            names = " ".join(f"a{pair:02d} b{pair:02d}" for pair in sorted(set(chosen.tolist())))
            orders.append(Order(f"c{customer:02d}" if known else None, day, names))
    return make_timeline(orders, SHOP)


def completions(timeline: Timeline) -> tuple[Cases, Restriction]:
    """The first product of each order after END; the rest is the target."""
    late = np.flatnonzero(timeline.order_day >= END).tolist()
    lines = [timeline.line_product[timeline.order_lines(order)].astype(np.int64) for order in late]
    cases = assemble(timeline, late, [line[:1] for line in lines], [line[1:] for line in lines])
    return cases, Restriction(np.ones(len(SHOP), dtype=np.bool_), cases.cart)


def fitted(timeline: Timeline, named_types: bool = True) -> TwoStage:
    types = make_attributes({name: name[0] if named_types else None for name in SHOP})
    found = fit_two_stage(timeline, types, END, np.random.default_rng(4))
    assert found is not None
    return found


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Iterator[None]:
    """Fewer rounds than the model has: the shops of these claims are small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "TREES", model.TREES.model_copy(update={"trees": 40, "learning_rate": 0.2}))
        yield


@pytest.fixture(scope="module")
def learned() -> tuple[Timeline, TwoStage]:
    timeline = shop()
    return timeline, fitted(timeline)


@pytest.mark.slow
def test_the_partner_of_the_cart_s_product_comes_first(learned: tuple[Timeline, TwoStage]) -> None:
    timeline, two_stage = learned
    cases, restriction = completions(timeline)
    ranked = two_stage.rank(cases, restriction, 3)
    partner = [
        name.replace("a", "b")
        for cart in map(cases.cart.__getitem__, range(len(cases)))
        for name in named(timeline, cart)
    ]
    first = [named(timeline, products)[0] for products in ranked]
    assert np.mean([one == other for one, other in zip(first, partner, strict=True)]) > 0.9


@pytest.mark.slow
def test_the_restriction_and_k_hold(learned: tuple[Timeline, TwoStage]) -> None:
    timeline, two_stage = learned
    cases, _ = completions(timeline)
    only = np.zeros(len(SHOP), dtype=np.bool_)
    only[[1, 4, 20]] = True
    everything = np.ones(len(SHOP), dtype=np.bool_)
    ranked = two_stage.rank(cases, Restriction(everything, cases.cart, lambda case: only), 5)
    for row, products in enumerate(ranked):
        assert set(products.tolist()) == {1, 4, 20} - set(cases.cart[row].tolist())
    assert [len(products) for products in two_stage.rank(cases, Restriction(everything, cases.cart), 2)] == [2] * len(
        cases
    )


@pytest.mark.slow
def test_the_same_requests_are_ranked_alike_alone_and_by_any_named_question(
    learned: tuple[Timeline, TwoStage],
) -> None:
    timeline, two_stage = learned
    cases, restriction = completions(timeline)
    together = two_stage.rank(cases, restriction, 6)
    alone = cases.take(np.array([3]))
    single = two_stage.rank(alone, Restriction(restriction.catalogue, alone.cart), 6)
    np.testing.assert_array_equal(single[0], together[3])
    for question in QUESTIONS:
        ((products, _),) = two_stage.answered(alone, Restriction(restriction.catalogue, alone.cart), 6, question)
        assert len(products) == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "question"), [(("upsell",), "upsell"), (("add-on",), None), (OWN_KINDS, None), (KINDS, None)]
)
def test_upsells_alone_are_a_question_of_their_own(
    learned: tuple[Timeline, TwoStage], kinds: tuple[Kind, ...], question: Question | None
) -> None:
    timeline, two_stage = learned
    cases, restriction = completions(timeline)
    by_kinds = two_stage.scored(cases, restriction, 6, kinds)
    for (products, scores), (same, as_high) in zip(
        by_kinds, two_stage.answered(cases, restriction, 6, question), strict=True
    ):
        np.testing.assert_array_equal(products, same)
        np.testing.assert_array_equal(scores, as_high)


@pytest.mark.slow
def test_what_comes_after_the_day_changes_nothing(learned: tuple[Timeline, TwoStage]) -> None:
    timeline, two_stage = learned
    scrambled = np.random.default_rng(0).permutation(len(SHOP)).astype(np.int32)
    late = timeline.line_day >= END
    other = replace(timeline, line_product=np.where(late, scrambled[timeline.line_product], timeline.line_product))
    cases, restriction = completions(timeline)
    first = cases.take(np.flatnonzero(timeline.line_day[cases.history[:, 1] - 1] < END))
    permitted = Restriction(restriction.catalogue, first.cart)
    for one, two in zip(two_stage.rank(first, permitted, 5), fitted(other).rank(first, permitted, 5), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
@pytest.mark.parametrize(
    "bare", [lambda: (shop(known=False), True), lambda: (shop(), False), lambda: (without_prices(shop()), True)]
)
def test_customers_types_and_prices_may_be_unknown(bare: Callable[[], tuple[Timeline, bool]]) -> None:
    timeline, typed = bare()
    cases, restriction = completions(timeline)
    two_stage = fitted(timeline, typed)
    assert all(len(products) == 5 for products in two_stage.rank(cases, restriction, 5))


def without_prices(timeline: Timeline) -> Timeline:
    return replace(timeline, line_price=np.full_like(timeline.line_price, np.nan))
