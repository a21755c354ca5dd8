"""Claims: a bundle is there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

import mersalg
from mersalg import BundleError
from mersalg_training.export import writer as export
from mersalg_training.export.writer import BundleWriter, exchanged, new_bundle
from mersalg_training.json_values import as_json
from processes import DEADLINE
from toy_bundle import GOLDEN, build_scorer, make_manifest

FILES = {
    "scorer.onnx": build_scorer().SerializeToString(),
    "products.json": b"{}",
    "golden.json": json.dumps(GOLDEN).encode(),
    "CARD.md": b"# toy\n",
}


def write_toy(out: Path, card: bytes = b"# toy\n") -> None:
    """The toy bundle by way of the writer."""
    with new_bundle(out) as writer:
        add_files(writer, card)
        writer.add_manifest(make_manifest({}))


def add_files(writer: BundleWriter, card: bytes) -> None:
    for name, content in {**FILES, "CARD.md": card}.items():
        writer.add(name, content)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_written_bundle_loads_and_names_size_and_hash_of_every_file(tmp_path: Path) -> None:
    write_toy(tmp_path / "toy")
    assert len(mersalg.load(tmp_path / "toy").recommend(cart=["milk"], at="2017-06-01T12:00:00")) > 0
    written = files_of(tmp_path / "toy")
    listed = json.loads(written.pop("manifest.json"))["files"]
    assert listed == {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} for name, content in written.items()
    }


def test_nothing_is_beside_a_written_bundle(tmp_path: Path) -> None:
    write_toy(tmp_path / "toy")
    write_toy(tmp_path / "toy", b"# again\n")
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]
    assert (tmp_path / "toy" / "CARD.md").read_bytes() == b"# again\n"


def test_a_file_that_is_written_anew_is_listed_as_it_is_last(tmp_path: Path) -> None:
    with new_bundle(tmp_path / "toy") as writer:
        writer.add("CARD.md", b"first")
        writer.add("CARD.md", b"second")
        assert writer.files["CARD.md"]["size"] == 6
        writer.add_manifest({})


@contextmanager
def failing() -> Iterator[None]:
    with pytest.raises(RuntimeError, match="the job failed"):
        yield


def test_a_failed_job_leaves_nothing(tmp_path: Path) -> None:
    with failing(), new_bundle(tmp_path / "toy") as writer:
        add_files(writer, b"half")
        raise RuntimeError("the job failed")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_bundle_survives_a_failed_job(tmp_path: Path) -> None:
    write_toy(tmp_path / "toy")
    before = files_of(tmp_path / "toy")
    with failing(), new_bundle(tmp_path / "toy") as writer:
        add_files(writer, b"half")
        raise RuntimeError("the job failed")
    assert files_of(tmp_path / "toy") == before
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_bundle_without_a_manifest_is_not_put_in_place(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="the manifest was not written"), new_bundle(tmp_path / "toy") as writer:
        add_files(writer, b"no manifest")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["notes.txt", "sub/notes.txt"])
def test_a_folder_that_is_no_bundle_is_not_replaced(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    with pytest.raises(BundleError, match="choose another --out"):
        write_toy(tmp_path / "mine")
    assert path.read_text() == "precious"


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(BundleError, match="choose another --out"):
        write_toy(tmp_path / "mine")


def test_two_folders_are_exchanged_and_a_missing_one_is_not(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    if exchanged(first, second):  # Linux; elsewhere two renames take its place
        assert (first / "name").read_text() == "second"
        assert (second / "name").read_text() == "first"
    assert not exchanged(first, tmp_path / "missing")


def test_a_bundle_is_replaced_without_the_atomic_exchange_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "exchanged", lambda folder, out: False)
    new, out = tmp_path / "new", tmp_path / "out"
    for folder in (new, out):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    export.put_in_place(new, out)
    assert (out / "name").read_text() == "new"
    assert [folder.name for folder in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_and_a_missing_parent_will_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_toy(tmp_path / "empty")
    write_toy(tmp_path / "new" / "deep" / "toy")
    assert (tmp_path / "empty" / "manifest.json").is_file()
    assert (tmp_path / "new" / "deep" / "toy" / "manifest.json").is_file()


def test_not_a_number_is_refused_and_text_is_kept_as_it_is() -> None:
    assert "Kräuter" in as_json({"name": "Kräuter"}).decode("utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json({"metric": float("nan")})


def test_a_second_job_to_one_place_is_refused_at_once_and_the_first_one_is_whole(tmp_path: Path) -> None:
    with new_bundle(tmp_path / "toy") as writer:
        add_files(writer, b"first")
        with pytest.raises(BundleError, match="another job is writing to it"):
            write_toy(tmp_path / "toy")
        write_toy(tmp_path / "toy.v2")
        writer.add_manifest(make_manifest({}))
    assert {path.name for path in tmp_path.iterdir()} == {"toy", "toy.v2"}
    assert (tmp_path / "toy" / "CARD.md").read_bytes() == b"first"


RACER = """
import sys
from pathlib import Path
from mersalg import MersalgError
from training.export.test_writer import write_toy
written = 0
for number in range(20):
    try:
        write_toy(Path(sys.argv[1]) / str(number))
        written += 1
    except MersalgError as error:
        assert "another job" in str(error), error
print(written)
"""


def test_of_jobs_that_race_to_the_same_places_each_ends_in_a_bundle_or_a_refusal(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACER, str(tmp_path)]
    racers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2])
        for _ in range(3)
    ]
    ends = [(*racer.communicate(timeout=300), racer.returncode) for racer in racers]
    assert [end for end in ends if end[2]] == []
    assert sum(int(out) for out, _, _ in ends) >= 20
    assert {path.name for path in tmp_path.iterdir()} == {str(number) for number in range(20)}
    for folder in tmp_path.iterdir():
        assert mersalg.load(folder).manifest["name"] == "toy"


def test_what_killed_jobs_left_is_removed_and_another_places_is_not(tmp_path: Path) -> None:
    write_toy(tmp_path / "toy")
    ours, theirs = "0" * 32, "1" * 32
    for name in (f".toy.{ours}.partial", f".toy.{ours}.old", f".toy.v2.{theirs}.partial", ".toy.mine.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scorer.onnx").write_bytes(b"half")
    (tmp_path / ".toy.lock").touch()  # of a killed job: nobody holds it
    write_toy(tmp_path / "toy")
    assert {path.name for path in tmp_path.iterdir()} == {"toy", f".toy.v2.{theirs}.partial", ".toy.mine.partial"}


def test_an_earlier_bundle_that_was_moved_aside_stays_where_nothing_took_its_place(tmp_path: Path) -> None:
    aside = tmp_path / f".toy.{'0' * 32}.old"
    aside.mkdir()
    with failing(), new_bundle(tmp_path / "toy"):
        raise RuntimeError("the job failed")
    assert [path.name for path in tmp_path.iterdir()] == [aside.name]


FULL = """
import resource, sys
from pathlib import Path
from mersalg import BundleError
from training.export.test_writer import write_toy
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write_toy(Path(sys.argv[1]), b"." * 100_000)
except BundleError as error:
    sys.exit(str(error))
"""


def test_a_disk_that_takes_no_more_is_a_bundle_error_and_the_earlier_bundle_stays(tmp_path: Path) -> None:
    write_toy(tmp_path / "toy")
    before = files_of(tmp_path / "toy")
    ended = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "toy")],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert ended.returncode == 1
    assert (
        f"--out {tmp_path / 'toy'}: cannot be written: File too large; an earlier bundle there is whole" in ended.stderr
    )
    assert "Traceback" not in ended.stderr
    assert files_of(tmp_path / "toy") == before
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


WRITER = """
import sys
from pathlib import Path
from training.export.test_writer import write_toy
for number in range(100_000):
    print("next", flush=True)
    write_toy(Path(sys.argv[1]), b"# card %d\\n" % number + b"." * 2_000_000)
"""


@pytest.mark.slow
def test_a_writer_that_is_killed_at_any_time_leaves_a_whole_bundle_and_nothing_half_written_that_loads(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(3)
    write_toy(tmp_path / "toy")
    replaced = 0
    for turn in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "toy")],
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert process.stdout is not None
        with process.stdout:
            for _ in range(1 + turn % 2):  # every other one is killed after it has written a bundle, however slowly
                assert process.stdout.readline() == b"next\n"
            time.sleep(float(random.uniform(0.0, 0.12)))
            process.send_signal(signal.SIGKILL)
            process.wait(DEADLINE)
        whole = set()
        for folder in tmp_path.iterdir():
            with suppress(BundleError):
                mersalg.load(folder)  # refuses whatever is not whole
                whole.add(folder.name.split(".")[-1])
        # Killed between the two renames, the earlier bundle lies whole beside its place.
        assert whole & ({"toy"} if (tmp_path / "toy").exists() else {"old"})
        replaced += any(card.stat().st_size > 1000 for card in tmp_path.glob("*toy/CARD.md"))
    assert replaced > 0, "no writer came as far as a rename"
