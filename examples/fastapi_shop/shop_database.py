"""The shop's own tables in PostgreSQL. `python shop_database.py FOLDER` makes them of orders.csv and products.csv."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

TABLES = Path(__file__).with_name("tables.sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class ShopDatabase:
    """Products, orders and mails. A connection for each call: put a pool here when that is too slow."""

    url: str

    def connection(self) -> psycopg.Connection[dict[str, Any]]:
        """A connection that is one transaction, as the head of a `with`."""
        return psycopg.connect(self.url, row_factory=dict_row)

    def make(self, folder: Path) -> None:
        """The tables, with the rows of orders.csv and products.csv."""
        with self.connection() as c:
            c.execute(TABLES)
            with (folder / "products.csv").open(encoding="utf-8") as file:
                products = [(row["product_id"], row["name"], row["price"]) for row in csv.DictReader(file)]
            c.cursor().executemany("INSERT INTO products VALUES (%s, %s, %s)", products)
            orders = "COPY orders (order_id, customer_id, product_id, ordered_at, quantity, unit_price) FROM STDIN"
            with c.cursor().copy(orders + " (FORMAT csv, HEADER)") as copy:
                copy.write((folder / "orders.csv").read_bytes())

    def products(self) -> dict[str, dict[str, Any]]:
        """Product id -> its row."""
        with self.connection() as c:
            return {row["product_id"]: row for row in c.execute("SELECT * FROM products ORDER BY product_id")}

    def history(self, customer_id: str | None) -> list[dict[str, Any]]:
        """What a customer bought, in the fields of a request."""
        query = "SELECT product_id, ordered_at, quantity FROM orders WHERE customer_id = %s ORDER BY ordered_at"
        with self.connection() as c:
            return c.execute(query, [customer_id]).fetchall()

    def order(self, order_id: str) -> list[str]:
        """The products of an order."""
        with self.connection() as c:
            return [row["product_id"] for row in c.execute("SELECT * FROM orders WHERE order_id = %s", [order_id])]

    def buy(self, order_id: str, customer_id: str | None, cart: Iterable[str], at: datetime) -> None:
        """Write an order, at the prices of today."""
        query = "INSERT INTO orders SELECT %s, %s, product_id, %s, 1, price FROM products WHERE product_id = ANY(%s)"
        with self.connection() as c:
            c.execute(query, [order_id, customer_id, at, list(cart)])

    def lines_until(self, at: datetime) -> dict[str, list[Any]]:
        """The lines of all known customers up to a time, by column."""
        with self.connection() as c:
            query = "SELECT * FROM orders WHERE customer_id IS NOT NULL AND ordered_at <= %s"
            rows = c.execute(query, [at]).fetchall()
        return {name: [row[name] for row in rows] for name in ("customer_id", "product_id", "ordered_at", "quantity")}

    def queue(self, mails: Iterable[tuple[str, str, str]]) -> None:
        """Put mails (batch, customer, body) into the outbox; one that is there already stays as it is."""
        with self.connection() as c:
            c.cursor().executemany("INSERT INTO mails VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", list(mails))

    def take(self, at: datetime) -> dict[str, Any] | None:
        """A mail that nobody has taken, marked as sent before it is given: at most once, whoever else takes."""
        query = """
            UPDATE mails SET sent_at = %s WHERE (batch, customer_id) = (
                SELECT batch, customer_id FROM mails WHERE sent_at IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED
            ) RETURNING batch, customer_id, body"""
        with self.connection() as c:
            return c.execute(query, [at]).fetchone()

    def forget_mails(self, customer_id: str) -> None:
        """Take what waits for a customer out of the outbox."""
        with self.connection() as c:
            c.execute("DELETE FROM mails WHERE customer_id = %s AND sent_at IS NULL", [customer_id])


if __name__ == "__main__":
    ShopDatabase(os.environ["DATABASE_URL"]).make(Path(sys.argv[1]))
