"""Claims about exposures that wait: whole answers in their order, none waits for a disk, what is lost is counted."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from mersalg import MersalgError
from mersalg_service.experiment import EXPOSURE_FIELDS, Exposure, ExposureFolder, ExposureLog, ExposureQueue
from mersalg_service.experiment.folder import open_exposures, today
from processes import DEADLINE, wait_until


def exposure(customer: str) -> Exposure:
    given = {
        "customer_id": customer, "moment": "cart", "offered_at": datetime(2025, 3, 1), "experiment": "e", "arm": "a",
        "shown": False,
    }  # fmt: skip
    return Exposure(**{**dict.fromkeys(EXPOSURE_FIELDS), **given})  # type: ignore[arg-type]


class Disk:
    """Keeps what is written, once it may go on."""

    def __init__(self) -> None:
        self.rows: list[str | None] = []
        self.writes: list[int] = []
        self.go = Event()
        self.begun = Event()
        self.fails = False
        self.told: Counter[str] = Counter()

    def __call__(self, rows: Sequence[Exposure]) -> None:
        self.begun.set()
        assert self.go.wait(DEADLINE)
        if self.fails:
            raise MersalgError("the disk is full")
        self.rows += [row.customer_id for row in rows]
        self.writes.append(len(rows))

    def count(self, fate: str, rows: int) -> None:
        self.told[fate] += rows


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    made.go.set()


def test_what_waits_is_written_at_the_close_in_its_order(disk: Disk) -> None:
    queue = ExposureQueue(disk, count=disk.count)
    for number in range(2500):
        queue([exposure(f"{number}"), exposure(f"{number}")])
    assert queue.waiting == 5000
    Thread(target=lambda: (disk.begun.wait(), disk.go.set())).start()
    assert queue.close(DEADLINE) == 0
    assert disk.rows == [f"{number}" for number in range(2500) for _ in range(2)]
    assert len(disk.writes) <= 7  # many answers a write
    assert (disk.told, queue.waiting) == ({"written": 5000}, 0)


def test_a_full_queue_takes_no_answer_whatever_its_size(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    queue = ExposureQueue(disk, most=3, count=disk.count)
    queue([exposure("1"), exposure("1")])
    queue([exposure("2")] * 4)  # not full yet: taken whole
    for size in (1, 4):
        queue([exposure("3")] * size)
    assert (queue.waiting, disk.told) == (6, {"queue full": 5})
    disk.go.set()
    assert queue.close(DEADLINE) == 0
    assert disk.rows == ["1", "1", "2", "2", "2", "2"]
    assert [record.getMessage() for record in caplog.records] == [
        "1 exposures are lost (1 since the start): 3 rows wait already"
    ]


def test_a_write_that_fails_loses_its_rows_alone(disk: Disk) -> None:
    queue = ExposureQueue(disk, count=disk.count)
    disk.fails = True
    disk.go.set()
    queue([exposure("1")])
    wait_until(lambda: disk.told)
    disk.fails = False
    queue([exposure("2")])
    assert queue.close(DEADLINE) == 0
    assert (disk.rows, disk.told) == (["2"], {"not written": 1, "written": 1})


def test_a_disk_that_never_answers_does_not_hold_up_the_end(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    queue = ExposureQueue(disk, count=disk.count)
    queue([exposure("1")] * 3)
    with caplog.at_level(logging.ERROR):
        assert queue.close(0.05) == 3
    assert disk.told == {"not written": 3}
    assert "could not be written within 0.05 s" in caplog.text
    queue([exposure("2")])
    assert disk.told == {"not written": 3, "queue full": 1}


def test_each_day_has_its_file(tmp_path: Path) -> None:
    now = [date(2025, 3, 1)]
    keep = ExposureFolder(tmp_path / "record", day=lambda: now[0])
    keep([exposure("1")])
    keep([exposure("2")])
    now[0] = date(2025, 3, 2)
    keep([exposure("3")])
    keep.close()
    found = {file.name: file.read_text().count("\n") for file in sorted((tmp_path / "record").iterdir())}
    assert found == {"exposures-2025-03-01.jsonl": 2, "exposures-2025-03-02.jsonl": 1}


def test_a_name_that_ends_in_jsonl_is_a_file_and_any_other_a_folder(tmp_path: Path) -> None:
    first = today()
    file, folder = open_exposures(tmp_path / "e.jsonl"), open_exposures(tmp_path / "e")
    (named,) = [path.name for path in (tmp_path / "e").iterdir()]
    assert f"exposures-{first}.jsonl" <= named <= f"exposures-{today()}.jsonl"
    assert isinstance(file, ExposureLog)
    assert isinstance(folder, ExposureFolder)
    file.close()
    folder.close()
    with pytest.raises(MersalgError, match="cannot be a folder of exposures"):
        open_exposures(tmp_path / "no" / "e")


FULL_DISK = """
import json, pathlib, resource, signal, sys
from mersalg.errors import MersalgError
from mersalg_service.experiment.exposures import ExposureLog
from uplift.test_waiting import exposure
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = pathlib.Path(sys.argv[1])
path.touch()
log = ExposureLog(path)
written = refused = 0
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
for turn in range(30):
    if turn == 25:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        log([exposure(str(turn))] * 3)
        written += 3
    except MersalgError as error:
        assert "cannot be written" in str(error), error
        refused += 3
print(json.dumps([written, refused]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on the size of files stands in for a full disk")
def test_a_full_disk_takes_a_record_whole_or_not_at_all_and_the_count_is_true(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    written, refused = json.loads(done.stdout)
    rows = [json.loads(line)["customer_id"] for line in path.read_text().splitlines()]
    assert refused > 0
    assert len(rows) == written == 90 - refused
    assert all(rows.count(customer) == 3 for customer in rows), "no record lost a row"
    assert rows[-1] == "29", "once there is room again it goes on"
