"""How good mersalg is on many shops, beside every baseline: one command that goes on where it was stopped.

    python benchmarks/histories FOLDER --sets ms_store,bread_basket --out histories

A shop is a folder in FOLDER with orders.parquet or orders.csv, and products.parquet or products.csv where there is a
catalogue; a config.toml in it stands for the one that `mersalg init` writes. The demo's purchases come last.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from forest import draw_ratios
from ratio_page import page
from steps import History, code_digest, evaluation_of, find_histories, put
from verdicts import SetResult, as_document, read_result

HERE = Path(__file__).parent


def main() -> int:
    """0; 1 where a shop failed, which is left out of the table; 2 where something is wrong with what was given."""
    args = arguments()
    histories = {history.name: history for history in find_histories(args.folder)}
    names = list(histories) if args.sets is None else args.sets.split(",")
    if unknown := set(names) - set(histories):
        told = f"--sets: no shop is called {', '.join(sorted(unknown))}; expected some of {','.join(histories)}"
        print(f"benchmarks/histories: {told}", file=sys.stderr)
        return 2
    failed, results = [], []
    for name in names:
        result = measure(histories[name], args.out, args.queries)
        if result is None:
            failed.append(name)
        else:
            results.append(result)
    if results:
        write(results, args.out, args.queries)
    if failed:
        print(f"benchmarks/histories: failed, see above: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks/histories", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of shops")
    parser.add_argument("--sets", metavar="NAMES", help="some of the shops, the demo as `demo` (default: all)")
    parser.add_argument("--out", type=Path, default=Path("histories"), metavar="FOLDER", help="of what is made")
    parser.add_argument("--queries", type=int, default=2000, help="most requests of a task")
    return parser.parse_args()


def measure(history: History, out: Path, queries: int) -> SetResult | None:
    """The figures of one shop; None where a command refused, which has said why."""
    evaluation = evaluation_of(history, out, code_digest(), queries, lambda text: print(text, file=sys.stderr))
    return None if evaluation is None else read_result(history.name, json.loads(evaluation.read_text("utf-8")))


def write(results: list[SetResult], out: Path, queries: int) -> None:
    """The table, printed and as Markdown; every figure as JSON; the picture."""
    document = {"commit": commit(), "queries": queries, **as_document(results)}
    text = page(results, document["commit"], queries)
    put(out / "histories.md", text.encode())
    put(out / "histories.json", (json.dumps(document, indent=1) + "\n").encode())
    put(out / "histories.png", draw_ratios(results))
    print(text, end="")


def commit() -> str:
    """Of the code, `-dirty` where it was changed since; unknown outside a repository."""
    told = subprocess.run(
        ["git", "-C", str(HERE), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
