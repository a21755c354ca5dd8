"""The trained bundle of the small shop, and one whose catalogue declares what excludes, replaces, varies and fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

import mersalg
from conftest import made_once
from mersalg import KINDS, Recommender
from mersalg_training.explanation.explainer import Explainer, open_explainer
from small_shop import SmallShop, write_shop

QUICK: dict[str, dict[str, Any]] = {
    "split": {"test_days": 0},
    "ranker": {"trees": 4, "requests": 300},
    "factors": {"iterations": 1},
    # No replacement reaches the wanted precision, so that the kind is silent.
    "thresholds": {"precision": dict.fromkeys(KINDS, 0.001) | {"replacement": 0.99}},
}
DECLARED = """
    SELECT * REPLACE (CASE WHEN product_id = 'toy-1' THEN 'game' ELSE product_type END AS product_type),
           CASE WHEN product_id = 'filter-1' THEN 'battery-0' END AS excludes,
           CASE WHEN product_id IN ('toy-0', 'toy-1') THEN 'building set' END AS variant_of,
           CASE WHEN product_id IN ('filter-1', 'filter-2') THEN replace(product_id, 'filter', 'coffee') END
               AS accessory_for,
           NULL AS successor_of
    FROM read_csv('{products}')
    UNION ALL BY NAME
    SELECT 'camera-new' AS product_id, 'Camera, the new one' AS name, 'gear' AS category, 'camera' AS product_type,
           95.0 AS price, 'camera-0' AS successor_of
"""


@pytest.fixture(scope="session")
def explainer(trained_bundle: Path) -> Explainer:
    return open_explainer(trained_bundle)


@pytest.fixture(scope="session")
def plain(trained_bundle: Path) -> Recommender:
    """The bundle as a shop loads it."""
    return mersalg.load(trained_bundle)


@pytest.fixture(scope="session")
def requests(trained_bundle: Path) -> list[dict[str, Any]]:
    """Eighty, of the shop's orders."""
    lines = (trained_bundle.parent / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def declared(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Explainer:
    """Of a bundle with declared relations, which the first worker trains."""

    def make(folder: Path) -> None:
        from mersalg_training.train import train

        config = write_shop(small_shop, folder / "data", **QUICK)
        products = folder / "data" / "products.csv"
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE products AS {DECLARED.format(products=products)}")
            connection.execute(f"COPY products TO '{products}' (FORMAT csv, HEADER)")
        train(config, folder / "bundle", Console(quiet=True))

    return open_explainer(made_once(tmp_path_factory, "declared-relations", make) / "bundle")
