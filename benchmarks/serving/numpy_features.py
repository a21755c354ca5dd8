"""The numpy rival's features, under the names that the trees know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mersalg.names import MOMENTS

if TYPE_CHECKING:
    from numpy_retrieval import Known

NAN = np.float32(np.nan)
FEATURE_STEPS = 2**12
"""The trees compare what is computed for a request in so many steps of 1."""
STATISTICS = (
    "log_orders", "month_share", "trend", "repeat_rate", "interval_days", "age_days", "idle_days", "type_share",
    "price_rank",
)  # fmt: skip
NEVER = {"own_count": 0.0, "own_rate": 0.0} | dict.fromkeys(("own_days", "own_due", "own_quantity"), NAN)
"""What stands for a product that the customer never bought."""
GROUPS = {"type": "product_type", "category": "category", "brand": "brand"}
OF_GROUP = ("in_cart", "own_lines", "own_share")
OF_REQUEST = ("moment", "cart_size", "orders_made", "last_order_days", "order_gap_days", "retrieved")
PRICES = ("price", "price_over_anchor", "price_over_cart", "price_over_history")
KNOWN_SIGNALS = (
    "cosine", "confidence", "ladder", "follow", "near", "closest", "cart_affinity", "own_affinity", "share_of_own",
    "like_cart", "taste", "cart_fit", "own_long", "own_short", "due", "has_anchor",
)  # fmt: skip
FEATURES = {
    *OF_REQUEST, "first_score", "kind", *KNOWN_SIGNALS, *NEVER, *STATISTICS, *PRICES, "type_cart_affinity",
    "type_own_affinity", *(f"{group}_{name}" for group in GROUPS for name in OF_GROUP),
}  # fmt: skip
"""All that this module can make."""


def own_table(
    item: np.ndarray, age: np.ndarray, quantity: np.ndarray, n_orders: int, interval: np.ndarray, is_set: dict[str, Any]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The distinct products of a history, ascending, and what the customer did with each."""
    if not len(item):
        return np.zeros(0, dtype=np.int64), {
            name: np.zeros(0, dtype=np.float32) for name in (*NEVER, "own_recent", "own_usual")
        }
    order = np.argsort(item, kind="stable")
    item, age, quantity = item[order], age[order], quantity[order]
    first = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    short, long = (np.exp(age * np.float32(-np.log(2.0) / is_set[f"{name}_days"])) for name in ("short", "long"))
    own, count = item[first], np.diff(np.append(first, len(item))).astype(np.float32)
    last, oldest = np.minimum.reduceat(age, first), np.maximum.reduceat(age, first)
    expected = (oldest - last + interval[own] * 2.0) / (count + 1.0)
    return own, {
        "own_count": count,
        "own_rate": count / max(n_orders, 1),
        "own_recent": np.add.reduceat(short, first),
        "own_usual": np.add.reduceat(long, first),
        "own_days": last,
        "own_due": last / np.maximum(expected, 0.5),
        "own_quantity": np.add.reduceat(quantity, first) / count,
    }


def feature_matrix(
    of: dict[str, np.ndarray], is_set: dict[str, Any], known: Known, side: dict[str, np.ndarray], retrieved: int
) -> np.ndarray:
    """(n, features) float32, in the order in which the trees know them."""
    item, times = side["item"], known.times
    price, place = of["price"], side["own_place"]
    columns: dict[str, Any] = {
        "moment": MOMENTS.index(known.moment),
        "cart_size": min(len(known.cart), 100),
        "orders_made": len(times),
        "last_order_days": times[0] if len(times) else NAN,
        "order_gap_days": (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else NAN,
        "retrieved": retrieved,
        "first_score": side["first_score"],
        "kind": side["kind"],
        "price": price[item],
        "price_over_anchor": price[item] / price[side["anchor"]],
        "price_over_cart": price[item] / mean_price(price[known.cart[:100]], None),
        "price_over_history": price[item] / mean_price(price[known.own], known.columns["own_usual"]),
    }
    columns |= {name: side["signals"][:, n] for n, name in enumerate(is_set["signals"])}
    columns |= {name: np.append(known.columns[name], never)[place] for name, never in NEVER.items()}
    columns |= {name: of["statistics"][item, n] for n, name in enumerate(STATISTICS)}
    for group, attribute in GROUPS.items():
        code = of[attribute][item]
        columns |= {f"{group}_{name}": summed[code] for name, summed in known.sums[attribute].items()}
    X = np.empty((len(item), len(is_set["features"])), dtype=np.float32)
    for n, name in enumerate(is_set["features"]):
        X[:, n] = columns[name]
    in_steps = np.array([name not in STATISTICS for name in is_set["features"]])
    X[:, in_steps] = np.round(X[:, in_steps] * np.float32(FEATURE_STEPS)) / np.float32(FEATURE_STEPS)
    return X


def mean_price(price: np.ndarray, weight: np.ndarray | None) -> float:
    """The mean of the known prices; NaN where none is."""
    known = ~np.isnan(price)
    total = known.sum() if weight is None else weight[known].sum()
    summed = price[known].sum() if weight is None else (price[known] * weight[known]).sum()
    return summed / total if total else NAN
