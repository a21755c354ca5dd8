"""A bundle: its folder, its files, its manifest and its graph, read and verified.

Where to read: `reading` (a folder, each file once), `files` (limits, links, JSON), `manifest`, `signature`, and `onnx`,
which checks the graph byte by byte. Nothing here knows a network or a runtime.
"""

from __future__ import annotations

from mersalg.bundle.reading import Bundle, read_bundle, read_card, read_file

__all__ = ["Bundle", "read_bundle", "read_card", "read_file"]
