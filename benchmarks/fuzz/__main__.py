"""Fuzz a reader of the loader, led by the coverage of its code (atheris).

    python benchmarks/fuzz graph --seconds 600       # the walk over scorer.onnx
    python benchmarks/fuzz manifest --runs 1000000   # manifest.json
    python benchmarks/fuzz request --seconds 600     # bodies of calls, batched as the service batches them
    python benchmarks/fuzz folder --seconds 600      # whole folders: links, pipes, names, sizes
    python benchmarks/fuzz operator --runs 500000    # allowed operators on drawn values, opened and asked
    python benchmarks/fuzz session --seconds 600     # slow: what the walk accepts is opened and asked

It ends at the first input that crashes, takes longer than ten seconds, needs more than 2 GB or passes wrongly, and
keeps it in the current folder as crash-*. A run that comes to its end prints how many inputs it tried.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # for the toy bundle
with atheris.instrument_imports(include=["mersalg", "mersalg_service"]):
    from targets import TARGETS, make_target


def main() -> None:
    """Run one target to its end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=-1, help="inputs to try (default: no limit)")
    parser.add_argument("--seconds", type=int, default=0, help="time to take (default: no limit)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    target = make_target(args.target)
    start, tried, passed = time.monotonic(), 0, 0
    last = start

    def one(content: bytes) -> None:
        nonlocal tried, passed, last
        tried += 1
        passed += target.run(content)
        if tried % 256 == 0 and (now := time.monotonic()) - last > 20:
            last = now
            print(f"{args.target}: {tried:,} inputs, {passed:,} accepted, {now - start:.0f} s", flush=True)

    def mutated(content: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.4:  # near what is accepted, where a wrong pass would be
            content = rng.choice(target.seeds)
        if rng.random() < 0.2:
            return atheris.Mutate(content, most)
        return target.mutate(content, rng)[:most]

    with tempfile.TemporaryDirectory(prefix="mersalg-corpus-") as corpus:
        for number, seed in enumerate(target.seeds):
            Path(corpus, str(number)).write_bytes(seed)
        options = [f"-runs={args.runs}", f"-max_total_time={args.seconds}", f"-seed={args.seed}", "-timeout=10"]
        options += ["-rss_limit_mb=2048", "-max_len=16384", "-verbosity=0", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, corpus], one, custom_mutator=mutated)
        atheris.Fuzz()


main()
