"""What cart and history hold of each product type, category and brand: one row of sums for every group there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.data.timeline import Int64
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.request import RequestTensors
from mersalg_training.tables.shop_tables import ShopTables

ATTRIBUTES = ("type", "category", "brand")
"""In the order of their codes."""
SUMS = ("own_lines", "own_share", "in_cart")
"""Past lines, share of the decayed history, products in the cart."""
AFFINITIES = ("cart_affinity", "own_affinity")
"""How much the types of the cart, and the customer's usual types, speak for a type."""
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
class Groups:
    """Sums over the codes of all attributes, G of them side by side, the product types first.

    Of each attribute the code `unknown` stays zero: candidates without the attribute read it, while what a cart or a
    history holds without it is added up in the code behind, which nobody reads.
    """

    of_item: tuple[Int64, ...]
    """(n_items + 1,) codes by attribute, `unknown` where there is none."""
    n_groups: int
    """G."""
    n_types: int
    own_type: Value
    """(W,) int32 type of the own products, `unknown + 1` where there is none."""
    cart_type: Value
    """(B,) int32 type of the cart's products, likewise."""
    sums: Value
    """(len(SUMS) * G,) float32, sum by sum."""
    affinities: Value
    """(len(AFFINITIES) * (n_types + 2),) float32, one after the other."""
    own_share: Value
    """(n_types + 2,) float32."""

    def sum_at(self, name: str, code: Value) -> Value:
        """(U,) float32 one of SUMS at codes (U,)."""
        start = SUMS.index(name) * self.n_groups
        return self.sums.at(code + code.graph.constant(np.array(start, dtype=np.int32)) if start else code)

    def affinities_at(self, product_type: Value) -> list[Value]:
        """AFFINITIES of types (U,) int32: (U,) float32 each."""
        rows = product_type.graph.constant(np.array(self.n_types + 2, dtype=np.int32))
        return [self.affinities.at(product_type), self.affinities.at(product_type + rows)]

    def all_sums_of(self, item: Value) -> Value:
        """(C, len(SUMS) * len(ATTRIBUTES)) float32 of products (C,), sum by sum."""
        graph = item.graph
        codes = graph.constant(np.stack(self.of_item, axis=1).astype(np.int32), "codes_of_item").rows_at(item)
        sum_by_sum = np.arange(len(SUMS), dtype=np.int32)[:, None] * self.n_groups
        of_sums = codes.unsqueeze(1) + graph.constant(sum_by_sum)
        return self.sums.at(of_sums.flat()).reshape(-1, len(SUMS) * len(ATTRIBUTES))


def read_groups(graph: GraphBuilder, tables: ShopTables, request: RequestTensors) -> Groups:
    """Add up cart and history by each attribute."""
    of_item, of_bought, start = [], [], 0
    vocabulary = tables.vocabulary
    sizes = (tables.n_types, tables.n_categories, tables.n_brands)
    codes = (vocabulary.product_type, vocabulary.category, vocabulary.brand)
    for name, code, unknown in zip(ATTRIBUTES, codes, sizes, strict=True):
        of_item.append(code + start)
        apart = np.where(code == unknown, unknown + 1, code)
        of_bought.append(graph.constant((apart + start).astype(np.int32), f"{name}_of_bought"))
        start += unknown + 2
    own = [table.at(request.own) for table in of_bought]
    cart = [table.at(request.cart) for table in of_bought]
    sums = add_up(graph, request, own, cart, start)
    own_share = sums.slice(start * SUMS.index("own_share"), start * SUMS.index("own_share") + tables.n_types + 2)
    return Groups(
        of_item=tuple(of_item),
        n_groups=start,
        n_types=tables.n_types,
        own_type=own[0],
        cart_type=cart[0],
        sums=sums,
        affinities=add_affinities(graph, tables, request, cart[0], own_share),
        own_share=own_share,
    )


def add_up(graph: GraphBuilder, request: RequestTensors, own: list[Value], cart: list[Value], n_groups: int) -> Value:
    """(len(SUMS) * G,) float32 from the codes (W,) and (B,), by attribute, of what was bought."""
    of_own = graph.concat(own)
    second, third = (graph.constant(np.array(n * n_groups, dtype=np.int32)) for n in (1, 2))
    places = graph.concat([of_own, of_own + second, graph.concat(cart) + third])
    share = request.own_long / request.own_weight
    values = [value for value in (request.own_count, share, request.ones_of_cart) for _ in ATTRIBUTES]
    return graph.full(0.0, n_groups * len(SUMS)).scatter(places, graph.concat(values), "add")


def add_affinities(
    graph: GraphBuilder, tables: ShopTables, request: RequestTensors, cart_type: Value, own_share: Value
) -> Value:
    """(len(AFFINITIES) * (n_types + 2),) float32: the types of the cart by 1 each, the usual ones by their share."""
    k = min(USUAL_TYPES, tables.n_types)
    shares = own_share.slice(0, tables.n_types + 1)
    _, usual = shares.steps(SHARE_STEPS).sorted(k=graph.constant(np.array([k])), largest=True)
    table, rows = tables.neighbours.type_affinity, tables.n_types + 2
    # The same rows twice, first for the cart's sums, then for the own ones; a last row each for what has no type.
    other = np.where(table.items == tables.n_types, tables.n_types + 1, table.items).astype(np.int32)
    other = np.append(other, np.full((1, other.shape[1]), tables.n_types + 1, dtype=np.int32), axis=0)
    to = graph.constant(np.concatenate([other, other + rows]), "type_neighbours")
    strength = np.append(table.values[..., 0], np.zeros((1, other.shape[1]), dtype=np.float32), axis=0)
    strength_of = graph.constant(np.concatenate([strength, strength]).astype(np.float32), "type_affinity")
    speaking = graph.concat([cart_type.integers(), usual + rows])
    weight = graph.concat([request.ones_of_cart, shares.at(usual)]).unsqueeze(1)
    zeros = graph.full(0.0, rows * len(AFFINITIES))
    return zeros.scatter(to.rows_at(speaking).flat(), (strength_of.rows_at(speaking) * weight).flat(), "add")


def type_anchor(graph: GraphBuilder, tables: ShopTables, request: RequestTensors, groups: Groups, of: Value) -> Value:
    """(U,) int64: the item that a candidate of a type, of (U,), stands beside, "no item" for none.

    The dearest of the type in the cart; else, where the type is usual for the customer, its most bought own product.
    What has no type, and what is no product, goes to a column that nobody reads.
    """
    cart_key = price_order(tables) * ITEM_BITS + np.arange(tables.n_items + 1) + CART_FIRST
    rules = tables.config.kinds
    least = graph.op("Max", request.n_orders * rules.usual_type_share, float(rules.usual_type_lines))
    usual = groups.sum_at("own_lines", groups.own_type) >= least
    weight = graph.op("Min", request.own_long.steps(COUNT_STEPS), float(OWN_STEPS)).integers()
    own_key = graph.where(usual, weight * ITEM_BITS + request.own, -1)
    key = graph.full(-1, tables.n_types + 2).scatter(
        graph.concat([groups.own_type, groups.cart_type]),
        graph.concat([own_key, graph.constant(cart_key, "anchor_key_of_item").at(request.cart)]),
        "max",
    )
    result = key.at(of)
    return graph.where(result < 0, tables.n_items, result.op("BitwiseAnd", ITEM_BITS - 1))


def cheapest_in_cart(
    graph: GraphBuilder, tables: ShopTables, request: RequestTensors, groups: Groups, of: Value
) -> Value:
    """(U,) int64: the cheapest of a type, of (U,), in the cart, "no item" for none. Types as in `type_anchor`."""
    known = ~np.isnan(tables.vocabulary.price)
    downwards = np.where(known, tables.n_items + 1 - price_order(tables), 0)
    cart_key = downwards * ITEM_BITS + np.arange(tables.n_items + 1)
    key = graph.full(-1, tables.n_types + 2).scatter(
        groups.cart_type, graph.constant(cart_key, "cheap_key_of_item").at(request.cart), "max"
    )
    result = key.at(of)
    return graph.where(result < 0, tables.n_items, result.op("BitwiseAnd", ITEM_BITS - 1))


def price_order(tables: ShopTables) -> Int64:
    """(n_items + 1,) rank of each item by price, unknown prices first."""
    price = np.nan_to_num(tables.vocabulary.price.astype(np.float64), nan=-1.0)
    rank = np.empty(len(price), dtype=np.int64)
    rank[np.argsort(price, kind="stable")] = np.arange(len(price))
    return rank
