"""A shop's export in two small CSV files, and what the data contract makes of it."""

from __future__ import annotations

from pathlib import Path

from mersalg_training.config import ContractConfig, DataConfig
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.purchases import Purchases, open_purchases

HEADER = "customer_id,order_id,product_id,ordered_at,quantity,unit_price"
GOOD = "anna,1,bread,2024-01-01,2,3.50"
PRODUCTS = """product_id,name,category,product_type,price
bread,Rye bread,Bakery,Bread,3.50
milk,Whole milk,Dairy,Milk,1.20
post,POSTAGE,,,
"""
ANYTHING = ContractConfig(max_reject_share=0.99)


def opened(folder: Path, *lines: str, header: str = HEADER, products: str | None = PRODUCTS) -> Purchases:
    (folder / "orders.csv").write_text("\n".join([header, *lines]) + "\n")
    if products is not None:
        (folder / "products.csv").write_text(products)
    return open_purchases(
        DataConfig(orders=str(folder / "orders.csv"), products=products and str(folder / "products.csv"))
    )


def contract(folder: Path, *lines: str, config: ContractConfig = ANYTHING, examples: bool = True) -> ContractReport:
    return apply_contract(opened(folder, *lines), config, examples=examples)


def clean_lines(purchases: Purchases, columns: str) -> list[tuple[object, ...]]:
    return purchases.connection.execute(f"SELECT {columns} FROM lines ORDER BY ALL").fetchall()
