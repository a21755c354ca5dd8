"""Claims of examples/mcp_tool: an agent's client, the tool in a process of its own, and the service behind it."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from mersalg.names import KINDS
from mersalg_service.serve.settings import Keys
from serve.running import running
from toy_bundle import write_bundle

TOOL = Path(__file__).parents[2] / "examples" / "mcp_tool" / "offers_tool.py"
KEY = "only-for-these-tests"
SECONDS = 120.0


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundle") / "toy")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("offers_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["offers_tool"] = module  # where the tool's annotations are looked up
    spec.loader.exec_module(module)
    return module


def call(server: Any, *calls: Mapping[str, Any]) -> list[Any]:
    """What an agent gets for each call."""

    async def all_calls() -> list[Any]:
        async with Client(server, read_timeout_seconds=SECONDS) as client:
            tools = await client.list_tools()
            assert [one.name for one in tools.tools] == ["follow_on_offers"]
            return [await client.call_tool("follow_on_offers", dict(one)) for one in calls]

    return asyncio.run(all_calls())


def test_an_agent_gets_offers_with_reasons_or_none_and_why(toy: Path) -> None:
    with running(toy, Keys(frozenset({KEY}), "")) as service:
        variables = {"MERSALG_SERVICE": f"http://127.0.0.1:{service.port}", "MERSALG_API_KEY": KEY}
        command = StdioServerParameters(command=sys.executable, args=[str(TOOL)], env=variables)
        some, none, wrong = call(
            command,
            {"cart": ["milk"], "history": [{"product_id": "milk", "ordered_at": "2017-05-01"}], "limit": 2},
            {"cart": ["milk"], "limit": 0},
            {"cart": ["milk"], "limit": -1},
        )
    first, second = some.structured_content["offers"]
    assert (first["product_id"], first["name"], first["kind"]) == ("milk", "Fresh milk", "more-of-same")
    assert first["kind"] in KINDS
    assert first["reason"]
    assert second["product_id"] == "bread"
    assert some.structured_content["why_none"] is None
    assert none.structured_content["offers"] == []
    assert none.structured_content["why_none"] == "limit is 0: the request wants no offers"
    assert wrong.is_error
    assert "limit: expected" in wrong.content[0].text


def test_a_service_that_is_down_is_an_error_that_says_what_to_do(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:  # a port that is taken, and at which nobody listens
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setattr(tool, "SERVICE", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        (answer,) = call(tool.server, {"cart": ["milk"]})
    assert answer.is_error
    assert "go on without them" in answer.content[0].text
