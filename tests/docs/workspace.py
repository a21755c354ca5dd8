"""The files that the pages speak of, of the small shop: orders, offers, exposures, requests, keys, a trained bundle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import polars
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import real_requests
from docs.page_run import PageRun, page_environment
from mersalg.names import Kind
from mersalg_service.experiment import Experiment
from small_shop import DAYS, START, Line, Product, make_shop, write_table
from system_exports import write_shopify_csv

ROOT: Final = Path(__file__).parents[2]
END: Final = START + timedelta(days=DAYS)
LATER_DAYS: Final = 80
LOGGED: Final = 10
"""Products that the log of offers draws from."""
COMMANDS: Final = (
    "mersalg init configs/shop.toml --orders orders.parquet --products products.csv",
    "mersalg train configs/shop.toml --out models/shop",
)


def make_workspace(folder: Path) -> None:
    """Make the folder, whole or not at all; AssertionError with the output of a command that fails.

    `orders.parquet` ends where the shop is 200 days old; `newer.parquet` has 80 days more, and the earlier ones.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as place:
        made = Path(place) / "shop"
        write_files(made)
        run = PageRun(made, Path(place), page_environment(made))
        for command in COMMANDS:
            status, printed = run.shell(command)
            assert status == 0, f"$ {command}\n{printed}"
        made.rename(folder)


def write_files(folder: Path) -> None:
    """Everything but the bundle."""
    shop = make_shop(days=DAYS + LATER_DAYS)
    shutil.copytree(ROOT / "configs", folder / "configs")
    for name in ("home", "models"):
        (folder / name).mkdir()
    for name in ("policy.toml", "experiment.toml"):
        shutil.copy(ROOT / "configs" / name, folder / name)
    past = [line for line in shop.lines if line.ordered_at < END]
    write_table(past, Line, folder / "orders.parquet")
    write_shopify_csv(past, folder)
    write_table(shop.lines, Line, folder / "newer.parquet")
    day = [line for line in shop.lines if END <= line.ordered_at < END + timedelta(days=1)]
    write_table(day, Line, folder / "day.parquet")
    write_table(shop.products, Product, folder / "products.csv")
    polars.DataFrame(logged_offers(shop.lines)).write_parquet(folder / "offers.parquet")
    polars.DataFrame(exposures(past), infer_schema_length=None).write_parquet(folder / "exposures.parquet")
    requests = real_requests(shop, 60, END - timedelta(days=20))
    (folder / "requests.jsonl").write_text("".join(json.dumps(request) + "\n" for request in requests))
    write_keys(folder)


def logged_offers(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """A log of follow-ups from 20 days before the end of the orders on: two of the ten most bought products, by chance.

    What the customer bought within the next ten days is accepted, and one in fifty of the others.
    """
    random = np.random.default_rng(3)
    names, counts = np.unique([line.product_id for line in lines], return_counts=True)
    products = [str(name) for name in names[np.argsort(-counts, kind="stable")[:LOGGED]]]
    bought: dict[str, list[Line]] = {}
    for line in lines:
        if line.customer_id is not None:
            bought.setdefault(line.customer_id, []).append(line)
    rows = []
    for day in range(DAYS - 20, DAYS + LATER_DAYS - 10, 3):
        at = START + timedelta(days=day, hours=7)
        for customer, own in sorted(bought.items()):
            soon = {line.product_id for line in own if at <= line.ordered_at < at + timedelta(days=10)}
            for place, product in enumerate(random.choice(products, 2, replace=False).tolist(), 1):
                accepted = product in soon or random.random() < 0.02
                rows.append(
                    {
                        "customer_id": customer, "order_id": None, "product_id": product, "moment": "follow-up",
                        "offered_at": at, "position": place, "propensity": 1 / LOGGED, "accepted": accepted,
                    }
                )  # fmt: skip
    return rows


def exposures(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The record of a trial of `experiment.toml`: each customer from an order after day 80 on, half of them held out.

    Nothing was really shown, so that the truth is no effect.
    """
    kind: Kind = "cross-sell"
    trial = Experiment(name="offers-spring", arms={"hold-out": 0.5, "champion": 0.5}, key=b"only-for-this-example")
    first: dict[str, Line] = {}
    for line in sorted(lines, key=lambda line: line.ordered_at):
        if line.customer_id is not None and line.ordered_at >= START + timedelta(days=80):
            first.setdefault(line.customer_id, line)
    return [
        {
            "customer_id": customer, "order_id": line.order_id, "product_id": "filter-0", "kind": kind,
            "moment": "cart", "offered_at": line.ordered_at, "position": 1, "propensity": 0.5, "accepted": None,
            "experiment": trial.name, "unit": customer, "arm": (arm := trial.assign(customer).arm),
            "shown": arm == "champion", "relevance": 0.1, "because": line.product_id, "bundle": "shop:0",
            "reason": None,
        }
        for customer, line in sorted(first.items())
    ]  # fmt: skip


def write_keys(folder: Path) -> None:
    """A pair of keys to sign bundles with."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "shop.key").write_bytes(private)
    (folder / "shop.pub").write_bytes(public)
