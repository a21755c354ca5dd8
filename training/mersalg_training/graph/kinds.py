"""The kind of every candidate, by the rules of `mersalg_training.tables.kinds`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg.names import KINDS
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.facts import CandidateFacts
from mersalg_training.graph.groups import Groups, cheapest_in_cart, type_anchor
from mersalg_training.graph.request import RequestTensors
from mersalg_training.graph.retrieve import Only, Pool
from mersalg_training.tables.accessories import FITS_ANY
from mersalg_training.tables.exclusive import NO_GROUP
from mersalg_training.tables.relations import NO_LONGER_SOLD, REPLACED
from mersalg_training.tables.shop_tables import ShopTables

CROSS_SELL, ADD_ON, UPSELL, MORE_OF_SAME, REPLACEMENT = (
    KINDS.index(kind) for kind in ("cross-sell", "add-on", "upsell", "more-of-same", "replacement")
)
IS_NEW = np.isin(np.arange(len(KINDS)), (CROSS_SELL, ADD_ON))
"""Kinds of new products, by position."""


@dataclass(frozen=True)
class Typed:
    """The pool with kinds: (U,) each."""

    kind: Value
    """int64."""
    anchor: Value
    """int64 item index, "no item" for none."""
    eligible: Value
    """bool: a product, of an allowed kind, not excluded, not in a cart that is still open, no upsell after payment,
    at order confirmation of no type that was just paid for, nothing after payment where no customer is known to come
    back, of `only` where the request names any; nothing that is replaced, but as an own product that is still listed,
    and no new product that is an alternative of one in the cart, nor any of what was just paid for."""
    found: Value
    """bool: eligible, whatever `only` names, and brought by a source other than `only`."""
    in_cart: Value
    """float32: products of the candidate's type in the cart."""
    offerable: Value
    """bool: a new product has an anchor that brings it and is no variant of a product of the cart; of an accessory that
    stands beside another one both fit the same."""
    beside_cart: Value
    """bool: of a type in the cart, or brought by a product of it."""


def type_pool(
    graph: GraphBuilder,
    tables: ShopTables,
    request: RequestTensors,
    pool: Pool,
    facts: CandidateFacts,
    groups: Groups,
    allowed: Value,
    only: Only | None,
) -> Typed:
    """Give each candidate its one kind and its anchor. allowed: (5,) bool."""
    rules, no_item = tables.config.kinds, tables.n_items
    price_of = graph.constant(tables.vocabulary.price, "price_of_item")
    price = facts.price
    is_open = ~request.after_payment
    due = request.own_columns["own_due"].at(pool.own) >= rules.due_ratio
    in_cart = groups.sum_at("in_cart", facts.product_type)
    same = type_anchor(graph, tables, request, groups, facts.product_type)
    # Where no variety is asked for, what is no upsell of the dearest in the cart may be one of the cheapest.
    upsells_alone = allowed.slice(UPSELL, UPSELL + 1) & ~allowed.slice(MORE_OF_SAME, MORE_OF_SAME + 1)
    cheapest = cheapest_in_cart(graph, tables, request, groups, facts.product_type)
    beside = upsells_alone & (cheapest < no_item) & (price < price_of.at(same) * rules.upsell_step)
    same = graph.where(beside, cheapest, same)
    has_same = same < no_item
    dearer = price >= price_of.at(same) * rules.upsell_step
    instead = dearer & (in_cart > 0.0) & is_open
    is_own_again = pool.is_own & ~instead
    anchor = graph.where(is_own_again, pool.item, graph.where(has_same, same, pool.anchor))
    of_same_type = graph.where(dearer, UPSELL, MORE_OF_SAME)
    of_other_type = graph.where(pool.directed, ADD_ON, CROSS_SELL)
    of_own = graph.where(due, REPLACEMENT, MORE_OF_SAME)
    kind = graph.where(is_own_again, of_own, graph.where(has_same, of_same_type, of_other_type))
    is_upsell = graph.constant(np.arange(len(KINDS)) == UPSELL)
    permitted = (allowed & (is_open | ~is_upsell)).at(kind)
    if not tables.rhythm.is_known:
        permitted = permitted & is_open
    just_paid = request.is_confirmation & (in_cart > 0.0)
    eligible = (pool.item < no_item) & ~pool.blocked & permitted & ~just_paid
    if tables.relations.standing.any():
        standing = graph.constant(tables.relations.standing, "standing_of_item_among_successors").at(pool.item)
        eligible = eligible & (standing < graph.where(is_own_again, NO_LONGER_SOLD, REPLACED))
    if pool.is_alternative is not None:
        beside = graph.constant(IS_NEW).at(kind) | request.is_confirmation
        eligible = eligible & ~(pool.is_alternative & beside)
    result = eligible & pool.found
    if pool.named is not None and only is not None:
        eligible = eligible & (pool.named | ~only.named)
    is_new = graph.constant(IS_NEW).at(kind)
    offerable = (anchor < no_item) | ~is_new
    if (tables.fits != FITS_ANY).any():
        fits = graph.constant(tables.fits, "fits_of_item")
        of_item = fits.at(pool.item)
        offerable = offerable & (is_new | of_item.equal(FITS_ANY) | of_item.equal(fits.at(anchor)))
    if (tables.variant > NO_GROUP).any():
        offerable = offerable & ~(is_new & varies(graph, tables, pool.item, request.cart))
    brings = pool.anchor.unsqueeze(1).equal(request.cart.unsqueeze(0)) & (pool.anchor < no_item).unsqueeze(1)
    beside_cart = (in_cart > 0.0) | (brings.floats().max(1, keep=False) > 0.5)
    return Typed(kind, anchor, eligible, result, in_cart, offerable, beside_cart)


def varies(graph: GraphBuilder, tables: ShopTables, item: Value, cart: Value) -> Value:
    """(U,) bool: whether items (U,) are a variant, in another colour or size, of a product of the cart (B,)."""
    of_item, of_cart = (graph.constant(tables.variant, "variant_of_item").at(which) for which in (item, cart))
    alike = of_item.unsqueeze(1).equal(of_cart.unsqueeze(0)) & (of_item > NO_GROUP).unsqueeze(1)
    return alike.floats().max(1, keep=False) > 0.5
