"""Bundles from an MLflow model registry, by plain REST: neither mlflow nor any other package is needed.

Where to read: `address` (what `models:/NAME@ALIAS` is), `opening` (where `mersalg.load` and the commands begin),
`fetching` (a version, verified, into the `cache`), `server` (what is asked of MLflow).
"""
