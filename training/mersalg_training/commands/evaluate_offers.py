"""`mersalg evaluate NAME --offers PATH`: the log read, the bundle put to it, the figures printed and kept."""

from __future__ import annotations

import argparse

from rich.console import Console

from mersalg.errors import ConfigError
from mersalg.recommender import load
from mersalg_training.commands.output import write_json
from mersalg_training.config import Config
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.history import read_history
from mersalg_training.data.purchases import open_purchases
from mersalg_training.evaluation.bundle_method import THREADS
from mersalg_training.export.trained_config import bundle_config
from mersalg_training.json_values import as_json
from mersalg_training.logged_offers.read import read_offers
from mersalg_training.logged_offers.requests import gather_offers
from mersalg_training.off_policy.render import render
from mersalg_training.off_policy.result import OffPolicyResult
from mersalg_training.off_policy.run import evaluate_offers
from mersalg_training.progress import results_console
from mersalg_training.tracking.mlflow_run import open_run


def evaluate_offers_command(args: argparse.Namespace) -> int:
    """Evaluate a bundle on a log of offers; print what was found, write JSON and log to MLflow where asked."""
    recommender = load(args.bundle, threads=THREADS)
    config, windows = bundle_config(recommender.manifest, str(args.bundle), args.overrides)
    if args.track and not config.tracking.enabled:
        raise ConfigError("--track: expected tracking.enabled = true, got false; --set tracking.enabled=true")
    with Console(stderr=True).status(f"Reading {config.data.orders} and {args.offers}"):
        purchases = open_purchases(config.data, config.engine)
        apply_contract(purchases, config.contract)
        data, most = config.data, config.contract.max_reject_share
        report = read_offers(purchases.connection, args.offers, data.columns, most, data.encoding)
        timeline = read_history(purchases.connection).timeline()
        offers = gather_offers(purchases.connection, timeline)
    with Console(stderr=True).status(f"Putting {len(offers.cases):,} requests to the bundle"):
        result = evaluate_offers(
            recommender,
            timeline,
            offers,
            report,
            learned_until=windows.test_from,
            match=args.positions,
            among_logged=args.among_logged,
            seed=config.seed,
        )
    console = results_console(highlight=False)
    console.print(render(result))
    if args.json is not None:
        write_json(args.json, result.to_json())
    if args.track:
        console.print(f"\nRun  {track(config, result, args.offers, recommender.manifest['run_id'])}")
    return 0


def track(config: Config, result: OffPolicyResult, location: str, trained_in: str | None) -> str:
    """Log the figures as a run below the one that trained the bundle; one line that says where it is."""
    with open_run(config.tracking, f"{config.name} on offers", parent=trained_in) as tracked:
        tracked.set_tags({"mersalg.offers": location})
        tracked.log_metrics(result.metrics())
        tracked.log_text("acceptance.json", as_json(result.to_json()).decode())
        return tracked.where
