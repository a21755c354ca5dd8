"""Numbers of products and types that stay, whatever comes later; those of a timeline go by the order of the ids."""

from __future__ import annotations

from typing import Final

import numpy as np

from mersalg_training.data.attributes import Attributes
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.update.state import State, StateWriter, relation

NO_CODES: Final = "(SELECT '' AS product_id, 0 AS code, '' AS type_name, false AS is_frequent WHERE false)"
NO_TYPES: Final = "(SELECT '' AS type_name, 0 AS code WHERE false)"


def lay_products(engine: DuckDBEngine, attributes: Attributes) -> None:
    """Make `product_types` and `type_names`, by the codes of the attributes."""
    product = np.arange(len(attributes.names), dtype=np.int32)
    engine.lay("product_types", {"product": product, "product_type": attributes.product_type})
    types = np.array(attributes.product_types, dtype=np.object_)
    engine.lay("type_names", {"product_type": np.arange(len(types), dtype=np.int32), "type_name": types})


def lay_codes(engine: DuckDBEngine, state: State | None) -> None:
    """Make `codes` and `type_codes`: the state's where it has one, and others for what is new.

    And `changed_products`, which are frequent now and were not, or the other way round, or are of another type, and
    `changed_types`, in which they are or were; product_type is -1 where there is none by that name any more. Reads
    `frequent_now` and `product_codes`.
    """
    old = NO_CODES if state is None else relation(state.files("codes"))
    old_types = NO_TYPES if state is None else relation(state.files("types"))
    engine.make("old_types", f"SELECT type_name, code FROM {old_types}")
    engine.make("old_codes", f"SELECT product_id, code, type_name, is_frequent FROM {old}")
    engine.make(
        "type_codes",
        f"SELECT coalesce(n.product_type, -1) AS product_type, coalesce(n.type_name, o.type_name) AS type_name, "
        f"{code_of('old_types', 'n.product_type')} AS code "
        "FROM type_names n FULL JOIN old_types o ON o.type_name = n.type_name",
    )
    engine.make(
        "codes",
        f"SELECT n.product, n.product_id, {code_of('old_codes', 'n.product')} AS code, t.type_name, "
        "o.type_name AS old_type, f.product IS NOT NULL AS is_frequent, coalesce(o.is_frequent, false) AS was_frequent "
        "FROM product_codes n LEFT JOIN old_codes o ON o.product_id = n.product_id "
        "LEFT JOIN frequent_now f ON f.product = n.product "
        "LEFT JOIN product_types p ON p.product = n.product LEFT JOIN type_names t ON t.product_type = p.product_type",
    )
    engine.make(
        "changed_products",
        "SELECT product, code, type_name, old_type FROM codes WHERE (is_frequent OR was_frequent) "
        "AND (is_frequent <> was_frequent OR type_name IS DISTINCT FROM old_type)",
    )
    engine.make(
        "changed_types",
        "SELECT product_type, code FROM type_codes WHERE type_name IN (SELECT type_name FROM changed_products "
        "WHERE type_name IS NOT NULL UNION ALL SELECT old_type FROM changed_products WHERE old_type IS NOT NULL)",
    )


def code_of(old: str, order: str) -> str:
    """SQL for the code that something has in the state, else the next one."""
    place = f"row_number() OVER (PARTITION BY o.code IS NULL ORDER BY {order})"
    return f"CAST(coalesce(o.code, (SELECT coalesce(max(code), -1) FROM {old}) + {place}) AS INTEGER)"


def write_codes(engine: DuckDBEngine, writer: StateWriter) -> None:
    """Write the codes, with what they have to be compared with next time."""
    writer.copy(engine.connection, "codes", "SELECT product_id, code, type_name, is_frequent FROM codes", run=0)
    writer.copy(engine.connection, "types", "SELECT type_name, code FROM type_codes", run=0)
