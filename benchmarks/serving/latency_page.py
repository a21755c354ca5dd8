"""The report, section by section: Markdown that is printed as it comes, and the figures for a file."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import markdown_tables
from catalogue_growth import by_catalogue
from charts import draw_side_by_side
from comparison import Row, as_json, measure
from contenders import BATCH, Place, encoded, loaded
from kept_customers import by_customer
from operators import by_operator
from real_requests import lengths_of
from request_file import Request, read_requests
from request_lengths import by_length, threads_compared

from mersalg.errors import ConfigError

SECTIONS = ("contenders", "operators", "lengths", "customers", "threads", "growth")
BEGIN, END = "<!-- figures:start -->", "<!-- figures:end -->"
STARTED = time.perf_counter()


def progress(text: str) -> None:
    """What begins now, on standard error."""
    print(f"{time.perf_counter() - STARTED:6.0f} s  {text}", file=sys.stderr, flush=True)


class Report:
    """Measures what is asked for; keeps what was printed and every figure."""

    def __init__(self, args: Namespace, place: Place) -> None:
        self.args, self.place = args, place
        self.requests: list[Request] = read_requests(place.work / "requests.jsonl")
        self.figures: dict[str, Any] = {}
        self.markdown: list[str] = []

    def say(self, text: str) -> None:
        """Print a paragraph, and keep it."""
        self.markdown.append(text)
        print(text + "\n", flush=True)

    def run(self) -> None:
        """All sections that are asked for, in their order."""
        self.figures |= {
            "command": markdown_tables.command(),
            "versions": markdown_tables.versions(),
            "machine": markdown_tables.machine(),
        }
        self.say(f"    {self.figures['command']}\n\n{self.figures['versions']}; {self.figures['machine']}.")
        self.say(
            f"{lengths_of(self.requests)}, asked in turn, {self.args.repeats} times, by one thread. A time holds all "
            "that a caller has to do to ask. Quantiles are of each repeat, and of those the median."
        )
        for section in (name for name in SECTIONS if name in self.args.sections):
            getattr(self, section)()
        self.figures["machine_after"] = markdown_tables.machine()

    def contenders(self) -> None:
        """The main table and its picture."""
        rows, bare = measure(self.args.only, self.place, self.requests, self.args.repeats, self.args.starts, progress)
        self.figures |= {"side_by_side": as_json(rows), "bare": bare}
        self.say(f"### Side by side\n\n{markdown_tables.side_by_side(rows)}\n\n{markdown_tables.bare(bare)}")
        if self.args.plot is not None:
            draw_side_by_side(rows, self.args.plot)
        self.batches(rows)

    def batches(self, rows: Sequence[Row]) -> None:
        """A request in a batch beside a single one."""
        micros = {row.name: row.micros for row in rows}
        if {"recommend", "batch"} <= set(micros):
            clock, cpu = (micros["batch"][name] / micros["recommend"][name] for name in ("p50", "cpu"))
            self.say(
                f"A request in a batch of {BATCH} takes {clock:.2f} times a single one, {cpu:.2f} times its CPU time."
            )

    def operators(self) -> None:
        """Where the graph's time goes."""
        progress("Where the graph's time goes")
        spent = by_operator(self.place.bundle / "scorer.onnx", encoded(self.requests))
        self.figures["operators"] = [asdict(each) for each in spent]
        self.say(f"### The graph by operator\n\n{markdown_tables.operators(spent)}")

    def lengths(self) -> None:
        """By cart and by history."""
        progress("By cart and history")
        ids = json.loads((self.place.work / "often_bought.json").read_text())
        found = by_length(loaded(self.place.bundle), ids, len(self.requests) // 2, self.args.repeats)
        self.figures["lengths"] = found
        self.say(f"### One `recommend` by cart and history\n\n{markdown_tables.lengths(found)}")

    def customers(self) -> None:
        """A history that is sent with every request beside one that was read once."""
        progress("Customers")
        log = self.place.work / "customers.log"
        found = by_customer(loaded(self.place.bundle), self.requests, self.args.repeats, log)
        self.figures["customers"] = found
        self.say(f"### A customer's history\n\n{markdown_tables.customers(found)}")

    def threads(self) -> None:
        """One thread and two on one recommender."""
        progress("One thread and two")
        found = threads_compared(loaded(self.place.bundle), self.requests, seconds=2.0, rounds=5)
        self.figures["threads"] = found
        self.say(f"### Two threads\n\n{markdown_tables.threads(found)}")

    def growth(self) -> None:
        """By the size of the catalogue."""
        sizes = [int(size) for size in self.args.growth.split(",")]
        found = by_catalogue(self.place.bundle, sizes, len(self.requests) // 2, self.args.repeats, progress)
        self.figures["growth"] = [asdict(each) for each in found]
        self.say(f"### One `recommend` by catalogue\n\n{markdown_tables.growth(found)}")

    def write(self) -> None:
        """The figures as JSON, and the Markdown between the two marks of a page."""
        if self.args.out is not None:
            self.args.out.write_text(json.dumps(self.figures, indent=1) + "\n")
        if self.args.into is not None:
            write_between(self.args.into, "\n\n".join(self.markdown))


def write_between(page: Path, text: str) -> None:
    """Put the text between BEGIN and END; ConfigError where the page has not got both, once and in this order."""
    before, begin, rest = page.read_text().partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in old + after or END in after:
        raise ConfigError(f"{page}: expected {BEGIN} and behind it {END}, each once; nothing was written")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
