"""Drawn requests over the products of a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from mersalg import KINDS, MOMENTS
from mersalg.names import ORDERS

AT = datetime(2024, 7, 1, 12)
UNKNOWN = ("no such product", "ключ", "0")


def requests_of(products: Sequence[str], **fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Requests over known and unknown products, with histories of past and future; fields may be fixed."""
    product = st.sampled_from([*products, *UNKNOWN])
    line = st.builds(
        lambda product_id, days, quantity: {
            "product_id": product_id,
            "ordered_at": (AT - timedelta(days=days)).isoformat(),
            "quantity": quantity,
        },
        product,
        st.one_of(st.integers(-10, 250), st.floats(-10, 250, width=32)),
        st.integers(1, 5),
    )
    fields = {
        "cart": st.lists(product, max_size=12),
        "history": st.lists(line, max_size=30),
        "at": st.just(AT.isoformat()),
        "moment": st.sampled_from(MOMENTS),
        "kinds": st.one_of(st.none(), st.lists(st.sampled_from(KINDS), min_size=1, unique=True)),
        "limit": st.integers(1, 60),
        "exclude": st.lists(product, max_size=5),
        "only": st.one_of(st.just([]), st.lists(product, max_size=70)),
        "order": st.sampled_from(ORDERS),
    }
    return st.fixed_dictionaries({**fields, **{name: st.just(value) for name, value in fixed.items()}})
