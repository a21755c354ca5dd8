"""What one request costs, beside everything else that a shop could run: `make bench-serving`, or as here.

    python benchmarks/serving models/demo --growth 10000,100000,1000000 --out serving.json --plot serving.svg
    python benchmarks/serving frontier models/one models/two --until 2017-11-26

The same real requests of the bundle's test window go to all in turn, one thread each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import frontier
from contenders import CONTENDERS, Contender, Place
from latency_page import SECTIONS, Report, progress
from prepare import prepare

from mersalg.errors import MersalgError


def main() -> int:
    """The exit status; 2 where something is wrong with what was given."""
    if sys.argv[1:2] == ["frontier"]:
        return frontier.main(sys.argv[2:])
    args = arguments()
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = Place(args.bundle.resolve(), (args.work or Path(folder) / "work").resolve())
            prepare(place, args.requests, args.seed, progress)
            report = Report(args, place)
            report.run()
            report.write()
    except MersalgError as error:
        print(f"benchmarks/serving: {error}", file=sys.stderr)
        return 2
    return 0


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks/serving", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ",".join(each.name for each in CONTENDERS)
    parser.add_argument("bundle", nargs="?", type=Path, default=Path("models/demo"))
    parser.add_argument("--requests", type=int, default=400, help="of the test window")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--starts", type=int, default=3, help="new processes of each contender; 0 = none")
    parser.add_argument("--only", type=chosen, default=CONTENDERS, metavar="NAMES", help=f"some of {names}")
    parser.add_argument("--sections", type=sections, default=SECTIONS, metavar="NAMES", help=f"some of {SECTIONS}")
    parser.add_argument("--growth", default="10000,100000", metavar="SIZES", help="products of the drawn catalogues")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keep what the contenders load, and use it again")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write every figure")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="also draw the first table")
    parser.add_argument("--into", type=Path, metavar="FILE.md", help="also put the report between a page's marks")
    return parser.parse_args()


def chosen(text: str) -> tuple[Contender, ...]:
    """Contenders by name, in the order of the table."""
    names = text.split(",")
    if unknown := set(names) - {each.name for each in CONTENDERS}:
        raise argparse.ArgumentTypeError(f"no contender is called {', '.join(sorted(unknown))}")
    return tuple(each for each in CONTENDERS if each.name in names)


def sections(text: str) -> tuple[str, ...]:
    """Names of sections."""
    names = tuple(text.split(","))
    if unknown := set(names) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"expected some of {','.join(SECTIONS)}, got {','.join(sorted(unknown))}")
    return names
