"""Kill -9 at random moments of export, load and exchange, and whether a bundle is ever lost or half served.

    python benchmarks/kills.py --rounds 1000

Each round starts a process that exports bundles over another again and again, and one that loads them again and
again and asks them; both are killed at a random moment. Then the folder has to load, to be one of the bundles in
full, and to be not older than the last that was there. What the loading process had reported until then has to be
whole, too. One line at the end has the counts; status 1 when a round failed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))  # the toy bundle is the tests'

from mersalg import MersalgError, load
from mersalg_training.export.writer import new_bundle
from toy_bundle import make_manifest, write_bundle

MAX_SECONDS = 0.1


def export_for_ever(out: Path, files: dict[str, bytes], turn: int) -> None:
    """Write bundles of higher and higher turns over each other."""
    while True:
        turn += 1
        with new_bundle(out) as writer:
            for name, content in files.items():
                writer.add(name, content if name != "CARD.md" else card(turn))
            writer.add_manifest({**make_manifest(files), "name": f"turn-{turn}"})


def load_for_ever(out: Path, report: int) -> None:
    """Load and ask; a byte for each bundle that was whole, `!` for one that was not."""
    while True:
        try:
            served(out)
        except (MersalgError, AssertionError) as error:
            os.write(report, f"!{error}\n".encode())
            return
        os.write(report, b".")


def served(out: Path) -> int:
    """The turn of the bundle that loads and is whole."""
    recommender = load(out)
    turn = int(recommender.manifest["name"].removeprefix("turn-"))
    assert recommender.manifest["files"]["CARD.md"]["size"] == len(card(turn)), "a manifest beside another card"
    assert [offer.product_id for offer in recommender.recommend(["milk"])] == ["milk", "bread", "butter"]
    return turn


def card(turn: int) -> bytes:
    """A card whose length tells the turn."""
    return b"#" * (turn + 1)


def start(run: Callable[[], None]) -> int:
    """A process of its own; it ends by being killed."""
    child = os.fork()
    if child == 0:
        try:
            run()
        finally:
            os._exit(3)
    return child


def one_round(out: Path, files: dict[str, bytes], turn: int, rng: random.Random, tally: Counter[str]) -> int:
    """Kill both at a random moment, and give the turn that is served afterwards."""
    reading, writing = os.pipe()
    children = [
        start(lambda: export_for_ever(out, files, turn)),
        start(lambda: load_for_ever(out, writing)),
    ]
    os.close(writing)
    time.sleep(rng.random() * MAX_SECONDS)
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            tally["ended by themselves"] += 1
    with os.fdopen(reading, "rb") as file:
        said = file.read()
    tally["loads while exported"] += said.count(b".")
    tally["loads of something half"] += said.count(b"!")
    if b"!" in said:
        print(said[said.index(b"!") :].decode(errors="replace"), file=sys.stderr)
    now = served(out)
    tally["exports"] += now - turn
    assert now >= turn, f"turn {turn} was there, {now} is served"
    for left in out.parent.iterdir():
        if left != out and left.is_dir():  # the lock beside it stays
            tally["killed in the middle of an export"] += 1
            shutil.rmtree(left)
    return now


def main(rounds: int, seed: int) -> int:
    """Run the rounds, print the counts and give the exit status."""
    tally: Counter[str] = Counter()
    rng, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mersalg-kills-") as place:
        out = write_bundle(Path(place) / "toy")
        files = {path.name: path.read_bytes() for path in out.iterdir() if path.name != "manifest.json"}
        with new_bundle(out) as writer:
            for name, content in files.items():
                writer.add(name, content if name != "CARD.md" else card(0))
            writer.add_manifest({**make_manifest(files), "name": "turn-0"})
        turn = 0
        for _ in range(rounds):
            try:
                turn = one_round(out, files, turn, rng, tally)
            except (MersalgError, AssertionError) as error:
                tally["bundles lost or half served"] += 1
                print(error, file=sys.stderr)
                break
            tally["rounds"] += 1
    failed = tally["bundles lost or half served"] + tally["loads of something half"] + tally["ended by themselves"]
    print(json.dumps({**tally, "failed": failed, "seconds": round(time.monotonic() - began)}))
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    sys.exit(main(args.rounds, args.seed))
