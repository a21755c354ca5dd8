"""Customers whose history a service keeps: found by key, bounded, forgotten, and never told."""

from __future__ import annotations

import logging
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mersalg import Recommender
from mersalg.errors import ConfigError
from mersalg_service.serve.customers import KeptCustomers, UnknownCustomerError
from mersalg_service.serve.settings import Keys, Settings
from mersalg_service.serve.sources import source_of
from processes import wait_until
from serve.running import Running, running
from toy_bundle import write_bundle

AT = "2017-06-01T12:00:00"
KEY = "k" * 20
WANTED = {"at": AT, "moment": "follow-up", "kinds": ["more-of-same", "replacement", "cross-sell"], "limit": 10}


def history(*products: str, day: int = 1) -> list[dict[str, Any]]:
    return [{"product_id": name, "ordered_at": f"2017-05-{day:02}T10:00:00", "quantity": 2} for name in products]


def figure(service: Running, name: str) -> float:
    """A figure of /metrics; 0 where it is not there yet."""
    lines = service.call("GET", "/metrics").body.decode().splitlines()
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + (" " if "{" not in name else ""))
    )


def counted(service: Running, outcome: str) -> float:
    return figure(service, f'mersalg_histories_total{{outcome="{outcome}"}}')


@pytest.fixture
def keeping(toy_folder: Path) -> Any:
    with running(toy_folder, customers=3) as started:
        yield started


def test_a_history_that_was_sent_once_counts_until_another_is_sent(keeping: Running, toy: Recommender) -> None:
    for lines in (history("filter", "milk"), history("wine"), []):
        sent = keeping.recommend(**WANTED, customer="anna", history=lines)
        assert (sent.status, keeping.recommend(**WANTED, customer="anna").body) == (200, sent.body)
        assert keeping.recommend(**WANTED, customer="anna", history=None).body == sent.body
        assert keeping.recommend(**WANTED, history=lines).body == sent.body
        later = {**WANTED, "at": "2017-05-01T09:00:00"}
        assert keeping.recommend(**later, customer="anna").body == keeping.recommend(**later).body
    assert (counted(keeping, "kept"), counted(keeping, "hit"), counted(keeping, "miss")) == (3, 9, 0)
    assert figure(keeping, "mersalg_histories_kept") == 1


def test_many_requests_name_customers_and_what_comes_first_is_there_for_the_next(keeping: Running) -> None:
    lines = history("filter")
    asked = [{**WANTED, "customer": "a", "history": lines}, {**WANTED, "customer": "a"}, {**WANTED, "history": lines}]
    answers = keeping.call("POST", "/v1/score", {"requests": asked, "threshold": False}).json["answers"]
    assert answers[0] == answers[1] == answers[2]
    refused = keeping.call("POST", "/v1/score", {"requests": [*asked, {"customer": "b"}]})
    assert (refused.status, refused.json["field"]) == (409, "requests[3].customer")


def test_a_customer_who_is_not_kept_is_asked_for(keeping: Running) -> None:
    refused = keeping.recommend(cart=["milk"], customer="anna")
    assert refused.status == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json["field"] == "customer"
    assert refused.json["detail"] == (
        "customer: expected one that is kept here; send the history with it, once, got 'anna'"
    )
    assert counted(keeping, "miss") == 1
    for wrong in ("", 42, ["anna"], "a" * 201):
        assert keeping.recommend(cart=["milk"], customer=wrong, history=[]).json["field"] == "customer"
    assert keeping.recommend(cart=["milk"], customer=None).status == 200


def test_what_does_not_hold_is_not_kept(keeping: Running) -> None:
    assert keeping.recommend(cart=[42], customer="anna", history=history("milk")).status == 422
    refused = keeping.recommend(cart=["milk"], customer="anna", history=[{"product_id": "milk"}])
    assert (refused.status, refused.json["field"]) == (422, "history[0].ordered_at")
    assert keeping.recommend(cart=["milk"], customer="anna").status == 409


@pytest.mark.parametrize("key", ["anna", "a/b c?#", "æ 商品", "."])
def test_who_is_forgotten_is_not_kept(keeping: Running, key: str) -> None:
    place = f"/v1/customers/{quote(key, safe='')}"
    assert keeping.recommend(cart=["milk"], customer=key, history=history("milk")).status == 200
    assert keeping.call("DELETE", place).json == {"forgotten": True}
    assert keeping.call("DELETE", place).json == {"forgotten": False}
    assert keeping.recommend(cart=["milk"], customer=key).status == 409
    assert (counted(keeping, "forgotten"), figure(keeping, "mersalg_histories_kept")) == (1, 0)


def test_the_one_longest_not_asked_about_goes_first(keeping: Running) -> None:
    for key in "abc":
        keeping.recommend(cart=["milk"], customer=key, history=history("milk"))
    keeping.recommend(cart=["milk"], customer="a")
    keeping.recommend(cart=["milk"], customer="d", history=history("milk"))
    assert [keeping.recommend(cart=["milk"], customer=key).status for key in "abcd"] == [200, 409, 200, 200]
    assert (counted(keeping, "evicted"), figure(keeping, "mersalg_histories_kept")) == (1, 3)


def test_a_history_goes_when_its_time_is_over_however_often_it_is_asked_about() -> None:
    now, seen = [0.0], list[tuple[str, int]]()
    customers = KeptCustomers(9, 60.0, lambda fate, kept: seen.append((fate, kept)), lambda: now[0])
    customers.keep("a", Recommender.customer(history("milk")))
    now[0] = 30.0
    customers.keep("b", Recommender.customer(history("milk")))
    now[0] = 59.0
    assert len(customers.find("a")) == 1
    now[0] = 60.0
    customers.drop_expired()
    assert len(customers) == 1
    with pytest.raises(UnknownCustomerError):
        customers.find("a")
    customers.keep("b", Recommender.customer([]))
    now[0] = 119.0
    assert len(customers.find("b")) == 0
    assert seen == [("kept", 1), ("kept", 2), ("hit", 2), ("expired", 1), ("miss", 1), ("kept", 1), ("hit", 1)]


def test_a_service_drops_what_is_over_without_being_asked(toy_folder: Path) -> None:
    with running(toy_folder, customers=3, customer_seconds=0.2) as service:
        service.recommend(cart=["milk"], customer="anna", history=history("milk"))
        wait_until(lambda: len(service.service.customers or ()) == 0)
        assert counted(service, "expired") == 1


def test_a_change_of_bundles_loses_no_customer(keeping: Running, tmp_path: Path) -> None:
    keeping.recommend(cart=["milk"], customer="anna", history=history("filter"))
    before = keeping.service.live.current
    other = write_bundle(tmp_path / "other")
    keeping.service.live.replace(source_of(str(other)))
    assert keeping.service.live.current is not before
    sent = keeping.recommend(**WANTED, history=history("filter"))
    assert keeping.recommend(**WANTED, customer="anna").body == sent.body


def test_a_service_keeps_nobody_unless_it_is_told_to(service: Running) -> None:
    refused = service.recommend(cart=["milk"], customer="anna", history=history("milk"))
    assert (refused.status, refused.json["field"]) == (422, "customer")
    assert "mersalg serve --customers N" in refused.json["detail"]
    assert service.call("DELETE", "/v1/customers/anna").status == 404
    document = service.call("GET", "/openapi.json").json
    assert "customer" not in document["components"]["schemas"]["Request"]["properties"]


def test_the_document_says_what_is_kept(keeping: Running) -> None:
    document = keeping.call("GET", "/openapi.json").json
    customer = document["components"]["schemas"]["Request"]["properties"]["customer"]
    assert "409" in customer["description"]
    assert "409" in document["paths"]["/v1/recommend"]["post"]["responses"]
    assert set(document["paths"]["/v1/customers/{customer}"]) == {"delete"}


def test_nobody_without_a_key_forgets_a_customer(toy_folder: Path) -> None:
    with running(toy_folder, Keys(frozenset({KEY}), ""), customers=3) as service:
        assert service.call("DELETE", "/v1/customers/anna").status == 401
        assert service.call("DELETE", "/v1/customers/anna", authorization=f"Bearer {KEY}").status == 200


def test_neither_key_nor_history_is_logged_or_counted_by_name(keeping: Running) -> None:
    log, everything = StringIO(), logging.getLogger()
    level, handler = everything.level, logging.StreamHandler(log)
    everything.addHandler(handler)
    everything.setLevel(logging.DEBUG)
    try:
        keeping.recommend(cart=["milk"], customer="secret-anna", history=history("secret-milk"))
        keeping.recommend(cart=["milk"], customer="secret-bert")
        keeping.call("DELETE", "/v1/customers/secret-anna")
        logging.getLogger("mersalg.serve").error("all of it is read here")
    finally:
        everything.removeHandler(handler)
        everything.setLevel(level)
    assert "all of it is read here" in log.getvalue()
    assert "secret" not in log.getvalue()
    assert "secret" not in keeping.call("GET", "/metrics").body.decode()


def test_a_trial_takes_customers_beside_the_ids_that_it_records(
    toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", KEY)
    trial = tmp_path / "trial.toml"
    trial.write_text('name = "e"\n[arms]\nhold-out = 0.5\nchampion = 0.5\n')
    record = tmp_path / "record.jsonl"
    with running(toy_folder, customers=3, trial=str(trial), exposures=str(record)) as service:
        asked = {**WANTED, "customer": "secret-key", "customer_id": "c-17"}
        sent = service.recommend(**asked, history=history("filter"))
        assert (sent.status, service.recommend(**asked).body) == (200, sent.body)
    assert "c-17" in record.read_text()
    assert "secret-key" not in record.read_text()


@pytest.mark.parametrize("wrong", [{"customers": -1}, {"customers": 5, "workers": 2}, {"customer_seconds": 0.0}])
def test_settings_that_keep_nobody_rightly_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"^customer"):
        Settings("models/demo", **wrong)
