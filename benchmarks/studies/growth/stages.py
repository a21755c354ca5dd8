"""What each stage of a job takes that grows with the lines: seconds, processor seconds and memory, to a JSON file.

    python benchmarks/studies/growth/stages.py OUT.json [section.key=value]...

of the job configs/demo.toml: reading and checking, counting for three cuts, and the tables of the last cut.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from mersalg_training.config import load_config
from mersalg_training.learn import FOR_BUNDLE, count_shop, read_purchases
from mersalg_training.progress import Stages, quiet


def main(out: Path, settings: list[str]) -> None:
    """Run the stages one after the other."""
    config, stages, found = load_config(Path("configs/demo.toml"), settings), Stages(Console()), dict[str, Any]()

    def taken(name: str, make: Callable[[], Any]) -> Any:
        wall, cpu = time.monotonic(), time.process_time()
        made = make()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        found[name] = {"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu, "peak_gib": peak}
        print(name, found[name], flush=True)
        return made

    purchased = taken("read", lambda: read_purchases(config, stages))
    counted = taken("count", lambda: count_shop(purchased, config, stages))
    tables = taken("tables", lambda: counted.tables(purchased, FOR_BUNDLE, counted.adapted.config, quiet))
    found |= {"lines": purchased.history.n_lines, "products": tables.n_items, "supported": tables.vocabulary.supported}
    out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
