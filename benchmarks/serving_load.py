"""Requests a second, p50 and p99 of `mersalg serve` under wrk, and whether its memory grows.

    python benchmarks/serving_load.py models/demo --connections 1,2,4,8 --seconds 60
    python benchmarks/serving_load.py models/demo --connections 2 --seconds 300

The service has core 0 and wrk core 1 where taskset is there. Requests are drawn products, with carts of 1, 5 and 10
and histories of 0, 60, 300 and 600 lines in turn; `--history 0` sends none. The knee is the number of connections from
which on more of them bring waiting, and no more answers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

AT = datetime(2020, 1, 1, 12)
CARTS = (1, 5, 10)
LUA = """
local file = io.open("{bodies}")
local bodies = {{}}
for line in file:lines() do bodies[#bodies + 1] = line end
local turn = 0
request = function()
  turn = turn % #bodies + 1
  return wrk.format("POST", "/v1/recommend", {{["Content-Type"] = "application/json"}}, bodies[turn])
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max,
    e.connect + e.read + e.write, e.status, e.timeout))
end
"""


def write_bodies(bundle: Path, file: Path, histories: list[int]) -> None:
    """Write 240 requests, a line each."""
    ids = sorted(json.loads((bundle / "products.json").read_text()))[:20_000]
    random = np.random.default_rng(0)
    with file.open("w") as out:
        for number in range(240):
            days = np.sort(random.uniform(1.0, 300.0, size=histories[number % len(histories)]))[::-1]
            history = [
                {"product_id": ids[j], "ordered_at": (AT - timedelta(days=float(d))).isoformat()}
                for j, d in zip(random.integers(len(ids), size=len(days)), days, strict=True)
            ]
            cart = [ids[j] for j in random.integers(len(ids), size=CARTS[number % len(CARTS)])]
            body = {"cart": cart, "history": history, "at": AT.isoformat(), "moment": "cart", "limit": 3}
            out.write(json.dumps(body) + "\n")


@contextmanager
def serving(bundle: Path, log: Path, *arguments: str) -> Iterator[tuple[str, int]]:
    """The service on core 0; gives its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    told = [sys.executable, "-m", "mersalg", "serve", str(bundle), "--port", str(port), "--threads", "1", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(on_core(0, told), stderr=output)
    address = f"http://127.0.0.1:{port}"
    try:
        while not answers(address + "/ready"):
            if process.poll() is not None:
                sys.exit(log.read_text())
            time.sleep(0.2)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


def answers(url: str) -> bool:
    """Whether an address answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def on_core(core: int, command: list[str]) -> list[str]:
    """The command, bound to a core where that can be done."""
    return ["taskset", "-c", str(core), *command] if shutil.which("taskset") else command


def resident_megabytes(pid: int) -> float:
    """Memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def processor_seconds(pid: int) -> float:
    """Processor time of a process: unlike the clock, little moved by what else runs on the machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", type=Path, default=Path("models/demo"))
    parser.add_argument("--connections", default="1,2,4,8,16")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--history", default="0,60,300,600", help="lines of the histories, in turn")
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed; on Debian: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_bodies(args.bundle, folder / "bodies", [int(lines) for lines in args.history.split(",")])
        (folder / "ask.lua").write_text(LUA.format(bodies=folder / "bodies"))
        with serving(args.bundle, folder / "log") as (address, pid):
            warm_up = ["wrk", "-t1", "-c1", "-d3", "-s", str(folder / "ask.lua"), address]
            subprocess.run(warm_up, check=True, capture_output=True)
            print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            print(
                "connections  requests/s   p50 ms   p99 ms   max ms  errors  not 200  timeouts  CPU ms  RSS MB  after"
            )
            for connections in args.connections.split(","):
                before, spent = resident_megabytes(pid), processor_seconds(pid)
                told = ["wrk", "-t1", f"-c{connections}", f"-d{args.seconds}", "--timeout", "10s"]
                told += ["-s", str(folder / "ask.lua"), address]
                done = subprocess.run(on_core(1, told), check=False, capture_output=True, text=True)
                found = re.search(r"RESULT ([\d ]+)", done.stdout)
                if found is None:
                    sys.exit(done.stdout + done.stderr)
                spent = processor_seconds(pid) - spent
                n, micros, p50, p99, most, broken, wrong, late = map(int, found[1].split())
                print(
                    f"{connections:>11}  {n / micros * 1e6:10.0f} {p50 / 1e3:8.1f} {p99 / 1e3:8.1f} {most / 1e3:8.1f}"
                    f"  {broken:6} {wrong:8} {late:9}  {spent / n * 1e3:6.2f}"
                    f"  {before:6.0f} {resident_megabytes(pid):6.0f}"
                )
            print(f"load of the machine after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
