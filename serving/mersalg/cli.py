"""The command `mersalg`.

The commands of the loader are below; an installed package adds its own through the entry-point group
"mersalg.commands", a callable that takes argparse's subparsers. Every parser sets `handler`, which takes the parsed
arguments and gives the exit status. A MersalgError is a line on stderr and status 2.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mersalg.arguments import add_command, split_ids
from mersalg.display import all_facts, answer_text, listed, outcomes_text, plain_lines, summary
from mersalg.errors import MersalgError
from mersalg.names import KINDS, LANGUAGES, MOMENTS, ORDERS
from mersalg.policy.command import (
    add_policy_command,
    add_policy_options,
    beside_as_json,
    count_filtered,
    read_shopper_text,
    under_policy,
)
from mersalg.reasons import read_language

if TYPE_CHECKING:
    from mersalg.arguments import Subparsers
    from mersalg.offers import Offers

DESCRIPTION: Final = "Follow-on selling, learned: the offers that are worth making, and none when none is."
EXAMPLES: Final = """\
examples:
  mersalg inspect models/demo
  mersalg recommend models/demo --cart 1029743,1106523 --moment cart --limit 3
  mersalg score models/demo requests.parquet --out offers.parquet
"""
WITHOUT_OTHERS: Final = ("inspect", "verify", "sign", "recommend", "score", "policy", "--version")
"""First arguments for which no other package is imported."""
EXTRA_OF: Final = {
    "serve": "serve", "follow-up": "ledger", "ledger": "ledger", "pages": "pages", "playground": "serve",
    "completion": "completion",
}  # fmt: skip
"""First arguments for which mersalg-service alone is imported -> the extra that brings it."""
OF_TRAINING: Final = (
    "init", "validate", "train", "tune", "evaluate", "report", "patterns", "explain", "check", "recalibrate", "promote",
    "runs", "uplift",
)  # fmt: skip
"""First arguments that mersalg-training adds."""
PROGRESS_SECONDS: Final = 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        args = make_parser(arguments[0] if arguments else "--help").parse_args(arguments)
        handler: Callable[[argparse.Namespace], int] = args.handler
        return handler(args)
    except MersalgError as error:
        print(f"mersalg: {plain_lines(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mersalg: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # who reads the output has ended, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def make_parser(first: str) -> argparse.ArgumentParser:
    """The parser of all commands; those of other packages are imported only where the first argument may need them.

    MersalgError for a command of mersalg-service or mersalg-training where that is not installed.
    """
    parser = argparse.ArgumentParser(
        prog="mersalg", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and end")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_own_commands(subparsers)
    if first not in WITHOUT_OTHERS:
        add_other_commands(subparsers, first)
    return parser


class Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print and end."""
        import mersalg  # noqa: PLC0415

        print(f"mersalg {mersalg.__version__}")
        parser.exit()


def add_own_commands(subparsers: Subparsers) -> None:
    """Add inspect, verify, sign, recommend, score and policy."""
    inspect = add_command(subparsers, "inspect", "print what a bundle says of itself", inspect_bundle, " --all")
    form = inspect.add_mutually_exclusive_group()
    form.add_argument("--all", action="store_true", help="print more than one screen: every metric, rejected lines")
    form.add_argument("--json", action="store_true", help="print the manifest and the card as JSON")

    verify = add_command(
        subparsers, "verify", "check a bundle: sizes, hashes, graph, golden requests", verify_bundle, ""
    )
    verify.add_argument("--public-key", type=Path, metavar="FILE", help="require a signature by this key (PEM)")
    said = "requests with `must`, `may` and `must_not`; status 2 where an answer breaks one"
    verify.add_argument("--requests", type=Path, metavar="FILE.jsonl", help=said)
    add_policy_options(verify)

    sign = add_command(subparsers, "sign", "sign a bundle with a private key", sign_bundle, " --private-key shop.key")
    sign.add_argument("--private-key", type=Path, metavar="FILE", required=True, help="elliptic curve, PEM")

    example = " --cart 1029743,1106523 --history history.json --moment checkout --kinds add-on,replacement"
    recommend = add_command(subparsers, "recommend", "print the offers for one cart", recommend_offers, example)
    add_request_options(recommend)
    recommend.add_argument("--language", default="en", help=f"of the reasons: {', '.join(LANGUAGES)} (default: en)")
    recommend.add_argument("--json", action="store_true", help="print JSON")

    example = " requests.parquet --out offers.parquet"
    score = add_command(subparsers, "score", "write the offers for a file of requests", score_requests, example)
    score.add_argument("requests", type=Path, help=".parquet, .jsonl or .ndjson")
    score.add_argument("--out", type=Path, required=True, help="the same suffixes")
    score.add_argument("--no-threshold", action="store_true", help="rank everything that was retrieved")
    add_policy_options(score)
    held = "requests that are read before they are answered (default: 64)"
    score.add_argument("--batch-size", type=int, default=64, help=held)
    cores = os.cpu_count() or 1
    score.add_argument("--threads", type=int, default=cores, help=f"answers at once (default: cores, {cores} here)")
    add_policy_command(subparsers)


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add the fields of a request, and the policy that it is answered under."""
    parser.add_argument("--cart", action="append", default=[], metavar="A,B", help="product ids; may be repeated")
    parser.add_argument("--exclude", action="append", default=[], metavar="A,B", help="products never to offer")
    parser.add_argument("--only", action="append", default=[], metavar="A,B", help="offer nothing but these")
    parser.add_argument(
        "--history", type=Path, metavar="FILE.json", help="JSON list of {product_id, ordered_at, quantity}"
    )
    parser.add_argument("--moment", default="cart", help=f"one of {', '.join(MOMENTS)} (default: cart)")
    parser.add_argument("--kinds", metavar="K,L", help=f"out of {', '.join(KINDS)} (default: the moment's)")
    parser.add_argument("--limit", type=int, help="most offers (default: 3, or the policy's)")
    parser.add_argument("--order", help=f"{' or '.join(ORDERS)} (default: relevance, or the policy's)")
    parser.add_argument("--at", metavar="TIME", help="ISO 8601 (default: now)")
    parser.add_argument("--shopper", metavar="JSON", help="facts for the policy: region, age, owned, budget")
    add_policy_options(parser)


def add_other_commands(subparsers: Subparsers, first: str) -> None:
    """Add the commands of installed packages; one that cannot be loaded is said on stderr, the others work."""
    from importlib.metadata import entry_points  # noqa: PLC0415

    entries = list(entry_points(group="mersalg.commands"))
    if first in EXTRA_OF:
        entries = [entry for entry in entries if entry.name == "service"]
        if not entries:
            raise MersalgError(
                f"{first}: needs mersalg-service, which is not installed; `pip install 'mersalg[{EXTRA_OF[first]}]'`"
            )
    if first in OF_TRAINING and not any(entry.name == "training" for entry in entries):
        raise MersalgError(f"{first}: needs mersalg-training, which is not installed; `pip install mersalg-training`")
    for entry in entries:
        try:
            add_commands = entry.load()
        except (ImportError, AttributeError) as error:
            print(f"mersalg: no commands of {entry.value}: {error}; install it again", file=sys.stderr)
        else:
            add_commands(subparsers)


def inspect_bundle(args: argparse.Namespace) -> int:
    """Print the verified manifest: on one screen, all of it, or as JSON."""
    from mersalg.bundle import read_card  # noqa: PLC0415
    from mersalg.registry.opening import open_bundle  # noqa: PLC0415

    bundle = open_bundle(args.bundle)
    if args.json:
        card = read_card(bundle.folder, bundle.manifest)
        say(json.dumps({**bundle.manifest, "card": card}, indent=2, ensure_ascii=False))
    else:
        say(all_facts(bundle.manifest) if args.all else summary(bundle))
    return 0


def verify_bundle(args: argparse.Namespace) -> int:
    """Load a bundle, in a process of its own first, which checks it, and say what was checked."""
    from mersalg.bundle import read_card  # noqa: PLC0415
    from mersalg.child import load_after_child  # noqa: PLC0415
    from mersalg.registry.opening import find_place  # noqa: PLC0415
    from mersalg.table import check_saved, read_saved_requests  # noqa: PLC0415

    saved = read_saved_requests(args.requests) if args.requests is not None else []
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
    outcomes = check_saved(under_policy(recommender, args), saved)
    if outcomes:
        say("\n" + outcomes_text(outcomes, recommender.name))
    if broken := [outcome.saved.request_id for outcome in outcomes if not outcome.kept]:
        raise MersalgError(f"{args.requests}: expected every request to be kept, got {len(broken)} broken: {broken}")
    return 0


def sign_bundle(args: argparse.Namespace) -> int:
    """Load a bundle, which checks all of it, sign it, and say where the signature is."""
    from mersalg import signing  # noqa: PLC0415
    from mersalg.recommender import load  # noqa: PLC0415

    load(args.bundle)
    signature = signing.sign_bundle(args.bundle, args.private_key)
    print(f"{signature} is the signature of {args.bundle} by {args.private_key}")
    return 0


def recommend_offers(args: argparse.Namespace) -> int:
    """Print the offers for one request."""
    from mersalg.recommender import load  # noqa: PLC0415
    from mersalg.requests import read_mapping  # noqa: PLC0415

    read_language(args.language)
    request = read_mapping(request_of(args))
    bundle = load(args.bundle)
    if unknown := [one for one in request.cart if one not in bundle.names]:
        print(plain_lines(f"mersalg: --cart: not in the bundle: {', '.join(unknown)}"), file=sys.stderr)
    recommender = under_policy(bundle, args)
    (offers,) = recommender.answer([request], threshold=True)
    if args.json:
        answer = {
            "offers": [
                {
                    **offer.to_dict(),
                    "name": recommender.name(offer.product_id),
                    "reason": offer.reason.text(recommender.name, args.language),
                }
                for offer in offers
            ],
            "reason": offers.reason,
            "retrieved": offers.retrieved,
            "best_relevance": offers.best_relevance,
        }
        say(json.dumps(answer | (beside_as_json(offers) if args.policy else {}), indent=2, ensure_ascii=False))
    else:
        thresholds = {kind: rule["threshold"] for kind, rule in recommender.manifest["kinds"].items()}
        say(answer_text(offers, recommender.name, thresholds, args.language))
    return 0


def say(text: str) -> None:
    """Print what holds words of a bundle or a catalogue."""
    print(plain_lines(text))


def request_of(args: argparse.Namespace) -> dict[str, Any]:
    """The request of the arguments; what is not given is left out."""
    fields = {
        "cart": split_ids(args.cart),
        "history": read_history_file(args.history) if args.history else [],
        "moment": args.moment,
        "kinds": None if args.kinds is None else split_ids([args.kinds]),
        "limit": args.limit,
        "at": args.at,
        "exclude": split_ids(args.exclude),
        "only": split_ids(args.only),
        "order": args.order,
        "shopper": read_shopper_text(args.shopper),
    }
    return {name: value for name, value in fields.items() if value is not None}


def read_history_file(path: Path) -> Any:
    """The JSON document of a history."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MersalgError(f"--history {path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise MersalgError(f"--history {path}: expected a JSON list in UTF-8, got {error}") from None


def score_requests(args: argparse.Namespace) -> int:
    """Write the offers for a file of requests and print a summary."""
    from mersalg.recommender import load  # noqa: PLC0415
    from mersalg.table import form_of, read_requests, write_offers  # noqa: PLC0415

    form_of(args.out)
    requests = read_requests(args.requests)
    recommender = under_policy(load(args.bundle, threads=args.threads), args)
    answers = recommender.stream(requests, threshold=not args.no_threshold, batch_size=args.batch_size)
    tally: Counter[str] = Counter()
    filtered: Counter[str] = Counter()
    start = time.perf_counter()
    write_offers(args.out, count_filtered(counted(answers, tally), filtered))
    seconds = time.perf_counter() - start
    empty = {reason: count for reason, count in tally.items() if reason not in ("requests", "offers")}
    print(f"{tally['requests']:,} requests, {tally['offers']:,} offers in {seconds:.1f} s -> {args.out}")
    if empty:
        print(f"{sum(empty.values()):,} empty answers: {listed(empty, '{:,}')}")
    if filtered:
        print(f"{sum(filtered.values()):,} offers taken out by the policy: {listed(filtered, '{:,}')}")
    return 0


def counted(answers: Iterable[Offers], tally: Counter[str]) -> Iterator[Offers]:
    """The same answers, counted; a terminal on stderr sees how many there are already."""
    shows, start, last = sys.stderr.isatty(), time.perf_counter(), 0.0
    for offers in answers:
        tally["requests"] += 1
        tally["offers"] += len(offers)
        if offers.reason is not None:
            tally[offers.reason] += 1
        yield offers
        seconds = time.perf_counter() - start
        if shows and seconds - last > PROGRESS_SECONDS:
            last = seconds
            done = tally["requests"]
            print(f"\r{done:,} requests, {done / seconds:,.0f} a second", end="", file=sys.stderr, flush=True)
    if shows and last:
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
