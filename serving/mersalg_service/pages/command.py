"""`mersalg pages`: the offers for a file of requests, as pages and feeds have them."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mersalg.display import listed
from mersalg.errors import MersalgError
from mersalg.names import MOMENTS, Moment
from mersalg.offers import Offers
from mersalg.policy.command import add_policy_options, under_policy
from mersalg_service.pages.shapes import ALONE, PageFacts, RelatedProducts, anchor_of, ga4_items, json_ld

JSON_LINES: Final = (".jsonl", ".ndjson")
ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "ga4-items": JSON_LINES, "json-ld": JSON_LINES, "related-product": (".tsv",),
}  # fmt: skip
"""Format -> what its file's name ends in."""
CURRENCY: Final = r"[A-Z]{3}"
IN_SCRIPT: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""Signs that would end a <script>, as JSON spells them otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `mersalg pages`."""
    parser.add_argument("requests", type=Path, help=".parquet, .jsonl or .ndjson, as `mersalg score` reads them")
    parser.add_argument("--out", type=Path, required=True, help=".jsonl or .ndjson; .tsv for related-product")
    parser.add_argument(
        "--format",
        choices=list(ENDINGS),
        required=True,
        help="GA4's ecommerce object a request, JSON-LD an anchor, or a supplemental feed for Merchant Center",
    )
    parser.add_argument("--currency", metavar="EUR", help="of the catalogue's prices; JSON-LD has none without it")
    add_policy_options(parser)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="answers at once (default: cores)")


def pages_command(args: argparse.Namespace) -> int:
    """Write the file and print a summary."""
    from mersalg.cli import counted  # noqa: PLC0415
    from mersalg.policy import Catalogue, read_catalogue  # noqa: PLC0415
    from mersalg.recommender import load  # noqa: PLC0415
    from mersalg.table import read_requests, whole_file  # noqa: PLC0415

    check_arguments(args)
    requests = read_requests(args.requests)
    recommender = load(args.bundle, threads=args.threads)
    catalogue = read_catalogue(args.catalogue) if args.catalogue else Catalogue()
    facts = PageFacts(recommender.name, catalogue, args.currency)
    answers_by = under_policy(recommender, args) if args.policy else recommender
    moments: deque[Moment] = deque()
    tally: Counter[str] = Counter()
    answers = counted(answers_by.stream(with_moments(requests, moments)), tally)
    write = write_feed if args.format == "related-product" else write_lines
    with whole_file(args.out) as part:
        left_out = write(part, args.format, zip_moments(answers, moments), facts)
    print(f"{tally['requests']:,} requests, {tally['offers']:,} offers -> {args.out}")
    empty = {reason: count for reason, count in tally.items() if reason not in ("requests", "offers")}
    if empty:
        print(f"{sum(empty.values()):,} empty answers: {listed(empty, '{:,}')}")
    if left_out:
        print(f"{sum(left_out.values()):,} offers are not in the file: {listed(left_out, '{:,}')}")
    return 0


def check_arguments(args: argparse.Namespace) -> None:
    """MersalgError where the file's name is none of the format's, or the currency is none."""
    suffix = args.out.suffix.lower()
    if suffix not in ENDINGS[args.format]:
        wanted = " or ".join(ENDINGS[args.format])
        raise MersalgError(
            f"--out {args.out}: expected a name that ends in {wanted} for --format {args.format}, got {suffix!r}"
        )
    if args.currency is not None and not re.fullmatch(CURRENCY, args.currency):
        raise MersalgError(f"--currency: expected three capital letters (ISO 4217), as EUR, got {args.currency!r}")


def with_moments(requests: Iterable[dict[str, Any]], moments: deque[Moment]) -> Iterator[dict[str, Any]]:
    """The same requests, while the moment of each is kept until its answer comes."""
    known: dict[Any, Moment] = {moment: moment for moment in MOMENTS}
    for request in requests:
        moments.append(known.get(request.get("moment") or "cart", "cart"))
        yield request


def zip_moments(answers: Iterable[Offers], moments: deque[Moment]) -> Iterator[tuple[Moment, Offers]]:
    """Each answer, which come in the order of the requests, with its moment."""
    for offers in answers:
        yield moments.popleft(), offers


def write_feed(path: Path, _: str, answers: Iterable[tuple[Moment, Offers]], __: PageFacts) -> Counter[str]:
    """Write a row a product, in tabs, and say why offers are in none."""
    related = RelatedProducts()
    for _moment, offers in answers:
        related.add(offers)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("id\trelated_product\n")
        file.writelines(f"{product_id}\t{told}\n" for product_id, told in related.rows())
    return related.left_out


def write_lines(path: Path, format: str, answers: Iterable[tuple[Moment, Offers]], facts: PageFacts) -> Counter[str]:
    """Write JSON Lines that may stand in a script of a page, and say why offers are in none."""
    left_out: Counter[str] = Counter()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for moment, offers in answers:
            for line in lines_of(format, moment, offers, facts):
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).translate(IN_SCRIPT) + "\n")
            if format == "json-ld" and (alone := sum(anchor_of(offer) is None for offer in offers)):
                left_out[ALONE] += alone
    return left_out


def lines_of(format: str, moment: Moment, offers: Offers, facts: PageFacts) -> Iterator[dict[str, Any]]:
    """The lines of an answer; none where it is empty."""
    if not offers:
        return
    request_id = offers[0].request_id
    if format == "ga4-items":
        yield {"request_id": request_id, "ecommerce": ga4_items(offers, moment, facts)}
        return
    for anchor, document in json_ld(offers, facts).items():
        yield {"request_id": request_id, "product_id": anchor, "json_ld": document}
