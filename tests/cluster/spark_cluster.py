"""A real standalone cluster of Spark on loopback: a master and two workers, each a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import wait_until

MASTER, WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"

QUICK = {"SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1"}


def what_is_missing() -> str | None:
    """What a cluster lacks here, and where it comes from; None where nothing does."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "no Java machine: nothing is proved of Spark; on Debian `apt-get install openjdk-17-jre-headless`"
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: nothing is proved of Spark; `make test-cluster` brings it"
    return None


@dataclass
class Daemon:
    """A process of the cluster and what it logs."""

    process: subprocess.Popen[bytes]
    log: Path

    def logged(self, pattern: str) -> str:
        """The first group of a pattern, as soon as it is logged."""
        found: list[str] = []

        def holds() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            found.extend(re.findall(pattern, self.log.read_text()))
            return bool(found)

        wait_until(holds)
        return found[0]

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Cluster:
    """A running cluster."""

    folder: Path
    master: Daemon
    address: str
    page: str
    user: dict[str, Any] = field(default_factory=dict)
    """As whom the workers run, for subprocess; empty = as the tests."""
    workers: list[Daemon] = field(default_factory=list)

    def add_workers(self, count: int) -> None:
        """Start workers of one core each, and wait until the master knows them."""
        options = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0", "--cores", "1", "--memory", "2g"]
        for number in range(len(self.workers), len(self.workers) + count):
            folder = self.folder / f"worker-{number}"
            folder.mkdir()
            if self.user:
                os.chown(folder, self.user["user"], self.user["group"])
            work = ["--work-dir", str(folder), self.address]
            self.workers.append(start(self.folder, folder.name, WORKER, *options, *work, **self.user))
        for worker in self.workers:
            worker.logged("(Successfully registered with master)")

    def status(self) -> dict[str, Any]:
        """What the master tells of its workers and applications."""
        with urllib.request.urlopen(f"{self.page}/json/") as answer:
            return dict(json.load(answer))

    def stop(self) -> None:
        """End what still runs."""
        for daemon in (*self.workers, self.master):
            if daemon.process.poll() is None:
                daemon.kill()


def start(folder: Path, name: str, main: str, *options: str, memory: str = "256m", **user: Any) -> Daemon:
    """Start a class of Spark in a group of processes of its own, so that its executors go with it."""
    home = spark_home()
    log = folder / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-class"), main, *options],
            env={**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", **QUICK,
                 "SPARK_DAEMON_MEMORY": memory},
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, **user,
        )  # fmt: skip
    return Daemon(process, log)


def spark_home() -> Path:
    """The folder of Spark inside the installed pyspark."""
    spec = importlib.util.find_spec("pyspark")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@contextmanager
def running_cluster(folder: Path, workers: int = 2, **user: Any) -> Iterator[Cluster]:
    """A master and its workers, gone afterwards; user: as whom the workers run."""
    master = start(folder, "master", MASTER, "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
    cluster = None
    try:
        address = master.logged(r"Starting Spark master at (spark://\S+)")
        page = master.logged(r"MasterWebUI to 127\.0\.0\.1, and started at (\S+)")
        cluster = Cluster(folder, master, address, page.replace("localhost", "127.0.0.1"), user)
        cluster.add_workers(workers)
        yield cluster
    finally:
        if cluster is not None:
            cluster.stop()
        elif master.process.poll() is None:
            master.kill()


def tables_in(scratch: Path) -> list[Path]:
    """What databases have left in a scratch folder; the lock of a living process is none of it."""
    return list(scratch.glob("*/mersalg_*"))
