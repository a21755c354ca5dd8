"""Bundles from an MLflow model registry, by plain REST: neither mlflow nor any other package is needed.

`fetch("models:/NAME@ALIAS")` gives a verified folder in the cache. It is what `mersalg.load` and `mersalg serve` use.
"""

from __future__ import annotations

from mersalg.registry.address import ModelAddress, is_registered, read_address
from mersalg.registry.fetching import Fetched, Registry, fetch

__all__ = ["Fetched", "ModelAddress", "Registry", "fetch", "is_registered", "read_address"]
