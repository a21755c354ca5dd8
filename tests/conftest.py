"""A bundle that a real job trained on the small shop, for every test that needs one."""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from small_shop import TEST_FROM, Line, SmallShop, make_shop, write_shop

# How long an example takes says how busy the machine is.
settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

PASSWORD = "s3cret-of-mlflow"
"""Of the tracking that the job names and does not use."""


@dataclass(frozen=True)
class Job:
    """A finished training job."""

    bundle: Path
    printed: str


@pytest.fixture(scope="session")
def small_shop() -> SmallShop:
    """The shop; nobody changes it."""
    return make_shop()


@pytest.fixture(scope="session")
def trained_job(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Train on the small shop; requests made of its test window lie beside the bundle."""

    def make(folder: Path) -> None:
        from rich.console import Console

        from mersalg_training.train import train

        tracking = {"enabled": False, "uri": f"http://alice:{PASSWORD}@127.0.0.1:9"}
        config = write_shop(small_shop, folder / "job" / "data", tracking=tracking)
        printed = io.StringIO()
        train(config, folder / "job" / "bundle", Console(file=printed, width=200))
        requests = real_requests(small_shop, 80, TEST_FROM)
        (folder / "job" / "requests.jsonl").write_text("".join(json.dumps(request) + "\n" for request in requests))
        (folder / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")

    folder = made_once(tmp_path_factory, "small-shop", make)
    return Job(folder / "job" / "bundle", (folder / "printed.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep runs that name no store out of the user's own one."""
    folder = tmp_path_factory.mktemp("data")
    before = os.environ.get("XDG_DATA_HOME")
    os.environ["XDG_DATA_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["XDG_DATA_HOME"]
    else:
        os.environ["XDG_DATA_HOME"] = before


@pytest.fixture(autouse=True)
def no_store_in_the_environment() -> Iterator[None]:
    """Let no test read or write where another one, or the user, has pointed MLflow to."""
    point_nowhere()
    yield
    point_nowhere()


def point_nowhere() -> None:
    """Take back what MLflow keeps of an address, in variables and, of its registry, in a module."""
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        os.environ.pop(variable, None)
    if (registry := sys.modules.get("mlflow.tracking._model_registry.utils")) is not None:
        registry._registry_uri = None


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow store with all its tables, which takes seconds: a file to copy."""

    def make(folder: Path) -> None:
        from mersalg_training.tracking.mlflow_run import import_mlflow

        import_mlflow().MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()

    return made_once(tmp_path_factory, "mlflow-store", make) / "mlflow.db"


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that is made once in a run of tests: the first worker makes it, the others wait and take the same."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, finished = shared / name, shared / f"{name}.finished"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            finished.touch()
    return folder


@pytest.fixture(scope="session")
def trained_bundle(trained_job: Job) -> Path:
    """The folder of the bundle, which nobody changes; `requests.jsonl` lies beside it."""
    return trained_job.bundle


def real_requests(shop: SmallShop, n: int, since: datetime) -> list[dict[str, Any]]:
    """So many requests made of the shop's orders since a time, in the fields of a request; all moments in turn."""
    moments = ("cart", "product-page", "checkout", "order-confirmation", "follow-up")
    orders: dict[str, list[Line]] = {}
    past: dict[str, list[Line]] = {}
    for line in sorted(shop.lines, key=lambda line: (line.ordered_at, line.order_id)):
        if line.customer_id is not None:
            orders.setdefault(line.order_id, []).append(line)
            past.setdefault(line.customer_id, []).append(line)
    chosen = [lines for lines in orders.values() if lines[0].ordered_at >= since and len(lines) > 1]
    requests = []
    for number, lines in enumerate(chosen[:n]):
        moment, at = moments[number % len(moments)], lines[0].ordered_at
        cart = {"product-page": lines[:1], "order-confirmation": lines, "follow-up": []}.get(moment, lines[:-1])
        history = [line for line in past[str(lines[0].customer_id)] if line.ordered_at < at]
        requests.append(
            {
                "request_id": f"request-{number}",
                "cart": [line.product_id for line in cart],
                "history": [
                    {"product_id": h.product_id, "ordered_at": h.ordered_at.isoformat(), "quantity": h.quantity}
                    for h in history
                ],
                "at": at.isoformat(),
                "moment": moment,
                "kinds": None,
                "limit": 5,
            }
        )
    return requests
