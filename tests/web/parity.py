"""`make parity`: the golden corpus of a bundle in Python, Node and Chromium; the last line has the figures.

    PYTHONPATH=tests python -m web.parity models/demo --requests 3000

The corpus is made anew of the purchases that the bundle was trained on, by a seed.
"""

from __future__ import annotations

import argparse
import io
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from rich.console import Console

import mersalg
from mersalg_training.config import parse_config
from mersalg_training.learn import read_purchases
from mersalg_training.progress import Stages
from web.corpus import Corpus, write_corpus
from web.programs import MissingError
from web.runtimes import Found, ask_browser, ask_node

TOLERANCE = 1e-4
SECONDS = 1200.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", type=Path, default=Path("models/demo"))
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=1, help="ask each so often, and time the quickest answer")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep the corpus as JSON Lines")
    args = parser.parse_args()
    if not args.bundle.is_dir():
        print(f"parity: {args.bundle}: no bundle is there; `make demo` trains models/demo", file=sys.stderr)
        return 2
    try:
        with tempfile.TemporaryDirectory() as folder:
            corpus = args.keep or Path(folder) / "corpus.jsonl"
            here = make_corpus(args.bundle, corpus, args.requests, args.seed, args.repeats)
            found = {"node": ask_node(args.bundle, corpus, SECONDS, args.repeats)}
            print(told(found["node"]), flush=True)
            found["chromium"] = ask_browser(args.bundle, corpus, SECONDS, args.repeats)
            print(told(found["chromium"]), flush=True)
    except (MissingError, mersalg.MersalgError) as error:
        print(f"parity: {error}", file=sys.stderr)
        return 2
    return conclude(here, found)


def make_corpus(bundle: Path, path: Path, n: int, seed: int, repeats: int = 1) -> Found:
    """Write the corpus of a bundle; how Python answered it."""
    start = time.perf_counter()
    recommender = mersalg.load(bundle)
    load_seconds = time.perf_counter() - start
    config = parse_config(recommender.manifest["config"], f"{bundle}/manifest.json: config")
    purchased = read_purchases(config, Stages(Console(file=io.StringIO())))
    random = np.random.default_rng(seed)
    requests = Corpus(purchased.timeline, purchased.windows.test_from).requests(n, random)
    micros = write_corpus(recommender, requests, path, random, repeats)
    runtime = f"Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}"
    here = Found(runtime, len(micros), len(micros), 0.0, micros, load_seconds, [])
    print(f"{len(micros):,} requests, {path.stat().st_size / 1e6:.0f} MB\n{told(here)}", flush=True)
    return here


def told(found: Found) -> str:
    """A line on one runtime: what an answer takes."""
    median, tail = np.median(found.micros) / 1000, np.quantile(found.micros, 0.99) / 1000
    return (
        f"{found.runtime:<48} load {found.load_seconds:5.2f} s, an answer p50 {median:6.2f} ms, p99 {tail:6.2f} ms, "
        f"equal {found.equal}/{found.requests}, largest difference {found.largest:.1e}"
    )


def conclude(here: Found, found: dict[str, Found]) -> int:
    """Print the first differences and the figures; the exit status, 1 where an answer is another."""
    for name, runtime in found.items():
        for difference in runtime.differences:
            print(
                f"{name}: {difference['request_id']}\n  python {difference['wanted']}\n  {name} {difference['given']}"
            )
    largest = max(runtime.largest for runtime in found.values())
    counts = ", ".join(f"{name} {runtime.equal}/{here.requests}" for name, runtime in found.items())
    print(f"parity: {here.requests:,} requests, {counts}, max |relevance| difference {largest:.0e}")
    whole = all(runtime.equal == runtime.requests == here.requests for runtime in found.values())
    return 0 if whole and largest <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
