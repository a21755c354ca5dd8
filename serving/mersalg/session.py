"""The scorer as a function from arrays to arrays: the only module that knows onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from mersalg.bundle.onnx.inputs_outputs import FIXED_WIDTHS, INPUTS, OUTPUTS
from mersalg.errors import BundleError, MersalgError

Arrays = Mapping[str, npt.NDArray[Any]]


def open_runtime(model: bytes) -> Any:
    """An onnxruntime session for any graph: no telemetry, one thread a run, errors as exceptions only."""
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3  # errors only
    options.add_session_config_entry("session.load_model_format", "ONNX")
    runtime = onnxruntime.InferenceSession(
        model,
        options,
        providers=["CPUExecutionProvider"],
        enable_fallback=0,  # it would print, and try the same again
    )
    runtime._model_bytes = None  # kept for a change of providers, which never comes, at the size of the whole model
    return runtime


class Session:
    """An open scorer. `run` may be called from many threads at once; a session does not survive a fork."""

    def __init__(self, model: bytes, where: str) -> None:
        """Open verified bytes. BundleError when the runtime refuses them or a name, type or rank is another."""
        self.where = where
        self.process = os.getpid()
        try:
            self.runtime = open_runtime(model)
        except Exception as error:
            raise BundleError(
                f"{where}: onnxruntime {onnxruntime.__version__} cannot open it: {error}; export the bundle again, "
                "or install an onnxruntime that knows opset 21 and ai.onnx.ml 5"
            ) from error
        check_ports(self.runtime.get_inputs(), INPUTS, f"{where}: inputs")
        check_ports(self.runtime.get_outputs(), OUTPUTS, f"{where}: outputs")

    def run(self, feeds: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        """The outputs by name, for the inputs by name. MersalgError in a process that was forked after the opening."""
        if os.getpid() != self.process:
            raise MersalgError(
                f"{self.where}: loaded in process {self.process}, used in process {os.getpid()}, a fork of it; "
                "load in each process after the fork (gunicorn: without --preload, or in the hook post_fork)"
            )
        try:
            return dict(zip(OUTPUTS, self.runtime.run(list(OUTPUTS), feeds), strict=True))
        except Exception as error:
            raise BundleError(
                f"{self.where}: the graph failed on a valid request: {error}; verify the bundle"
            ) from error


def check_ports(ports: list[Any], expected: Mapping[str, tuple[str, int]], where: str) -> None:
    """Refuse inputs or outputs of another name, type, rank or width; a free dimension has no number."""
    names = {port.name for port in ports}
    if names != expected.keys():
        missing, more = sorted(expected.keys() - names), sorted(names - expected.keys())
        raise BundleError(f"{where}: expected {', '.join(expected)}; missing {missing}, not known {more}")
    for port in ports:
        element, rank = expected[port.name]
        if port.type != element or len(port.shape) != rank:
            raise BundleError(
                f"{where}: {port.name}: expected {element} of rank {rank}, got {port.type} of shape {port.shape}"
            )
        for axis, size in enumerate(port.shape):
            wanted = FIXED_WIDTHS.get(port.name) if axis else 1
            if isinstance(size, int) and size != wanted:
                raise BundleError(f"{where}: {port.name}: expected axis {axis} of size {wanted or 'any'}, got {size}")
