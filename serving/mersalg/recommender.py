"""A loaded bundle that answers requests."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from mersalg.bundle import Bundle, read_bundle
from mersalg.customer import Customer, read_customer
from mersalg.errors import BundleError, MersalgError, RequestError, shown
from mersalg.names import KINDS
from mersalg.offers import Offers, answer_without_graph, read_answer
from mersalg.registry.opening import find_place
from mersalg.requests import Request, encode, read_mapping, read_request
from mersalg.session import Session

MAX_GOLDEN_SECONDS: Final = 60.0
"""Of all golden requests together; looked at after each."""
GOLDEN_TOLERANCE: Final = 1e-4
"""Largest difference of a golden offer's relevance."""


def load(path: str | Path, *, threads: int = 1, public_key: str | Path | None = None) -> Recommender:
    """A recommender from a bundle, verified, opened and tried on its golden requests.

    `path` is a folder, or `models:/NAME@ALIAS` or `models:/NAME/VERSION` in the MLflow server that MLFLOW_TRACKING_URI
    names; where that is down, the version that the address was last loaded from, with a warning. An answer takes one
    thread; `score` and `stream` compute `threads` answers at once. Load after a fork, not before. With the file of a
    `public_key` only a bundle that its private key has signed is loaded (extra `signing`).
    BundleError when anything is not as the bundle format (models/README.md) says, RegistryError when the server
    refuses.
    """
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise MersalgError(f"threads: expected a whole number from 1, got {shown(threads)}")
    place = find_place(path, signed=public_key is not None)
    recommender = open_recommender(read_bundle(place.folder, public_key), threads)
    place.mark_good()
    return recommender


def open_recommender(bundle: Bundle, threads: int = 1) -> Recommender:
    """A recommender from a verified bundle, opened and tried on its golden requests."""
    recommender = Recommender(bundle, Session(bundle.scorer, str(bundle.folder / "scorer.onnx")), threads=threads)
    check_golden(recommender, bundle)
    return recommender


class AnswersRequests(Protocol):
    """What answers requests: a `Recommender`, one under a policy, or whatever a shop puts around one."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest of the bundle behind it."""

    def name(self, product_id: str) -> str:
        """The product's name, or its id when the bundle knows no name."""

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        """The offers for checked requests, in their order. May be called from several threads at once."""


def stream_answers(
    by: AnswersRequests, requests: Iterable[Mapping[str, Any]], *, threshold: bool = True, batch_size: int = 64
) -> Iterator[Offers]:
    """The offers for each request, in the order of the requests, of which `batch_size` are held at a time."""
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise MersalgError(f"batch_size: expected a whole number from 1, got {shown(batch_size)}")
    checked = (read_numbered(number, mapping) for number, mapping in enumerate(requests, start=1))
    while batch := list(islice(checked, batch_size)):
        yield from by.answer(batch, threshold=threshold)


class AnswersMany:
    """`customer`, `score` and `stream` for a class that answers checked requests."""

    @staticmethod
    def customer(history: Iterable[Mapping[str, Any]]) -> Customer:
        """Who bought these lines: `recommend(cart, customer=...)` answers as for the history, and need not read it."""
        return read_customer(history)

    def score(
        self: AnswersRequests, requests: Iterable[Mapping[str, Any]], *, threshold: bool = True, batch_size: int = 64
    ) -> list[Offers]:
        """The offers for each request, in the order of the requests: mappings with the fields of `recommend`.

        A request may carry a `request_id`, which its offers repeat. `threshold=False` ranks everything that was
        retrieved. RequestError names the request and the field.
        """
        return list(stream_answers(self, requests, threshold=threshold, batch_size=batch_size))

    def stream(
        self: AnswersRequests, requests: Iterable[Mapping[str, Any]], *, threshold: bool = True, batch_size: int = 64
    ) -> Iterator[Offers]:
        """`score` as an iterator that holds `batch_size` requests at a time."""
        return stream_answers(self, requests, threshold=threshold, batch_size=batch_size)


class Recommender(AnswersMany):
    """Answers requests with offers. Holds nothing about a request; safe to share between threads."""

    def __init__(self, bundle: Bundle, session: Session, *, threads: int = 1) -> None:
        """threads: the answers that `score` works on at once."""
        self.threads = threads
        self.folder = bundle.folder
        self.manifest: Mapping[str, Any] = bundle.manifest
        self.session = session
        self.names = bundle.names
        """Product id -> name."""
        self.customers_return = bool(bundle.manifest.get("customers_return", True))
        self.silent = tuple(bundle.manifest["kinds"][kind]["threshold"] is None for kind in KINDS)

    def recommend(
        self,
        cart: Iterable[str] = (),
        history: Iterable[Mapping[str, Any]] = (),
        moment: str = "cart",
        kinds: Iterable[str] | None = None,
        limit: int = 3,
        at: datetime | str | None = None,
        exclude: Iterable[str] = (),
        only: Iterable[str] = (),
        order: str = "relevance",
        shopper: Mapping[str, Any] | None = None,
        customer: Customer | None = None,
    ) -> Offers:
        """The offers for one request, best first, or none and the reason.

        `cart`, `exclude` and `only` are product ids, `history` mappings of product_id, ordered_at and quantity (1 if
        absent), in whose place `customer` may stand; `kinds` defaults to the moment's, `at` to now. Where `only` names
        products nothing else is offered. `order="value"` puts what passes its threshold in the order of relevance
        times margin (price where the cost is unknown). `shopper` is heeded by a policy alone. RequestError names a
        wrong field.
        """
        request = read_request(
            cart=cart,
            history=history,
            at=at,
            moment=moment,
            kinds=kinds,
            limit=limit,
            exclude=exclude,
            only=only,
            order=order,
            shopper=shopper,
            customer=customer,
        )
        return self.answer([request], threshold=True)[0]

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        """The offers for checked requests, a run of the graph each. Facts of a shopper are a policy's and refused."""
        for request in requests:
            if request.shopper is not None:
                expected = "nothing, for no policy acts here that could heed it"
                raise RequestError("shopper", expected, request.shopper, where_of(request))
        if self.threads == 1 or len(requests) == 1:
            return [self._answer(request, threshold=threshold) for request in requests]
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # a loader of single answers does without

        with ThreadPoolExecutor(self.threads, thread_name_prefix="mersalg-score") as pool:
            return list(pool.map(lambda request: self._answer(request, threshold=threshold), requests))

    def _answer(self, request: Request, *, threshold: bool) -> Offers:
        known = answer_without_graph(request, self.customers_return)
        if known is not None:
            return known
        return read_answer(request, self.session.run(encode(request, threshold=threshold)), self.silent)

    def name(self, product_id: str) -> str:
        """The product's name, or its id when the bundle knows no name."""
        return self.names.get(product_id, product_id)

    def __repr__(self) -> str:
        return f"Recommender({self.manifest['name']!r}, {self.manifest['vocabulary']['products']} products)"


def where_of(request: Request) -> str:
    """Which one of many a checked request is, for a refusal; "" where it has no id."""
    return f"request_id {shown(request.request_id)}" if request.request_id else ""


def read_numbered(number: int, mapping: Mapping[str, Any]) -> Request:
    """A checked request; its RequestError says which one of many it is, counted from 1."""
    try:
        return read_mapping(mapping)
    except RequestError as error:
        request_id = mapping.get("request_id") if isinstance(mapping, Mapping) else None
        known = f" (request_id {shown(request_id)})" if request_id is not None else ""
        raise error.at(f"request {number}{known}") from None


def check_golden(recommender: Recommender, bundle: Bundle) -> None:
    """Refuse a bundle that does not answer its golden requests here as it did where it was trained.

    Products, kinds and their order are equal; a relevance differs by at most GOLDEN_TOLERANCE.
    """
    where = bundle.folder / "golden.json"
    start = time.monotonic()
    for position, (request, expected) in enumerate(bundle.golden):
        try:
            (got,) = recommender.score([request])
        except RequestError as error:
            raise BundleError(
                f"{where}: request {position}: expected one that holds, got {error}; export the bundle again"
            ) from None
        if time.monotonic() - start > MAX_GOLDEN_SECONDS:
            raise BundleError(
                f"{where}: expected {len(bundle.golden)} answers within {MAX_GOLDEN_SECONDS:.0f} s, got "
                f"{position + 1}; use a faster machine, or another bundle"
            )
        wanted = [(offer["product_id"], offer["kind"]) for offer in expected]
        given = [(offer.product_id, offer.kind) for offer in got]
        if wanted != given:
            raise BundleError(
                f"{where}: request {position}: expected the offers {wanted}, got {given}; "
                "this runtime does not answer as the one that trained it: try another onnxruntime, or export it again"
            )
        for rank, (offer, there) in enumerate(zip(expected, got, strict=True), start=1):
            if not abs(offer["relevance"] - there.relevance) <= GOLDEN_TOLERANCE:
                raise BundleError(
                    f"{where}: request {position}, rank {rank}: expected relevance {offer['relevance']} within "
                    f"{GOLDEN_TOLERANCE}, got {there.relevance}; try another onnxruntime, or export it again"
                )
