"""Claims about `mersalg promote` and `mersalg runs`, on toy bundles of which it is evident which one is better."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import Any

import pytest

from mersalg.errors import MersalgError, RegistryError
from mersalg_training.commands.promote import add_command
from mersalg_training.config import parse_config
from mersalg_training.promotion.record import KEPT_BACK, PROMOTION, ROLLBACK
from mersalg_training.promotion.registry import move_champion
from mersalg_training.promotion.window import Span, read_shared
from mersalg_training.tracking.mlflow_run import import_mlflow
from promotion.toy_registry import BAD, GOOD, GOOD_TOO, ToyRegistry

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),  # SQLAlchemy's, of MLflow's own
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]
Out = pytest.CaptureFixture[str]


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    add_command(subparsers)
    args = parser.parse_args(list(arguments))
    return int(args.handler(args))


def versions_of(toys: ToyRegistry, capsys: Out) -> dict[str, Any]:
    capsys.readouterr()
    assert run("runs", toys.model, "--set", f"tracking.uri={toys.uri}", "--json") == 0
    return {row["version"]: row for row in json.loads(capsys.readouterr().out)["versions"]}


def test_a_first_champion_only_has_to_load_and_keep_the_saved_requests(toys: ToyRegistry, capsys: Out) -> None:
    bad = toys.register(BAD)
    assert run(*toys.arguments("--requests", str(toys.saved()))) == 4
    assert toys.champion() is None
    assert "saved request bag is broken" in toys.tags(bad)[KEPT_BACK]
    good = toys.register(GOOD)
    assert run(*toys.arguments("--requests", str(toys.saved()), "--dry-run")) == 0
    assert toys.champion() is None
    assert PROMOTION not in toys.tags(good)
    assert run(*toys.arguments("--requests", str(toys.saved()))) == 0
    assert toys.champion() == good
    assert run(*toys.arguments()) == 0  # asked for again, nothing is left to do
    assert "is the champion" in capsys.readouterr().out
    found = versions_of(toys, capsys)
    assert (found[good]["state"], found[bad]["state"]) == ("champion", "kept back")


def test_a_better_challenger_takes_over_a_worse_one_does_not_and_there_is_a_way_back(
    toys: ToyRegistry, capsys: Out
) -> None:
    first, better = toys.register(BAD, "champion"), toys.register(GOOD)
    assert run(*toys.arguments("--json", "--why", "spring")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["moved"], told["champion"]["version"], told["challenger"]["version"]) == (True, first, better)
    assert toys.champion() == better
    by_name = {row["name"]: row for row in told["evidence"]["measures"] if row["kind"] == "all kinds"}
    assert by_name["NDCG@10"]["verdict"] == by_name["bought a request"]["verdict"] == "better"
    record = json.loads(toys.tags(better)[PROMOTION])
    assert (record["previous"], record["outcome"], record["why"][0]) == (first, "promote", "spring")
    assert any(reason.startswith("better: NDCG@10: ") for reason in record["why"])
    kept = json.loads(toys.artifact(record["run"], "promotion.json"))
    assert kept["why"] == told["why"]

    worse = toys.register(BAD)
    assert run(*toys.arguments("--requests", str(toys.saved()))) == 4
    assert toys.champion() == better
    printed = capsys.readouterr().out
    assert f"version {better} stays the champion" in printed
    assert "saved request bag: kept by the champion, broken by the challenger" in printed
    assert any(
        reason.startswith("worse: bought a request: ") for reason in json.loads(toys.tags(worse)[KEPT_BACK])["why"]
    )
    found = versions_of(toys, capsys)
    assert [found[one]["state"] for one in (first, better, worse)] == ["was champion", "champion", "kept back"]
    assert found[better]["data"] == {"from": "2017-01-01", "to": "2017-05-31", "test_from": "2017-05-15"}

    assert run(*toys.arguments("--rollback", "--dry-run")) == 0
    assert toys.champion() == better
    assert run(*toys.arguments("--rollback", "--why", "too quiet")) == 0
    assert toys.champion() == first
    assert json.loads(toys.tags(better)[ROLLBACK])["why"] == "too quiet"
    found = versions_of(toys, capsys)
    assert (found[first]["state"], found[better]["state"]) == ("champion", "rolled back")
    with pytest.raises(RegistryError, match="expected a record of the champion before it, got none"):
        run(*toys.arguments("--rollback"))


def test_an_equal_challenger_is_not_promoted(toys: ToyRegistry) -> None:
    first, equal = toys.register(GOOD, "champion"), toys.register(GOOD_TOO)
    assert run(*toys.arguments()) == 3
    assert toys.champion() == first
    assert "nothing is better" in toys.tags(equal)[KEPT_BACK]


def test_what_logged_offers_say_is_worse_keeps_a_challenger_back(toys: ToyRegistry, capsys: Out) -> None:
    toys.register(GOOD)
    assert run(*toys.arguments()) == 0
    bad = toys.register(BAD)
    assert run(*toys.arguments(*toys.logged(), "--margin", "0.95")) == 4
    assert "worse: accepted a request, SNIPS: 0.0000 for the champion's 1.0000" in toys.tags(bad)[KEPT_BACK]
    assert "accepted a request: off-policy, on 1,050 offers" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"propensity": None}, "logged offers tell no value: no offer of the log has a propensity"),
        ({"product_id": "milk", "propensity": 1.0}, "logged offers tell no value: challenger: the log holds too few"),
        ({"offered_at": "2017-04-01T00:00:00"}, "no offer of data.offers was made from 2017-05-15"),
    ],
)
def test_a_log_that_cannot_tell_says_why_and_keeps_nobody_back(
    toys: ToyRegistry, capsys: Out, changes: dict[str, object], told: str
) -> None:
    toys.register(GOOD)
    assert run(*toys.arguments()) == 0
    toys.register(BAD)
    capsys.readouterr()
    run(*toys.arguments(*toys.logged(**changes), "--dry-run"))
    printed = " ".join(capsys.readouterr().out.split())
    assert told in printed
    assert "accepted a request, SNIPS" not in printed


def test_a_champion_that_changed_since_the_comparison_stops_the_move(toys: ToyRegistry) -> None:
    first, second = toys.register(BAD, "champion"), toys.register(GOOD)
    toys.move("champion", second)
    with pytest.raises(RegistryError, match=f"expected version {first}, .* got {second}"):
        move_champion(toys.models, first, second)
    move_champion(toys.models, second, first)
    assert toys.champion() == first


def test_a_bundle_that_does_not_load_stops_before_anything_is_written(
    toys: ToyRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = toys.register(GOOD)
    scorer = next(toys.folder.parent.glob("mlruns/models/*/artifacts/data/bundle/scorer.onnx"))
    scorer.write_bytes(scorer.read_bytes()[:-1] + b"x")
    with pytest.raises(MersalgError, match=f"models:/shop/{version}: .*scorer.onnx"):
        run(*toys.arguments())
    assert toys.champion() is None
    assert PROMOTION not in toys.tags(version)


def test_orders_that_a_bundle_has_learned_from_compare_nothing(toys: ToyRegistry) -> None:
    data = {"orders": str(toys.orders())}
    config = parse_config({"name": "toy", "data": data, "label": {"horizon_days": 3.0}}, "toy")
    unknown, day = datetime(2017, 5, 15), datetime(2017, 5, 31)
    with pytest.raises(MersalgError, match="--since 2017-05-01: expected a day from 2017-05-15 on"):
        read_shared(config, unknown, Span(since=datetime(2017, 5, 1)))
    with pytest.raises(MersalgError, match="expected orders of 20 requests from 2017-05-31 to before 2017-06-01"):
        read_shared(config, unknown, Span(since=day))
    shared = read_shared(config, unknown, Span(until=day))
    assert (shared.since, shared.until) == (unknown, day)
    assert min(shared.cases.at) >= shared.first_day
    assert not shared.notes

    few = config.engine.model_copy(update={"drawn_lines": 300})
    drawn = read_shared(config.model_copy(update={"engine": few}), unknown, Span(until=day))
    assert drawn.timeline.n_lines <= 300 < shared.timeline.n_lines
    assert 20 <= len(drawn.cases) < len(shared.cases)
    assert "(engine.drawn_lines)" in drawn.notes[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--margin", "1"), "--margin: expected a share"),
        (("--cost-margin", "-0.1"), "--cost-margin: expected a share"),
        (("--queries", "1"), "--queries: expected a whole number from 20"),
        (("--why", "x" * 301), "--why: expected at most 300"),
        (("--since", "soon"), "--since: expected an ISO 8601 day"),
        (("--policy", "p.toml"), "--policy: expected --requests"),
        (("--requests", "none.jsonl"), "none.jsonl: cannot be read"),
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(toys: ToyRegistry, arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(MersalgError, match=told):
        run(*toys.arguments(*arguments))


def test_no_model_and_no_server_are_told(toys: ToyRegistry, empty_store: object) -> None:
    with pytest.raises(RegistryError, match="is there such a model"):
        run(*toys.arguments())
    with pytest.raises(RegistryError, match=r"expected an MLflow server, got no answer; .*MLFLOW_TRACKING_URI"):
        run("runs", "shop", "--set", "tracking.uri=http://127.0.0.1:9")
    with pytest.raises(RegistryError, match="expected the name of a registered model"):
        run("runs", "models:/shop", "--set", f"tracking.uri={toys.uri}")
    import_mlflow().MlflowClient(toys.uri, registry_uri=toys.uri).create_registered_model(toys.model)
    with pytest.raises(RegistryError, match="models:/shop@challenger: expected a version"):
        run(*toys.arguments())
