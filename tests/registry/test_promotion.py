"""Claims about a promotion through a real MLflow server, with a service that follows the champion.

Every write of a promotion is, in turn, the last that the server carries out, and the last that it does not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from mersalg.errors import MersalgError
from mersalg_training.commands.promote import add_command
from mersalg_training.progress import unseen
from mersalg_training.promotion.judge import PromotionTerms, candidates, judge
from mersalg_training.promotion.record import (
    CHAMPION,
    PROMOTION,
    PromotionRecord,
    as_tag,
    promotion_of,
    rollback_of,
    standings,
)
from mersalg_training.promotion.registry import carry_out, take_back, way_back
from mersalg_training.tracking.registered_models import open_versions
from promotion.toy_registry import BAD, GOOD, GOOD_TOO, ToyRegistry
from registry.conftest import Shelf
from registry.writes import write_front
from serve.running import HONEY, Running, honey_of, running, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow does not try again for minutes."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def toys_of(shelf: Shelf, tmp_path: Path, model: str) -> ToyRegistry:
    (tmp_path / "toys").mkdir()
    return ToyRegistry(shelf.uri, tmp_path / "toys", model)


def promote(toys: ToyRegistry, uri: str, *more: str) -> int:
    """Run the command through another address of the same server."""
    parser = argparse.ArgumentParser()
    add_command(parser.add_subparsers())
    args = parser.parse_args([*toys.arguments("--queries", "60", *more), "--set", f"tracking.uri='{uri}'"])
    return int(args.handler(args))


def ends(writes: list[str]) -> list[str]:
    """The last part of each path; before it stand the numbers of runs."""
    return [write.rpartition("/")[2] for write in writes]


def honey(service: Running) -> float:
    return honey_of(service.call("POST", "/v1/score", HONEY))


def test_a_service_follows_the_swap_and_the_way_back(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = toys_of(shelf, tmp_path, "followed")
    toys.register(BAD, CHAMPION)
    toys.register(GOOD)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", shelf.uri)
    with running(f"models:/{toys.model}@champion") as service:
        assert honey(service) == BAD
        assert promote(toys, shelf.uri) == 0
        wait_until(lambda: honey(service) == GOOD)
        assert promote(toys, shelf.uri, "--rollback") == 0
        wait_until(lambda: honey(service) == BAD)


def test_a_server_that_dies_at_any_write_leaves_the_old_champion_or_the_new_one_with_its_reason(
    shelf: Shelf, tmp_path: Path, no_patience: None
) -> None:
    toys = toys_of(shelf, tmp_path, "dying")
    version = toys.register(GOOD)
    decided = judge(toys.models, candidates(toys.models), PromotionTerms(), unseen())
    carry_out(toys.models, decided, "")  # so that the experiment is there
    toys.models.client.delete_registered_model_alias(toys.model, CHAMPION)
    with write_front(shelf.uri) as alive:
        carry_out(open_versions(alive.uri, toys.model), decided, "")
    assert ends(alive.writes[-3:]) == ["update", "set-tag", "alias"]
    assert toys.champion() == version
    for number in range(len(alive.writes)):
        for carried_out in (False, True):
            is_move = number == len(alive.writes) - 1
            toys.models.client.delete_registered_model_alias(toys.model, CHAMPION)
            if not is_move and PROMOTION in toys.tags(version):
                toys.models.client.delete_model_version_tag(toys.model, version, PROMOTION)
            with write_front(shelf.uri, number, after=carried_out) as dying, pytest.raises(MersalgError):
                carry_out(open_versions(dying.uri, toys.model), decided, "")
            assert ends(dying.writes[: number + 1]) == ends(alive.writes[: number + 1])
            assert toys.champion() == (version if is_move and carried_out else None)
            (found,) = standings(toys.models.newest(9), toys.champion())
            if toys.champion() is not None:
                assert (found.state, promotion_of(found.version)) == ("champion", found.record)
                assert found.record is not None
            else:
                assert found.state == ("not carried out" if PROMOTION in found.version.tags else "")
                toys.move(CHAMPION, version)


def test_a_server_that_dies_during_a_rollback_leaves_one_of_the_two(
    shelf: Shelf, tmp_path: Path, no_patience: None
) -> None:
    toys = toys_of(shelf, tmp_path, "back")
    first, second = toys.register(GOOD, CHAMPION), toys.register(GOOD_TOO, CHAMPION)
    promoted = PromotionRecord("promote", "2026-01-01T00:00:00+00:00", first, ("better",), None)
    toys.models.set_tag(second, PROMOTION, as_tag(promoted))
    back = way_back(toys.models, unseen())
    for number, carried_out, champion in ((0, False, second), (0, True, second), (1, False, second), (1, True, first)):
        with write_front(shelf.uri, number, after=carried_out) as dying, pytest.raises(MersalgError):
            take_back(open_versions(dying.uri, toys.model), back, "quiet")
        assert toys.champion() == champion
        states = {one.version.version: one.state for one in standings(toys.models.newest(9), champion)}
        assert states[second] == ("champion" if champion == second else "rolled back")
    assert rollback_of(toys.models.version(second)) is not None
