"""Whether a SELECT means the same to DuckDB and to Spark: told from its syntax tree, with what is allowed written down.

Only what stands in NODES is allowed, so that a word that nobody has compared is a fault until somebody does. The rules
hold what was found to differ, most of it silently. Types come from the tables that a statement reads; what has no type
that can be told counts as a fault where a rule needs one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

Schema = Mapping[str, Mapping[str, str]]
"""Table -> column -> DuckDB's name of its type."""

CLAUSES: Final = {
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Subquery, exp.Table, exp.TableAlias,
    exp.Alias, exp.Column, exp.Identifier, exp.Star, exp.Placeholder, exp.Literal, exp.Null, exp.Boolean, exp.Paren,
    exp.Distinct, exp.Union, exp.Except, exp.Intersect, exp.With, exp.CTE, exp.Window, exp.Order, exp.Ordered,
    exp.DataType, exp.Exists, exp.Filter, exp.Tuple, exp.Limit,
}  # fmt: skip
OPERATORS: Final = {
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.In, exp.Between, exp.Case,
    exp.If, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Cast,
}  # fmt: skip
FUNCTIONS: Final = {
    exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median, exp.Coalesce, exp.Nullif, exp.Abs, exp.Floor, exp.Ceil,
    exp.Sqrt, exp.Greatest, exp.Least, exp.IsNan, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead,
    exp.LogicalOr, exp.LogicalAnd,
}  # fmt: skip
NODES: Final = CLAUSES | OPERATORS | FUNCTIONS
WHOLE: Final = {"TINYINT", "SMALLINT", "INT", "BIGINT"}
TYPES: Final = WHOLE | {"DOUBLE", "FLOAT", "BOOLEAN"}
RANKS: Final = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead)

Rule = Callable[[exp.Expression], Iterator[str]]


def faults(select: str, schema: Schema) -> list[str]:
    """What one of the two lacks or reads otherwise, a sentence each; none where both mean the same."""
    try:
        tree = sqlglot.parse_one(select, dialect="duckdb")
    except SqlglotError as error:
        return [f"DuckDB does not read it: {str(error).splitlines()[0]}"]
    told = [f"{type(node).__name__} is not on the list" for node in tree.walk() if type(node) not in NODES]
    told += [fault for node in tree.walk() for fault in clauses(node)]  # before * is its columns
    try:
        told += read_otherwise(tree, select)
    except SqlglotError as error:
        told.append(f"Spark does not read it: {str(error).splitlines()[0]}")
    if told:  # of what is not on the list the types are not told either
        return list(dict.fromkeys(told))
    typed = with_types(tree, schema)
    return list(dict.fromkeys(fault for node in typed.walk() for rule in RULES for fault in rule(node)))


def types_of(select: str, schema: Schema) -> dict[str, str]:
    """The columns of a SELECT's rows and their types."""
    typed = with_types(sqlglot.parse_one(select, dialect="duckdb"), schema)
    return {column.alias_or_name: name_of(column) for column in typed.selects}


def read_otherwise(tree: exp.Expression, select: str) -> Iterator[str]:
    """What Spark's own reading of the text makes another tree of."""
    of_spark = sqlglot.parse_one(re.sub(r"\$(\w+)", r":\1", select), dialect="spark")
    for mine, other in zip(tree.walk(), of_spark.walk(), strict=False):
        if isinstance(mine, exp.Ordered) and mine.args.get("nulls_first") != other.args.get("nulls_first"):
            yield "ORDER BY without NULLS FIRST or LAST: DuckDB puts NULL last, Spark first"
        elif not (type(mine) is type(other) or (isinstance(mine, exp.Cast) and isinstance(other, exp.TryCast))):
            yield f"Spark reads {other.sql('spark')!r} where DuckDB reads {mine.sql('duckdb')!r}"
            return


def with_types(tree: exp.Expression, schema: Schema) -> exp.Expression:
    """The same tree, each column with its table, each expression with its type."""
    tables = MappingSchema({table: dict(columns) for table, columns in schema.items()}, dialect="duckdb")
    qualified = qualify(tree.copy(), schema=tables, dialect="duckdb", quote_identifiers=False)
    for median in qualified.find_all(exp.Median):
        median.replace(exp.cast(median.copy(), "DOUBLE"))  # what it gives, which sqlglot does not know
    return annotate_types(qualified, schema=tables, dialect="duckdb")


def name_of(node: exp.Expression) -> str:
    """The type of an expression."""
    return node.type.sql("duckdb").replace("INTEGER", "INT").replace("REAL", "FLOAT") if node.type else "UNKNOWN"


def outer(node: exp.Expression) -> exp.Expression | None:
    """What holds an expression, whatever brackets are between."""
    parent = node.parent
    while isinstance(parent, exp.Paren | exp.Filter | exp.Window):
        parent = parent.parent
    return parent


def inner(node: exp.Expression) -> exp.Expression:
    """An expression without its brackets."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def names(node: exp.Expression) -> Iterator[str]:
    """Quoted names are texts to Spark; of texts, the two read marks differently."""
    if isinstance(node, exp.Identifier) and node.quoted:
        yield f'"{node.name}" is a text to Spark'
    if isinstance(node, exp.Literal) and node.is_string:
        yield "texts are compared and escaped otherwise: codes are counted, not texts"


def numbers(node: exp.Expression) -> Iterator[str]:
    """A literal with a point is a DECIMAL, and arithmetic with it is DECIMAL in Spark."""
    if isinstance(node, exp.Literal) and not node.is_string and "." in node.name and "e" not in node.name.lower():
        yield f"{node.name} is a DECIMAL: write {float(node.name):g}e0"


def casts(node: exp.Expression) -> Iterator[str]:
    """DuckDB rounds to whole numbers, Spark cuts off."""
    if not isinstance(node, exp.Cast) or isinstance(node.this, exp.Median):
        return
    to, source = name_of(node), inner(node.this)
    if to not in TYPES:
        yield f"CAST to {to} is not on the list"
    if to in WHOLE and not isinstance(source, exp.Floor | exp.Ceil | exp.Placeholder) and name_of(source) not in WHOLE:
        yield f"CAST of {name_of(source)} to {to}: DuckDB rounds, Spark cuts off; take floor() or ceil()"


def whole_parts(node: exp.Expression) -> Iterator[str]:
    """floor() of a DOUBLE is DOUBLE in DuckDB and BIGINT in Spark."""
    if isinstance(node, exp.Floor | exp.Ceil):
        if not isinstance(outer(node), exp.Cast):
            yield f"{node.key}() is of another type in Spark: CAST it"
        if node.args.get("decimals") is not None:
            yield f"{node.key}() with digits is counted otherwise"


def sums(node: exp.Expression) -> Iterator[str]:
    """Sums of whole numbers are HUGEINT in DuckDB; those of DOUBLE hang on the order of the rows."""
    if not isinstance(node, exp.Sum):
        return
    if name_of(node.this) not in WHOLE:
        yield f"sum() of {name_of(node.this)} hangs on the order of the rows: add whole numbers"
    holder = outer(node)
    if isinstance(holder, exp.Coalesce):
        holder = outer(holder)
    if not isinstance(holder, exp.Cast | exp.Predicate):
        yield "sum() of whole numbers is HUGEINT in DuckDB: CAST it AS BIGINT"


def averages(node: exp.Expression) -> Iterator[str]:
    """Those of DOUBLE hang on the order of the rows, but where these are whole numbers, whose sums are exact."""
    if isinstance(node, exp.Avg):
        of = inner(node.this)
        parts = (
            [branch.args["true"] for branch in of.args["ifs"]] + [of.args.get("default")]
            if isinstance(of, exp.Case)
            else [of]
        )
        if not all(is_whole(part) for part in parts if part is not None):
            yield f"avg() of {name_of(of)} hangs on the order of the rows: CAST whole numbers AS DOUBLE"


def is_whole(node: exp.Expression) -> bool:
    """Whether it is a whole number as DOUBLE."""
    if isinstance(node, exp.Literal):
        return "e" in node.name.lower() and float(node.name).is_integer()
    return isinstance(node, exp.Cast) and name_of(node) == "DOUBLE" and name_of(node.this) in WHOLE


def medians(node: exp.Expression) -> Iterator[str]:
    """DuckDB interpolates FLOAT in single precision, and whole numbers otherwise; Spark all in double."""
    if isinstance(node, exp.Median) and name_of(node.this) != "DOUBLE":
        yield f"median() of {name_of(node.this)}: take that of CAST(... AS DOUBLE)"


def divisions(node: exp.Expression) -> Iterator[str]:
    """By zero DuckDB gives NULL and Spark stops."""
    if isinstance(node, exp.Div | exp.Mod):
        by = inner(node.expression)
        is_number = isinstance(by, exp.Literal) and float(by.name) != 0
        if not (is_number or isinstance(by, exp.Nullif | exp.Placeholder)):
            yield f"{node.key} by what may be zero: Spark stops, DuckDB gives NULL; take nullif(..., 0)"


def not_numbers(node: exp.Expression) -> Iterator[str]:
    """isnan(NULL) is NULL in DuckDB and false in Spark, which a CASE does not tell apart."""
    if isinstance(node, exp.IsNan) and not (isinstance(node.parent, exp.If) and node.arg_key == "this"):
        yield "isnan(NULL) differs: only as the whole condition of a CASE"


def windows(node: exp.Expression) -> Iterator[str]:
    """A place among rows needs an order; a running sum over equal rows a frame, which nobody has compared."""
    if isinstance(node, exp.Window):
        ordered = node.args.get("order") is not None
        if isinstance(node.this, RANKS) and not ordered:
            yield f"{node.this.key} over rows in no order"
        if not isinstance(node.this, RANKS) and ordered:
            yield f"{node.this.key} over rows in an order: its frame is not on the list"
    if isinstance(node, RANKS) and not isinstance(node.parent, exp.Window):
        yield f"{node.key} without a window"


def clauses(node: exp.Expression) -> Iterator[str]:
    """What one of the two has alone."""
    if isinstance(node, exp.Select):
        extra = [name for name in ("qualify", "sample", "windows", "laterals", "into", "hint") if node.args.get(name)]
        yield from (f"{name.upper()} is not on the list" for name in extra)
        if node.args.get("limit") is not None and node.args.get("order") is None:
            yield "LIMIT of rows in no order"
    if isinstance(node, exp.Distinct) and node.args.get("on") is not None:
        yield "DISTINCT ON is DuckDB's alone"
    if isinstance(node, exp.Distinct) and isinstance(node.parent, exp.Count) and len(node.expressions) > 1:
        yield "count(DISTINCT a, b) skips NULLs otherwise"
    if isinstance(node, exp.Star) and (node.args.get("except_") or node.args.get("replace")):
        yield "* without columns is written otherwise"
    if isinstance(node, exp.Join) and node.args.get("method"):
        yield f"{node.args['method']} JOIN is DuckDB's alone"
    if isinstance(node, exp.Having):
        aliases = {chosen.alias for chosen in node.parent.expressions if isinstance(chosen, exp.Alias)}
        yield from (f"HAVING by {c.name}, an alias" for c in node.find_all(exp.Column) if c.name in aliases)
    if isinstance(node, exp.Group) and any(isinstance(by, exp.Literal) for by in node.expressions):
        yield "GROUP BY a position"


RULES: Final[tuple[Rule, ...]] = (
    names, numbers, casts, whole_parts, sums, averages, medians, divisions, not_numbers, windows,
)  # fmt: skip
