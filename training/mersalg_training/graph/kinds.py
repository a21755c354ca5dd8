"""The kind of every candidate, by the rules of `mersalg_training.kinds`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.names import KINDS
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.facts import Facts
from mersalg_training.graph.groups import SUMS
from mersalg_training.graph.request import OWN_COLUMNS, Request
from mersalg_training.graph.retrieve import Only, Pool
from mersalg_training.graph.tables import ShopTables

CROSS_SELL, ADD_ON, UPSELL, MORE_OF_SAME, REPLACEMENT = (
    KINDS.index(kind) for kind in ("cross-sell", "add-on", "upsell", "more-of-same", "replacement")
)


@dataclass(frozen=True)
class Typed:
    """The pool with kinds: (N, U) each."""

    kind: Value
    """int64."""
    anchor: Value
    """int64 item index, "no item" for none."""
    eligible: Value
    """bool: a product, of an allowed kind, not excluded, not in a cart that is still open, no upsell after payment,
    and of `only` where the request names any."""
    found: Value
    """bool: eligible, whatever `only` names, and brought by a source other than `only`."""
    is_own: Value
    of_type: Value
    """(N, len(SUMS), U) float32 what cart and history hold of the candidate's product type."""


def type_pool(
    graph: GraphBuilder,
    tables: ShopTables,
    request: Request,
    pool: Pool,
    facts: Facts,
    own: Value,
    of_type: Value,
    same: Value,
    allowed: Value,
    only: Only | None,
) -> Typed:
    """Give each candidate its one kind and its anchor.

    own: (N, len(OWN_COLUMNS), U) float32; of_type: (N, len(SUMS), U) float32 sums of the candidate's type; same: (N, U)
    int64 what a candidate of the type stands beside, "no item" for nothing; allowed: (N, 5) bool.
    """
    rules, no_item = tables.config.kinds, tables.n_items
    price_of = graph.constant(tables.vocabulary.price, "price_of_item")
    price = facts.price
    is_open = ~request.after_payment
    is_own = pool.own > 0
    due = own.gather(graph.constant(list(OWN_COLUMNS).index("own_due")), 1) >= rules.due_ratio
    in_cart = of_type.gather(graph.constant(SUMS.index("in_cart")), 1)
    has_same = same < no_item
    dearer = price >= price_of.gather(same) * rules.upsell_step
    instead = dearer & (in_cart > 0.0) & is_open
    is_own_again = is_own & ~instead
    anchor = graph.where(is_own_again, pool.item, graph.where(has_same, same, pool.anchor))
    of_same_type = graph.where(dearer, UPSELL, MORE_OF_SAME)
    cheaper = price <= price_of.gather(pool.anchor) * rules.add_on_price
    of_other_type = graph.where((pool.directed > 0) & cheaper, ADD_ON, CROSS_SELL)
    of_own = graph.where(due, REPLACEMENT, MORE_OF_SAME)
    kind = graph.where(is_own_again, of_own, graph.where(has_same, of_same_type, of_other_type))
    is_upsell = graph.constant(np.arange(len(KINDS)).reshape(1, -1) == UPSELL)
    permitted = (allowed & (is_open | ~is_upsell)).integers().gather_elements(kind) > 0
    eligible = (pool.item < no_item) & ~pool.blocked & permitted
    found = eligible & pool.found
    if pool.named is not None and only is not None:
        eligible = eligible & (pool.named | ~only.named)
    return Typed(kind, anchor, eligible, found, is_own, of_type)
