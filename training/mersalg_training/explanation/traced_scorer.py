"""A scorer that is asked with all its inner values in sight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from mersalg.bundle import Bundle
from mersalg.names import KINDS
from mersalg.offers import Offer, Offers, read_answer
from mersalg.requests import MAX_LIMIT, Request, encode
from mersalg.session import open_runtime
from mersalg_training.explanation.inner_graph import (
    AFTERWARDS,
    BASKET,
    LIFTS,
    POPULAR,
    PRICE_LADDER,
    SCORED,
    InnerNames,
    NodeFinder,
    find_names,
    opened_up,
    product_ids_of,
    rows_that_list,
)
from mersalg_training.explanation.result import SourceTrace

Arrays = dict[str, npt.NDArray[Any]]
OWN_SOURCE = "own products"
POPULAR_SOURCE = "popularity"


@dataclass(frozen=True)
class Trace:
    """One run: the answer, and the values behind it."""

    answer: Offers
    values: Arrays

    def place_in(self, name: str, item: int) -> int | None:
        """Where an item stands in a value of items; None where it does not."""
        places = np.flatnonzero(self.values[name] == item)
        return int(places[0]) if len(places) else None


class TracedScorer:
    """The scorer of a bundle, opened once more in memory. Not for answers to shoppers: it is slower."""

    def __init__(self, bundle: Bundle) -> None:
        """BundleError where the scorer is not built as this version of mersalg builds it."""
        model = onnx.load_from_string(bundle.scorer)
        self.finder = NodeFinder(model, str(bundle.folder / "scorer.onnx"))
        self.inner: InnerNames = find_names(self.finder)
        self.product_ids = product_ids_of(self.finder)
        self.item_of = {product_id: item for item, product_id in enumerate(self.product_ids[:-1])}
        self.type_of_item = self.finder.initializer("type_of_item")
        """(n_items + 1,) the code of each product's type, the largest for none."""
        self.silent = tuple(bundle.manifest["kinds"][kind]["threshold"] is None for kind in KINDS)
        self.runs = 0
        self.runtime = open_runtime(opened_up(self.finder, model, self.inner))
        self.outputs = [output.name for output in self.runtime.get_outputs()]

    def run(self, request: Request, *, threshold: bool = True) -> Trace:
        """What the bundle answers, and how it came about."""
        feeds = {**encode(request, threshold=threshold), SCORED: np.array([False])}
        values = dict(zip(self.outputs, self.runtime.run(self.outputs, feeds), strict=True))
        self.runs += 1
        return Trace(read_answer(request, values, self.silent), values)

    def scored(self, request: Request, product_id: str) -> Offer:
        """A known product as the trees score it for a request, whether or not it may be offered."""
        alone = replace(request, only=[product_id], limit=1)
        feeds = {**encode(alone, threshold=False), SCORED: np.array([True])}
        names = self.runtime_outputs
        values = dict(zip(names, self.runtime.run(names, feeds), strict=True))
        self.runs += 1
        return read_answer(alone, values, self.silent)[0]

    @cached_property
    def runtime_outputs(self) -> list[str]:
        """The outputs of an answer alone."""
        inner = set(self.inner.outputs())
        return [name for name in self.outputs if name not in inner]

    def is_eligible(self, request: Request, product_id: str) -> bool:
        """Whether a known product may become a candidate of a request, once a source brings it."""
        alone = replace(request, only=[product_id], limit=MAX_LIMIT)
        return bool(self.run(alone, threshold=False).answer.retrieved)

    def sources(self, trace: Trace, product_id: str) -> tuple[SourceTrace, ...]:
        """Which sources brought a product, and which did not."""
        item, own = self.item_of[product_id], trace.values[self.inner.own]
        popular = self.finder.initializer(POPULAR)
        return (
            SourceTrace(OWN_SOURCE, item in own, (), (), 1, len(own) - 1, 0),
            *(self.source(trace, name, item) for name in self.inner.sources),
            SourceTrace(POPULAR_SOURCE, item in popular, (), (), popular.size, 1, int(item in popular)),
        )

    def source(self, trace: Trace, source: str, item: int) -> SourceTrace:
        """Whether a source that looks lists up brought an item."""
        inner, name = self.inner, self.inner.sources[source]
        brought = trace.values[name]
        table = self.finder.initializer(self.finder.maker[name].input[0])
        if table.ndim == 1:
            return SourceTrace(source, item in brought, (), (), brought.size, int(brought.size > 0), 0)
        rows, columns = np.nonzero(brought == item)
        asking = {PRICE_LADDER: inner.cart, BASKET: inner.cart, AFTERWARDS: inner.anchors}.get(source)
        anchors = trace.values[asking] if asking is not None else np.full(len(brought), len(self.product_ids))
        by = [self.product_ids[i] for i in anchors[rows].tolist()] if asking is not None else []
        lifts: list[float | None] = [None] * len(by)
        if source in LIFTS:
            looked_up = trace.values[inner.rows[source]][rows]
            known = self.finder.initializer(LIFTS[source])[looked_up, columns]
            lifts = [float(lift) if lift > 0 else None for lift in known]
        asked = int((anchors != len(self.product_ids) - 1).sum())
        listed = rows_that_list(table, item)
        return SourceTrace(source, len(rows) > 0, tuple(by), tuple(lifts), table.shape[1], asked, listed)
