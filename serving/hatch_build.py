"""Puts the modules of clients/node into the distributions, for the playground's page loads bundles with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CLIENT = Path("..", "clients", "node", "lib")
PLACE = "mersalg_service/playground/client"


class ClientHook(BuildHookInterface[Any]):
    """Adds the client where a checkout has it; a source distribution holds it in its place already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the folder, but not for an editable installation, which finds it in the checkout."""
        client = Path(self.root, CLIENT)
        if version != "editable" and client.is_dir():
            build_data["force_include"][str(client)] = PLACE
