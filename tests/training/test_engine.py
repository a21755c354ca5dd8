"""Claims: the database takes what `[engine]` gives it of the machine, and leaves nothing behind on the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mersalg.errors import ConfigError
from mersalg_training.config import EngineConfig, load_config, public
from mersalg_training.engine import database
from mersalg_training.engine.database import connect, fitting, spill_folder
from mersalg_training.engine.machine import available_memory, usable_cores

SPILLING = """
import sys
from mersalg_training.config import EngineConfig
from mersalg_training.engine.database import connect
connection = connect(EngineConfig(threads=1, memory="20MB", spill=sys.argv[1]))
connection.execute("CREATE TABLE wide AS SELECT range AS a, hash(range) AS b, hash(range + 1) AS c FROM range(1500000)")
print("spilled", flush=True)
sys.stdin.read()
"""


def setting(name: str, config: EngineConfig) -> str:
    with connect(config) as connection:
        return str(connection.execute("SELECT current_setting($name)", {"name": name}).fetchall()[0][0])


def test_threads_memory_and_the_folder_of_spills_are_the_configured_ones(tmp_path: Path) -> None:
    config = EngineConfig(threads=3, memory="1.5GiB", spill=str(tmp_path / "deep" / "spill"))
    assert setting("threads", config) == "3"
    assert setting("memory_limit", config) == "1.5 GiB"
    assert Path(setting("temp_directory", config)).is_relative_to(tmp_path / "deep" / "spill")


def test_by_default_they_are_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "available_memory", lambda: 6 * 2**30)
    assert setting("memory_limit", EngineConfig()) == "3.0 GiB"
    assert int(setting("threads", EngineConfig())) == usable_cores() == len(os.sched_getaffinity(0))
    spill = Path(setting("temp_directory", EngineConfig()))
    assert not spill.is_relative_to(Path.cwd()), "a job may run in a folder that is read-only or small"


@pytest.mark.parametrize("memory", ["6", "much", "-1GB", "80%"])
def test_an_amount_of_memory_that_is_none_is_refused(memory: str, tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    job.write_text(f'name = "job"\n[data]\norders = "orders.csv"\n[engine]\nmemory = "{memory}"\n')
    with pytest.raises(ConfigError, match=r"engine\.memory"):
        load_config(job)


def test_a_folder_in_which_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"engine\.spill"):
        spill_folder(tmp_path / "file")


def test_a_bundle_does_not_tell_the_machine_that_it_was_trained_on(tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    job.write_text('name = "job"\n[data]\norders = "orders.csv"\n[engine]\nspill = "/mnt/of/this/machine"\n')
    assert "machine" not in str(public(load_config(job)))


def spilling(folder: Path) -> subprocess.Popen[str]:
    """A process that has spilled into a folder, and ends when it is told so: when its input is closed."""
    job = subprocess.Popen(
        [sys.executable, "-c", SPILLING, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert job.stdout is not None
    assert job.stdout.readline() == "spilled\n"
    return job


def spilled_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_what_was_spilled_is_gone_when_a_job_ends_and_what_a_killed_job_left_when_the_next_begins(
    tmp_path: Path,
) -> None:
    with spilling(tmp_path) as killed:
        killed.send_signal(signal.SIGKILL)
    assert spilled_bytes(tmp_path) > 2**20, "it must leave something behind"
    left = set(tmp_path.iterdir())
    with spilling(tmp_path) as living:
        assert not left & set(tmp_path.iterdir())
        held = set(tmp_path.iterdir())
        with spilling(tmp_path) as ended:
            assert set(tmp_path.iterdir()) > held
            ended.communicate()
        assert ended.returncode == 0
        assert set(tmp_path.iterdir()) == held, "a job that lives keeps what is its own"
        assert spilled_bytes(tmp_path) > 2**20
        living.kill()


def test_what_fits_neither_in_memory_nor_on_the_disk_is_told_with_what_to_do(tmp_path: Path) -> None:
    with connect(EngineConfig(threads=1, memory="20MB", spill=str(tmp_path))) as connection:
        connection.execute("SET max_temp_directory_size = '1MB'")
        with pytest.raises(ConfigError, match=r"19\.0 MiB of engine\.memory") as caught, fitting(connection):
            connection.execute("CREATE TABLE wide AS SELECT range AS a, hash(range) AS b FROM range(3000000)")
    assert str(tmp_path) in str(caught.value)
    assert "a larger disk" in str(caught.value)


GIB = 2**30


def machine(root: Path, files: dict[str, str]) -> Path:
    """A folder with /proc and /sys of a machine with 8 GiB available."""
    for name, text in {"proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "gib"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 8),
        (  # version 2, the limit on a parent; of 3 GiB in use 1 is cache
            {
                "proc/self/cgroup": "0::/jobs/one\n",
                "sys/fs/cgroup/jobs/one/memory.max": "max\n",
                "sys/fs/cgroup/jobs/memory.max": f"{4 * GIB}\n",
                "sys/fs/cgroup/jobs/memory.current": f"{3 * GIB}\n",
                "sys/fs/cgroup/jobs/memory.stat": f"anon {2 * GIB}\ninactive_file {GIB}\n",
            },
            2,
        ),
        (  # version 1 in a container that sees the host's path, but only its own folder
            {
                "proc/self/cgroup": "5:cpu:/docker/abc\n4:memory:/docker/abc\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{3 * GIB}\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{2 * GIB}\n",
                "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 0\n",
            },
            1,
        ),
    ],
)
def test_available_memory_is_the_machines_within_the_limits_of_its_container(
    files: dict[str, str], gib: int, tmp_path: Path
) -> None:
    assert available_memory(machine(tmp_path, files)) == gib * GIB


def test_memory_that_the_system_does_not_tell_is_not_known_and_the_databases_own_default_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert available_memory(tmp_path) is None
    monkeypatch.setattr(database, "available_memory", lambda: None)
    assert setting("memory_limit", EngineConfig()).endswith("iB")
