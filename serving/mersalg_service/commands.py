"""The commands that mersalg-service adds to `mersalg`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mersalg.arguments import add_command
from mersalg_service import completion
from mersalg_service.follow_up import command as follow_up
from mersalg_service.ledger import commands as ledger
from mersalg_service.pages import command as pages
from mersalg_service.playground import command as playground
from mersalg_service.serve import command as serve

if TYPE_CHECKING:
    from mersalg.arguments import Subparsers


def add_commands(subparsers: Subparsers) -> None:
    """Add completion and all else; what they work with is imported when they run."""
    completion.add_arguments(subparsers)
    text = "write the batch for a mailing: each follow-up at most once"
    example = " --orders orders.parquet --ledger sqlite:///ledger.db --out mails.parquet"
    follow_up.add_arguments(add_command(subparsers, "follow-up", text, follow_up.follow_up_command, example))
    text = "look into a ledger, and keep customers' rights"
    ledger.add_arguments(subparsers.add_parser("ledger", help=text, description=text[0].upper() + text[1:] + "."))
    text = "write the offers for a file of requests as pages and feeds have them"
    example = " requests.jsonl --format ga4-items --out items.jsonl"
    pages.add_arguments(add_command(subparsers, "pages", text, pages.pages_command, example))
    text = "fill carts on a page and see the offers; the bundle answers in the browser"
    parser = add_command(subparsers, "playground", text, playground.playground_command, " models/other --open")
    playground.add_arguments(parser)
    text = "answer over HTTP (extra `serve`)"
    serve.add_arguments(add_command(subparsers, "serve", text, serve.serve_bundle, " --port 8000"))
