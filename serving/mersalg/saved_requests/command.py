"""`mersalg verify`: a bundle checked as a shop loads it, and what it offers for saved requests."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mersalg.arguments import add_command
from mersalg.errors import MersalgError
from mersalg.policy.command import add_policy_options, under_policy

if TYPE_CHECKING:
    from mersalg.arguments import Subparsers
    from mersalg.recommender import Recommender
    from mersalg.saved_requests.checking import Absent, SavedOutcome


def add_verify(subparsers: Subparsers) -> None:
    """Add `mersalg verify`."""
    text = "check a bundle: sizes, hashes, graph, golden requests, and what is expected of saved requests"
    verify = add_command(subparsers, "verify", text, verify_bundle, " --requests saved.jsonl")
    verify.add_argument("--public-key", type=Path, metavar="FILE", help="require a signature by this key (PEM)")
    verify.add_argument(
        "--requests",
        type=Path,
        metavar="FILE.jsonl",
        help="requests with `must`, `may` and `must_not`; status 2 where an answer breaks one",
    )
    add_policy_options(verify)


def verify_bundle(args: argparse.Namespace) -> int:
    """Load a bundle, in a process of its own first, which checks it, and say what was checked.

    MersalgError where an answer to a saved request is not as expected, after all of them are told.
    """
    from mersalg.bundle import read_card  # noqa: PLC0415
    from mersalg.child import load_after_child  # noqa: PLC0415
    from mersalg.registry.opening import find_place  # noqa: PLC0415
    from mersalg.saved_requests.reading import read_saved_requests  # noqa: PLC0415

    if args.policy is not None and args.requests is None:
        raise MersalgError("--policy: expected --requests with it, whose answers keep the policy")
    saved = read_saved_requests(args.requests) if args.requests is not None else None
    recommender = load_after_child(find_place(args.bundle, signed=args.public_key is not None).folder, args.public_key)
    manifest = recommender.manifest
    size = sum(entry["size"] for entry in manifest["files"].values())
    read_card(recommender.folder, dict(manifest))
    print(f"manifest  format version {manifest['format_version']}, every key has its shape")
    print(f"files     {len(manifest['files'])} files, {size:,} bytes: sizes and sha256 are as the manifest says")
    print("graph     allowed operators only, no subgraph, no external data; names, types and shapes fit")
    if args.public_key is not None:
        print(f"signature of these files by {args.public_key}")
    print("golden    every golden request gives the offers that it must")
    print(f"products  {len(recommender.names):,} names")
    print(f"{args.bundle} is a whole bundle")
    if saved is not None:
        from mersalg.saved_requests.checking import check_saved  # noqa: PLC0415

        print()
        tell_outcomes(check_saved(under_policy(recommender, args), saved), recommender, args.requests)
    return 0


def tell_outcomes(outcomes: Sequence[SavedOutcome], recommender: Recommender, file: Path) -> None:
    """Print what was expected of each saved request and what came, and the counts. MersalgError where one is broken."""
    from mersalg.display import plain_lines  # noqa: PLC0415

    for outcome in outcomes:
        print(plain_lines("\n".join(lines_of(outcome, recommender))))
    broken = [outcome for outcome in outcomes if not outcome.kept]
    made = sum(len(outcome.offers) for outcome in outcomes)
    unwanted = sum(len(outcome.unwanted) for outcome in outcomes)
    welcome = sum(outcome.welcome for outcome in outcomes)
    print(
        f"\n{len(outcomes):,} saved requests, {len(broken):,} broken; {made:,} offers: {welcome:,} welcome, "
        f"{unwanted:,} unwanted, {made - welcome - unwanted:,} not judged"
    )
    if broken:
        names = ", ".join(outcome.saved.request_id for outcome in broken)
        raise MersalgError(f"{file}: expected every saved request to be kept, got {len(broken)} broken: {names}")


def lines_of(outcome: SavedOutcome, recommender: Recommender) -> list[str]:
    """What was expected of a request, what came, and what of it is broken."""
    saved, name = outcome.saved, recommender.name
    lists = (("must", saved.must), ("may", saved.may), ("must not", saved.must_not))
    expected = "; ".join(f"{what} {labels(products, name)}" for what, products in lists if products)
    came = labels([offer.product_id for offer in outcome.offers], name) or f"nothing: {outcome.offers.reason}"
    lines = [f"{'kept' if outcome.kept else 'BROKEN':8}{saved.request_id}"]
    lines += [f"  expected  {expected or 'nothing is judged'}", f"  came      {came}"]
    for absent in outcome.missing:
        why = why_absent(absent, recommender)
        lines.append(f"  missing   {labels([absent.product_id], name)}: {why}")
    if outcome.unwanted:
        lines.append(f"  unwanted  {labels(outcome.unwanted, name)}")
    return lines


def why_absent(absent: Absent, recommender: Recommender) -> str:
    """How near a product that must be offered came."""
    if absent.kind is None:
        known = absent.product_id in recommender.names
        return "is no candidate" if known else "is no candidate, and the bundle has no name of it"
    told = f"{absent.kind} of relevance {absent.relevance:.4f}"
    threshold = recommender.manifest["kinds"][absent.kind]["threshold"]
    if threshold is None:
        return f"{told}, a kind that is silent"
    if absent.relevance < threshold:
        return f"{told}, shown from {threshold:.4f}"
    return f"{told}, which would do, but others come first or a rule keeps it out"


def labels(products: Sequence[str], name: Callable[[str], str]) -> str:
    """Ids between commas, each with its name where there is one."""
    known = ((product_id, name(product_id)) for product_id in products)
    return ", ".join(product_id if called == product_id else f"{product_id} ({called})" for product_id, called in known)
