"""Claims about a service that answers from signed bundles alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from attacks.test_signatures import write_keys
from mersalg.signing import sign_bundle
from processes import wait_until
from serve.running import HONEY, honey_of, running, write_honey_bundle

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the signing library


def test_an_unsigned_bundle_takes_no_signed_ones_place(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, "shop")
    first, second = write_honey_bundle(tmp_path / "first", 0.02), write_honey_bundle(tmp_path / "second", 0.03)
    sign_bundle(first, private)
    with running(first, public_key=str(public)) as service:
        (first / "model.sig").unlink()
        shutil.copytree(second, first, dirs_exist_ok=True)
        # Before the copy is whole it may be refused for other reasons.
        wait_until(lambda: "model.sig" in str(service.call("GET", "/ready").json["refused"]))
        assert honey_of(service.call("POST", "/v1/score", HONEY)) == 0.02
        sign_bundle(first, private)
        wait_until(lambda: honey_of(service.call("POST", "/v1/score", HONEY)) == 0.03)
