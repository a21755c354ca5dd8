"""The values inside a bundle's scorer, found by what they are made of, as more outputs of a copy in memory.

The tables of a scorer have names, and what is looked up in them leads to the values around the look-up. What is asked
of the copy runs through the same nodes as an answer. One node is added: an input `SCORED` that lets a product which the
request names in `only` be scored although it may not be offered, so that a score exists for every part of a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from mersalg.errors import BundleError

SCORED: Final = "scored_all_the_same"
BASKET, PRICE_LADDER, AFTERWARDS = "basket neighbours", "price ladder", "bought first afterwards"
TABLES: Final = {
    BASKET: "cart_neighbours",
    PRICE_LADDER: "ladder_neighbours",
    AFTERWARDS: "anchor_neighbours",
    "products of types": "products_of_type",
    "taste": "scanned",
}
"""Source -> the table in which it looks its products up. What it brings are item indices, "no item" for none."""
LIFTS: Final = {BASKET: "cart_lift", AFTERWARDS: "anchor_lift"}
"""Source of pairs -> the table with the lift of each."""
POPULAR: Final = "popular"
"""The table that is a source by itself."""


@dataclass(frozen=True)
class InnerNames:
    """Names of values, of a pool of U products, C candidates and P offers in the order of the slate."""

    pool_item: str
    """(U,) int64 item indices."""
    pool_score: str
    """(U,) float32 first score."""
    eligible: str
    """(U,) bool: may become a candidate."""
    named: str
    """(U,) bool: in `only`."""
    parts: tuple[str, ...]
    """(U,) bool each: what competes for the same places."""
    places: tuple[str, ...]
    """(places,) int64 each: positions in the pool of what each part keeps for the trees."""
    own: str
    """(W,) int64 the items of the history."""
    cart: str
    """(B,) int64 the items of the cart."""
    anchors: str
    """(A,) int64 whose rows of "bought first afterwards" are looked up."""
    sources: dict[str, str]
    """Source -> item indices that it brings, one row for each product that brings them where several do."""
    rows: dict[str, str]
    """Source of pairs -> (B,) or (A,) the rows of its table that are looked up."""
    slate_item: str
    """(P,) int64 what passes its threshold, in the order of the answer."""
    slate_group: str
    """(P,) int64: of equal groups from 0 on one is shown."""
    slate_alone: str
    """(P,) bool: no offer before it excludes it."""
    slate_most: str
    """(P,) int64: the most offers of its turn."""

    def outputs(self) -> list[str]:
        """All names, each once."""
        names = [value for value in vars(self).values() if isinstance(value, str)]
        return list(dict.fromkeys([*names, *self.parts, *self.places, *self.sources.values(), *self.rows.values()]))


class NodeFinder:
    """The nodes of a graph by what they give and take; BundleError where one that has to be there is not."""

    def __init__(self, model: onnx.ModelProto, where: str) -> None:
        self.graph = model.graph
        self.where = where
        self.maker = {output: node for node in self.graph.node for output in node.output}

    def users(self, value: str, kind: str | None = None) -> Iterator[NodeProto]:
        """The nodes that take a value, in their order."""
        return (n for n in self.graph.node if value in n.input and kind in (None, n.op_type))

    def user(self, value: str, kind: str | None = None, which: int = 0) -> NodeProto:
        """The first of them, or a later one."""
        found = list(self.users(value, kind))
        if len(found) <= which:
            raise self.refusal(f"a node {kind or ''} of {value}")
        return found[which]

    def made_by(self, value: str, kind: str) -> NodeProto:
        """The node that gives a value, of the operator that it has to be."""
        node: NodeProto | None = self.maker.get(value)
        if node is None or node.op_type != kind:
            raise self.refusal(f"{value} from {kind}")
        return node

    def refusal(self, missing: str) -> BundleError:
        """What is said of a graph that is built in another way."""
        return BundleError(
            f"{self.where}: expected the graph that this version of mersalg writes, got one without {missing}; "
            "explain it with the version that trained it, or train it again"
        )

    def initializer(self, name: str) -> npt.NDArray[Any]:
        """A table by its name."""
        for tensor in self.graph.initializer:
            if tensor.name == name:
                return numpy_helper.to_array(tensor)
        raise self.refusal(f"a table {name}")


def find_names(finder: NodeFinder) -> InnerNames:
    """The names of the values, by the tables that they are looked up in. BundleError where the graph is another."""
    standing = finder.user("standing_of_item", "GatherElements")
    pool_item = finder.made_by(standing.input[1], "Add").input[1]
    added = finder.user(standing.output[0], "Add")
    pool_score = added.output[0]
    masked = list(finder.users(pool_score, "Where"))
    parts = tuple(node.input[0] for node in masked)
    places = tuple(finder.user(node.output[0], "TopK").output[1] for node in masked)
    eligible = finder.made_by(parts[0], "And").input[0]
    restricted = finder.made_by(finder.made_by(eligible, "And").input[1], "Or")
    turns = finder.user("most_of_turn", "GatherElements")
    most = finder.user(turns.output[0], "Cast").output[0]
    kept = finder.user(finder.user(most, "Less").output[0], "And")
    group = finder.user("exclusive_group_of_item", "GatherElements")
    return InnerNames(
        pool_item=pool_item,
        pool_score=pool_score,
        eligible=eligible,
        named=restricted.input[0],
        parts=parts,
        places=places,
        own=finder.user("type_of_bought", "GatherElements").input[1],
        cart=finder.user("type_of_bought", "GatherElements", 1).input[1],
        anchors=finder.made_by(finder.user("anchor_neighbours", "Gather").input[1], "GatherElements").input[1],
        sources={source: finder.user(table).output[0] for source, table in TABLES.items()},
        rows={source: finder.user(TABLES[source], "Gather").input[1] for source in LIFTS},
        slate_item=group.input[1],
        slate_group=group.output[0],
        slate_alone=kept.input[0],
        slate_most=turns.output[0],
    )


def opened_up(finder: NodeFinder, model: onnx.ModelProto, names: InnerNames) -> bytes:
    """The model with all values as outputs, and the input `SCORED`, (1,) bool. Changes the model that it is given."""
    graph = model.graph
    made = [output for node in graph.node for output in node.output]
    let_in, either = f"{SCORED}_named", f"{SCORED}_or_eligible"
    for node in finder.users(names.eligible):
        node.input[:] = [either if value == names.eligible else value for value in node.input]
    added = [
        helper.make_node("And", [names.named, SCORED], [let_in]),
        helper.make_node("Or", [names.eligible, let_in], [either]),
    ]
    behind = 1 + next(i for i, node in enumerate(graph.node) if names.eligible in node.output)
    nodes = [*graph.node[:behind], *added, *graph.node[behind:]]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info(SCORED, TensorProto.BOOL, [1]))
    known = {output.name for output in graph.output}
    graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in names.outputs() if name in made and name not in known
    )
    return bytes(model.SerializeToString())


def product_ids_of(finder: NodeFinder) -> list[str]:
    """The product ids by item index, "" for "no item" last."""
    ids: npt.NDArray[Any] = finder.initializer("product_ids")
    return [text.decode() if isinstance(text, bytes) else str(text) for text in ids.tolist()]


def rows_that_list(table: npt.NDArray[Any], item: int) -> int:
    """In how many rows of a table (rows, width) an item stands."""
    return int(np.any(table == item, axis=1).sum())
