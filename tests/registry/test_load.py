"""Claims about `mersalg.load("models:/NAME@ALIAS")` from a real MLflow server, whole and in trouble."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks.test_signatures import write_keys
from mersalg import BundleError, RegistryError, load
from mersalg.cli import main
from registry.conftest import Shelf
from registry.fronts import Front, front

pytestmark = [
    pytest.mark.slow,
    # MLflow declares its tables with an option that SQLAlchemy 2.1 deprecates.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    # MLflow about the type hints of its own classes, when its pyfunc module is imported first.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]


@pytest.fixture(scope="module")
def two_versions(shelf: Shelf) -> tuple[str, str]:
    """A model whose champion is its second version."""
    return shelf.register("loaded", 0.02), shelf.register("loaded", 0.03)


@pytest.fixture
def before(shelf: Shelf, two_versions: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """A front before the server, named by the environment."""
    with front(shelf.uri) as told:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", told.uri)
        yield told


def honey(address: str) -> float:
    """The relevance of honey, which tells the versions apart."""
    ((offer,),) = load(address).score([{"only": ["honey"]}], threshold=False)
    return round(offer.relevance, 4)


def test_an_alias_and_a_version_are_loaded(before: Front, two_versions: tuple[str, str]) -> None:
    assert honey("models:/loaded@champion") == 0.03
    assert honey(f"models:/loaded/{two_versions[0]}") == 0.02


def test_an_alias_that_has_moved_is_followed(before: Front, shelf: Shelf, two_versions: tuple[str, str]) -> None:
    shelf.move("loaded", "moving", two_versions[1])
    assert honey("models:/loaded@moving") == 0.03
    shelf.move("loaded", "moving", two_versions[0])
    assert honey("models:/loaded@moving") == 0.02


def test_files_come_once(before: Front) -> None:
    load("models:/loaded@champion")
    first = sum("get-artifact" in path for path in before.asked)
    load("models:/loaded@champion")
    assert first == 6, "the manifest, its four files, and the look for a signature"
    assert sum("get-artifact" in path for path in before.asked) == first


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the signing library
def test_a_signature_comes_along_and_is_required_where_a_key_is_named(
    before: Front, shelf: Shelf, tmp_path: Path
) -> None:
    private, public = write_keys(tmp_path, "shop")
    version = shelf.register("signed", 0.02, signed=private)
    assert load(f"models:/signed/{version}", public_key=public).recommend(["bread"]).reason is None
    with pytest.raises(BundleError, match=r"model\.sig"):
        load("models:/loaded@champion", public_key=public)


def test_the_commands_take_an_address(before: Front, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "models:/loaded@champion", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "toy"
    assert main(["recommend", "models:/loaded@champion", "--cart", "milk"]) == 0


def test_a_server_that_is_down_is_answered_for_by_the_cache_and_aloud(
    before: Front, caplog: pytest.LogCaptureFixture
) -> None:
    assert honey("models:/loaded@champion") == 0.03
    before.trouble = "down"
    assert honey("models:/loaded@champion") == 0.03
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "no answer" in said
    assert "going on with models:/loaded/2" in said


def test_a_server_that_is_down_with_nothing_in_the_cache_is_refused(before: Front) -> None:
    before.trouble = "down"
    with pytest.raises(RegistryError, match="no answer") as refused:
        load("models:/loaded@champion")
    assert refused.value.unreachable


@pytest.mark.parametrize("part", ["scorer.onnx", "manifest.json", "CARD.md"])
def test_a_copy_in_the_cache_that_is_damaged_is_fetched_again(
    before: Front, own_cache: Path, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert honey("models:/loaded@champion") == 0.03
    (damaged,) = own_cache.rglob(part)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert honey("models:/loaded@champion") == 0.03
    assert "the copy in the cache is damaged" in caplog.text
    caplog.clear()
    assert honey("models:/loaded@champion") == 0.03
    assert not caplog.text
    assert not list(own_cache.rglob(".part-*"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the signing library
def test_a_version_that_was_signed_later_gets_its_signature(
    before: Front, shelf: Shelf, tmp_path: Path, own_cache: Path
) -> None:
    private, public = write_keys(tmp_path, "shop")
    address = f"models:/late/{shelf.register('late', 0.02, signed=private)}"
    load(address)
    (signature,) = own_cache.rglob("model.sig")
    signature.unlink()
    load(address)
    assert not signature.exists(), "who requires none asks for none"
    load(address, public_key=public)
    assert signature.exists()


def test_names_are_there_when_the_cache_is_gone(before: Front, own_cache: Path) -> None:
    recommender = load("models:/loaded@champion")
    own_cache.rename(own_cache.with_name("gone"))
    assert recommender.name("milk") == "Fresh milk"


@pytest.mark.parametrize("part", ["scorer.onnx", "golden.json", "manifest.json"])
def test_a_download_that_breaks_off_leaves_nothing_and_the_next_one_works(
    before: Front, own_cache: Path, part: str
) -> None:
    before.trouble, before.part = "cut", part
    with pytest.raises(RegistryError, match="broke off") as refused:
        load("models:/loaded@champion")
    assert refused.value.unreachable
    assert not [path for path in own_cache.rglob("*") if path.is_file()]
    before.trouble = ""
    assert honey("models:/loaded@champion") == 0.03


@pytest.mark.parametrize(("trouble", "words"), [("flip", "sha256"), ("longer", "got more")])
def test_a_file_that_is_not_what_the_manifest_says_is_refused(
    before: Front, own_cache: Path, trouble: str, words: str
) -> None:
    before.trouble, before.part = trouble, "scorer.onnx"
    with pytest.raises(BundleError, match=words):
        load("models:/loaded@champion")
    assert not [path for path in own_cache.rglob("*") if path.is_file()]


def test_credentials_are_not_sent_along_a_redirect(before: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "token")
    before.trouble = "redirect"
    with pytest.raises(RegistryError, match="answers 302"):
        load("models:/loaded@champion")
    assert before.given == ["Bearer token"]


def test_a_server_that_wants_credentials_says_which_variables(before: Front) -> None:
    before.trouble = "credentials"
    with pytest.raises(RegistryError, match="MLFLOW_TRACKING_TOKEN") as refused:
        load("models:/loaded@champion")
    assert not refused.value.unreachable


@pytest.mark.parametrize(
    ("address", "words"),
    [("loaded@nobody", "nobody not found"), ("none@champion", "none not found"), ("loaded/77", "77")],
)
def test_what_the_registry_does_not_hold_is_refused_in_its_words(before: Front, address: str, words: str) -> None:
    with pytest.raises(RegistryError, match=words) as refused:
        load(f"models:/{address}")
    assert not refused.value.unreachable
    assert "{" not in str(refused.value)


def test_another_kind_of_page_is_no_registry(before: Front) -> None:
    before.trouble, before.part = "longer", "alias"
    with pytest.raises(RegistryError, match="is this an MLflow server"):
        load("models:/loaded@champion")
