from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mersalg
from mersalg import BundleError, Recommender, load
from mersalg_training.export.writer import new_bundle
from processes import DEADLINE, wait_until
from toy_bundle import make_manifest, write_bundle

CARTS = (["milk"], ["bread"], [], ["wine", "milk"])
THREADS = 100


def offered(recommender: Recommender) -> list[list[tuple[str, float]]]:
    return [[(offer.product_id, offer.relevance) for offer in recommender.recommend(cart)] for cart in CARTS]


def test_a_hundred_threads_at_once_are_answered_as_one_is(folder: Path) -> None:
    recommender = load(folder)
    expected, start = offered(recommender), threading.Barrier(THREADS)

    def ask(_: int) -> bool:
        start.wait(timeout=DEADLINE)
        return all(offered(recommender) == expected for _ in range(10))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(ask, range(THREADS)))


def test_a_hundred_threads_ask_while_the_folder_is_exchanged_and_loaded_anew(folder: Path, tmp_path: Path) -> None:
    """The shop's holder is a plain variable; a bad bundle leaves the last good one in it."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
    held = [load(folder)]
    expected, ended, asked = offered(held[0]), threading.Event(), [0] * THREADS
    start = threading.Barrier(THREADS + 1)  # a thread starts slowly among others that are at work

    def ask(thread: int) -> None:
        start.wait(DEADLINE)
        while not ended.is_set():
            assert offered(held[0]) == expected
            asked[thread] += 1

    refused = 0
    with ThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask, thread) for thread in range(THREADS)]
        start.wait(DEADLINE)
        try:
            for turn in range(4):
                before = sum(asked)
                with new_bundle(folder) as writer:
                    for name, content in files.items():
                        writer.add(name, content if name != "CARD.md" else f"# turn {turn}\n".encode())
                    writer.add_manifest({**make_manifest(files), "name": f"turn-{turn}"})
                if turn % 2:
                    (folder / "scorer.onnx").write_bytes(b"damaged")
                try:
                    held[0] = mersalg.load(folder)
                except BundleError:
                    refused += 1
                wait_until(lambda: sum(asked) > before or any(each.done() for each in asking))  # noqa: B023
        finally:
            ended.set()
        for each in asking:
            each.result()
    assert refused == 2
    assert held[0].manifest["name"] == "turn-2"


def test_whoever_loads_while_bundles_are_exchanged_gets_a_whole_one(folder: Path) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
    ended = threading.Event()

    def exchange() -> None:
        turn = 0
        while not ended.wait(0.01):
            turn += 1
            with new_bundle(folder) as writer:
                for name, content in files.items():
                    writer.add(name, content if name != "CARD.md" else b"#" * (turn % 50 + 1))
                writer.add_manifest(make_manifest(files))

    writer = threading.Thread(target=exchange)
    writer.start()
    try:
        for _ in range(60):
            load(folder)
    finally:
        ended.set()
        writer.join()


def test_a_loaded_bundle_answers_when_its_folder_is_gone(tmp_path: Path) -> None:
    recommender = load(write_bundle(tmp_path / "other"))
    for path in (tmp_path / "other").iterdir():
        path.unlink()
    assert len(recommender.recommend(["milk"])) == 3
    assert recommender.name("milk") == "Fresh milk"
