"""The rules that give a pair (anchor, candidate) its one kind.

Read from the top, the first that holds decides:

1. Its product type is in a cart that is still open, and it is at least `upsell_step` times as dear as the dearest of
   the type there -> `upsell`, whether the customer had it before or not. The anchor is that dearest one.
2. The candidate is in the customer's history, or (after payment) in the cart:
   due by its repurchase interval -> `replacement`, else -> `more-of-same`. The anchor is the product itself.
3. Its product type is in the cart, or usual for this customer: at least `upsell_step` times as dear as the anchor
   (the dearest of the type in the cart, else the customer's usual one) -> `upsell`; else, a variety at no higher
   price -> `more-of-same`.
4. An anchor brings it that it extends (below) -> `add-on`.
5. Anything else -> `cross-sell`.

Where a request asks for upsells and not for more of the same, the cheapest of the type in the cart stands in for the
dearest, in 1 and 3, for a candidate that is no upsell of that one. After payment an upsell is no candidate, whatever
kinds a request names.

Rules 1, 2, 3 and 5 depend on the request and are therefore written once, in the graph (`graph/kinds.py`); rule 4
depends on counts alone and is written here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mersalg_training.config import KindsConfig

Float64 = npt.NDArray[np.float64]


def extends(
    together: npt.NDArray[np.bool_],
    orders: tuple[Float64, Float64],
    prices: tuple[Float64, Float64],
    config: KindsConfig,
) -> npt.NDArray[np.bool_]:
    """(n,) whether a candidate extends an anchor: they go together, in one direction, and it is cheaper.

    orders and prices: (n,) of the anchors and of the candidates.
    P(candidate | anchor) / P(anchor | candidate) is candidate / anchor. The price rule is off where no price is known.
    """
    anchor, candidate = orders
    anchor_price, price = prices
    cheaper = price <= config.add_on_price * anchor_price if np.isfinite(price).any() else np.ones(len(price), bool)
    return np.asarray(together & (candidate >= config.add_on_direction * anchor) & cheaper)
