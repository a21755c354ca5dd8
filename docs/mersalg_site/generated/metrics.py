"""The figures that a service exposes for Prometheus, from the registry that holds them."""

from __future__ import annotations

import os
from typing import Final
from unittest.mock import patch

from mersalg_service.serve.metrics import SHARED_FOLDER, Metrics
from mersalg_site.generated.tables import code, table

SUFFIX: Final = {"counter": "_total"}
"""What is added to the name of a type."""


def every_metric() -> str:
    """A table of them; those of the process itself are Prometheus' own."""
    with patch.dict(os.environ):
        os.environ.pop(SHARED_FOLDER, None)
        registry = Metrics().registry
    rows = [
        (code(metric.name + SUFFIX.get(metric.type, "")), metric.type, labels_of(collector), metric.documentation)
        for collector in registry._collector_to_names
        for metric in collector.collect()
        if metric.name.startswith("mersalg_")
    ]
    return table(("metric", "type", "labels", "meaning"), rows)


def labels_of(collector: object) -> str:
    """The names of a metric's labels."""
    return ", ".join(code(label) for label in getattr(collector, "_labelnames", ()))
