"""Claims about a service in a trial: who is held out sees nothing, and every answer is in the record."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mersalg import ConfigError, MersalgError
from mersalg_service.experiment import EXPOSURE_FIELDS, HOLD_OUT, Exposure, read_experiment
from mersalg_service.serve.app import make_service
from mersalg_service.serve.settings import Settings
from processes import DEADLINE, wait_until
from serve.running import Running, running
from serve.test_metrics import figures
from serve.test_process import started

KEY = "k" * 20
TRIAL = 'name = "spring"\n{more}\n[arms]\nhold-out = 0.5\nchampion = 0.5\n'
AT = "2025-03-01T12:00:00"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", KEY)


def write_trial(folder: Path, more: str = "") -> dict[str, str]:
    """The settings of a trial whose record is one file."""
    (folder / "trial.toml").write_text(TRIAL.format(more=more))
    return {"trial": str(folder / "trial.toml"), "exposures": str(folder / "exposures.jsonl")}


def units(folder: Path, n: int = 1) -> dict[str, list[str]]:
    """So many customers of each arm."""
    experiment = read_experiment(folder / "trial.toml")
    found: dict[str, list[str]] = {HOLD_OUT: [], "champion": []}
    for number in range(100 * n):
        customer = f"c{number}"
        found[experiment.assign(customer).arm].append(customer)
    return {arm: customers[:n] for arm, customers in found.items()}


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "exposures.jsonl").read_text().splitlines()]


def test_who_is_held_out_sees_nothing_and_the_others_what_they_would_without_a_trial(
    toy_folder: Path, tmp_path: Path, service: Running
) -> None:
    settings = write_trial(tmp_path)
    whose = units(tmp_path)
    asked = {"cart": ["milk"], "limit": 2, "at": AT}
    with running(toy_folder, **settings) as trial:
        shown = trial.recommend(customer_id=whose["champion"][0], order_id="o1", **asked)
        held = trial.recommend(customer_id=whose[HOLD_OUT][0], order_id=None, **asked)
        counted = figures(trial)
    assert shown.json == service.recommend(**asked).json
    nothing = {"offers": [], "reason": "hold-out", "retrieved": 0, "best_relevance": {}}
    assert held.json == {**nothing, "bundle": shown.json["bundle"]}
    assert counted["mersalg_empty_answers_total", "moment=cart", "reason=hold-out"] == 1
    assert counted["mersalg_trial_answers_total", "arm=hold-out"] == 1
    assert counted["mersalg_trial_answers_total", "arm=champion"] == 1
    first, second, third = rows_of(tmp_path)
    assert tuple(first) == EXPOSURE_FIELDS
    assert [(r["product_id"], r["position"], r["shown"]) for r in (first, second)] == [
        ("milk", 1, True),
        ("bread", 2, True),
    ]
    assert (first["customer_id"], first["unit"], first["order_id"]) == (*whose["champion"] * 2, "o1")
    assert (first["experiment"], first["arm"], first["propensity"]) == ("spring", "champion", 0.5)
    assert (first["offered_at"], first["moment"], first["accepted"]) == (AT, "cart", None)
    assert first["bundle"] == f"toy:{shown.json['bundle']}"
    assert (third["arm"], third["product_id"], third["shown"], third["reason"]) == (HOLD_OUT, None, False, "hold-out")


def test_a_shadow_records_what_would_have_been_shown(toy_folder: Path, tmp_path: Path) -> None:
    settings = write_trial(tmp_path, 'shadow = "champion"')
    with running(toy_folder, **settings) as trial:
        held = trial.recommend(customer_id=units(tmp_path)[HOLD_OUT][0], cart=["milk"], limit=2)
        assert (held.json["offers"], held.json["reason"]) == ([], "hold-out")
    assert [(r["product_id"], r["shown"], r["arm"]) for r in rows_of(tmp_path)] == [
        ("milk", False, HOLD_OUT),
        ("bread", False, HOLD_OUT),
    ]


def test_many_requests_are_drawn_one_by_one(toy_folder: Path, tmp_path: Path) -> None:
    settings = write_trial(tmp_path)
    whose = units(tmp_path, 20)
    requests = [{"cart": ["milk"], "customer_id": c} for arm in whose for c in whose[arm]]
    with running(toy_folder, **settings) as trial:
        answers = trial.call("POST", "/v1/score", {"requests": requests}).json["answers"]
        ranked = trial.call("POST", "/v1/score", {"requests": requests, "threshold": False})
    assert [answer["reason"] for answer in answers] == ["hold-out"] * 20 + [None] * 20
    assert (ranked.status, ranked.json["field"]) == (422, "threshold")
    assert Counter(row["arm"] for row in rows_of(tmp_path)) == {HOLD_OUT: 20, "champion": 60}


def test_a_request_without_an_id_is_refused_or_stays_outside(toy_folder: Path, tmp_path: Path) -> None:
    with running(toy_folder, **write_trial(tmp_path)) as trial:
        refused = trial.recommend(cart=["milk"])
        assert (refused.status, refused.json["field"]) == (422, "customer_id")
        tensors = {"inputs": [{"name": "cart", "datatype": "BYTES", "shape": [1, 1], "data": ["milk"]}]}
        assert trial.call("POST", "/v2/models/toy/infer", tensors).json["field"] == "customer_id"
    assert rows_of(tmp_path) == []
    with running(toy_folder, **write_trial(tmp_path, 'without_unit = "champion"')) as trial:
        assert trial.recommend(cart=["milk"]).json["reason"] is None
        assert trial.call("POST", "/v2/models/toy/infer", tensors).status == 200
    assert {(row["unit"], row["arm"], row["propensity"]) for row in rows_of(tmp_path)} == {(None, "champion", None)}


@pytest.mark.parametrize("wrong", [5, "", "a\0b", "\ud800", "x" * 201, [], {}, True])
@pytest.mark.parametrize("field", ["customer_id", "order_id"])
def test_an_id_is_a_text(toy_folder: Path, tmp_path: Path, field: str, wrong: Any) -> None:
    service = make_service(Settings(str(toy_folder), **write_trial(tmp_path)))
    with pytest.raises(MersalgError, match=f"{field}: expected a text"):
        service.read({"customer_id": "c1", "cart": ["milk"], field: wrong})


def test_ids_are_refused_where_no_trial_runs(service: Running) -> None:
    refused = service.recommend(cart=["milk"], customer_id="c1")
    assert (refused.status, refused.json["field"]) == (422, "customer_id")
    assert "customer_id" not in service.call("GET", "/openapi.json").body.decode()


def test_a_record_that_is_stuck_delays_no_answer_and_what_is_lost_is_counted(
    toy_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    go = Event()
    with running(toy_folder, **write_trial(tmp_path)) as trial:
        served = trial.service.recorded
        assert served is not None
        real, served.queue.most = served.queue.write, 4

        def stuck(rows: Sequence[Exposure]) -> None:
            assert go.wait(DEADLINE)
            real(rows)

        served.queue.write = stuck
        customer = units(tmp_path)["champion"][0]
        for _ in range(6):
            assert trial.recommend(customer_id=customer, cart=["milk"], limit=2).status == 200
        counted = figures(trial)
        assert counted["mersalg_exposures_waiting",] == 4
        assert counted["mersalg_exposures_total", "outcome=queue full"] == 8
        go.set()
        wait_until(lambda: figures(trial).get(("mersalg_exposures_total", "outcome=written")) == 4)
        assert figures(trial)["mersalg_exposures_waiting",] == 0
    assert "exposures are lost (2 since the start): 4 rows wait already" in caplog.text
    assert len(rows_of(tmp_path)) == 4


def test_a_disk_that_refuses_fails_no_answer(toy_folder: Path, tmp_path: Path) -> None:
    with running(toy_folder, **write_trial(tmp_path)) as trial:
        assert trial.service.recorded is not None
        trial.service.recorded.queue.write = refuse
        customer = units(tmp_path)["champion"][0]
        assert trial.recommend(customer_id=customer, cart=["milk"], limit=2).status == 200
        wait_until(lambda: figures(trial).get(("mersalg_exposures_total", "outcome=not written")) == 2)


def refuse(_: Sequence[Exposure]) -> None:
    raise MersalgError("the disk is full")


def test_what_waits_at_a_graceful_stop_is_written(toy_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "record"
    options = ("--trial", write_trial(tmp_path)["trial"], "--exposures", str(folder), "--workers", "2")
    with started(str(toy_folder), *options, MERSALG_EXPERIMENT_KEY=KEY) as service:
        for number in range(40):
            body = json.dumps({"cart": ["milk"], "limit": 1, "customer_id": f"c{number}"}).encode()
            with urllib.request.urlopen(service.address + "/v1/recommend", body, timeout=DEADLINE) as answer:
                assert answer.status == 200
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(DEADLINE) in (0, -signal.SIGTERM)
    files = sorted(folder.iterdir())  # two where a day has ended meanwhile
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert {row["customer_id"] for row in rows} == {f"c{number}" for number in range(40)}
    assert len(rows) == 40


def test_a_trial_that_cannot_be_is_refused_at_the_start(toy_folder: Path, tmp_path: Path) -> None:
    settings = write_trial(tmp_path)
    with pytest.raises(ConfigError, match="exposures: expected a folder"):
        Settings(str(toy_folder), trial=settings["trial"])
    with pytest.raises(ConfigError, match="trial or explore: expected one"):
        Settings(str(toy_folder), exposures=settings["exposures"])
    (tmp_path / "trial.toml").write_text('name = "x"\n[arms]\nchampion = 0.5\nchallenger = 0.5\n')
    with pytest.raises(ConfigError, match="expected the arm hold-out and one that shows"):
        make_service(Settings(str(toy_folder), **settings))
    write_trial(tmp_path)
    with pytest.raises(MersalgError, match="cannot be a folder of exposures"):
        make_service(Settings(str(toy_folder), trial=settings["trial"], exposures=str(tmp_path / "no" / "folder")))
