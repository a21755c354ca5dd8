"""A session on a Spark cluster: opened, watched while it works, and its refusals as errors that name the key.

The only module that imports pyspark, and that when a session is opened: the extra `spark` brings it.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import importlib.util
import re
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from mersalg.errors import ConfigError
from mersalg_training.config import EngineConfig

SETTINGS: Final = {
    "spark.sql.ansi.enabled": "true",  # what overflows or does not cast is an error, as in DuckDB
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
}
"""Of each session, so that the same statements mean the same."""
OF_DRIVER: Final = {"spark.driver.maxResultSize": "0", "spark.ui.showConsoleProgress": "false"}
"""Of a driver that is started here: what comes back is bounded by the statements."""
PORTS: Final = {"spark": 7077, "sc": 15002}
ANSWERS_WITHIN: Final = 5.0
"""Seconds in which a cluster's port takes a connection."""
PATIENCE: Final = 60.0
"""Seconds after which a cluster that neither answers nor has a worker left is taken as lost."""
CONNECT_RETRIES = 8
"""Of a call to a Spark Connect server, with longer and longer pauses: about PATIENCE in all."""
LOOKS: Final = 1.0
"""Seconds between two looks at a cluster that works."""
NO_PERMISSION: Final = re.compile(
    r"[Pp]ermission denied|AccessControl|AccessDenied|Access Denied|Forbidden|Mkdirs failed"
)


def address_of(engine: EngineConfig) -> str:
    """The address of the cluster, without what may be a secret behind it."""
    return (engine.master or engine.remote or "").partition(";")[0].rstrip("/")


@dataclass(frozen=True)
class Opened:
    """A SparkSession, and whether it was opened here: one that a notebook already has goes on."""

    session: Any
    is_own: bool


def check_address(engine: EngineConfig) -> None:
    """ConfigError where no cluster answers at the address, which a driver is told only after minutes, or no extra."""
    if importlib.util.find_spec("pyspark") is None:
        raise missing_extra("pyspark")
    if not is_answering(address_of(engine)):
        raise ConfigError(
            f"engine.{'master' if engine.master else 'remote'}: nothing takes connections at {address_of(engine)!r}; "
            "expected the address of a running cluster"
        )


def open_session(engine: EngineConfig) -> Opened:
    """A session on the cluster that the configuration names; ConfigError where it refuses."""
    with refusals(engine):
        opened = connected(engine) if engine.remote else driving(engine)
        for name, value in SETTINGS.items():
            opened.session.conf.set(name, value)
    return opened


def driving(engine: EngineConfig) -> Opened:
    """A session whose driver is a process of this machine, or a new one of the driver that this process already has."""
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        if running.sparkContext.master != engine.master:
            raise ConfigError(
                f"engine.master: this process already drives {running.sparkContext.master!r}, and can drive no other "
                f"cluster: expected that, got {engine.master!r}"
            )
        return Opened(running.newSession(), is_own=False)
    builder = SparkSession.builder.master(str(engine.master)).appName("mersalg")
    for name, value in OF_DRIVER.items():
        builder = builder.config(name, value)
    return Opened(builder.getOrCreate(), is_own=True)


def connected(engine: EngineConfig) -> Opened:
    """A session of a Spark Connect server."""
    try:
        from pyspark.sql.connect.client.retries import DefaultPolicy
        from pyspark.sql.connect.session import SparkSession
    except ImportError as error:
        raise missing_extra(error.name) from None
    session = SparkSession.builder.remote(str(engine.remote)).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=CONNECT_RETRIES, max_backoff=15_000)])
    return Opened(session, is_own=True)


def missing_extra(package: str | None) -> ConfigError:
    """What to install."""
    return ConfigError(
        f'engine.kind = "spark": {package} is not installed; python -m pip install "mersalg-training[spark]"'
    )


def is_answering(address: str) -> bool:
    """Whether a port of spark://HOST:PORT[,HOST:PORT] or sc://HOST:PORT takes connections; others are not tried."""
    scheme, found, rest = address.partition("://")
    if not found or scheme not in PORTS:
        return True
    return any(takes_connections(host, PORTS[scheme]) for host in rest.partition("/")[0].split(","))


def takes_connections(host_and_port: str, usual_port: int) -> bool:
    """Whether something listens at HOST:PORT."""
    host, _, port = host_and_port.rpartition(":") if ":" in host_and_port else (host_and_port, "", usual_port)
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS_WITHIN).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


@contextmanager
def refusals(engine: EngineConfig) -> Iterator[None]:
    """Turn what a cluster refuses into a ConfigError that says where; a statement that it does not read stays a bug."""
    from pyspark.errors import AnalysisException, ParseException, PySparkException

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")  # which goes through Arrow
            warnings.filterwarnings("ignore", r"\[RETRIES_EXCEEDED\]")  # which is an error, too
            yield
    except (AnalysisException, ParseException) as error:
        if not NO_PERMISSION.search(str(error)):
            raise
        raise refused(engine, error) from error
    except Exception as error:
        if isinstance(error, PySparkException) or type(error).__module__.partition(".")[0] in ("py4j", "grpc"):
            raise refused(engine, error) from error
        raise


def refused(engine: EngineConfig, error: Exception) -> ConfigError:
    """What a cluster said, in a line."""
    said = str(error)
    first = next((line for line in said.splitlines() if line.strip()), type(error).__name__)
    if found := NO_PERMISSION.search(said):
        line = next(line for line in said.splitlines() if found[0] in line)
        return ConfigError(
            f"engine.scratch: expected a folder in which driver and workers of {address_of(engine)!r} may write, "
            f"got {engine.scratch!r}: {line.strip()}"
        )
    return ConfigError(f"engine: the cluster at {address_of(engine)!r} gave up: {first.strip()}")


def counting_rows(frame: Any, engine: EngineConfig) -> tuple[Any, Callable[[], int]]:
    """The same frame, and how many rows it gave when it was first written."""
    if engine.remote:
        from pyspark.sql.connect.functions import count, lit
        from pyspark.sql.connect.observation import Observation
    else:
        from pyspark.sql import Observation
        from pyspark.sql.functions import count, lit

    given = Observation()
    return frame.observe(given, count(lit(1)).alias("rows")), lambda: int(given.get["rows"])


@contextmanager
def watched(session: Any, engine: EngineConfig, patience: float = PATIENCE) -> Iterator[None]:
    """Let no work wait for ever: ConfigError when the master is gone and with it every worker.

    Only of a master of Spark's own; what other managers do with an application whose cluster is gone is theirs.
    """
    address = address_of(engine)
    if engine.remote or not address.startswith("spark://"):
        with refusals(engine):
            yield
        return
    done, lost = threading.Event(), threading.Event()
    watch = threading.Thread(target=look_after, args=(session, address, patience, done, lost), daemon=True)
    watch.start()
    try:
        with refusals(engine):
            yield
    except ConfigError:
        if lost.is_set():
            raise ConfigError(
                f"engine.master: the cluster at {address!r} is lost: for {patience:.0f} seconds neither the master "
                "took connections nor was a worker left"
            ) from None
        raise
    finally:
        done.set()
        watch.join()


def look_after(session: Any, address: str, patience: float, done: threading.Event, lost: threading.Event) -> None:
    """Cancel all work when the cluster has been gone for so many seconds."""
    from py4j.protocol import Py4JError

    gone = 0.0
    try:
        while not done.wait(LOOKS):
            gone = 0.0 if executors(session) or is_answering(address) else gone + LOOKS
            if gone >= patience:
                lost.set()
                session.sparkContext.cancelAllJobs()
                return
    except Py4JError:  # the driver itself has ended, which its own caller is told
        return


def executors(session: Any) -> int:
    """How many processes work for the driver."""
    return int(session.sparkContext._jsc.sc().getExecutorMemoryStatus().size()) - 1
