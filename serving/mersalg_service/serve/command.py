"""`mersalg serve`: start the service and stop it without losing an answer."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mersalg.errors import ConfigError, MersalgError
from mersalg_service.serve.settings import (
    ADMIN_VARIABLE,
    CALLS_SHARE,
    KEYS_VARIABLE,
    SETTINGS_VARIABLE,
    Keys,
    Settings,
    read_keys,
)

WORKER_SECONDS: Final = 60
"""For a worker to say that it lives, before another takes its place: a busy machine may take long to start one."""
TIDY_SECONDS: Final = 0.2
"""For idle threads to end by themselves."""
PROXIES_VARIABLE: Final = "FORWARDED_ALLOW_IPS"
"""uvicorn's own name for the proxies that are believed."""
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def serve_bundle(args: argparse.Namespace) -> int:
    """Serve until told to stop by SIGTERM or SIGINT; gives the exit status."""
    try:
        import fastapi  # noqa: F401, PLC0415
        import prometheus_client  # noqa: F401, PLC0415
        import uvicorn  # noqa: F401, PLC0415
    except ImportError as error:
        raise MersalgError(
            f"serve needs {error.name}, which is not installed; `pip install 'mersalg[serve]'`"
        ) from None
    keys = read_keys(os.environ)
    settings = read_arguments(args, keys)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    if settings.workers == 1:
        return serve_here(settings, keys)
    with shared_by_workers(settings):
        return serve_by_workers(settings)


def read_arguments(args: argparse.Namespace, keys: Keys) -> Settings:
    """The settings that the command was given. ConfigError where others could call without a key."""
    if args.host not in LOOPBACK and not keys.callers and not args.without_key:
        raise ConfigError(
            f"--host {args.host}: others can reach this address; set {KEYS_VARIABLE}, or say --without-key"
        )
    return Settings(
        bundle=str(args.bundle),
        host=args.host,
        port=args.port,
        workers=args.workers,
        threads=args.threads,
        check_seconds=args.check_seconds,
        largest_body=args.largest_body,
        most_requests=args.most_requests,
        most_waiting=args.most_waiting,
        timeout_seconds=args.timeout,
        rate=args.rate,
        stop_seconds=args.stop_seconds,
        policy=str(args.policy.absolute()) if args.policy else "",
        catalogue=str(args.catalogue.absolute()) if args.catalogue else "",
        trial=str(args.trial.absolute()) if args.trial else "",
        explore=args.explore,
        exposures=str(args.exposures.absolute()) if args.exposures else "",
        customers=args.customers,
        customer_seconds=args.customer_seconds,
        public_key=str(args.public_key.absolute()) if args.public_key else "",
        deployment_file=str(args.deployment_file.absolute()) if args.deployment_file else "",
        otel=args.otel,
        playground=playground_of(args, keys),
    )


def playground_of(args: argparse.Namespace, keys: Keys) -> str:
    """The folder of onnxruntime-web where the playground is wanted. ConfigError where no key would open it."""
    if not args.playground:
        return ""
    if not keys.admin:
        raise ConfigError(f"--playground: it opens with the admin key alone; set {ADMIN_VARIABLE}")
    from mersalg_service.playground.site import find_runtime  # noqa: PLC0415

    return str(find_runtime(args.runtime).absolute())


def serve_here(settings: Settings, keys: Keys) -> int:
    """Serve in this process. The bundle is loaded first, so that a wrong one is a line on stderr and status 2."""
    import uvicorn  # noqa: PLC0415

    from mersalg_service.serve.app import ignore_hang_up, make_app, make_service  # noqa: PLC0415
    from mersalg_service.serve.deployment import open_first  # noqa: PLC0415

    service = make_service(settings)
    open_first(service.deployments)
    server = uvicorn.Server(uvicorn.Config(make_app(service, keys), **for_uvicorn(settings)))
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn stops first, then sends it once more
    ignore_hang_up()
    try:
        server.run()
    finally:
        service.join(TIDY_SECONDS)
        if service.is_at_work():  # Python would wait for it, however long it takes
            logging.shutdown()
            os._exit(0 if server.started else 3)
    return 0 if server.started else 3


def serve_by_workers(settings: Settings) -> int:
    """Serve by several processes, each of which loads the bundle itself; the folder is verified here first."""
    import uvicorn  # noqa: PLC0415

    from mersalg.bundle import read_bundle  # noqa: PLC0415
    from mersalg.registry.address import is_registered  # noqa: PLC0415
    from mersalg_service.experiment import read_experiment  # noqa: PLC0415
    from mersalg_service.experiment.assignment import key_of_environment  # noqa: PLC0415
    from mersalg_service.experiment.trial import the_one_arm  # noqa: PLC0415

    if not is_registered(settings.bundle):
        read_bundle(settings.bundle)
    if settings.trial:
        the_one_arm(read_experiment(settings.trial))
    if settings.explore:
        key_of_environment("explore")
    uvicorn.run(
        "mersalg_service.serve.app:app_from_environment",
        factory=True,
        workers=settings.workers,
        **for_uvicorn(settings),
    )
    return 0


def for_uvicorn(settings: Settings) -> dict[str, Any]:
    """The server's own options: no access log, no header that tells versions, bounded heads, an end in time.

    Nobody may say for whom they call, but proxies that FORWARDED_ALLOW_IPS names.
    """
    from mersalg_service.serve.heads import BoundedHeads  # noqa: PLC0415

    return {
        "http": BoundedHeads,
        "proxy_headers": bool(os.environ.get(PROXIES_VARIABLE)),
        "host": settings.host,
        "port": settings.port,
        "access_log": False,
        "server_header": False,
        "log_config": None,
        "timeout_graceful_shutdown": settings.stop_seconds * CALLS_SHARE,
        "timeout_keep_alive": 75,
        "timeout_worker_healthcheck": WORKER_SECONDS,
    }


@contextmanager
def shared_by_workers(settings: Settings) -> Iterator[None]:
    """Environment and a folder for what worker processes share: settings, figures, the deployment."""
    with tempfile.TemporaryDirectory(prefix="mersalg-serve-") as folder:
        figures = Path(folder, "metrics")
        figures.mkdir()
        file = settings.deployment_file or str(Path(folder, "deployment.json"))
        shared = replace(settings, deployment_file=file)
        added = {SETTINGS_VARIABLE: shared.to_json(), "PROMETHEUS_MULTIPROC_DIR": str(figures)}
        os.environ.update(added)
        try:
            yield
        finally:
            for name in added:
                os.environ.pop(name, None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `mersalg serve`."""
    default = Settings("")
    parser.epilog = f"{parser.epilog}\n\n{ENVIRONMENT}"
    option = parser.add_argument
    option("--host", default=default.host, help="address to listen at (default: %(default)s)")
    option("--port", type=int, default=default.port, help="(default: %(default)s)")
    option("--workers", type=int, default=1, help="processes, each with its own copy of the bundle (default: 1)")
    option("--threads", type=int, default=os.cpu_count() or 1, help="answers at once in a process (default: cores)")
    option("--check-seconds", type=float, default=default.check_seconds, metavar="S",
           help="between two looks for a newer bundle (default: %(default)s)")  # fmt: skip
    option("--largest-body", type=int, default=default.largest_body, metavar="BYTES", help="(default: %(default)s)")
    option("--most-requests", type=int, default=default.most_requests, metavar="N",
           help="requests in one call of /v1/score (default: %(default)s)")  # fmt: skip
    option("--most-waiting", type=int, default=default.most_waiting, metavar="N",
           help="calls in a process that are answered or wait; the next gets 503 (default: %(default)s)")  # fmt: skip
    option(
        "--timeout", type=float, default=default.timeout_seconds, metavar="S", help="of one call (default: %(default)s)"
    )
    option(
        "--rate",
        type=float,
        default=0.0,
        metavar="N",
        help="calls a second for each key or address (default: no limit)",
    )
    option("--stop-seconds", type=float, default=default.stop_seconds, metavar="S",
           help="at most, for what is in flight at the stop (default: %(default)s)")  # fmt: skip
    option("--deployment-file", type=Path, metavar="FILE.json",
           help="keep here which bundle was put into the running service, for its next start")  # fmt: skip
    option(
        "--policy", type=Path, metavar="FILE.toml", help="give only offers that keep this policy; read when it changes"
    )
    option("--catalogue", type=Path, metavar="FILE",
           help="facts of today for the policy: .csv, .jsonl, .ndjson or .parquet; read when it changes")  # fmt: skip
    option("--trial", type=Path, metavar="FILE.toml",
           help="show the hold-out of this experiment nothing, and record every answer; needs --exposures")  # fmt: skip
    option("--explore", type=float, default=default.explore, metavar="SHARE",
           help="of the requests whose offers stand in a drawn order, so that a log can be learned from; each offer's "
           "chance is recorded; needs --exposures (default: 0)")  # fmt: skip
    option("--exposures", type=Path, metavar="FOLDER",
           help="where answers are recorded: a file a day in a folder, or one file that ends in .jsonl")  # fmt: skip
    option("--customers", type=int, default=default.customers, metavar="N",
           help="whose history is kept in memory, for requests that name a `customer` (default: 0)")  # fmt: skip
    option("--customer-seconds", type=float, default=default.customer_seconds, metavar="S",
           help="for which a history is kept (default: %(default)s)")  # fmt: skip
    option("--public-key", type=Path, metavar="FILE.pem",
           help="answer only from bundles that its private key has signed (extra `signing`)")  # fmt: skip
    option("--otel", action="store_true",
           help="send spans by OTLP over HTTP (extra `otel`), as OTEL_EXPORTER_OTLP_ENDPOINT says")  # fmt: skip
    option("--playground", action="store_true",
           help="show what answers at /playground/; it gives the whole bundle to who has the admin key")  # fmt: skip
    option("--runtime", type=Path, metavar="FOLDER",
           help="onnxruntime-web's dist, for --playground (default: npm's, here or in a checkout)")  # fmt: skip
    option("--without-key", action="store_true", help="let everybody who reaches the address call")


ENVIRONMENT: Final = f"""environment:
  {KEYS_VARIABLE}      keys of callers, between commas; without it nobody needs one
  {ADMIN_VARIABLE}     the key that may change the bundle and opens the playground; without it nobody may
  MERSALG_EXPERIMENT_KEY  the key by which a trial and --explore draw
  {PROXIES_VARIABLE}   addresses of proxies that may tell the caller's; without it none may
  MLFLOW_TRACKING_URI   the server of models:/NAME@ALIAS, with MLflow's variables for credentials"""
