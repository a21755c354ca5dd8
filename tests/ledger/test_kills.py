"""Claims: however many writers there are, and whenever they are killed, an offer goes out once and every cap holds.

Who opted out, or was erased, is in no file that appears afterwards.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from ledger.writer import CAPS, PRODUCTS, decided, write
from mersalg_service.ledger import (
    erase_customer,
    export_customer,
    key_of_file,
    make_ledger,
    open_ledger,
    record_wish,
    stats,
)
from mersalg_service.ledger.times import to_micros

PROCESSES = get_context("forkserver")
"""Each writer is a process of its own; they are forked from one that has imported what they need."""
PROCESSES.set_forkserver_preload(["ledger.writer"])
FIRST_DECIDED = 16
"""Customers that a writer has decided at least when it waits for its kill: not all of them are erased meanwhile."""


class Storm:
    """Writers that run at the same time, are killed at random and started again until each has ended well.

    Meanwhile one customer in three opts out or is erased.
    """

    def __init__(self, url: str, key_file: Path, folder: Path, writers: int, customers: int, seed: int) -> None:
        self.url, self.key_file, self.folder, self.customers = url, key_file, folder, customers
        self.names = [f"batch {number}" for number in range(writers)]
        self.random = random.Random(seed)
        self.kills = 0
        self.looks = 0
        """Files that were looked into while the writers ran."""
        self.out_since: dict[str, int] = {}
        """Customer -> when the ledger had taken the opt-out or erasure, nanoseconds."""
        self.ledger = make_ledger(url, key_of_file(key_file))
        self.starts_before: dict[str, int] = {}
        """Writer -> how many were past their preparations when the running one was started."""
        self.decided_before: dict[str, int] = {}
        self.held: set[str] = set()
        """Writers that wait midway for their kill, or will, however quick they are."""

    def out(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"

    def start(self, name: str) -> BaseProcess:
        self.starts_before[name], self.decided_before[name] = self.starts(name), self.decided(name)
        day = int(name.split()[1]) // 4  # four batches a day
        waits_at = self.random.randint(FIRST_DECIDED, self.customers // 3) if name in self.held else None
        given = (self.url, str(self.key_file), name, day, str(self.out(name)), self.customers, waits_at)
        process = PROCESSES.Process(target=write, args=given)
        process.start()
        return process

    def lose_one(self) -> None:
        """Let one more customer opt out or be erased, while any may."""
        customer = f"customer {self.random.randrange(self.customers)}"
        if customer in self.out_since or len(self.out_since) >= self.customers // 3:
            return
        if self.random.random() < 0.5:
            record_wish(self.ledger, customer, "opted-out", datetime.now(UTC))
        else:
            erase_customer(self.ledger, customer, datetime.now(UTC))
        self.out_since[customer] = time.time_ns()

    def look_into(self, name: str) -> None:
        """Whoever opted out before a file appeared is not in it; a file appears when it gets its name."""
        if self.out(name).exists():
            appeared = self.out(name).stat().st_ctime_ns
            written = {json.loads(line)["customer_id"] for line in self.out(name).read_text().splitlines()}
            assert not written & {who for who, since in self.out_since.items() if since < appeared}
            self.looks += 1

    def starts(self, name: str) -> int:
        """How many writers of a batch got past their preparations."""
        starts = self.out(name).with_suffix(".starts")
        return len(starts.read_text().split()) if starts.exists() else 0

    def decided(self, name: str) -> int:
        """How many customers a batch has decided."""
        return decided(self.ledger.database, name)

    def is_midway(self, name: str) -> bool:
        """Whether the running writer has claimed for a first customer, and its batch is not near its end."""
        return self.decided_before[name] < self.decided(name) < self.customers - self.customers // 3

    def begun(self, name: str) -> bool:
        """Whether the running writer is past its preparations."""
        return self.starts(name) > self.starts_before[name]

    def victims(self, alive: list[str]) -> list[str]:
        """Whom to kill: most in the midst of their claims, some before these, few before they begin."""
        how = self.random.random()
        if how < 0.8:
            midway = [name for name in alive if self.is_midway(name)]
            if midway or self.held:
                return [name for name in midway if name in self.held] or midway
        free = [name for name in alive if name not in self.held]
        return [name for name in free if self.begun(name)] if how < 0.99 else free

    def rage(self, kills: int, held: int) -> None:
        """Run all writers; kill one at random again and again, so many times in all.

        held: so many are surely killed midway, once. One that has ended well before the last kill writes its finished
        batch again, which must change nothing.
        """
        self.held = set(self.names[:held])
        running = {name: self.start(name) for name in self.names}
        try:
            while running:
                time.sleep(self.random.uniform(0.0, 0.1))
                self.lose_one()
                victims = self.victims([name for name, process in running.items() if process.is_alive()])
                name = self.random.choice(victims) if victims else ""
                if name and (name in self.held or self.kills + len(self.held) < kills):
                    victim = running[name]
                    victim.kill()
                    victim.join()
                    self.kills += victim.exitcode == -signal.SIGKILL
                    self.held.discard(name)
                for name, process in list(running.items()):
                    if not process.is_alive():
                        assert process.exitcode in (0, -signal.SIGKILL)
                        self.look_into(name)
                        del running[name]
                        if process.exitcode or self.kills < kills:
                            running[name] = self.start(name)
        finally:
            for process in running.values():
                process.kill()
                process.join()

    def rows(self) -> list[dict[str, Any]]:
        """What went out, in all files."""
        return [json.loads(line) for name in self.names for line in self.out(name).read_text().splitlines()]

    def staying(self) -> set[str]:
        """Who neither opted out nor was erased."""
        return {f"customer {number}" for number in range(self.customers)} - set(self.out_since)

    def midway(self) -> int:
        """Starts that found some customers decided, and fewer than stay whoever is erased."""
        starts = [
            int(line) for name in self.names for line in self.out(name).with_suffix(".starts").read_text().split()
        ]
        return sum(0 < found < self.customers - self.customers // 3 for found in starts)


def violations(rows: Iterable[dict[str, Any]]) -> int:
    """Windows of any cap that hold more than it allows, counted apart from the ledger's own code."""
    events: dict[tuple[str, str], set[tuple[int, str, str]]] = defaultdict(set)
    for row in rows:
        at = to_micros(datetime.fromisoformat(row["offered_at"]))
        for counted in ("offers", row["kind"]):
            events[row["customer_id"], counted].add((at, row["batch"], row["product_id"]))
        events[row["customer_id"], "mails"].add((at, row["batch"], ""))
    found = 0
    for cap in CAPS:
        for (_, counted), times in events.items():
            if counted == cap.counted:
                found += sum(sum(0 <= t - s < cap.window for t, *_ in times) > cap.most for s, *_ in times)
    return found


def check_storm(storm: Storm) -> None:
    """Nothing went out twice, no cap is broken, files and ledger agree, and a replay gives the same again.

    Of who opted out or was erased, the ledger may have claims that no file has, or none for what was in one.
    """
    for name in storm.names:
        storm.look_into(name)
    rows = storm.rows()
    pairs = Counter((row["customer_id"], row["product_id"]) for row in rows)
    assert max(pairs.values()) == 1
    assert violations(rows) == 0
    with open_ledger(storm.url, key_of_file(storm.key_file)) as ledger:
        facts = stats(ledger)
        claimed = sum(len(export_customer(ledger, customer)["offers"]) for customer in storm.staying())
    staying = [row for row in rows if row["customer_id"] in storm.staying()]
    assert claimed == len(staying)
    assert facts["opted_out"] == len(storm.out_since)
    assert facts["batches"] == {"finished": len(storm.names)}
    assert {row["customer_id"] for row in staying} == storm.staying()
    for name in storm.names[:3]:
        process = storm.start(name)
        process.join()
        assert process.exitcode == 0
    assert [row for row in storm.rows() if row["customer_id"] in storm.staying()] == staying
    storm.ledger.close()
    told = f"{len(storm.names)} writers, {storm.kills} killed, {storm.midway()} of them midway, {len(rows):,} offers"
    print(f"{told} to {storm.customers} customers of {PRODUCTS} products, {violations(rows)} violations;")
    print(f"{len(storm.out_since)} opted out or erased, {storm.looks} files looked into")


def test_a_few_writers_and_kills(new_url: str, key_file: Path, tmp_path: Path) -> None:
    storm = Storm(new_url, key_file, tmp_path, writers=4, customers=60, seed=1)
    storm.rage(kills=4, held=2)
    assert storm.kills == 4
    assert storm.midway() >= 2
    assert storm.out_since
    check_storm(storm)


@pytest.mark.long
@pytest.mark.slow
def test_fifty_writers_and_a_hundred_kills(new_url: str, key_file: Path, tmp_path: Path) -> None:
    storm = Storm(new_url, key_file, tmp_path, writers=50, customers=100, seed=int(os.environ.get("SEED", "2")))
    storm.rage(kills=100, held=25)
    assert storm.kills == 100
    assert len(storm.out_since) == 33
    assert storm.midway() >= 25
    check_storm(storm)
