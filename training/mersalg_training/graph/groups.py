"""What cart and history hold of each product type, category and brand, as rows as wide as there are groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.request import Request
from mersalg_training.graph.tables import ShopTables
from mersalg_training.timeline import Int64

ITEM_BITS = 2**21
CART_FIRST = 2**43
"""An anchor from the cart goes before every usual one; both keys are below 2**62."""
OWN_STEPS = 2**20


@dataclass(frozen=True)
class Group:
    """One attribute: (N, n_groups + 1) sums; the last column belongs to the unknown and is not used."""

    of_item: Value
    """(n_items + 1,) int64."""
    cart_count: Value
    own_lines: Value
    own_long: Value
    unknown: int

    def at(self, row: Value, group: Value) -> Value:
        """(N, U, 1) float32: the row's sum for each group (N, U, 1), 0 for the unknown."""
        return row.unsqueeze(2).gather_elements(group) * (group < self.unknown).floats()


def read_group(graph: GraphBuilder, request: Request, codes: Int64, n_groups: int, name: str) -> Group:
    """Count cart and history by one attribute."""
    of_item = graph.constant(codes, f"{name}_of_item")
    zeros = graph.full(0.0, request.cart.dim(0), n_groups + 1)
    own_group = of_item.gather(request.own)
    return Group(
        of_item=of_item,
        cart_count=zeros.scatter(of_item.gather(request.cart), request.cart_known, "add"),
        own_lines=zeros.scatter(own_group, request.own_count, "add"),
        own_long=zeros.scatter(own_group, request.own_long, "add"),
        unknown=n_groups,
    )


def cart_affinity(graph: GraphBuilder, tables: ShopTables, request: Request, types: Group) -> Value:
    """(N, n_types + 1) how much the types in the cart speak for each type, added up."""
    table = tables.neighbours.type_affinity
    cart_type = types.of_item.gather(request.cart)
    other = graph.constant(table.items, "type_neighbours").gather(cart_type).integers().reshape(0, -1)
    value = graph.constant(table.values[..., 0], "type_affinity").gather(cart_type).reshape(0, -1)
    return graph.full(0.0, request.cart.dim(0), tables.n_types + 1).scatter(other, value, "add")


def type_anchor(graph: GraphBuilder, tables: ShopTables, request: Request, types: Group) -> Value:
    """(N, n_types + 1) int64: the item of each type that a candidate of the type stands beside, "no item" for none.

    The dearest of the type in the cart; else, where the type is usual for the customer, its most bought own product.
    """
    dearness = graph.constant(price_order(tables), "price_order")
    cart_key = dearness.gather(request.cart) * ITEM_BITS + request.cart + CART_FIRST
    cart_type = types.of_item.gather(request.cart)
    own_type = types.of_item.gather(request.own)
    rules = tables.config.kinds
    least = graph.op("Max", request.n_orders * rules.usual_type_share, float(rules.usual_type_lines))
    usual = types.own_lines.gather_elements(own_type) >= least
    weight = graph.op("Min", request.own_long * 1024.0, float(OWN_STEPS)).integers()
    own_key = graph.where(usual, weight * ITEM_BITS + request.own, -1)
    cart_key = graph.where(request.cart < tables.n_items, cart_key, -1)
    own_key = graph.where(request.own < tables.n_items, own_key, -1)
    nothing = graph.full(-1, request.cart.dim(0), tables.n_types + 1)
    key = nothing.scatter(own_type, own_key, "max").scatter(cart_type, cart_key, "max")
    # No Max with 0 first: onnxruntime's Max of int64 takes 2**31 to 2**32 - 1 for negative numbers.
    return graph.where(key < 0, tables.n_items, key % ITEM_BITS)


def price_order(tables: ShopTables) -> Int64:
    """(n_items + 1,) rank of each item by price, unknown prices first."""
    price = np.nan_to_num(tables.vocabulary.price.astype(np.float64), nan=-1.0)
    rank = np.empty(len(price), dtype=np.int64)
    rank[np.argsort(price, kind="stable")] = np.arange(len(price))
    return rank
