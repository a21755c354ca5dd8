"""Claims: a pair that is directed, and of no strength, brings nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mersalg.names import KINDS, MOMENTS
from mersalg.session import open_runtime
from mersalg_training.config import parse_config
from mersalg_training.graph.facts import STANDING
from mersalg_training.graph.scorer import featurise_model
from mersalg_training.graph.shortlist import GROUPS, SIGNALS
from mersalg_training.progress import quiet
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.neighbours import ANCHOR_CHANNELS, CART_CHANNELS, NeighbourTable
from small_history import Order, history_of, make_attributes, make_timeline

PRICES = {"camera": 100.0, "card": 10.0, "milk": 1.0, "bread": 2.0}
CONFIG = parse_config(
    {"name": "strength", "data": {"orders": "none"}, "counts": {"min_support": 3}, "factors": {"factors": 4}}, "test"
)


def brought(*, strength: float) -> dict[str, str]:
    """Beside a camera: product -> kind, of what has an anchor, where every pair is directed and of one strength."""
    orders = [Order(f"c{n}", 1, "camera card") for n in range(20)]
    orders += [Order(f"d{n}", 1, "milk bread card") for n in range(40)]
    timeline = make_timeline(orders, PRICES)
    tables = learn_shop(history_of(timeline), make_attributes({name: name for name in PRICES}), 100.0, CONFIG, quiet)
    changed = {}
    for name, channels in (("cart", CART_CHANNELS), ("anchor", ANCHOR_CHANNELS)):
        table = getattr(tables.neighbours, name)
        values = table.values.copy()
        values[..., channels.index("strength")] = strength
        if "directed" in channels:
            values[..., channels.index("directed")] = 1.0
        changed[name] = NeighbourTable(table.items, values)
    tables = replace(tables, neighbours=replace(tables.neighbours, **changed))
    model, _ = featurise_model(tables, np.zeros((len(SIGNALS) + len(STANDING) + 1, len(GROUPS)), dtype=np.float32))
    item_of, none = tables.vocabulary.item_of_code, np.array([tables.n_items])
    feeds = {
        "cart": np.array([item_of[timeline.product_ids.index("camera")]]),
        "history": none,
        "exclude": none,
        "history_age_days": np.zeros(1, dtype=np.float32),
        "history_quantity": np.zeros(1, dtype=np.float32),
        "moment": np.array([MOMENTS.index("cart")]),
        "kinds": np.ones(len(KINDS), dtype=np.bool_),
    }
    found = open_runtime(model.SerializeToString()).run(["item", "kind", "anchor"], feeds)
    ids = [timeline.product_ids[code] for code in tables.vocabulary.code.tolist()]
    return {ids[i]: KINDS[k] for i, k, anchor in zip(*found, strict=True) if anchor < tables.n_items}


def test_a_directed_pair_brings_by_its_strength_alone() -> None:
    assert brought(strength=0.5)["card"] == "add-on"
    assert brought(strength=0.0) == {}
