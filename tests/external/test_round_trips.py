"""Claims: a shop's tables give the same purchases and the same bundle from wherever they are read."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from external.conftest import needs
from external.made_tables import arrow_of, iceberg_catalogue, pointed, write_delta, write_iceberg
from external.object_server import put
from external.shop_server import PASSWORD, ShopServer
from mersalg_training.config import Config, parse_config
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.purchases import open_purchases
from quick_job import QUICK, TalkativeRun, run


def report(config: Config) -> ContractReport:
    return apply_contract(open_purchases(config.data, config.engine), config.contract)


@pytest.fixture
def postgres(server: ShopServer) -> dict[str, Any]:
    return {"orders": server.address("table=shop.orders"), "products": server.address("table=shop.products")}


@pytest.fixture
def query(server: ShopServer) -> dict[str, Any]:
    sql = "SELECT *, 1 %26 1 AS one FROM shop.orders WHERE order_id LIKE '%' ORDER BY random();"
    return {"orders": server.address(f"query={sql}"), "products": server.address("table=shop.products")}


@pytest.fixture
def delta(files: Config, tmp_path: Path) -> dict[str, Any]:
    needs("deltalake", "delta")
    assert files.data.products is not None
    return {
        "orders": write_delta(tmp_path / "orders", arrow_of(files.data.orders)),
        "products": write_delta(tmp_path / "products", arrow_of(files.data.products)),
    }


@pytest.fixture
def iceberg(files: Config, tmp_path: Path) -> dict[str, Any]:
    needs("pyiceberg", "iceberg")
    assert files.data.products is not None
    catalogue = iceberg_catalogue(tmp_path)
    orders = write_iceberg(catalogue, "orders", arrow_of(files.data.orders))
    products = write_iceberg(catalogue, "products", arrow_of(files.data.products))
    return {"orders": f"iceberg:{orders.metadata_location}", "products": f"iceberg:{products.location()}"}


@pytest.fixture
def s3(files: Config, objects: str) -> dict[str, Any]:
    assert files.data.products is not None
    put(objects, "orders/day=1/part.parquet", Path(files.data.orders).read_bytes())
    products = put(objects, "products.csv", Path(files.data.products).read_bytes())
    return {"orders": "s3://shop/orders", "products": products}


@pytest.mark.parametrize("where", ["postgres", "query", "delta", "iceberg", "s3"])
def test_the_purchases_are_the_same(where: str, files: Config, request: pytest.FixtureRequest) -> None:
    here, elsewhere = report(files), report(pointed(files, **request.getfixturevalue(where)))
    assert elsewhere.digest == here.digest
    assert (elsewhere.lines_read, elsewhere.lines_kept) == (here.lines_read, here.lines_kept)
    assert (elsewhere.rejected, elsewhere.switched_off) == (here.rejected, here.switched_off)


@pytest.mark.slow
def test_the_bundle_is_the_same_to_the_byte_and_tells_no_password(
    files: Config,
    query: dict[str, Any],
    delta: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talkative = TalkativeRun("tracked")
    here = run(quick(files), tmp_path / "here")[0].bundle
    monkeypatch.setattr("mersalg_training.train.open_run", lambda *_: contextlib.nullcontext(talkative))
    job = quick(pointed(files, orders=query["orders"], products=delta["products"]))
    there, printed = run(job, tmp_path / "there")
    for name in ("scorer.onnx", "golden.json", "patterns.json", "products.json"):
        assert (there.bundle / name).read_bytes() == (here / name).read_bytes(), name
    pinned = json.loads((there.bundle / "manifest.json").read_text())["data"]["pinned"]
    assert pinned == {"data.products": f"{delta['products']}?version=0"}
    assert "FROM shop.orders" in talkative.told
    everything = [printed, talkative.told, *(path.read_text("latin-1") for path in there.bundle.iterdir())]
    assert not [text for text in everything if PASSWORD in text or quote(PASSWORD, safe="") in text]


def quick(config: Config) -> Config:
    return parse_config({**config.model_dump(mode="json", by_alias=True), **QUICK}, "the test")
