"""Claims: what is calibrated and certified is drawn by customer, and by order where there is no customer."""

from __future__ import annotations

import numpy as np

from made_offers import one_a_request
from mersalg.names import KINDS, MOMENTS
from mersalg_training.calibration.fit import calibrate, spread_over_units
from mersalg_training.calibration.scored_offers import OFFERED, units_of
from mersalg_training.calibration.targets import REQUESTS_OF_CUSTOMER
from mersalg_training.config import ThresholdConfig
from mersalg_training.data.timeline import UNKNOWN
from mersalg_training.ranking.cases import Cases, ragged


def requests(customer: list[int], order: list[int]) -> Cases:
    n = len(customer)
    nothing = ragged([np.zeros(0, dtype=np.int64)] * n)
    return Cases(
        moment=np.zeros(n, dtype=np.int64),
        at=np.arange(n, dtype=np.float64),
        cart=nothing,
        history=np.zeros((n, 2), dtype=np.int64),
        target=nothing,
        customer=np.array(customer, dtype=np.int64),
        order=np.array(order, dtype=np.int64),
    )


def test_requests_of_one_order_without_a_customer_are_one_unit() -> None:
    units = units_of(requests([UNKNOWN, UNKNOWN, UNKNOWN], [4, 4, 5]), n_customers=3)
    assert units[0] == units[1] != units[2]


def test_an_order_without_a_customer_is_never_a_customer() -> None:
    units = units_of(requests([0, 1, 2, UNKNOWN, UNKNOWN], [0, 1, 2, 0, 1]), n_customers=3)
    assert len(set(units.tolist())) == 5


def test_no_customer_and_no_order_without_one_counts_more_often_than_the_bound_allows() -> None:
    many = 3 * REQUESTS_OF_CUSTOMER
    cases = requests([7] * many + [UNKNOWN] * many + [8], [*range(many), *([50] * many), 99])
    kept = spread_over_units(cases, 10, np.random.default_rng(1))
    times = np.unique(units_of(kept, 10), return_counts=True)[1]
    assert sorted(times.tolist()) == [1, REQUESTS_OF_CUSTOMER, REQUESTS_OF_CUSTOMER]
    assert (np.diff(kept.at) > 0).all(), "the order of the requests is kept"


def test_a_unit_calibrates_or_certifies_and_never_both() -> None:
    random = np.random.default_rng(3)
    unit = np.repeat(np.arange(200), 4)
    n = len(unit)
    score = random.normal(size=n).astype(np.float32)
    bought = (random.random(n) < 0.4).astype(np.float32)
    certifying = calibrate(one_a_request(score, bought, unit), ThresholdConfig(), random).certifying
    units, rows = np.unique(certifying.unit, return_counts=True)
    assert len(units) == 100
    assert (rows == 4).all(), "the other rows of a certifying unit did not calibrate"
    assert certifying.asked.tolist() == [400] * 5, "a cart may see every kind"


def test_a_moment_offers_what_a_request_there_asks_for() -> None:
    page, paid = OFFERED[MOMENTS.index("product-page")], OFFERED[MOMENTS.index("order-confirmation")]
    assert [kind for kind, offered in zip(KINDS, page, strict=True) if offered] == ["cross-sell", "add-on", "upsell"]
    assert not paid[KINDS.index("upsell")]
