"""The command `mersalg policy`, and the options by which `recommend` and `score` answer under a policy."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mersalg.errors import MersalgError

if TYPE_CHECKING:
    from mersalg.arguments import Subparsers
    from mersalg.offers import Offers
    from mersalg.policy.recommender import PolicyRecommender
    from mersalg.recommender import Recommender


def add_policy_command(subparsers: Subparsers) -> None:
    """Add `policy show` and `policy check`."""
    text = "print the default offer policy, or check a policy"
    parser = subparsers.add_parser("policy", help=text, description=text[0].upper() + text[1:] + ".")
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = actions.add_parser("show", help="print the default policy as TOML, to start from")
    show.set_defaults(handler=show_policy)
    check = actions.add_parser(
        "check",
        help="say what a policy cannot do, does not reach or contradicts",
        description="Say what a policy cannot do, does not reach or contradicts. Status 1 when keys contradict.",
        epilog="example:\n  mersalg policy check configs/policy.toml --bundle models/demo --catalogue products.parquet",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("policy", type=Path, metavar="POLICY.toml")
    check.add_argument("--bundle", metavar="NAME", help="the bundle's folder, for silent kinds and unknown products")
    check.add_argument("--catalogue", type=Path, metavar="FILE", help=".csv, .jsonl, .ndjson or .parquet")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.set_defaults(handler=check_command)


def add_policy_options(parser: argparse.ArgumentParser) -> None:
    """Add --policy and --catalogue."""
    parser.add_argument("--policy", type=Path, metavar="FILE.toml", help="make only offers that keep this policy")
    parser.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="facts of today: .csv, .jsonl, .ndjson or .parquet"
    )


def show_policy(args: argparse.Namespace) -> int:
    """Print the default policy."""
    from mersalg.policy.default import DEFAULT_POLICY  # noqa: PLC0415

    print(DEFAULT_POLICY, end="")
    return 0


def check_command(args: argparse.Namespace) -> int:
    """Print the findings; 1 when there is a contradiction."""
    from mersalg.display import columns, plain_lines  # noqa: PLC0415
    from mersalg.policy import check_policy, read_catalogue, read_policy  # noqa: PLC0415
    from mersalg.registry.opening import open_bundle  # noqa: PLC0415

    policy = read_policy(args.policy)
    catalogue = read_catalogue(args.catalogue) if args.catalogue else None
    bundle = open_bundle(args.bundle) if args.bundle else None
    manifest = bundle.manifest if bundle is not None else None
    names = set(bundle.names) if bundle is not None else None
    findings = check_policy(policy, manifest=manifest, names=names, catalogue=catalogue)
    if args.json:
        print(plain_lines(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)))
    else:
        if findings:
            print(columns([(finding.sort, finding.where, finding.says) for finding in findings]))
        count = sum(finding.sort == "contradiction" for finding in findings)
        print(f"{args.policy}: every key is known and has a value that holds; {count} contradictions")
    return 1 if any(finding.sort == "contradiction" for finding in findings) else 0


def under_policy(recommender: Recommender, args: argparse.Namespace) -> Recommender | PolicyRecommender:
    """The recommender under the policy that the arguments name, or itself where they name none.

    What the catalogue switches off is said on stderr.
    """
    if args.policy is None:
        if args.catalogue is not None:
            raise MersalgError("--catalogue: expected --policy with it; `mersalg policy show` prints one to start from")
        return recommender
    from mersalg.policy import PolicyRecommender, read_catalogue, read_policy  # noqa: PLC0415

    catalogue = read_catalogue(args.catalogue) if args.catalogue else None
    restrained = PolicyRecommender(recommender, read_policy(args.policy), catalogue)
    if restrained.switched_off:
        off = "; ".join(f"{rule} (needs {', '.join(facts)})" for rule, facts in restrained.switched_off.items())
        print(f"mersalg: rules that the catalogue does not serve: {off}", file=sys.stderr)
    return restrained


def read_shopper_text(text: str | None) -> Any:
    """The JSON object of --shopper."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MersalgError(f"--shopper: expected a JSON object, got {error}") from None


def count_filtered(answers: Iterable[Offers], filtered: Counter[str]) -> Iterator[Offers]:
    """The same answers, while what a policy took out is counted by rule."""
    for offers in answers:
        filtered.update(offers.filtered)
        yield offers


def beside_as_json(offers: Offers) -> dict[str, Any]:
    """What a policy adds to an answer."""
    return {"filtered": dict(offers.filtered), "beside": [asdict(comparison) for comparison in offers.beside]}
