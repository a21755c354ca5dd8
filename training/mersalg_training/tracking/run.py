"""What a job may tell about itself, whether it is tracked or not."""
# ruff: noqa: D102  # the methods of a run are described once, by the protocol

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

TRAINING: Final = "training"
EVALUATION: Final = "evaluation"
"""What a data set was used for, as MLflow shows it."""


@dataclass(frozen=True)
class RegisteredBundle:
    """A bundle in MLflow's model registry."""

    name: str
    version: str
    uri: str
    """`models:/NAME/VERSION`; `models:/NAME@challenger` also names it, until the next one is registered."""


class Run(Protocol):
    """What a training job may tell about itself."""

    @property
    def id(self) -> str | None:
        """MLflow's run id; None when tracking is switched off."""

    @property
    def where(self) -> str:
        """For the user: where the run is and how to look at it."""

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log the flat config; a value too long for MLflow becomes the artifact `params/KEY.txt`, and says so."""

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Log one value a metric; a name may hold letters, digits, spaces and `_ - . : /`."""

    def start_model(self, name: str) -> None:
        """Open the entry of the model that this run makes; its parameters are those that are logged by now."""

    def use_model_of(self, run_id: str | None) -> None:
        """Take the model that an earlier run made; nothing where the store holds none."""

    def log_model_metrics(self, metrics: Mapping[str, float]) -> None:
        """Log metrics of the run that are also those of its model, on the data set that was named last."""

    def log_curve(self, name: str, values: Sequence[float]) -> None:
        """Log one metric whose step is the position in `values`."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set or replace tags."""

    def describe(self, text: str) -> None:
        """Set the description, in Markdown, that the run's page shows."""

    def log_text(self, name: str, text: str) -> None:
        """Keep a text as the artifact `name`, a relative path with `/`."""

    def log_figure(self, name: str, png: bytes) -> None:
        """Keep a PNG as the artifact `name`, a relative path with `/`."""

    def log_dataset(
        self, name: str, digest: str, source: str, profile: Mapping[str, object], context: str = TRAINING
    ) -> None:
        """Name the purchases that the run read; the whole digest is the tag `data.digest`."""

    def log_bundle(self, folder: Path, registered_name: str) -> RegisteredBundle | None:
        """Log a bundle verbatim as a pyfunc model, register it and move the alias `challenger` to it."""


class UntrackedRun:
    """A run that records nothing, because the configuration says so."""

    id: str | None = None
    where = "not tracked (tracking.enabled = false)"

    def log_params(self, params: Mapping[str, object]) -> None: ...
    def log_metrics(self, metrics: Mapping[str, float]) -> None: ...
    def start_model(self, name: str) -> None: ...
    def use_model_of(self, run_id: str | None) -> None: ...
    def log_model_metrics(self, metrics: Mapping[str, float]) -> None: ...
    def log_curve(self, name: str, values: Sequence[float]) -> None: ...
    def set_tags(self, tags: Mapping[str, str]) -> None: ...
    def describe(self, text: str) -> None: ...
    def log_text(self, name: str, text: str) -> None: ...
    def log_figure(self, name: str, png: bytes) -> None: ...
    def log_dataset(
        self, name: str, digest: str, source: str, profile: Mapping[str, object], context: str = TRAINING
    ) -> None: ...
    def log_bundle(self, folder: Path, registered_name: str) -> RegisteredBundle | None:
        return None
