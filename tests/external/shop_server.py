"""A PostgreSQL server that holds the small shop, for a user with a password and one who may read nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ledger.postgres_server import running_server
from small_shop import SmallShop

PASSWORD = "w0rd/of:the@reader's %41"
"""Of the user `reader`, with all that an address would have to escape."""
RULES = "local all postgres trust\nlocal all all scram-sha-256\n"


@dataclass(frozen=True)
class ShopServer:
    """A server, by the folder of its socket."""

    socket: Path
    admin: str
    """The address of its owner, who needs no password."""

    def address(self, option: str, user: str = "reader") -> str:
        """An address without a password, as a configuration holds it."""
        return f"postgresql://{user}@/postgres?host={self.socket}&{option}"

    def run(self, *statements: str) -> None:
        """Run statements as the owner."""
        import psycopg

        with psycopg.connect(self.admin, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def running_shop(programs: Path, shop: SmallShop) -> Iterator[ShopServer]:
    """A server with the tables shop.orders and shop.products."""
    import psycopg

    with running_server(programs) as url:
        server = ShopServer(Path(parse_qs(urlsplit(url).query)["host"][0]), url)
        with psycopg.connect(url, autocommit=True) as connection:
            (hba,) = connection.execute("SHOW hba_file").fetchone() or ("",)
            Path(hba).write_text(RULES)
            connection.execute("SELECT pg_reload_conf()")
            fill(connection, shop)
        yield server


def fill(connection: Any, shop: SmallShop) -> None:
    """Make the tables and the users."""
    quoted = PASSWORD.replace("'", "''")
    for statement in (
        f"CREATE ROLE reader LOGIN PASSWORD '{quoted}'",
        f"CREATE ROLE stranger LOGIN PASSWORD '{quoted}'",
        "CREATE SCHEMA shop",
        "GRANT USAGE ON SCHEMA shop TO reader, stranger",
        "CREATE TABLE shop.orders (customer_id text, order_id text, product_id text, ordered_at timestamp, "
        "quantity float8, unit_price float8)",
        "CREATE TABLE shop.products (product_id text, name text, category text, product_type text, brand text, "
        "price float8, cost float8)",
        "GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader",
    ):
        connection.execute(statement)
    for table, rows in (("shop.orders", shop.lines), ("shop.products", shop.products)):
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
