"""`mersalg report`: a bundle as one page."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from mersalg.errors import MersalgError


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `mersalg report`."""
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


def report_command(args: argparse.Namespace) -> int:
    """Write a page of a bundle: what it promises, keeps, costs and rests on; of two bundles, side by side."""
    from mersalg_training.report.page import render, render_pair  # noqa: PLC0415  # it brings matplotlib and jinja2
    from mersalg_training.report.subject import read_subject  # noqa: PLC0415

    bundles = [args.bundle, *([] if args.other is None else [args.other])]
    files: list[Path | None] = args.evaluation
    if len(files) > len(bundles):
        raise MersalgError(f"--evaluation: expected at most one for each bundle, got {len(files)} for {len(bundles)}")
    check_out(args.out)
    with Console(stderr=True).status(f"Asking {' and '.join(bundles)}"):
        subjects = list(map(read_subject, bundles, [*files, *[None] * (len(bundles) - len(files))]))
        page = render(subjects[0]) if len(subjects) == 1 else render_pair(*subjects)
    write_page(args.out, page)
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


def write_page(out: Path, page: str) -> None:
    """Write the page beside its place and put it there whole; an earlier one stays until then."""
    partial = out.with_name(f".{out.name}.{uuid4().hex}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(out)
    except OSError as error:
        raise MersalgError(f"--out {out}: cannot be written: {error.strerror}; choose another place") from None
    finally:
        partial.unlink(missing_ok=True)
