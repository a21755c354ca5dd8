"""The rules that give a pair (anchor, candidate) its one kind.

Read from the top, the first that holds decides:

1. Its product type is in a cart that is still open, and it is at least `upsell_step` times as dear as the dearest of
   the type there -> `upsell`, whether the customer had it before or not. The anchor is that dearest one.
2. The candidate is in the customer's history, or (after payment) in the cart:
   due by its repurchase interval -> `replacement`, else -> `more-of-same`. The anchor is the product itself.
3. Its product type is in the cart, or usual for this customer: at least `upsell_step` times as dear as the anchor
   (the dearest of the type in the cart, else the customer's usual one) -> `upsell`; else, a variety at no higher
   price -> `more-of-same`.
4. The pair with its strongest anchor is directed (below) and the candidate costs at most `add_on_price` times as
   much as it -> `add-on`.
5. Anything else -> `cross-sell`.

After payment an upsell is no candidate, whatever kinds a request names.

Rules 1, 2, 3 and 5 depend on the request and are therefore written once, in the graph (`graph/kinds.py`); rule 4
depends on counts alone and is written here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mersalg_training.config import KindsConfig

Float64 = npt.NDArray[np.float64]


def directed(
    pair: Float64, anchor: Float64, candidate: Float64, orders: float, config: KindsConfig
) -> npt.NDArray[np.bool_]:
    """(n,) whether the candidate extends the anchor: significant and one-directional.

    pair, anchor, candidate: (n,) orders with both, with the anchor, with the candidate; orders: how many in all.
    P(candidate | anchor) / P(anchor | candidate) is candidate / anchor.
    """
    lift = pair * orders / (anchor * candidate)
    significant = log_likelihood_ratio(pair, anchor, candidate, orders) >= config.add_on_log_likelihood
    one_way = candidate >= config.add_on_direction * anchor
    return np.asarray(significant & one_way & (lift >= config.add_on_lift))


def log_likelihood_ratio(pair: Float64, anchor: Float64, candidate: Float64, orders: float) -> Float64:
    """(n,) Dunning's G2 of the 2 x 2 table (Accurate methods for the statistics of surprise and coincidence, 1993)."""
    observed = np.stack([pair, anchor - pair, candidate - pair, orders - anchor - candidate + pair])
    rows = np.stack([anchor, anchor, orders - anchor, orders - anchor])
    columns = np.stack([candidate, orders - candidate, candidate, orders - candidate])
    expected = rows * columns / orders
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(observed > 0, observed * np.log(observed / expected), 0.0)
    return np.asarray(2.0 * terms.sum(axis=0))
