"""`mersalg report`: a bundle as one page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from mersalg.errors import MersalgError
from mersalg_training.commands.output import write_text


def add_command(subparsers: Any) -> None:
    """Add `mersalg report`."""
    parser = subparsers.add_parser(
        "report",
        help="write a page of what a bundle offers, promises, keeps and costs",
        description=report_command.__doc__,
    )
    parser.set_defaults(handler=report_command)
    parser.add_argument("bundle", metavar="NAME", help="the bundle's folder, for example models/demo")
    parser.add_argument("other", nargs="?", metavar="OTHER", help="a second bundle, to be set beside it")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.html", help="the page that is written")
    parser.add_argument(
        "--evaluation",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.json",
        help="what `mersalg evaluate NAME --json FILE.json` wrote; of two bundles one for each, in their order",
    )
    parser.add_argument(
        "--requests",
        type=Path,
        metavar="FILE.jsonl",
        help="saved requests, as `mersalg verify` reads them; the page opens on the answers to the first six",
    )


def report_command(args: argparse.Namespace) -> int:
    """Write a page of a bundle: what it offers, promises, keeps, costs and rests on; of two bundles, side by side."""
    from mersalg.table import read_saved_requests  # noqa: PLC0415
    from mersalg_training.report.page import render, render_pair  # noqa: PLC0415  # it brings matplotlib and jinja2
    from mersalg_training.report.subject import read_subject  # noqa: PLC0415

    bundles = [args.bundle, *([] if args.other is None else [args.other])]
    files: list[Path | None] = args.evaluation
    if len(files) > len(bundles):
        raise MersalgError(f"--evaluation: expected at most one for each bundle, got {len(files)} for {len(bundles)}")
    if args.requests is not None and args.other is not None:
        raise MersalgError("--requests: expected one bundle, got two, whose page shows no answers; leave one out")
    check_out(args.out)
    saved = [] if args.requests is None else read_saved_requests(args.requests)
    with Console(stderr=True).status(f"Asking {' and '.join(bundles)}"):
        evaluations = [*files, *[None] * (len(bundles) - len(files))]
        subjects = [read_subject(bundle, of, saved) for bundle, of in zip(bundles, evaluations, strict=True)]
        page = render(subjects[0]) if len(subjects) == 1 else render_pair(*subjects)
    write_text(args.out, page, "--out")
    print(f"Report  {args.out} ({len(page.encode()) / 1e3:,.0f} kB)")
    return 0


def check_out(out: Path) -> None:
    """MersalgError where no page can be put, before anything is read."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise MersalgError(f"--out {out}: expected a name that ends in .html; give it one")
    if out.is_dir():
        raise MersalgError(f"--out {out}: expected a file, got a folder; name a file in it")
    if not out.parent.is_dir():
        raise MersalgError(f"--out {out}: expected the folder {out.parent}, got none; make it")
