"""Toy bundles in a registry, and orders of which none of them has learned: which of two is better is evident.

Every order is bread, butter and bag. A bundle in which honey, which nobody buys, is the most relevant offers it to
everybody, and is the worse one.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import import_mlflow, open_run
from mersalg_training.tracking.registered_models import ModelVersions, open_versions
from serve.running import write_honey_bundle
from toy_bundle import CANDIDATES, GOLDEN, rewrite

GOOD, GOOD_TOO, BAD = 0.02, 0.03, 0.9
"""Relevance of honey. The first two give the same offers, since neither is shown."""
SAVED = '{"request_id": "bag", "cart": ["milk"], "kinds": ["add-on"], "must": ["bag"], "must_not": ["honey"]}\n'
"""Kept by the good ones."""


@dataclass(frozen=True)
class ToyRegistry:
    """A registry, and the files that commands are given."""

    uri: str
    folder: Path
    model: str = "shop"

    @property
    def models(self) -> ModelVersions:
        return open_versions(self.uri, self.model)

    def register(self, honey: float, alias: str = "challenger") -> str:
        """Log a toy bundle as `mersalg train` does, and give its version."""
        bundle = write_honey_bundle(self.folder / f"bundle-{len(list(self.folder.iterdir()))}", honey)
        without_honey = {name: rows[1:] for name, rows in GOLDEN.items()}  # the first request is answered with it
        rewrite(bundle, "golden.json", json.dumps(without_honey).encode())
        with open_run(TrackingConfig(uri=self.uri, experiment="shop"), "toy") as run:
            registered = run.log_bundle(bundle, self.model)
        assert registered is not None
        self.move(alias, registered.version)
        return registered.version

    def move(self, alias: str, version: str) -> None:
        self.models.move_alias(alias, version)

    def champion(self) -> str | None:
        return self.models.aliases().get("champion")

    def tags(self, version: str) -> dict[str, str]:
        return dict(self.models.version(version).tags)

    def arguments(self, *more: str) -> list[str]:
        """`promote` with the orders, the registry and what is missing in a toy bundle's configuration."""
        sets = [f"data.orders='{self.orders()}'", "label.horizon_days=3", f"tracking.uri='{self.uri}'"]
        return ["promote", self.model, *(x for one in sets for x in ("--set", one)), *more]

    def orders(self) -> Path:
        """Orders from January to May 2017, the same three products every day; written once."""
        path = self.folder / "orders.csv"
        if not path.exists():
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["customer_id", "order_id", "product_id", "ordered_at", "quantity", "unit_price"])
                for month in range(1, 6):
                    for day in range(1, 32 if month in (1, 3, 5) else 29):
                        at = f"2017-{month:02}-{day:02}T10:00:00"
                        for place, product in enumerate(["bread", "butter", "bag"]):
                            writer.writerow([f"c{day % 7}", f"o{month}-{day}", product, at, 1, 2 + place])
        return path

    def logged(self, **changes: object) -> list[str]:
        """Arguments for offers of May 2017, each product as often as the others: all but honey were accepted."""
        path, catalogue = self.folder / "offers.jsonl", self.folder / "products.csv"
        catalogue.write_text("product_id\n" + "\n".join(CANDIDATES) + "\n")
        rows = [
            {
                "customer_id": f"d{number % 90}", "order_id": f"v{number}", "product_id": product, "moment": "cart",
                "offered_at": f"2017-05-{16 + number % 14:02}T{number // 60 % 24:02}:{number % 60:02}:00",
                "position": 1, "propensity": 1 / len(CANDIDATES), "accepted": int(product != "honey"), "cart": "bread",
                **changes,
            }
            for number, product in enumerate(list(CANDIDATES) * 150)
        ]  # fmt: skip
        path.write_text("\n".join(map(json.dumps, rows)))
        return ["--set", f"data.offers='{path}'", "--set", f"data.products='{catalogue}'"]

    def saved(self) -> Path:
        path = self.folder / "saved.jsonl"
        path.write_text(SAVED)
        return path

    def artifact(self, run: str, name: str) -> str:
        """The text of an artifact of a run."""
        client = import_mlflow().MlflowClient(self.uri)
        place = self.folder / f"artifact-of-{run}"
        place.mkdir(exist_ok=True)
        return Path(client.download_artifacts(run, name, str(place))).read_text(encoding="utf-8")
