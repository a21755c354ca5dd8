"""Claims about a service under a policy: its rules hold over HTTP, and its files are read when they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from mersalg import ConfigError, DataError
from mersalg.policy.default import DEFAULT_POLICY
from mersalg_service.serve.app import make_service
from mersalg_service.serve.settings import Settings
from processes import wait_until
from serve.running import running
from serve.test_metrics import figures

STOCKED = "product_id,price,stock\nmilk,1,5\nbread,2,5\nbutter,3,5\nbag,1,5\nwine,9,5\n"
SOLD_OUT = STOCKED.replace("bread,2,5", "bread,2,0")


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    file = tmp_path / "products.csv"
    file.write_text(SOLD_OUT)
    return file


@pytest.fixture
def policy(tmp_path: Path) -> str:
    file = tmp_path / "policy.toml"
    file.write_text(DEFAULT_POLICY)
    return str(file)


def test_what_is_sold_out_is_not_offered_is_counted_and_is_told(toy_folder: Path, policy: str, catalogue: Path) -> None:
    with running(toy_folder, policy=policy, catalogue=str(catalogue)) as service:
        answer = service.recommend(cart=["milk"], kinds=["cross-sell"]).json
        assert [offer["product_id"] for offer in answer["offers"]] == ["butter"]
        assert answer["filtered"] == {"out of stock": 1}
        assert answer["beside"][0]["price"] == 3
        assert figures(service)["mersalg_filtered_total", "rule=out of stock"] == 1


def test_an_answer_that_the_policy_empties_says_so(toy_folder: Path, policy: str, catalogue: Path) -> None:
    catalogue.write_text(SOLD_OUT.replace("butter,3,5", "butter,3,0"))
    with running(toy_folder, policy=policy, catalogue=str(catalogue)) as service:
        answer = service.recommend(cart=["milk"], kinds=["cross-sell"]).json
        assert (answer["offers"], answer["reason"]) == ([], "filtered")
        assert figures(service)["mersalg_empty_kinds_total", "kind=cross-sell", "reason=filtered"] == 1


def test_a_changed_catalogue_acts_and_a_wrong_one_does_not(
    toy_folder: Path, policy: str, catalogue: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(toy_folder, policy=policy, catalogue=str(catalogue)) as service:

        def offered() -> list[str]:
            answer = service.recommend(cart=["milk"], kinds=["cross-sell"]).json
            return [offer["product_id"] for offer in answer["offers"]]

        assert offered() == ["butter"]
        catalogue.write_text("nonsense\n1\n")
        wait_until(lambda: "the policy stays as it was" in caplog.text)
        assert offered() == ["butter"]
        catalogue.write_text(STOCKED)
        wait_until(lambda: offered() == ["bread", "butter"])


def test_facts_of_a_shopper_are_refused_where_no_policy_acts(toy_folder: Path, policy: str, catalogue: Path) -> None:
    asked = {"cart": ["milk"], "shopper": {"budget": 2.5}, "kinds": ["cross-sell"]}
    with running(toy_folder) as service:
        refused = service.recommend(**asked)
        assert (refused.status, refused.json["field"]) == (422, "shopper")
    catalogue.write_text(STOCKED)
    with running(toy_folder, policy=policy, catalogue=str(catalogue)) as service:
        answer = service.recommend(**asked).json
        assert [offer["product_id"] for offer in answer["offers"]] == ["bread"]
        assert answer["filtered"] == {"budget": 1}


def test_a_wrong_catalogue_at_the_start_is_refused(toy_folder: Path, policy: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.csv"):
        make_service(Settings(str(toy_folder), policy=policy, catalogue=str(tmp_path / "absent.csv")))


def test_a_catalogue_without_a_policy_is_refused(toy_folder: Path, catalogue: Path) -> None:
    with pytest.raises(ConfigError, match="expected a policy with it"):
        Settings(str(toy_folder), catalogue=str(catalogue))
