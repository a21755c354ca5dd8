"""Claims: a baseline gives the scores that other people's implementation of it gives, under the same settings.

Where definitions differ, the test says how, and makes them the same. No popularity is added to neighbours' scores
here, and a customer is no neighbour of their own.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares

from mersalg_training.data.timeline import Float64, Timeline
from mersalg_training.evaluation.baselines import neighbours, sar
from mersalg_training.evaluation.baselines.bought import binary, purchases
from mersalg_training.evaluation.baselines.by_implicit import als_product_factors, by_frequency, small_normal
from mersalg_training.evaluation.baselines.ease import fit_ease
from mersalg_training.evaluation.baselines.factorised import fit_als
from mersalg_training.evaluation.baselines.neighbours import fit_tifu_knn, fit_upcf
from mersalg_training.evaluation.baselines.sar import fit_sar
from references.drawn_shop import CUSTOMERS, CUT, PRODUCTS, ask_everybody, draw_shop, lines_before_cut
from references.environment import References

pytestmark = pytest.mark.long

TIFU = ("TIFU_NEIGHBOURS", "TIFU_GROUPS", "TIFU_WITHIN", "TIFU_BETWEEN", "TIFU_OWN")
UPCF = ("UPCF_WINDOW", "UPCF_ALPHA", "UPCF_LOCALITY")


def put(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], values: tuple[float, ...]) -> None:
    monkeypatch.setattr(neighbours, "BACK_OFF", 0.0)
    for name, value in zip(names, values, strict=True):
        monkeypatch.setattr(neighbours, name, value)


def test_neighbours_score_as_cornac_s(references: References, monkeypatch: pytest.MonkeyPatch) -> None:
    """To 1e-5, single precision. What cornac 3.0.1 does otherwise is made the same.

    UP-CF: it counts how often neighbours bought what the two share; the paper and we look at whether they did. The
    customer is a neighbour of their own.
    TIFU-KNN, as the authors' code and unlike their formula: an order within a group weighs by its place in the whole
    history (so a decay of 1 within groups here), groups are all there and as equal as can be (so that numbers of orders
    are multiples of the groups here); and unlike both, the mean over neighbours is one over products, too, and so the
    same for each product.
    """
    timeline = draw_shop(lambda customer: 21 * (1 + customer % 3))
    cases = ask_everybody(timeline)
    upcf = [(100, 0.5, 5.0), (5, 0.25, 10.0), (2, 0.0, 1.0)]
    tifu = [(12, 7, 1.0, 0.6, 0.7), (20, 3, 1.0, 0.7, 0.2)]
    lines = lines_before_cut(timeline)
    found = references.ask("baskets", customers=CUSTOMERS, products=PRODUCTS, upcf=upcf, tifu=tifu, **lines)
    for settings, expected in zip(upcf, found["upcf"], strict=True):
        put(monkeypatch, UPCF, settings)
        assert fit_upcf(timeline, CUT).score(cases) == pytest.approx(expected, rel=1e-5, abs=1e-6), settings
    for settings, expected in zip(tifu, found["tifu"], strict=True):
        put(monkeypatch, TIFU, settings)
        assert fit_tifu_knn(timeline, CUT).score(cases) == pytest.approx(expected, rel=1e-5, abs=1e-6), settings
    assert found["spread"].max() < 1e-6, "cornac's neighbours tell products apart: compare its own scores"


@pytest.mark.parametrize("tifu", [(12, 7, 0.9, 0.7, 0.7), (20, 3, 0.9, 0.6, 0.2)])
def test_tifu_knn_is_the_formula_of_its_paper(monkeypatch: pytest.MonkeyPatch, tifu: tuple[float, ...]) -> None:
    """To 1e-6, with any number of orders, the oldest group being the one with fewer."""
    timeline = draw_shop(lambda customer: 1 + (5 * customer) % 23)
    put(monkeypatch, TIFU, tifu)
    cases = ask_everybody(timeline)
    k, groups, within, between, own = tifu
    vectors = [in_groups(baskets_of(timeline, customer), int(groups), within, between) for customer in range(CUSTOMERS)]
    expected = np.zeros((CUSTOMERS, PRODUCTS))
    for customer in range(CUSTOMERS):
        others = [vector for other, vector in enumerate(vectors) if other != customer]
        others.sort(key=lambda vector, mine=vectors[customer]: float(np.linalg.norm(vector - mine)))
        expected[customer] = own * vectors[customer] + (1 - own) * np.mean(others[: int(k)], axis=0)
    assert fit_tifu_knn(timeline, CUT).score(cases) == pytest.approx(expected, abs=1e-6)


def baskets_of(timeline: Timeline, customer: int) -> list[set[int]]:
    """The customer's orders before CUT, the oldest first."""
    orders = np.flatnonzero((timeline.order_customer == customer) & (timeline.order_day < CUT))
    start = timeline.order_start
    return [set(timeline.line_product[start[order] : start[order + 1]].tolist()) for order in orders.tolist()]


def in_groups(baskets: list[set[int]], groups: int, within: float, between: float) -> Float64:
    """The decayed mean of the groups' decayed means, written out."""
    size = -(-len(baskets) // groups)
    made = []
    latest_first = baskets[::-1]
    for first in range(0, len(baskets), size):
        group = latest_first[first : first + size]
        mean = np.zeros(PRODUCTS)
        for place, basket in enumerate(group):
            for product in basket:
                mean[product] += within**place / len(group)
        made.append(mean)
    return np.asarray(sum(between**place * mean for place, mean in enumerate(made)) / len(made))


def test_ease_has_the_weights_of_cornac_and_rectools(references: References) -> None:
    """To 1e-5, as RecTools inverts in single precision; cornac with its option posB off, as the paper has it."""
    timeline = draw_shop(lambda customer: 3 + customer % 20)
    bought = binary(purchases(timeline, CUT, "customer"))
    row, column = bought.nonzero()
    ridges = (1.0, 50.0)
    found = references.ask("linear", row=row, column=column, products=PRODUCTS, ridges=ridges)
    for ridge, cornac, rectools in zip(ridges, found["cornac"], found["rectools"], strict=True):
        fitted = fit_ease(timeline, CUT, "customer", ridge)
        weights = np.zeros((PRODUCTS, PRODUCTS))
        weights[np.ix_(fitted.product, fitted.product)] = fitted.weights
        assert weights == pytest.approx(cornac, abs=1e-6), ridge
        assert weights == pytest.approx(rectools, abs=1e-5), ridge


def test_sar_scores_as_microsoft_s_recommenders(references: References, monkeypatch: pytest.MonkeyPatch) -> None:
    """To 1e-5 of single precision; every product has as many customers as a pair needs."""
    timeline = draw_shop(lambda customer: 6 + customer % 20)
    cases, lines, day = ask_everybody(timeline), lines_before_cut(timeline), timeline.line_day[timeline.line_day < CUT]
    settings = [(30.0, 1), (30.0, 2), (7.0, 4)]
    holders = np.asarray(binary(purchases(timeline, CUT, "customer")).sum(axis=0))
    assert holders.min() >= 4
    found = references.ask(
        "affinity", customers=CUSTOMERS, products=PRODUCTS, settings=settings, now=CUT + 1.0, day=day, **lines
    )
    for (half_life_days, together), expected in zip(settings, found["scores"], strict=True):
        monkeypatch.setattr(sar, "HALF_LIFE_DAYS", half_life_days)
        monkeypatch.setattr(sar, "MIN_TOGETHER", together)
        assert fit_sar(timeline, CUT).score(cases) == pytest.approx(expected, rel=1e-5, abs=1e-5), together


def test_als_has_the_factors_of_implicit_s_own_where_every_row_is_as_frequent() -> None:
    """To 1e-4. There the regularization that grows with frequency is one number, which implicit has, too."""
    n, factors, alpha, regularization, iterations, seed = 24, 5, 4.0, 0.02, 6, 3
    circle = np.zeros((n, n), dtype=np.float32)
    for row in range(n):
        circle[row, [(row + step) % n for step in (0, 1, 3, 7, 12)]] = 1.0
    shuffle = np.random.default_rng(1).permutation
    dense = circle[shuffle(n)][:, shuffle(n)]
    ours = als_product_factors(sp.csr_array(dense), factors, alpha, regularization, iterations, seed)
    random = np.random.default_rng(seed)
    model = AlternatingLeastSquares(
        factors=factors, regularization=regularization * (alpha * 5 + n), alpha=1.0, iterations=iterations,
        use_cg=True, num_threads=1,
    )  # fmt: skip
    weighted = sp.csr_matrix((1.0 + alpha) * dense)
    rows, columns = by_frequency(weighted)[1], by_frequency(sp.csr_matrix(weighted.T))[1]
    assert (rows == np.arange(n)).all()
    assert (columns == np.arange(n)).all()
    model.user_factors, model.item_factors = small_normal(random, n, factors), small_normal(random, n, factors)
    model.fit(weighted, show_progress=False)
    assert ours == pytest.approx(model.item_factors, abs=1e-4)


def test_a_request_is_folded_into_als_as_implicit_does_it() -> None:
    """To 1e-4: the factors of a customer who is new to implicit, of those factors and that regularization."""
    timeline = draw_shop(lambda customer: 3 + customer % 20)
    fitted = fit_als(timeline, CUT, "customer", 1)
    model = AlternatingLeastSquares(factors=fitted.factors.shape[1], alpha=1.0, num_threads=1)
    model.item_factors = fitted.factors
    for products in (np.array([3]), np.array([1, 4, 9, 16])):
        model.regularization = fitted.regularization * (fitted.alpha * len(products) + PRODUCTS)
        row = np.zeros((1, PRODUCTS), dtype=np.float32)
        row[0, products] = 1.0 + fitted.alpha
        theirs = model.recalculate_user(0, sp.csr_matrix(row))
        assert fitted.fold_in(products) == pytest.approx(np.ravel(theirs), abs=1e-4)


def test_the_drawn_customers_are_all_different() -> None:
    """Or the agreement would show nothing."""
    timeline = draw_shop(lambda customer: 21 * (1 + customer % 3))
    scores = fit_upcf(timeline, CUT).score(ask_everybody(timeline))
    assert len(np.unique(scores.round(6), axis=0)) == CUSTOMERS
    assert scores.std(axis=1).min() > 1e-3
