"""Claims about addresses, credentials and the cache, which need no server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mersalg import RegistryError, load
from mersalg.registry.address import read_address
from mersalg.registry.cache import KEPT, Cache, cache_of
from mersalg.registry.server import ModelVersion, server_from_environment


def test_an_address_names_an_alias_or_a_version() -> None:
    alias, version = read_address("models:/corner shop@champion"), read_address("models:/demo/12")
    assert (alias.name, alias.alias, alias.version) == ("corner shop", "champion", None)
    assert (version.name, version.alias, version.version) == ("demo", None, "12")
    assert [str(alias), str(version)] == ["models:/corner shop@champion", "models:/demo/12"]


@pytest.mark.parametrize(
    "text", ["models:/", "models:/demo", "models:/demo/latest", "models:/a/../b@c", "models:/m-12ab", "models:/a@b/c"]
)
def test_what_is_no_address_is_refused_with_the_two_forms(text: str) -> None:
    with pytest.raises(RegistryError, match="models:/NAME@ALIAS or models:/NAME/VERSION"):
        load(text)


@pytest.mark.parametrize("uri", ["", "sqlite:///mlflow.db", "./mlruns", "databricks"])
def test_a_store_without_http_is_refused_with_a_way_out(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(RegistryError, match="mlflow server --backend-store-uri"):
        load("models:/demo@champion")


def test_a_password_stands_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://user:hunter2@db/mlflow")
    with pytest.raises(RegistryError) as refused:
        load("models:/demo@champion")
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:hunter2@127.0.0.1:1")
    with pytest.raises(RegistryError, match="no answer") as down:
        load("models:/demo@champion")
    assert "hunter2" not in str(down.value)
    assert "hunter2" not in repr(server_from_environment())


def test_credentials_come_from_mlflows_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1/base/")
    assert server_from_environment().headers == {}
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "token")
    assert server_from_environment().headers == {"Authorization": "Bearer token"}
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    assert server_from_environment().headers == {"Authorization": "Basic YW5uOnNlY3JldA=="}
    assert server_from_environment().uri == "http://127.0.0.1:1/base"
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://127.0.0.1:2")
    assert server_from_environment().uri == "http://127.0.0.1:2"


def test_a_time_out_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "soon")
    with pytest.raises(RegistryError, match="MLFLOW_HTTP_REQUEST_TIMEOUT"):
        server_from_environment()


def fill(cache: Cache, number: int) -> Path:
    """A version in a cache."""
    place = cache.place_of(ModelVersion("demo", str(number), f"source of {number}"))
    with cache.filling(place) as part:
        (part / "manifest.json").write_text("{}")
    os.utime(place, ns=(number, number))
    return place


def test_the_cache_keeps_the_latest_versions_and_what_an_alias_was_answered_from() -> None:
    cache, champion = cache_of("http://a", "demo"), read_address("models:/demo@champion")
    places = [fill(cache, number) for number in range(1, KEPT + 4)]
    cache.mark_good(champion, places[-1])
    cache.mark_good(read_address("models:/demo@challenger"), places[-1])
    assert [place.is_dir() for place in places] == [False] * 3 + [True] * KEPT
    assert cache.last_good(champion) == (str(KEPT + 3), places[-1])
    cache.mark_good(read_address("models:/demo@old"), places[3])
    more = [fill(cache, number) for number in range(20, 20 + KEPT)]
    cache.mark_good(champion, more[-1])
    assert places[3].is_dir()
    assert not places[4].is_dir()


def test_a_version_that_a_new_registry_counts_again_is_another_one() -> None:
    cache = cache_of("http://a", "demo")
    assert cache.place_of(ModelVersion("demo", "1", "m-1")) != cache.place_of(ModelVersion("demo", "1", "m-2"))
    assert cache.folder != cache_of("http://b", "demo").folder


def test_a_mark_that_leads_out_of_the_cache_is_not_followed(own_cache: Path) -> None:
    cache, champion = cache_of("http://a", "demo"), read_address("models:/demo@champion")
    fill(cache, 1)
    cache.mark_of(champion).write_text("../../..")
    assert cache.last_good(champion) is None


def test_a_name_of_dots_stays_in_the_cache(own_cache: Path) -> None:
    assert cache_of("http://a", "..").folder.resolve().parent.parent == own_cache


def test_a_cache_that_cannot_be_written_says_which_variable(own_cache: Path) -> None:
    own_cache.write_text("a file")
    with pytest.raises(RegistryError, match="MERSALG_CACHE"):
        fill(cache_of("http://a", "demo"), 1)
