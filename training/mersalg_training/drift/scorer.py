"""The scorer's graph taken apart: what products it knows, and other calibration and thresholds in place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from mersalg.errors import BundleError
from mersalg.names import KINDS, Kind
from mersalg_training.data.timeline import Float32
from mersalg_training.graph.calibration import Calibration
from mersalg_training.graph.decide import SILENT

PRODUCT_IDS: Final = "product_ids"
REPLACED: Final = (
    "calibration_score",
    "calibration_score_flat",
    "calibration_relevance",
    "calibration_slope",
    "thresholds",
)
"""The initializers that a newer calibration replaces, as `graph.decide` names them."""


def known_products(scorer: bytes, where: str) -> set[str]:
    """The product ids of a scorer's vocabulary."""
    ids = numpy_helper.to_array(find_initializer(parse(scorer), PRODUCT_IDS, where))
    return {product_id.decode() if isinstance(product_id, bytes) else str(product_id) for product_id in ids} - {""}


def recalibrated_scorer(
    scorer: bytes, calibration: Calibration, thresholds: Mapping[Kind, float | None], where: str
) -> bytes:
    """The same scorer with another calibration and other thresholds (None = silent).

    BundleError where the graph has no such constants, or of another shape; where anything else would change, too.
    """
    model = parse(scorer)
    for name, values in replacements(calibration, thresholds).items():
        constant = find_initializer(model, name, where)
        if tuple(constant.dims) != values.shape or constant.data_type != onnx.TensorProto.FLOAT:
            raise BundleError(
                f"{where}: {name}: expected float32 of shape {values.shape}, got type {constant.data_type} of shape "
                f"{tuple(constant.dims)}: another version of mersalg made it; recalibrate with that one, or train anew"
            )
        constant.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))
    changed: bytes = model.SerializeToString()
    if without_replaced(parse(changed)) != without_replaced(parse(scorer)):
        raise BundleError(f"{where}: more than calibration and thresholds would change; not written")
    return changed


def replacements(
    calibration: Calibration, thresholds: Mapping[Kind, float | None]
) -> dict[str, npt.NDArray[np.float32]]:
    """Name -> values of REPLACED."""
    values = [thresholds[kind] for kind in KINDS]
    flat: dict[str, Float32] = {
        "calibration_score": calibration.score,
        "calibration_score_flat": calibration.score.reshape(-1),
        "calibration_relevance": calibration.relevance.reshape(-1),
        "calibration_slope": calibration.slope.reshape(-1),
        "thresholds": np.array([SILENT if v is None else v for v in values], dtype=np.float32),
    }
    return {name: flat[name] for name in REPLACED}


def without_replaced(model: onnx.ModelProto) -> bytes:
    """The model's bytes with REPLACED empty, for a comparison of all the rest."""
    for constant in model.graph.initializer:
        if constant.name in REPLACED:
            constant.ClearField("raw_data")
            constant.ClearField("float_data")
    rest: bytes = model.SerializeToString()
    return rest


def find_initializer(model: onnx.ModelProto, name: str, where: str) -> onnx.TensorProto:
    """The only initializer of that name."""
    result = [constant for constant in model.graph.initializer if constant.name == name]
    if len(result) != 1:
        raise BundleError(
            f"{where}: expected one constant {name!r}, got {len(result)}: another version of mersalg made it; "
            "use that one, or train anew"
        )
    constant: onnx.TensorProto = result[0]
    return constant


def parse(scorer: bytes) -> onnx.ModelProto:
    """The model of verified bytes."""
    return onnx.load_model_from_string(scorer)
