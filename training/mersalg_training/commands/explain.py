"""`mersalg explain`: why an answer holds these offers, and why it does not hold another."""

from __future__ import annotations

import argparse
import json
from typing import Any

EXAMPLES = """\
examples:
  mersalg explain models/demo --cart 1029743,1106523
  mersalg explain models/demo --cart 1029743 --history history.json --product 868075
"""


def add_command(subparsers: Any) -> None:
    """Add `mersalg explain`."""
    from mersalg.cli import add_request_options  # noqa: PLC0415

    parser = subparsers.add_parser(
        "explain",
        help="say why a cart is offered what it is, and why not another product",
        description="Say what each part of a request adds to the score of each offer, as Shapley values\n"
        "that add up to the score, and check it by removal. With --product: say why it is\n"
        "offered, or what keeps it out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=explain_command)
    parser.add_argument("bundle", metavar="NAME", help="the bundle's folder, for example models/demo")
    add_request_options(parser)
    parser.add_argument("--product", metavar="ID", help="explain this product alone, offered or not")
    parser.add_argument("--json", action="store_true", help="print JSON")


def explain_command(args: argparse.Namespace) -> int:
    """Print the explanation of an answer."""
    from rich.console import Console  # noqa: PLC0415

    from mersalg.cli import request_of  # noqa: PLC0415
    from mersalg.display import plain_lines  # noqa: PLC0415
    from mersalg.policy import PolicyRecommender  # noqa: PLC0415
    from mersalg.policy.command import under_policy  # noqa: PLC0415
    from mersalg_training.explanation.explainer import open_explainer  # noqa: PLC0415
    from mersalg_training.explanation.render import as_lines  # noqa: PLC0415

    request = request_of(args)
    with Console(stderr=True).status("Opening the bundle") as status:
        explainer = open_explainer(args.bundle)
        by = under_policy(explainer.recommender, args)
        policy = by if isinstance(by, PolicyRecommender) else None

        def tick(done: int, of: int) -> None:
            status.update(f"Explained {done} of {of} offers")

        explanation = explainer.explain(request, product=args.product, policy=policy, tick=tick)
    if args.json:
        print(plain_lines(json.dumps(explanation.to_dict(), indent=2, ensure_ascii=False)))
    else:
        print(plain_lines(as_lines(explanation, explainer.recommender.name)))
    return 0
