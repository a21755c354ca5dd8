"""The kind of every candidate, by the rules of `mersalg_training.kinds`."""

from __future__ import annotations

from dataclasses import dataclass

from mersalg.names import KINDS
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.groups import Group
from mersalg_training.graph.request import Request
from mersalg_training.graph.retrieve import Pool, split
from mersalg_training.graph.tables import ShopTables

CROSS_SELL, ADD_ON, UPSELL, MORE_OF_SAME, REPLACEMENT = (
    KINDS.index(kind) for kind in ("cross-sell", "add-on", "upsell", "more-of-same", "replacement")
)


@dataclass(frozen=True)
class Typed:
    """The pool with kinds: (N, U, 1) each."""

    kind: Value
    """int64."""
    anchor: Value
    """int64 item index, "no item" for none."""
    eligible: Value
    """bool: a product, of an allowed kind, not excluded, not in a cart that is still open, no upsell after payment."""
    own_position: Value
    """int64 position among the own products; 0 where there is none."""
    is_own: Value
    product_type: Value


def type_pool(
    graph: GraphBuilder, tables: ShopTables, request: Request, pool: Pool, types: Group, anchors: Value, allowed: Value
) -> Typed:
    """Give each candidate its one kind and its anchor. anchors: (N, n_types + 1); allowed: (N, 5) bool."""
    rules, no_item = tables.config.kinds, tables.n_items
    price_of = graph.constant(tables.vocabulary.price, "price_of_item")
    total, best = split(pool.total), split(pool.best)
    is_open = ~request.after_payment.unsqueeze(2)
    product_type = types.of_item.gather(pool.item)
    is_own = total["own"] > 0.0
    own_position = graph.op("Max", total["own"].integers() - 1, 0)
    due = request.of_own(request.own_due, own_position) >= rules.due_ratio
    same = anchors.unsqueeze(2).gather_elements(product_type)
    same = graph.where(product_type < tables.n_types, same, no_item)
    has_same = same < no_item
    price = price_of.gather(pool.item)
    dearer = price >= price_of.gather(same) * rules.upsell_step
    instead = dearer & (types.at(types.cart_count, product_type) > 0.0) & is_open
    is_own_again = is_own & ~instead
    anchor = graph.where(is_own_again, pool.item, graph.where(has_same, same, pool.best_anchor))
    of_same_type = graph.where(dearer, UPSELL, MORE_OF_SAME)
    cheaper = price <= price_of.gather(pool.best_anchor) * rules.add_on_price
    of_other_type = graph.where((best["directed"] > 0.0) & cheaper, ADD_ON, CROSS_SELL)
    of_own = graph.where(due, REPLACEMENT, MORE_OF_SAME)
    kind = graph.where(is_own_again, of_own, graph.where(has_same, of_same_type, of_other_type))
    eligible = (pool.item < no_item) & ~(total["excluded"] > 0.0) & ~((total["in_cart"] > 0.0) & is_open)
    eligible = eligible & ~(kind.equal(UPSELL) & ~is_open)
    eligible = eligible & (allowed.floats().unsqueeze(2).gather_elements(kind) > 0.0)
    return Typed(kind, anchor, eligible, own_position, is_own, product_type)
