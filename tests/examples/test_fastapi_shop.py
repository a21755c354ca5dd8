"""Claims of examples/fastapi_shop, in a real PostgreSQL and over HTTP."""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from mersalg.errors import BundleError
from mersalg_service.experiment import Trial, read_experiment
from mersalg_service.ledger import make_ledger
from serve.running import wait_until

pytestmark = pytest.mark.long
NOW = datetime(2026, 10, 20, 9)
"""Within the history, some days before its end."""
KEY = "only-for-these-tests"


@dataclass
class Visitor:
    """A browser without a screen: it keeps cookies and follows where it is sent."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def open(self, method: str, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            connection.request(method, path, headers={"Cookie": cookies} if cookies else {})
            response = connection.getresponse()
            page = response.read().decode()
            for text in response.headers.get_all("Set-Cookie", []):
                self.cookies |= {name: it.coded_value for name, it in SimpleCookie(text).items()}
            assert response.status in (200, 303), page
            return self.open("GET", response.headers["Location"]) if response.status == 303 else page
        finally:
            connection.close()


def offers_in(page: str) -> str:
    """The part of a page with offers; empty where it has none."""
    return page.split('<section id="offers">')[1].split("</section>", maxsplit=1)[0] if "offers" in page else ""


@pytest.fixture
def shop_url(
    postgres_server: str, corner_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_fastapi_shop: None
) -> str:
    """A database of its own, made as the README says; the environment names it."""
    import psycopg

    name = f"shop_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres_server.replace("/postgres?", f"/{name}?")
    variables = {
        "DATABASE_URL": url, "BUNDLE": str(corner_shop / "bundle"), "EXPOSURES": str(tmp_path / "exposures.jsonl"),
        "MERSALG_EXPERIMENT_KEY": KEY, "MERSALG_LEDGER_KEY": KEY,
    }  # fmt: skip
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    import_module("shop_database").ShopDatabase(url).make(corner_shop)
    make_ledger(url).close()
    return url


@contextmanager
def visited(now: datetime = NOW) -> Iterator[Visitor]:
    """The shop of the environment, open at a time."""
    app = import_module("shop").make_app(lambda: now)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        yield Visitor(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(60)


def customers_of(arm: str) -> list[str]:
    """Customers whom the example's experiment draws into an arm."""
    file = Path(import_module("shop").__file__ or "").with_name("experiment.toml")
    experiment = read_experiment(file, KEY.encode())
    return [who for who in (f"c-{n:03}" for n in range(260)) if experiment.assign(who).arm == arm]


def send(at: datetime, stop_after: int | None = None) -> list[dict[str, Any]]:
    """The mails that a run sends; one that is told to stop dies while it sends the next."""
    sent: list[dict[str, Any]] = []

    def one(mail: dict[str, Any]) -> None:
        if len(sent) == stop_after:
            raise KeyboardInterrupt
        sent.append(mail)

    try:
        assert import_module("follow_up").send_follow_ups(one, at) == len(sent)
    except KeyboardInterrupt:
        assert len(sent) == stop_after
    return sent


def test_the_cart_shows_what_goes_with_it_and_why(shop_url: str) -> None:
    with visited() as guest:
        assert offers_in(guest.open("GET", "/")) == ""
        page = guest.open("POST", "/cart?product_id=machine-0")
    assert "Espresso machine Uno, 149.0" in page
    assert "Cleaning tablets" in offers_in(page)
    assert "goes with Espresso machine Uno" in offers_in(page)


def test_a_held_out_customer_sees_no_offer_and_is_recorded(shop_url: str, tmp_path: Path) -> None:
    (held_out, *_), (champion, *_) = customers_of("hold-out"), customers_of("champion")
    with visited() as visitor:
        for customer in (held_out, champion):
            visitor.cookies = {}
            visitor.open("POST", f"/sign-in?customer={customer}")
            page = visitor.open("POST", "/cart?product_id=machine-0")
            assert bool(offers_in(page)) is (customer == champion)
    rows = [json.loads(line) for line in (tmp_path / "exposures.jsonl").read_text().splitlines()]
    assert {row["reason"] for row in rows if row["customer_id"] == held_out} == {"hold-out"}
    assert any(row["shown"] for row in rows if row["customer_id"] == champion)


def test_paying_writes_the_order_and_the_confirmation_offers_what_is_due(shop_url: str) -> None:
    offered = []
    with visited() as visitor:
        for customer in customers_of("champion")[:20]:
            visitor.cookies = {}
            visitor.open("POST", f"/sign-in?customer={customer}")
            visitor.open("POST", "/cart?product_id=grinder-0")
            page = visitor.open("POST", "/orders")
            assert "Thank you" in page
            assert "Hand grinder" in page
            offered.append(offers_in(page))
    assert any(offered)
    assert all("Hand grinder," not in offers for offers in offered), "what was just paid for is not offered again"
    lines = import_module("shop_database").ShopDatabase(shop_url).lines_until(NOW)
    bought = zip(lines["customer_id"], lines["product_id"], lines["ordered_at"], strict=True)
    assert sum(product == "grinder-0" and at == NOW for _, product, at in bought) == 20


def test_offers_that_fail_leave_the_page_as_it_is(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BundleError("gone")

    monkeypatch.setattr(Trial, "recommend", fail)
    with visited() as guest:
        page = guest.open("POST", "/cart?product_id=machine-0")
    assert "Espresso machine Uno, 149.0" in page
    assert offers_in(page) == ""


def test_a_run_that_dies_and_goes_on_sends_each_mail_at_most_once(shop_url: str) -> None:
    before = send(NOW, stop_after=3)
    after = send(NOW)
    got = [mail["customer_id"] for mail in before + after]
    assert len(got) > 20
    assert len(got) == len(set(got))
    assert not set(got) & set(customers_of("hold-out"))
    assert send(NOW) == []
    tomorrow = send(NOW + timedelta(days=1))
    assert not {mail["customer_id"] for mail in tomorrow} & set(got), "one mail in a fortnight"


def test_who_opts_out_gets_no_mail_not_even_one_that_waits(shop_url: str) -> None:
    first, *others = [mail["customer_id"] for mail in send(NOW, stop_after=2)]
    database = import_module("shop_database").ShopDatabase(shop_url)
    with database.connection() as connection:
        rows = connection.execute("SELECT customer_id FROM mails WHERE sent_at IS NULL ORDER BY 1").fetchall()
    waiting = rows[0]["customer_id"]
    with visited() as visitor:
        visitor.open("POST", f"/sign-in?customer={waiting}")
        visitor.open("POST", "/no-mails")
    assert waiting not in [mail["customer_id"] for mail in send(NOW)]
    later = [mail["customer_id"] for mail in send(NOW + timedelta(days=30))]
    assert waiting not in later
    assert {first, *others} & set(later), "the others are written to again"
