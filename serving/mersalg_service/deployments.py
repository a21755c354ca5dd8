"""MLflow's deployment target `mersalg`: puts a registered bundle into a running `mersalg serve`, and takes it back.

    mlflow deployments create -t mersalg:http://127.0.0.1:8000 --name shop -m models:/demo@champion
    mlflow deployments update -t mersalg:http://127.0.0.1:8000 --name shop -C rollback=true

The service fetches the bundle from the registry itself, verifies it and only then swaps. MERSALG_ADMIN_KEY holds the
key that it was started with; without an address in the target MERSALG_SERVICE names the service. Of mersalg only
MLflow imports this module.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from mlflow.deployments import BaseDeploymentClient

from mersalg.errors import MersalgError
from mersalg.offers import OFFER_FIELDS
from mersalg.registry.server import NoRedirect

FLAVOR: Final = "python_function"
DEFAULT_SERVICE: Final = "http://127.0.0.1:8000"
TIMEOUT_SECONDS: Final = 300.0
"""A service answers when it has loaded the bundle."""
NOTHING_HERE: Final = "default"
"""The name of what a service was started with: not a deployment."""


class MersalgDeploymentClient(BaseDeploymentClient):  # type: ignore[misc]  # mlflow is untyped here
    """A service, as `mlflow.deployments.get_deploy_client("mersalg:http://...")` gives it: it holds one deployment."""

    def __init__(self, target_uri: str) -> None:
        super().__init__(target_uri)
        self.address = service_of(target_uri)

    def create_deployment(
        self, name: str, model_uri: str, flavor: str | None = None, config: Any = None, endpoint: str | None = None
    ) -> dict[str, Any]:
        """Answer from `models:/NAME@ALIAS` or `models:/NAME/VERSION`. MersalgError when the service refuses it."""
        refuse_more(flavor, config, endpoint)
        present = self._now()["name"]
        if present not in (NOTHING_HERE, name):
            raise MersalgError(f"{self.address}: holds the deployment {present!r}; delete or update that one")
        return entry(self._call("PUT", "/v1/deployment", {"name": name, "bundle": model_uri}))

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Any = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Answer from another model; with the config `rollback=true` from the one before, and stay there."""
        options = dict(config or {})
        back = str(options.pop("rollback", "false")).lower() == "true"
        refuse_more(flavor, options, endpoint)
        self._must_be(name)
        if back == (model_uri is not None):
            raise MersalgError("update: expected either a model (-m models:/NAME@ALIAS) or -C rollback=true")
        if back:
            return entry(self._call("POST", "/v1/deployment/rollback"))
        return entry(self._call("PUT", "/v1/deployment", {"name": name, "bundle": model_uri}))

    def delete_deployment(self, name: str, config: Any = None, endpoint: str | None = None) -> None:
        """Answer again from what the service was started with; nothing happens where there is no such deployment."""
        refuse_more(None, config, endpoint)
        if self._now()["name"] == name:
            self._call("DELETE", "/v1/deployment")

    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """The deployment, if there is one."""
        refuse_more(None, None, endpoint)
        now = self._now()
        return [] if now["name"] == NOTHING_HERE else [entry(now)]

    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        """What is answered from, and what came before."""
        refuse_more(None, None, endpoint)
        return entry(self._must_be(name))

    def predict(self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None) -> Any:
        """The offers for requests, as a DataFrame with a row each; `inputs` is a DataFrame or a list of requests."""
        import pandas as pd  # noqa: PLC0415  # what MLflow's own command prints

        from mersalg.pyfunc import read_row  # noqa: PLC0415

        refuse_more(None, None, endpoint)
        if deployment_name is not None:
            self._must_be(deployment_name)
        rows = inputs.to_dict(orient="records") if hasattr(inputs, "to_dict") else list(inputs)
        requests = [as_json(read_row(row)) for row in rows]
        answers = self._call("POST", "/v1/score", {"requests": requests})["answers"]
        offers = [offer for answer in answers for offer in answer["offers"]]
        return pd.DataFrame(offers, columns=list(OFFER_FIELDS), dtype=object)

    def _now(self) -> Any:
        return self._call("GET", "/v1/deployment")

    def _must_be(self, name: str) -> Any:
        now = self._now()
        if now["name"] != name:
            raise MersalgError(f"{self.address}: no deployment {name!r}; it holds {now['name']!r}")
        return now

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer of the service; MersalgError with its own words when it refuses or is down."""
        variable = "MERSALG_ADMIN_KEY" if path.startswith("/v1/deployment") else "MERSALG_API_KEY"
        key = os.environ.get(variable, "")
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, content, headers, method=method)
        try:
            with urllib.request.build_opener(NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as stream:
                return json.loads(stream.read())
        except urllib.error.HTTPError as error:
            with error:
                raise MersalgError(f"{self.address}{path} ({variable}): {words_of(error)}") from None
        except (OSError, ValueError) as error:
            raise MersalgError(f"{self.address}{path}: no answer of a mersalg service: {error}") from None


def service_of(target_uri: str) -> str:
    """The address of a service: of `mersalg:http://HOST:PORT`, or what MERSALG_SERVICE says for `mersalg` alone."""
    address = target_uri.removeprefix("mersalg").removeprefix(":") or os.environ.get("MERSALG_SERVICE", DEFAULT_SERVICE)
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise MersalgError(f"{target_uri}: expected mersalg:http://HOST:PORT, or mersalg with MERSALG_SERVICE set")
    return address.rstrip("/")


def refuse_more(flavor: str | None, config: Any, endpoint: str | None) -> None:
    """Refuse what this target does not know, rather than passing it over."""
    if flavor not in (None, FLAVOR):
        raise MersalgError(f"flavor: expected {FLAVOR}, got {flavor!r}")
    if config:
        raise MersalgError(f"config: expected nothing but rollback=true in an update, got {sorted(config)}")
    if endpoint is not None:
        raise MersalgError(f"endpoint: expected none, got {endpoint!r}; a service is named by the target")


def entry(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """A deployment as MLflow lists it."""
    return {**deployment, "flavor": FLAVOR}


def as_json(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request of a table as JSON takes it: times as texts, and a `request_id` that pandas read as a number, too."""
    plain = {name: cell.isoformat() if hasattr(cell, "isoformat") else cell for name, cell in request.items()}
    return plain if "request_id" not in plain else {**plain, "request_id": str(plain["request_id"])}


def words_of(error: urllib.error.HTTPError) -> str:
    """What a problem document says."""
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return f"status {error.code}"


def run_local(target: str, name: str, model_uri: str, flavor: str | None = None, config: Any = None) -> None:
    """MLflow's `deployments run-local`: not a thing of this target."""
    raise MersalgError(f"run-local: start a service with `mersalg serve {model_uri}`")


def target_help() -> str:
    """The text of `mlflow deployments help -t mersalg`."""
    return str(__doc__)
