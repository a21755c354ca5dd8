#!/usr/bin/env python
"""Registers a bundle in MLflow as `mersalg train` does: register.py BUNDLE ALIAS, to MLFLOW_TRACKING_URI."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import import_mlflow, open_run

bundle, alias = Path(sys.argv[1]), sys.argv[2]
tracking = TrackingConfig(uri=os.environ["MLFLOW_TRACKING_URI"])
with open_run(tracking, bundle.name) as run:
    registered = run.log_bundle(bundle, bundle.name)
assert registered is not None, "tracking is switched off"
client = import_mlflow().MlflowClient(tracking.uri, registry_uri=tracking.uri)
client.set_registered_model_alias(registered.name, alias, registered.version)
