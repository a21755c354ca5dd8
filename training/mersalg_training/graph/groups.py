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
COUNT_STEPS = 2**10
"""Decayed counts are compared in so many steps of one purchase."""
SHARE_STEPS = 2**20
"""Shares and scores of about 1 are compared in so many steps."""
USUAL_TYPES = 16
"""The customer's own types that speak for other types."""


@dataclass(frozen=True)
class Group:
    """One attribute: sums of cart and history over its codes.

    Column `unknown` stays zero: candidates without the attribute read it, while what a cart or a history holds without
    it is added up in the column behind, which nobody reads.
    """

    of_item: Value
    """(n_items + 1,) int64, `unknown` where there is none."""
    of_bought: Value
    """(n_items + 1,) int64, `unknown + 1` where there is none."""
    columns: dict[str, Value]
    """Name -> (N, unknown + 2) float32."""
    unknown: int

    def column(self, name: str) -> Value:
        """(N, unknown + 2) float32 sums."""
        return self.columns[name]

    def at(self, code: Value) -> Value:
        """(N, U, columns) float32: the sums of each group, in the order of the columns; code: (N, U) int64."""
        graph = code.graph
        stacked = graph.concat([column.unsqueeze(2) for column in self.columns.values()], 2)
        return stacked.op("GatherND", code.unsqueeze(2), batch_dims=1)


def read_group(graph: GraphBuilder, request: Request, codes: Int64, n_groups: int, name: str) -> Group:
    """Count cart and history by one attribute: products in the cart, past lines, share of the decayed history."""
    apart = graph.constant(np.where(codes == n_groups, n_groups + 1, codes), f"{name}_of_bought")
    zeros = graph.full(0.0, request.cart.dim(0), n_groups + 2)
    own_group = apart.gather(request.own)
    return Group(
        of_item=graph.constant(codes, f"{name}_of_item"),
        of_bought=apart,
        columns={
            "in_cart": zeros.scatter(apart.gather(request.cart), request.cart_known, "add"),
            "own_lines": zeros.scatter(own_group, request.own_count, "add"),
            "own_share": zeros.scatter(own_group, request.own_long / request.own_weight, "add"),
        },
        unknown=n_groups,
    )


def with_affinities(graph: GraphBuilder, tables: ShopTables, request: Request, types: Group) -> Group:
    """The product types with how much the types of the cart, and the customer's usual types, speak for each."""
    k = min(USUAL_TYPES, tables.n_types)
    shares = types.column("own_share").slice(1, 0, tables.n_types + 1)
    _, usual = shares.steps(SHARE_STEPS).sorted(k=graph.constant(np.array([k])), largest=True)
    return Group(
        types.of_item,
        types.of_bought,
        {
            **types.columns,
            "cart_affinity": affinity(graph, tables, types.of_item.gather(request.cart), request.cart_known),
            "own_affinity": affinity(graph, tables, usual, shares.gather_elements(usual)),
        },
        types.unknown,
    )


def affinity(graph: GraphBuilder, tables: ShopTables, product_type: Value, weight: Value) -> Value:
    """(N, n_types + 2) how much product types (N, T) of a weight speak for each type, added up."""
    table = tables.neighbours.type_affinity
    other = np.where(table.items == tables.n_types, tables.n_types + 1, table.items)
    to = graph.constant(other.astype(np.int64), "type_neighbours").gather(product_type).reshape(0, -1)
    value = graph.constant(table.values[..., 0], "type_affinity").gather(product_type) * weight.unsqueeze(2)
    zeros = graph.full(0.0, weight.dim(0), tables.n_types + 2)
    return zeros.scatter(to, value.reshape(0, -1), "add")


def type_anchor(graph: GraphBuilder, tables: ShopTables, request: Request, types: Group) -> Value:
    """(N, n_types + 2) int64: the item of each type that a candidate of the type stands beside, "no item" for none.

    The dearest of the type in the cart; else, where the type is usual for the customer, its most bought own product.
    """
    dearness = graph.constant(price_order(tables), "price_order")
    cart_key = dearness.gather(request.cart) * ITEM_BITS + request.cart + CART_FIRST
    own_type = types.of_bought.gather(request.own)
    rules = tables.config.kinds
    least = graph.op("Max", request.n_orders * rules.usual_type_share, float(rules.usual_type_lines))
    usual = types.column("own_lines").gather_elements(own_type) >= least
    weight = graph.op("Min", request.own_long.steps(COUNT_STEPS), float(OWN_STEPS)).integers()
    own_key = graph.where(usual, weight * ITEM_BITS + request.own, -1)
    cart_key = graph.where(request.cart < tables.n_items, cart_key, -1)
    own_key = graph.where(request.own < tables.n_items, own_key, -1)
    nothing = graph.full(-1, request.cart.dim(0), tables.n_types + 2)
    key = nothing.scatter(own_type, own_key, "max").scatter(types.of_bought.gather(request.cart), cart_key, "max")
    # No Max with 0 first: onnxruntime's Max of int64 takes 2**31 to 2**32 - 1 for negative numbers.
    return graph.where(key < 0, tables.n_items, key % ITEM_BITS)


def price_order(tables: ShopTables) -> Int64:
    """(n_items + 1,) rank of each item by price, unknown prices first."""
    price = np.nan_to_num(tables.vocabulary.price.astype(np.float64), nan=-1.0)
    rank = np.empty(len(price), dtype=np.int64)
    rank[np.argsort(price, kind="stable")] = np.arange(len(price))
    return rank
