"""Tensors of the Open Inference Protocol to requests, and answers to tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mersalg.bundle.onnx.inputs_outputs import INPUTS, OUTPUTS
from mersalg.customer import HISTORY_LINES, MAX_QUANTITY
from mersalg.errors import RequestError
from mersalg.ids import check_product_ids
from mersalg.names import BETTER, KINDS, KINDS_BY_MOMENT, MOMENTS
from mersalg.offers import Offers
from mersalg.requests import MAX_LIMIT, MAX_ONLY, Request, read_kinds
from mersalg_service.serve.problems import CallError

DATATYPES: Final = {
    "tensor(string)": "BYTES",
    "tensor(float)": "FP32",
    "tensor(int64)": "INT64",
    "tensor(bool)": "BOOL",
}
"""The protocol's names of the graph's element types."""
INPUT_TYPES: Final = {name: (DATATYPES[element], rank) for name, (element, rank) in INPUTS.items()}
STATED: Final = {"kinds": "kinds", "limit": "limit", "order": "by_value"}
"""Fields for which a policy has a default of its own, and the tensor that states them."""
OUTPUT_TYPES: Final = {
    **{name: (DATATYPES[element], rank) for name, (element, rank) in OUTPUTS.items()},
    "reason": ("BYTES", 1),
}
"""Those of the graph, and the reason of an empty answer, "" where there are offers."""

PADDING: Final[dict[str, Any]] = {
    "product_id": "", "kind": -1, "relevance": 0.0, "score": 0.0, "because": "",
    "lift": 0.0, "due_in_days": 0.0, "interval_days": 0.0, "better": 0,
}  # fmt: skip
"""What stands where there is no offer, or where it has no such fact: JSON has no NaN."""

Row = list[Any]


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """A checked inference request."""

    id: str | None
    requests: list[Request]
    threshold: bool
    outputs: tuple[str, ...]


def read_tensors(document: Mapping[str, Any], most: int) -> InferenceRequest:
    """The requests of an inference request. RequestError names the tensor that is wrong."""
    request_id = document.get("id")
    if not isinstance(document.get("id", ""), str):
        raise RequestError("id", "a text", request_id)
    if not isinstance(document.get("parameters", {}), dict):
        raise RequestError("parameters", "an object", document["parameters"])
    rows = read_inputs(document.get("inputs"), most)
    n = len(rows["cart"])
    for name, values in rows.items():
        if len(values) != n:
            raise RequestError(name, f"as many rows as cart has, {n}", len(values))
    flags = set(rows.get("apply_threshold", [True] * n))
    if len(flags) > 1:
        raise RequestError("apply_threshold", "one value for all rows", sorted(flags))
    requests = [read_row({name: values[position] for name, values in rows.items()}) for position in range(n)]
    return InferenceRequest(request_id, requests, flags != {False}, read_outputs(document.get("outputs", [])))


def read_inputs(inputs: Any, most: int) -> dict[str, list[Any]]:
    """Tensor name -> its rows, at most so many: lists for those of rank 2, values for those of rank 1."""
    if not isinstance(inputs, list) or not all(isinstance(tensor, dict) for tensor in inputs):
        raise RequestError("inputs", "a list of tensors", inputs)
    result: dict[str, list[Any]] = {}
    for tensor in inputs:
        name = tensor.get("name")
        if not isinstance(name, str) or name not in INPUT_TYPES or name in result:
            raise RequestError("inputs", f"each of {', '.join(INPUT_TYPES)} at most once", name)
        parameters = tensor.get("parameters", {})
        if not isinstance(parameters, dict):
            raise RequestError(f"{name}.parameters", "an object", parameters)
        if "binary_data_size" in parameters:
            raise CallError(400, f"{name}: expected its data as JSON; the binary extension is not spoken here")
        result[name] = read_tensor(name, tensor, most)
    if "cart" not in result:
        raise RequestError("inputs", "a tensor cart", sorted(result))
    return result


def read_tensor(name: str, tensor: Mapping[str, Any], most: int) -> list[Any]:
    """The rows of one tensor, at most so many, of the type and shape that it says."""
    datatype, rank = INPUT_TYPES[name]
    shape, data = tensor.get("shape"), tensor.get("data")
    if tensor.get("datatype") != datatype:
        raise RequestError(f"{name}.datatype", datatype, tensor.get("datatype"))
    if (
        not isinstance(shape, list)
        or len(shape) != rank
        or not all(type(size) is int and 0 <= size <= 2**20 for size in shape)
        or (name == "kinds" and shape[1] != len(KINDS))
    ):
        wanted = f"[N, {len(KINDS)}]" if name == "kinds" else f"{rank} sizes"
        raise RequestError(f"{name}.shape", wanted, shape)
    if shape[0] > most:
        raise RequestError(name, f"at most {most} rows", shape[0])
    if not isinstance(data, list):
        raise RequestError(f"{name}.data", "a list", data)
    values = [value for row in data for value in row] if data and all(isinstance(row, list) for row in data) else data
    if len(values) != math.prod(shape):
        raise RequestError(f"{name}.data", f"{math.prod(shape)} values, as the shape says", len(values))
    check_values(name, datatype, values)
    width = shape[1] if rank == 2 else 1
    return [values[start * width : (start + 1) * width] for start in range(shape[0])] if rank == 2 else values


def check_values(name: str, datatype: str, values: Row) -> None:
    """Refuse a value of another type or out of range."""
    if datatype == "BYTES":
        check_product_ids([value for value in values if value != ""], name + ".data[{}]")
        return
    largest = len(MOMENTS) - 1 if name == "moment" else MAX_LIMIT
    for position, value in enumerate(values):
        if datatype == "BOOL":
            holds = isinstance(value, bool)
        elif datatype == "INT64":
            holds = type(value) is int and 0 <= value <= largest
        else:
            holds = type(value) in (int, float) and -MAX_QUANTITY <= value <= MAX_QUANTITY
        if not holds:
            raise RequestError(f"{name}.data[{position}]", f"a value of {datatype} in its range", value)


def read_row(row: Mapping[str, Any]) -> Request:
    """The request of one row; padding is left out, and so are purchases in the future and returns."""
    lines = row.get("history", [])
    ages, quantities = row.get("history_age_days", []), row.get("history_quantity")
    if len(ages) != len(lines):
        raise RequestError("history_age_days", "as many as history has", len(ages))
    if quantities is not None and len(quantities) != len(lines):
        raise RequestError("history_quantity", "as many as history has", len(quantities))
    each = zip(lines, ages, quantities or [1.0] * len(lines), strict=True)
    used = [line for line in each if line[0] and line[1] >= 0 and line[2] > 0]
    latest = sorted(range(len(used)), key=lambda place: (used[place][1], -place))[:HISTORY_LINES]
    used = [used[place] for place in sorted(latest)]
    only = [product_id for product_id in row.get("only", []) if product_id]
    if len(only) > MAX_ONLY:
        raise RequestError("only", f"at most {MAX_ONLY} product ids", len(only))
    moment = row.get("moment", MOMENTS.index("cart"))
    return Request(
        request_id="",
        cart=[product_id for product_id in row["cart"] if product_id],
        history=[line[0] for line in used],
        history_age_days=np.array([line[1] for line in used], dtype=np.float32),
        history_quantity=np.array([line[2] for line in used], dtype=np.float32),
        exclude=[product_id for product_id in row.get("exclude", []) if product_id],
        moment=moment,
        kinds=tuple(row["kinds"]) if "kinds" in row else read_kinds(KINDS_BY_MOMENT[MOMENTS[moment]]),
        limit=row.get("limit", 3),
        only=only,
        by_value=row.get("by_value", False),
        by_moment=row.get("by_moment", "kinds" not in row),
        stated=frozenset(field for field, tensor in STATED.items() if tensor in row),
    )


def read_outputs(outputs: Any) -> tuple[str, ...]:
    """The names of the outputs that are wanted; all of them where none is named."""
    if outputs == []:
        return tuple(OUTPUT_TYPES)
    if not isinstance(outputs, list) or not all(isinstance(wanted, dict) for wanted in outputs):
        raise RequestError("outputs", "a list of objects with a name", outputs)
    names = tuple(wanted.get("name") for wanted in outputs)
    for name in names:
        if not isinstance(name, str) or name not in OUTPUT_TYPES:
            raise RequestError("outputs", f"names out of {', '.join(OUTPUT_TYPES)}", name)
    return tuple(str(name) for name in names)


def tensors_of(answers: Sequence[Offers], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """The output tensors; a shorter list is padded with "", 0 and, for kind, -1, and so is what an offer lacks."""
    width = max((len(offers) for offers in answers), default=0)
    result = []
    for name in wanted:
        datatype, rank = OUTPUT_TYPES[name]
        if name in PADDING:
            rows = [[field(offer, name) for offer in offers] for offers in answers]
            data = [value for row in rows for value in row + [PADDING[name]] * (width - len(row))]
            shape = [len(answers), width]
        elif name == "best_relevance":
            data = [offers.best_relevance.get(kind, -1.0) for offers in answers for kind in KINDS]
            shape = [len(answers), len(KINDS)]
        else:
            data = [offers.retrieved if name == "retrieved" else offers.reason or "" for offers in answers]
            shape = [len(answers)]
        assert len(shape) == rank
        result.append({"name": name, "datatype": datatype, "shape": shape, "data": data})
    return result


def field(offer: Any, name: str) -> Any:
    """A field of an offer as a tensor holds it."""
    value = getattr(offer, name)
    if name == "better":
        return sum(1 << BETTER.index(advantage) for advantage in value)
    return KINDS.index(value) if name == "kind" else PADDING[name] if value is None else value
