"""`mersalg promote` and `mersalg runs`: a challenger against the champion, and what became of every version."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mersalg.errors import MersalgError
from mersalg.policy.command import add_policy_options, under_policy
from mersalg_training.commands.arguments import add_set
from mersalg_training.promotion import COST_MARGIN, MARGIN, MIN_REQUESTS, REQUESTS

if TYPE_CHECKING:
    from mersalg_training.progress import Stages
    from mersalg_training.promotion.judge import PromotionTerms
    from mersalg_training.promotion.result import Promotion
    from mersalg_training.tracking.registered_models import ModelVersions

MAX_WHY: Final = 300
"""Characters."""
NEWEST: Final = 20
"""Versions that are listed."""
EPILOG = """\
exit status:
  0  the challenger is the champion (with --dry-run: would be); or the rollback is done
  3  not promoted: nothing is worse, but nothing better, or too little evidence
  4  not promoted: something is worse beyond its margin, or a saved request is broken
  2  an error: no challenger, a bundle that does not load, no later orders, no server

examples:
  mersalg promote demo --set data.orders=newer.parquet --requests saved.jsonl
  mersalg promote demo --rollback --why "fewer add-ons sold since Monday"
"""


def add_command(subparsers: Any) -> None:
    """Add `mersalg promote`, and `mersalg runs` that tells what came of it."""
    add_runs(subparsers)
    parser = subparsers.add_parser(
        "promote",
        help="make the challenger the champion where it is better and nowhere worse",
        description=promote_command.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=promote_command)
    parser.add_argument("model", metavar="NAME", help="the registered model, for example demo")
    add_set(parser, "over the challenger's configuration, for example data.orders=PATH or tracking.uri=URI")
    parser.add_argument("--requests", type=Path, metavar="FILE.jsonl", help="saved requests, as `mersalg verify` reads")
    add_policy_options(parser)
    said = f"how far a figure may lie below the champion's, as a share of it (default: {MARGIN})"
    parser.add_argument("--margin", type=float, default=MARGIN, metavar="SHARE", help=said)
    said = f"how much slower or larger it may be, as a share (default: {COST_MARGIN})"
    parser.add_argument("--cost-margin", type=float, default=COST_MARGIN, metavar="SHARE", help=said)
    parser.add_argument("--since", metavar="DAY", help="first day compared (default: where both have learned until)")
    parser.add_argument("--until", metavar="DAY", help="the day after the last one (default: after the last order)")
    said = f"most requests compared (default: {REQUESTS})"
    parser.add_argument("--queries", type=int, default=REQUESTS, metavar="N", help=said)
    parser.add_argument("--rollback", action="store_true", help="move the alias back to the champion before this one")
    parser.add_argument("--why", default="", metavar="TEXT", help="recorded beside the reasons")
    parser.add_argument("--dry-run", action="store_true", help="decide and write nothing")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")


def add_runs(subparsers: Any) -> None:
    """Add `mersalg runs`."""
    parser = subparsers.add_parser(
        "runs", help="list the versions of a registered model", description=runs_command.__doc__
    )
    parser.set_defaults(handler=runs_command)
    parser.add_argument("model", metavar="NAME", help="the registered model, for example demo")
    parser.add_argument("--newest", type=int, default=NEWEST, metavar="N", help=f"most versions (default: {NEWEST})")
    add_set(parser, "of the registry: tracking.uri=URI (default: MLFLOW_TRACKING_URI, else as training has it)")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")


def promote_command(args: argparse.Namespace) -> int:
    """Compare the version behind the alias `challenger` with that behind `champion` on orders of which neither knows.

    Where nothing is worse beyond the margin and something is better, `champion` moves; why is recorded on the version
    and in promotion.json of a run. A first champion has to load and to break no saved request.
    """
    from rich.console import Console  # noqa: PLC0415

    from mersalg_training.progress import Stages  # noqa: PLC0415
    from mersalg_training.tracking.registered_models import open_versions, registry_uri  # noqa: PLC0415

    if len(args.why) > MAX_WHY:
        raise MersalgError(f"--why: expected at most {MAX_WHY} characters, got {len(args.why)}")
    asked = None if args.rollback else asked_by(args)
    models = open_versions(registry_uri(args.overrides), args.model)
    stages = Stages(Console(stderr=True))
    return roll_back(models, args, stages) if asked is None else promote(models, asked, args, stages)


def asked_by(args: argparse.Namespace) -> PromotionTerms:
    """What the arguments ask for; MersalgError names the one that does not hold."""
    from mersalg.table import read_saved_requests  # noqa: PLC0415
    from mersalg_training.drift.new_purchases import read_day  # noqa: PLC0415
    from mersalg_training.promotion.decision import Margins  # noqa: PLC0415
    from mersalg_training.promotion.judge import PromotionTerms  # noqa: PLC0415
    from mersalg_training.promotion.window import Span  # noqa: PLC0415

    for option, value in (("--margin", args.margin), ("--cost-margin", args.cost_margin)):
        if not 0.0 <= value < 1.0:
            raise MersalgError(f"{option}: expected a share from 0 to below 1, got {value:g}")
    if args.queries < MIN_REQUESTS:
        raise MersalgError(f"--queries: expected a whole number from {MIN_REQUESTS}, got {args.queries}")
    if args.policy is not None and args.requests is None:
        raise MersalgError("--policy: expected --requests with it, whose answers keep the policy")
    since, until = (
        None if text is None else read_day(text, option)
        for text, option in ((args.since, "--since"), (args.until, "--until"))
    )
    return PromotionTerms(
        overrides=args.overrides,
        span=Span(since, until, args.queries),
        margins=Margins(args.margin, args.cost_margin),
        saved=read_saved_requests(args.requests) if args.requests is not None else (),
        under=lambda recommender: under_policy(recommender, args),
    )


def promote(models: ModelVersions, asked: PromotionTerms, args: argparse.Namespace, stages: Stages) -> int:
    """Decide, tell, and carry the decision out."""
    from mersalg_training.progress import results_console  # noqa: PLC0415
    from mersalg_training.promotion.judge import candidates, judge  # noqa: PLC0415
    from mersalg_training.promotion.registry import carry_out  # noqa: PLC0415
    from mersalg_training.promotion.render import render  # noqa: PLC0415

    who = candidates(models)
    address = f"models:/{models.name}/{who.challenger}"
    if who.champion == who.challenger:
        tell(args, {"model": models.name, "champion": who.champion, "moved": False}, f"{address} is the champion")
        return 0
    promotion = judge(models, who, asked, stages)
    if not args.json:
        results_console(highlight=False).print(render(promotion))
    run = None if args.dry_run else carry_out(models, promotion, args.why).run
    moved = promotion.exit_status == 0 and not args.dry_run
    document = {**promotion.to_json(), "moved": moved, "run": run}
    tell(args, document, f"\n{last_line(promotion, address, dry=args.dry_run)}")
    return promotion.exit_status


def last_line(promotion: Promotion, address: str, *, dry: bool) -> str:
    """What was done."""
    champion = promotion.champion
    if promotion.exit_status == 0:
        before = "" if champion is None else f" in place of version {champion.version}"
        return f"{address} {'would be' if dry else 'is'} the champion{before}{'; nothing is written' if dry else ''}"
    stays = "there is no champion" if champion is None else f"version {champion.version} stays the champion"
    return f"{stays}{'; nothing is written' if dry else ''}"


def roll_back(models: ModelVersions, args: argparse.Namespace, stages: Stages) -> int:
    """Let the champion before answer again."""
    from mersalg_training.promotion.registry import take_back, way_back  # noqa: PLC0415

    back = way_back(models, stages)
    if not args.dry_run:
        take_back(models, back, args.why)
    told = f"models:/{models.name}/{back.previous} {'would be' if args.dry_run else 'is'} the champion again, in place"
    document = {"model": models.name, "champion": back.previous, "taken_back": back.champion, "moved": not args.dry_run}
    tell(args, document, f"{told} of version {back.champion}")
    return 0


def tell(args: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    """Print a document where JSON is asked for, else the text."""
    from mersalg_training.json_values import as_json  # noqa: PLC0415

    print(as_json(document).decode() if args.json else text, end="" if args.json else "\n")


def runs_command(args: argparse.Namespace) -> int:
    """List versions and their runs: aliases, data, figures of the test window with 95 % intervals, what was decided."""
    from rich.console import Console  # noqa: PLC0415

    from mersalg_training.figure_table import as_text  # noqa: PLC0415
    from mersalg_training.json_values import as_json  # noqa: PLC0415
    from mersalg_training.progress import Stages, results_console  # noqa: PLC0415
    from mersalg_training.promotion.versions import history_lines, read_rows, versions_table  # noqa: PLC0415
    from mersalg_training.tracking.registered_models import open_versions, registry_uri  # noqa: PLC0415

    if args.newest < 1:
        raise MersalgError(f"--newest: expected a whole number from 1, got {args.newest}")
    models = open_versions(registry_uri(args.overrides), args.model)
    with Stages(Console(stderr=True)).stage("Reading the versions") as tick:
        rows = read_rows(models, args.newest, tick)
    if args.json:
        print(as_json({"model": models.name, "versions": [row.to_json() for row in rows]}).decode(), end="")
        return 0
    console = results_console(highlight=False)
    console.print(as_text(versions_table(rows)))
    for line in history_lines(rows):
        console.print(f"\n{line}", end="", markup=False)
    console.print()
    return 0
