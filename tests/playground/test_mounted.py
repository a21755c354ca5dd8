"""The playground of a service, in Chromium: its page answers as the service does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mersalg_service.serve.settings import Keys
from playground.pages import in_browser, request_in
from processes import wait_until
from serve.running import Running, move_link, running
from toy_bundle import write_bundle

pytestmark = [pytest.mark.usefixtures("browser_tools"), pytest.mark.long]
ADMIN = "a" * 20


def looked_at(service: Running) -> dict[str, Any]:
    """What a fresh page shows to who has the admin key."""
    page = in_browser("smoke", f"http://127.0.0.1:{service.port}/playground/", password=ADMIN)
    assert (page["noise"], page["foreign"]) == ([], [])
    return page


def answered(service: Running, page: dict[str, Any]) -> list[str]:
    """What the service offers for the request of a page."""
    return [offer["product_id"] for offer in service.recommend(**request_in(page["curl"])).json["offers"]]


def test_the_page_answers_as_the_service_does_also_after_a_swap(
    trained_bundle: Path, runtime: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    move_link(link, write_bundle(tmp_path / "toy"))
    with running(link, Keys(frozenset(), ADMIN), playground=str(runtime)) as service:
        before = looked_at(service)
        assert before["products"] == answered(service, before)
        swapped = service.service.live.current
        move_link(link, trained_bundle)
        wait_until(lambda: service.service.live.current is not swapped)
        after = looked_at(service)
        assert after["products"] == answered(service, after)
        assert after["products"]
        assert after["title"] != before["title"], "a fresh page is of the new bundle"
