"""`mersalg playground`: the page on this machine, or a folder of it for any web server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

PORT: Final = 8765


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command can be told."""
    parser.add_argument("other", metavar="OTHER", nargs="?", help="a second bundle, to switch to and compare with")
    parser.add_argument("--static", type=Path, metavar="FOLDER", help="write the page for any web server, and end")
    parser.add_argument("--port", type=int, default=PORT, help=f"0 for any that is free (default: {PORT})")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument(
        "--runtime",
        type=Path,
        metavar="FOLDER",
        help="onnxruntime-web's dist (default: npm's, here or in a checkout)",
    )


def playground_command(args: argparse.Namespace) -> int:
    """Serve the page until interrupted, or write it into a folder; gives the exit status."""
    from mersalg_service.playground.site import make_site, write_site  # noqa: PLC0415

    bundles = [args.bundle] if args.other is None else [args.bundle, args.other]
    site = make_site(bundles, args.runtime)
    if args.static is not None:
        size = write_site(site, args.static)
        print(f"{args.static}: {len(site)} files, {size / 1e6:,.0f} MB, for any web server (https, or on localhost)")
        return 0
    from mersalg_service.playground.server import PlaygroundServer  # noqa: PLC0415

    with PlaygroundServer(site, args.port) as server:
        print(f"{server.address}  (Ctrl-C ends it; carts and histories stay in the browser)", flush=True)
        if args.open:
            import webbrowser  # noqa: PLC0415

            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0
