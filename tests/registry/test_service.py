"""Claims about a service that follows an alias of a real MLflow server, and about changing its bundle from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mersalg_service.serve.settings import Keys
from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import open_run
from processes import wait_until
from registry.conftest import Shelf
from registry.fronts import Front, front
from serve.running import HONEY, Running, honey_of, running, write_honey_bundle
from toy_bundle import rewrite

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]
ADMIN = "a" * 20
CHAMPION = "models:/served@champion"
FROM_PYTHON = """
import json, sys
from mlflow.deployments import get_deploy_client
from mersalg import MersalgError
target, second, wrong = sys.argv[1:]
client = get_deploy_client(target)
client.update_deployment("shop", second)
try:
    client.update_deployment("shop", f"models:/served/{wrong}")
    refused = False
except MersalgError as error:
    refused = "0.9" in str(error)
offers = client.predict("shop", [{"request_id": "1", "cart": ["milk"]}])
names = [found["name"] for found in client.list_deployments()]
print(json.dumps({"list": names, "offers": list(offers["product_id"]), "refused": refused}))
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def versions(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two good versions of a model, and a wrong one."""
    found = {"first": shelf.register("served", 0.02), "second": shelf.register("served", 0.03)}
    wrong = write_honey_bundle(tmp_path_factory.mktemp("wrong") / "toy", 0.04)
    golden = json.loads((wrong / "golden.json").read_text())
    golden["answers"][0][0]["relevance"] = 0.9
    rewrite(wrong, "golden.json", json.dumps(golden).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mersalg.recommender.check_golden", lambda recommender, bundle: None)  # else it is refused here
        with open_run(TrackingConfig(uri=shelf.uri, experiment="shop"), "toy") as run:
            registered = run.log_bundle(wrong, "served")
    assert registered is not None
    return {**found, "wrong": registered.version}


@pytest.fixture
def before(shelf: Shelf, versions: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """A front before the server; the champion is the first version."""
    shelf.move("served", "champion", versions["first"])
    with front(shelf.uri) as told:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", told.uri)
        yield told


def honey(service: Running) -> float:
    return honey_of(service.call("POST", "/v1/score", HONEY))


def refusal(service: Running) -> Any:
    return service.call("GET", "/ready").json["refused"]


def admin(service: Running, method: str, path: str = "", body: Any = None) -> Any:
    answered = service.call(method, f"/v1/deployment{path}", body, Authorization=f"Bearer {ADMIN}")
    return answered.status, answered.json


def test_a_new_champion_takes_over_when_it_is_whole(before: Front, shelf: Shelf, versions: dict[str, str]) -> None:
    with running("models:/served@champion") as service:
        assert honey(service) == 0.02
        shelf.move("served", "champion", versions["wrong"])
        wait_until(lambda: refusal(service))
        assert "0.9" in refusal(service)["error"]
        assert honey(service) == 0.02
        shelf.move("served", "champion", versions["second"])
        wait_until(lambda: honey(service) == 0.03)
        assert refusal(service) is None
        assert service.call("GET", "/version").json["bundle"]["address"] == f"models:/served/{versions['second']}"


def test_a_server_that_goes_down_in_between_is_waited_for(
    before: Front, shelf: Shelf, versions: dict[str, str]
) -> None:
    with running("models:/served@champion") as service:
        before.trouble = "down"
        wait_until(lambda: refusal(service))
        assert honey(service) == 0.02
        assert service.call("GET", "/ready").status == 200
        shelf.move("served", "champion", versions["second"])
        before.trouble, before.part = "cut", "scorer.onnx"
        before.asked.clear()
        wait_until(lambda: sum("scorer.onnx" in path for path in before.asked) > 1)
        assert honey(service) == 0.02
        before.trouble = ""
        wait_until(lambda: honey(service) == 0.03)


def test_a_server_that_is_down_at_the_start_is_answered_for_by_the_cache(before: Front) -> None:
    with running("models:/served@champion"):
        pass
    before.trouble = "down"
    with running("models:/served@champion") as service:
        assert honey(service) == 0.02
        assert "no answer" in refusal(service)["error"]
        before.trouble = ""
        wait_until(lambda: refusal(service) is None)


def test_a_wrong_champion_at_the_start_is_answered_for_by_the_last_good_one(
    before: Front, shelf: Shelf, versions: dict[str, str]
) -> None:
    with running("models:/served@champion"):
        pass
    shelf.move("served", "champion", versions["wrong"])
    with running("models:/served@champion") as service:
        assert honey(service) == 0.02
        assert "0.9" in refusal(service)["error"]


def test_without_server_and_cache_a_service_is_not_ready_until_there_is_one(before: Front) -> None:
    before.trouble = "down"
    with running("models:/served@champion") as service:
        for path in ("/ready", "/v2/health/ready"):
            assert service.call("GET", path).status == 503
        assert service.call("GET", "/health").status == 200
        refused = service.recommend()
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        before.trouble = ""
        wait_until(lambda: service.call("GET", "/ready").status == 200)
        assert honey(service) == 0.02


def test_a_bundle_is_put_in_taken_back_and_refused(before: Front, versions: dict[str, str], tmp_path: Path) -> None:
    start = write_honey_bundle(tmp_path / "start", 0.01)
    with running(start, Keys(frozenset(), ADMIN)) as service:
        status, now = admin(service, "PUT", body={"name": "shop", "bundle": "models:/served@champion"})
        assert (status, now["name"], now["earlier"]) == (200, "shop", [str(start)])
        assert honey(service) == 0.02
        admin(service, "PUT", body={"bundle": f"models:/served/{versions['second']}"})
        assert honey(service) == 0.03
        status, problem = admin(service, "PUT", body={"bundle": f"models:/served/{versions['wrong']}"})
        assert status == 409
        assert "0.9" in problem["detail"]
        assert honey(service) == 0.03
        status, now = admin(service, "POST", "/rollback")
        assert (status, now["bundle"]) == (200, f"models:/served/{versions['first']}")
        assert honey(service) == 0.02
        assert admin(service, "POST", "/rollback")[0] == 200
        assert honey(service) == 0.01
        assert admin(service, "POST", "/rollback")[0] == 409
        for wrong in ({"bundle": str(start)}, {"bundle": 1}, {"bundle": "models:/served"}, {"folder": "x"}):
            assert admin(service, "PUT", body=wrong)[0] == 422
        assert admin(service, "PUT", body={"bundle": "models:/served@nobody"})[0] == 409
        assert honey(service) == 0.01


def test_a_rollback_from_a_moved_alias_stays_where_it_is(before: Front, shelf: Shelf, versions: dict[str, str]) -> None:
    with running("models:/served@champion", Keys(frozenset(), ADMIN)) as service:
        shelf.move("served", "champion", versions["second"])
        wait_until(lambda: honey(service) == 0.03)
        admin(service, "POST", "/rollback")
        asked = len(before.asked)
        wait_until(lambda: len(before.asked) > asked + 4)
        assert honey(service) == 0.02
        admin(service, "DELETE")
        assert honey(service) == 0.03


def test_a_restarted_service_goes_on_with_what_was_put_into_it(
    before: Front, versions: dict[str, str], tmp_path: Path
) -> None:
    start, file = write_honey_bundle(tmp_path / "start", 0.01), tmp_path / "deployment.json"
    told = {"keys": Keys(frozenset(), ADMIN), "deployment_file": str(file)}
    with running(start, **told) as service:
        admin(service, "PUT", body={"bundle": "models:/served@champion"})
    with running(start, **told) as service:
        assert honey(service) == 0.02
        admin(service, "POST", "/rollback")
    with running(start, **told) as service:
        assert honey(service) == 0.01


@pytest.fixture
def plug(tmp_path: Path) -> dict[str, str]:
    """The environment in which MLflow finds what pyproject.toml declares, whether it is installed or not."""
    declared = tomllib.loads((ROOT / "serving" / "pyproject.toml").read_text())["project"]["entry-points"][
        "mlflow.deployments"
    ]
    place = tmp_path / "plug" / "mersalg_plug-0.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: mersalg-plug\nVersion: 0\n")
    (place / "entry_points.txt").write_text(
        "[mlflow.deployments]\n" + "\n".join(f"{name} = {module}" for name, module in declared.items())
    )
    path = os.pathsep.join([str(place.parent), str(ROOT / "serving"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "MERSALG_ADMIN_KEY": ADMIN, "MLFLOW_DISABLE_TELEMETRY": "true"}


def test_mlflow_deployments_puts_a_bundle_in_and_rolls_back(
    before: Front, versions: dict[str, str], plug: dict[str, str], tmp_path: Path
) -> None:
    start = write_honey_bundle(tmp_path / "start", 0.01)

    with running(start, Keys(frozenset(), ADMIN)) as service:
        target = f"mersalg:http://127.0.0.1:{service.port}"

        def run(*command: str) -> str:
            done = subprocess.run(
                [sys.executable, *command], env=plug, capture_output=True, text=True, check=False, cwd=tmp_path
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        created = run("-m", "mlflow", "deployments", "create", "-t", target, "--name", "shop", "-m", CHAMPION)
        assert "deployment shop is created" in created
        assert honey(service) == 0.02
        told = run("-c", FROM_PYTHON, target, f"models:/served/{versions['second']}", versions["wrong"])
        assert honey(service) == 0.03
        assert json.loads(told) == {"list": ["shop"], "offers": ["milk", "bread", "butter"], "refused": True}
        run("-m", "mlflow", "deployments", "update", "-t", target, "--name", "shop", "-C", "rollback=true")
        assert honey(service) == 0.02
        run("-m", "mlflow", "deployments", "delete", "-t", target, "--name", "shop")
        assert honey(service) == 0.01
