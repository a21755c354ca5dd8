"""Claims about what each single method ranks first, on tables whose answer is evident."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mersalg_training.data.timeline import Timeline
from mersalg_training.evaluation.baselines import ScoredCatalogue, Scorer, als_settings
from mersalg_training.evaluation.baselines import neighbours as neighbours_module
from mersalg_training.evaluation.baselines.by_implicit import als_product_factors, frequency_regularization
from mersalg_training.evaluation.baselines.ease import fit_ease
from mersalg_training.evaluation.baselines.factorised import fit_als, fit_bpr
from mersalg_training.evaluation.baselines.item_item import fit_bm25, fit_confidence, fit_lift, fit_softened_cosine
from mersalg_training.evaluation.baselines.neighbours import fit_tifu_knn, fit_upcf, tifu_weights, upcf_weights
from mersalg_training.evaluation.baselines.own import fit_own, median_pause_days
from mersalg_training.evaluation.baselines.sar import fit_sar
from mersalg_training.evaluation.tasks.task import Restriction, assemble
from mersalg_training.ranking.cases import Cases
from small_history import Order, make_timeline, named

PRODUCTS = ("bag", "bread", "butter", "cake", "milk", "razor", "soap", "tea")
PRICES = dict.fromkeys(PRODUCTS, 1.0)
CUT = 100.0


def shop(*orders: Order) -> Timeline:
    return make_timeline([*orders, Order("ann", CUT + 1, "bag")], PRICES)


def two_worlds() -> Timeline:
    """Kitchens and bathrooms: bread, butter, milk go together, and razor, soap, tea; cake goes with nothing."""
    kitchen, bath = ("bread butter milk", "bread butter", "butter milk", "bread milk"), ("razor soap tea", "razor soap")
    orders = [Order(f"k{day % 6}", day, kitchen[day % 4]) for day in range(1, 41)]
    orders += [Order(f"b{day % 6}", day, bath[day % 2]) for day in range(1, 41)]
    return shop(*orders, Order("cat", 50, "cake"), Order("ann", 60, "bread"))


def ask(timeline: Timeline, cart: str = "") -> Cases:
    """Ann's request after CUT."""
    codes = np.array([timeline.product_ids.index(product) for product in cart.split()], dtype=np.int64)
    order = int(np.flatnonzero(timeline.order_day >= CUT)[0])
    return assemble(timeline, [order], [codes], [np.array([0])], "cart")


def hidden(cases: Cases) -> Cases:
    return replace(cases, history=cases.history[:, [1, 1]])


def ranked(timeline: Timeline, method: Scorer, cases: Cases, k: int = 2) -> list[str]:
    everything = Restriction(np.ones(len(PRODUCTS), dtype=np.bool_), cases.cart)
    catalogue = ScoredCatalogue("test", method.score, np.arange(len(PRODUCTS)))
    return named(timeline, catalogue.rank(cases, everything, k)[0])


def scores(timeline: Timeline, method: Scorer, cases: Cases) -> dict[str, float]:
    return dict(zip(timeline.product_ids, method.score(cases)[0].tolist(), strict=True))


def test_own_alone_says_nothing_of_what_the_customer_never_bought() -> None:
    timeline = shop(Order("ann", 1, "tea"), Order("ann", 2, "tea milk"), Order("bob", 3, "cake"))
    found = scores(timeline, fit_own(timeline, CUT, back_off=False), ask(timeline))
    assert found["tea"] > found["milk"] > found["cake"] == found["razor"] == 0.0


def test_the_weights_of_ease_lie_row_by_row_as_a_product_with_a_sparse_matrix_reads_them() -> None:
    for by in ("order", "customer"):
        weights = fit_ease(two_worlds(), CUT, by).weights
        assert weights.flags.c_contiguous
        assert weights.dtype == np.float32


def test_decay_puts_a_late_purchase_before_more_early_ones() -> None:
    early = [Order("ann", day, "tea") for day in (1.0, 1.1, 1.2)]
    daily = [Order("bob", 1 + day / 10, "bread") for day in range(300)]
    timeline = shop(*early, Order("ann", 98, "milk"), *daily)
    assert ranked(timeline, fit_own(timeline, CUT), ask(timeline)) == ["tea", "milk"]
    assert ranked(timeline, fit_own(timeline, CUT, decay=True), ask(timeline), 3) == ["milk", "tea", "bread"]


def test_the_half_life_follows_the_customers_rhythm() -> None:
    weekly = shop(*[Order(name, day, "tea") for name in ("bob", "cat") for day in range(1, 90, 7)])
    assert median_pause_days(weekly, CUT) == 7.0
    once = shop(Order("bob", 1, "tea"), Order("cat", 2, "tea"))
    assert fit_own(once, CUT, decay=True).half_life_days == 90.0


def test_lift_counts_only_pairs_of_five_orders() -> None:
    often = [Order(None, day, "bread butter") for day in range(5)] + [Order(None, day, "butter") for day in range(9)]
    timeline = shop(*often, *[Order(None, 20 + day, "bread cake") for day in range(4)])
    found = scores(timeline, fit_lift(timeline, CUT), ask(timeline, "bread"))
    assert found["cake"] == 0.0
    assert found["butter"] == pytest.approx(5 / (9 * 14))


def test_the_maximum_takes_the_strongest_partner_and_the_sum_adds_up() -> None:
    orders = [Order(None, day, "bread butter") for day in range(4)]
    orders += [Order(None, 10 + day, "bread milk") for day in range(3)] + [
        Order(None, 20 + d, "tea milk") for d in range(3)
    ]
    timeline = shop(*orders, *[Order(None, 40 + day, "tea") for day in range(4)])
    cart = ask(timeline, "bread tea")
    assert ranked(timeline, fit_softened_cosine(timeline, CUT, "maximum"), cart)[0] == "butter"
    assert ranked(timeline, fit_softened_cosine(timeline, CUT, "sum"), cart)[0] == "milk"
    found = scores(timeline, fit_softened_cosine(timeline, CUT, "maximum"), cart)
    assert found["butter"] == pytest.approx(4 / (7**0.7 * 4**0.3))
    assert found["milk"] == pytest.approx(3 / (7**0.7 * 6**0.3))


def test_the_softened_cosine_lies_between_confidence_and_lift() -> None:
    orders = [Order(None, d, "bread milk") for d in range(8)] + [Order(None, 20 + d, "bread cake") for d in range(6)]
    timeline = shop(*orders, *[Order(None, 40 + day, "milk") for day in range(4)])
    cart = ask(timeline, "bread")
    assert ranked(timeline, fit_confidence(timeline, CUT), cart)[0] == "milk"
    assert ranked(timeline, fit_lift(timeline, CUT), cart)[0] == "cake"
    found = scores(timeline, fit_softened_cosine(timeline, CUT, "sum"), cart)
    assert found["milk"] / found["cake"] == pytest.approx(8 / 6 * (6 / 12) ** 0.3)


@pytest.mark.parametrize(("cart", "partners"), [("bread", {"butter", "milk"}), ("razor", {"soap", "tea"})])
def test_methods_of_carts_keep_to_the_world_of_the_cart(cart: str, partners: set[str]) -> None:
    timeline = two_worlds()
    cases = hidden(ask(timeline, cart))
    for method in (
        fit_bm25(timeline, CUT),
        fit_ease(timeline, CUT, "order", ridge=1.0),
        fit_als(timeline, CUT, "order", seed=1),
        fit_als(timeline, CUT, "customer", seed=1),
        fit_bpr(timeline, CUT, seed=1),
        fit_sar(timeline, CUT),
    ):
        assert set(ranked(timeline, method, cases)) == partners, type(method).__name__


def test_ease_solves_the_ridge_regression_of_its_paper() -> None:
    timeline = shop(Order(None, 1, "bread milk"), Order(None, 2, "bread milk"), Order(None, 3, "bread"))
    # X'X + 1 I = [[4, 2], [2, 3]]; its inverse is [[3, -2], [-2, 4]] / 8, and B = -P / diag(P) by column.
    fitted = fit_ease(timeline, CUT, "order", ridge=1.0)
    assert named(timeline, fitted.product) == ["bread", "milk"]
    assert fitted.weights == pytest.approx(np.array([[0.0, 2 / 4], [2 / 3, 0.0]]), abs=1e-6)


def test_ease_ranks_what_is_not_modelled_last_and_by_popularity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mersalg_training.evaluation.baselines.ease.MAX_PRODUCTS", 3)
    often = [Order(None, day, "bread butter milk") for day in range(5)] + [
        Order(None, 9, "tea"),
        Order(None, 10, "tea"),
    ]
    timeline = shop(*often, Order(None, 11, "cake"))
    found = ranked(timeline, fit_ease(timeline, CUT, "order", ridge=1.0), ask(timeline, "bread"), 4)
    assert set(found[:2]) == {"butter", "milk"}
    assert found[2:] == ["tea", "cake"]


def test_the_regularization_of_als_grows_with_frequency() -> None:
    assert frequency_regularization(10, 100, 2.0, 0.1) == pytest.approx(0.1 * (2 * 10 + 100))
    timeline = two_worlds()
    weak, strong = (fit_als(timeline, CUT, "order", 1, (40.0, r)).factors for r in (0.001, 1.0))
    assert np.linalg.norm(strong) < np.linalg.norm(weak)


def test_als_reaches_the_minimum_of_its_loss() -> None:
    """At the minimum the gradient by each row's factors is zero, with the row's own regularization."""
    import scipy.sparse as sp

    dense = (np.random.default_rng(5).random((12, 9)) < 0.4).astype(np.float32)
    Y = als_product_factors(sp.csr_array(dense), 3, 4.0, 0.05, 80, seed=2).astype(np.float64)
    X = np.stack([solved(Y, dense[row], 4.0, 0.05) for row in range(12)])
    again = np.stack([solved(X, dense[:, product], 4.0, 0.05) for product in range(9)])
    assert again == pytest.approx(Y, abs=0.02)


def solved(Y: np.ndarray, bought: np.ndarray, alpha: float, regularization: float) -> np.ndarray:  # type: ignore[type-arg]
    """The least-squares factors of one row, written out."""
    ridge = frequency_regularization(bought.sum(), len(bought), alpha, regularization)
    left = Y.T @ Y + alpha * (Y * bought[:, None]).T @ Y + ridge * np.eye(Y.shape[1])
    return np.asarray(np.linalg.solve(left, (1 + alpha) * bought @ Y))


def test_bpr_knows_a_customer_only_where_the_history_is_told() -> None:
    timeline = two_worlds()
    method = fit_bpr(timeline, CUT, seed=1)
    cases = ask(timeline, "razor")
    assert not np.allclose(method.score(cases), method.score(hidden(cases)))


def test_sar_multiplies_decayed_affinity_with_jaccard() -> None:
    orders = [Order("bob", 1, "bread milk"), Order("cat", 1, "bread milk"), Order("dan", 1, "bread")]
    timeline = shop(*orders, Order("ann", CUT + 1 - 30, "tea"), Order("ann", CUT + 1 - 60, "tea"))
    found = scores(timeline, fit_sar(timeline, CUT), ask(timeline, "bread"))
    assert found["milk"] == pytest.approx(2 / 3)
    assert found["tea"] == pytest.approx(0.5 + 0.25)
    assert found["cake"] == 0.0


def test_an_order_of_up_cf_counts_as_one_of_the_window() -> None:
    window = neighbours_module.UPCF_WINDOW
    assert upcf_weights(np.array([0, 1]), 2).tolist() == [0.5, 0.5]
    assert upcf_weights(np.array([0, window]), window + 1).tolist() == [1 / window, 0.0]


def test_an_order_of_tifu_knn_counts_by_its_place_in_its_group_and_the_group_s_place() -> None:
    back = np.arange(14)
    weight = tifu_weights(back, 14)
    assert weight[0] == pytest.approx(1 / 14)
    assert weight[1] == pytest.approx(0.9 / 14)
    assert weight[2] == pytest.approx(0.7 / 14)
    assert weight[13] == pytest.approx(0.7**6 * 0.9 / 14)
    assert tifu_weights(np.array([0]), 1).tolist() == [1.0]


def test_neighbours_methods_rank_own_products_then_those_of_the_like_minded_then_popular_ones() -> None:
    alike = [Order(name, day, "bread milk tea") for name in ("bob", "cat") for day in (1, 2)]
    others = [Order(f"x{day}", day, "razor") for day in range(9)]
    timeline = shop(*alike, *others, Order("ann", 5, "bread"), Order("ann", 6, "bread milk"))
    method = fit_upcf(timeline, CUT)
    assert ranked(timeline, method, ask(timeline), 4) == ["bread", "milk", "tea", "razor"]
    assert ranked(timeline, method, hidden(ask(timeline)), 1) == ["razor"]
    nearest = fit_tifu_knn(timeline, CUT)
    assert ranked(timeline, nearest, ask(timeline), 2) == ["bread", "milk"]
    assert ranked(timeline, nearest, hidden(ask(timeline)), 1) == ["razor"]


def test_tifu_knn_learns_from_the_nearest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours_module, "TIFU_NEIGHBOURS", 1)
    timeline = shop(
        Order("bob", 1, "bread tea"), *[Order("cat", day, "razor soap") for day in range(9)], Order("ann", 5, "bread")
    )
    assert ranked(timeline, fit_tifu_knn(timeline, CUT), ask(timeline), 2) == ["bread", "tea"]


def test_als_takes_the_settings_that_rank_held_out_products_best(monkeypatch: pytest.MonkeyPatch) -> None:
    timeline = shop(
        *[Order(f"k{day}", day % 99, ("bread butter milk", "razor soap tea")[day % 2]) for day in range(120)]
    )
    useless, useful = (1.0, 1e6), (5.0, 0.01)
    for order in ((useless, useful), (useful, useless)):
        monkeypatch.setitem(als_settings.SETTINGS, "order", order)
        fitted = fit_als(timeline, CUT, "order", seed=1)
        assert (fitted.alpha, fitted.regularization) == useful


def test_als_takes_the_first_settings_where_too_few_orders_tell() -> None:
    fitted = fit_als(two_worlds(), CUT, "customer", seed=1)
    assert (fitted.alpha, fitted.regularization) == als_settings.SETTINGS["customer"][0]
