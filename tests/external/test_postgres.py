"""Claims: a PostgreSQL table keeps its types, is only read, and what is wrong is told without a password."""

from __future__ import annotations

import pytest

from external.shop_server import PASSWORD, ShopServer
from mersalg import DataError
from mersalg_training.config import EngineConfig
from mersalg_training.data.external.opening import open_table
from mersalg_training.data.sources import DataSource
from mersalg_training.engine.database import connect


def opened(location: str, *columns: str) -> list[tuple[object, ...]]:
    """The rows of a location, read into a database, as text."""
    connection = connect(EngineConfig())
    source: DataSource = open_table(connection, "data.orders", location)
    source = source.fetched(columns or source.columns)
    return connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {source.relation} ORDER BY ALL").fetchall()


def types_of(location: str) -> dict[str, str]:
    """The columns of a location and their types."""
    connection = connect(EngineConfig())
    source = open_table(connection, "data.orders", location)
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {source.shape}").fetchall()}


def refusal(location: str) -> str:
    """What is said against a location."""
    with pytest.raises(DataError) as refused:
        opened(location)
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


def test_types_are_kept_and_what_has_no_like_is_text(server: ShopServer) -> None:
    values = {
        "price": ("12.50::numeric(10,2)", "DECIMAL(10,2)", "12.50"),
        "large_id": ("12345678901234567890::numeric(20,0)", "DECIMAL(20,0)", "12345678901234567890"),
        "plain_number": ("0.5::numeric", "DOUBLE", "0.5"),
        "no_number": ("'NaN'::numeric(5,2)", "DECIMAL(5,2)", None),
        "labels": ("ARRAY['x','y']", "VARCHAR[]", "[x, y]"),
        "zoned": ("timestamptz '2024-01-01 12:00+02'", "TIMESTAMP WITH TIME ZONE", "2024-01-01 10:00:00+00"),
        "padded": ("'x'::char(5)", "VARCHAR", "x"),
        "colour": ("'red'::colour", "VARCHAR", "red"),
        "blank": ("''::text", "VARCHAR", ""),
        "nothing": ("NULL::int", "INTEGER", None),
    }
    listed = ", ".join(f"{sql} AS {name}" for name, (sql, _, _) in values.items())
    server.run("CREATE TYPE colour AS ENUM ('red')", f"CREATE TABLE shop.types AS SELECT {listed}")
    try:
        server.run("GRANT SELECT ON shop.types TO reader")
        address = server.address("table=shop.types")
        assert types_of(address) == {name: kind for name, (_, kind, _) in values.items()}
        assert opened(address) == [tuple(text for _, _, text in values.values())]
    finally:
        server.run("DROP TABLE shop.types", "DROP TYPE colour")


def test_a_number_reads_as_text_what_is_infinite_is_no_date(server: ShopServer) -> None:
    (((time,),)) = opened(server.address("query=SELECT timestamp 'infinity' AS at"))
    assert "BC" in str(time)  # before 1970, which the contract takes for no date of purchase


def test_only_the_columns_that_are_read_come_over(server: ShopServer) -> None:
    # The other column fails as soon as the server computes it.
    address = server.address("query=SELECT i AS a, 1 / (i - 5) AS b FROM generate_series(1, 9) AS i")
    assert len(opened(address, "a")) == 9
    assert "division by zero" in refusal(address)


def test_the_password_may_stand_in_a_variable_of_ones_own(server: ShopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD")
    address = server.address("table=shop.products&password_env=SHOP_PASSWORD")
    assert "SHOP_PASSWORD, which is not set" in refusal(address)
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    assert opened(address, "product_id")


def test_a_password_that_is_missing_or_wrong_is_told_and_not_shown(
    server: ShopServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.address("table=shop.orders")
    monkeypatch.setenv("PGPASSWORD", "wr0ng-one")
    told = refusal(address)
    assert "password authentication failed" in told
    assert "PGPASSWORD" in told
    assert "wr0ng-one" not in told
    monkeypatch.delenv("PGPASSWORD")
    assert "no password supplied" in refusal(address)


def test_a_table_that_is_not_there_brings_those_of_close_names(server: ShopServer) -> None:
    assert "did you mean shop.orders" in refusal(server.address("table=shop.order"))
    assert "did you mean shop.products?" in refusal(server.address("table=products"))
    assert "it has shop.orders, shop.products" in refusal(server.address("table=zzz"))


def test_a_right_that_is_missing_is_told_with_the_grant_that_gives_it(server: ShopServer) -> None:
    told = refusal(server.address("table=shop.orders", user="stranger"))
    assert "GRANT SELECT ON shop.orders TO stranger" in told


def test_a_server_that_does_not_answer_is_told(server: ShopServer) -> None:
    assert "Connection refused" in refusal("postgresql://reader@127.0.0.1:1/shop?table=orders")
    assert "No such file" in refusal(f"postgresql://reader@/postgres?host={server.socket}/none&table=orders")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; DROP TABLE shop.orders",
        "DELETE FROM shop.orders RETURNING *",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT nextval('shop.numbers')",
    ],
)
def test_a_query_only_reads(query: str, server: ShopServer) -> None:
    server.run("CREATE SEQUENCE IF NOT EXISTS shop.numbers", "GRANT ALL ON SEQUENCE shop.numbers TO reader")
    server.run("GRANT ALL ON shop.orders TO reader")
    refusal(server.address(f"query={query}"))
    assert opened(server.address("table=shop.orders"), "order_id")
