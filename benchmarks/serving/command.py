"""What one request costs, beside everything else that a shop could run: `make bench-serving`, or as here.

    python benchmarks/serving models/demo --growth 10000,100000,1000000 --out serving.json --plot serving.svg
    python benchmarks/serving frontier models/one models/two --until 2017-11-26

The same real requests of the bundle's test window go to all in turn, one thread each. Times are quantiles of each
repeat, and of those the median.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import frontier
import tell
from contenders import BATCH, CONTENDERS, Contender, Place, encoded, is_there, loaded
from growth import by_catalogue
from lengths import by_length, threads_compared
from operators import by_operator
from picture import draw_side_by_side
from prepare import prepare
from real_requests import told
from request_file import read_requests
from side_by_side import agreement, as_json, measure

from mersalg.errors import MersalgError

SECTIONS = ("contenders", "operators", "lengths", "threads", "growth")


def main() -> int:
    if sys.argv[1:2] == ["frontier"]:
        return frontier.main(sys.argv[2:])
    args = arguments()
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = Place(args.bundle.resolve(), (args.work or Path(folder) / "work").resolve())
            prepare(place, args.requests, args.seed, progress)
            found = report(args, place)
    except MersalgError as error:
        print(f"benchmarks/serving: {error}", file=sys.stderr)
        return 2
    if args.out is not None:
        args.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/serving", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ",".join(each.name for each in CONTENDERS)
    parser.add_argument("bundle", nargs="?", type=Path, default=Path("models/demo"))
    parser.add_argument("--requests", type=int, default=400, help="of the test window")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--starts", type=int, default=3, help="new processes of each contender; 0 = none")
    parser.add_argument("--only", type=chosen, default=CONTENDERS, help=f"some of {names}")
    parser.add_argument("--sections", default=",".join(SECTIONS), help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--growth", default="10000,100000", help="products of the drawn catalogues")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="keep what the contenders load here, and use it again")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write every figure")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="also draw the first table")
    return parser.parse_args()


def chosen(text: str) -> tuple[Contender, ...]:
    """Contenders by name, in the order of the table."""
    names = text.split(",")
    if unknown := set(names) - {each.name for each in CONTENDERS}:
        raise argparse.ArgumentTypeError(f"no contender is called {', '.join(sorted(unknown))}")
    return tuple(each for each in CONTENDERS if each.name in names)


def report(args: argparse.Namespace, place: Place) -> dict[str, Any]:
    """Measure and print section by section; the figures for a file."""
    sections, requests = args.sections.split(","), read_requests(place.work / "requests.jsonl")
    found: dict[str, Any] = {"command": tell.command(), "versions": tell.versions(), "machine": tell.machine()}
    print(
        f"{found['versions']}\n\n{found['machine']}\n\n    {found['command']}\n\n{told(requests)}, asked in turn, ",
        end="",
    )
    print(f"{args.repeats} times; one thread each; times include what a caller has to do to ask.\n")
    if "contenders" in sections:
        found |= report_contenders(args, place, requests)
    recommender, ids = loaded(place.bundle), json.loads((place.work / "often_bought.json").read_text())
    if "operators" in sections:
        progress("Where the graph's time goes")
        spent = by_operator(place.bundle / "scorer.onnx", encoded(requests))
        found["operators"] = [asdict(each) for each in spent]
        print(f"### The graph by operator\n\n{tell.operators(spent)}\n", flush=True)
    if "lengths" in sections:
        progress("By cart and history")
        found["lengths"] = by_length(recommender, ids, args.requests // 2, args.repeats)
        print(f"### One `recommend` by cart and history\n\n{tell.lengths(found['lengths'])}\n", flush=True)
    if "threads" in sections:
        progress("One thread and two")
        found["threads"] = threads_compared(recommender, requests, seconds=2.0, rounds=5)
        print(f"### Two threads\n\n{tell.threads(found['threads'])}\n", flush=True)
    if "growth" in sections and args.growth:
        sizes = [int(size) for size in args.growth.split(",")]
        grown = by_catalogue(place.bundle, sizes, args.requests // 2, args.repeats, progress)
        found["growth"] = [asdict(each) for each in grown]
        print(f"### One `recommend` by catalogue\n\n{tell.growth(grown)}\n", flush=True)
    return found | {"machine_after": tell.machine()}


def report_contenders(args: argparse.Namespace, place: Place, requests: list[Any]) -> dict[str, Any]:
    """The main table, its picture, and how far the numpy rival gives the same offers."""
    contenders = [each for each in args.only if is_there(each, place)]
    if missing := [each.title for each in args.only if each not in contenders]:
        print(f"Left out, as the graph is built otherwise than they know: {', '.join(missing)}.\n")
    rows, bare = measure(contenders, place, requests, args.repeats, args.starts, progress)
    print(f"### Side by side\n\n{tell.side_by_side(rows)}\n\n{tell.bare(bare)}\n", flush=True)
    if args.plot is not None:
        draw_side_by_side(rows, args.plot)
    found: dict[str, Any] = {"side_by_side": as_json(rows), "bare": bare}
    by_name = {each.name: each for each in contenders}
    if {"recommend", "lightgbm"} <= set(by_name):
        asked = {name: by_name[name].open(place) for name in ("recommend", "lightgbm")}
        equal, of = agreement(asked, requests)
        found["agreement"] = {"equal": equal, "of": of}
        print(f"The numpy rival gives the same products, kinds and anchors in the same order for {equal} of {of}.\n")
    if {"recommend", "batch"} <= set(by_name):
        of = {row.name: row.micros for row in rows}
        clock, cpu = (of["batch"][name] / of["recommend"][name] for name in ("p50", "cpu"))
        print(f"A request in a batch of {BATCH} takes {clock:.2f} times a single one, {cpu:.2f} times its CPU time.\n")
    return found


STARTED = time.perf_counter()


def progress(text: str) -> None:
    """What begins now, on standard error."""
    print(f"{time.perf_counter() - STARTED:6.0f} s  {text}", file=sys.stderr, flush=True)
