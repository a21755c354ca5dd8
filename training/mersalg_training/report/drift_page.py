"""The report of a check as one HTML page that needs nothing else: tables, and pictures inside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from mersalg_training.drift.newer import window_text
from mersalg_training.drift.result import KIND_COLUMNS, Check, kind_cells
from mersalg_training.drift.rules import EXIT_STATUS
from mersalg_training.plots import drift as plots

STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left }
img { max-width: 100% }
.keep { color: #00724f } .recalibrate { color: #9a5b00 } .retrain { color: #b03000 }
"""


def render_page(check: Check) -> str:
    """The whole page."""
    told, *reasons = check.sentences()
    window = window_text(check.since, check.until)
    shifts = [(s.name, f"{s.index:.3f}", s.size) for s in sorted(check.shifts, key=lambda s: -s.index)]
    parts = [
        f"<h1>{escape(check.bundle)}: checked on {escape(window)}</h1>",
        f'<p class="{check.decision}"><b>{escape(told)}</b> (exit status {EXIT_STATUS[check.decision]})</p>',
        items(reasons),
        f"<p>{check.requests:,} requests of {check.customers:,} customers. An offer comes where it is "
        f"{escape(check.labels)}. Intervals are 99 %, by customer. {escape(check.unknown_text())}.</p>",
        items(check.notes),
        "<h2>Shown offers</h2>",
        table(KIND_COLUMNS, map(kind_cells, check.kinds)),
        picture(plots.reliability_then_and_now(check.kinds), "Reliability by kind, then and now"),
    ]
    if shifts:
        parts += [
            "<h2>What the scorer sees</h2>",
            "<p>The population stability index of each feature against the time of calibration: below 0.1 little, "
            "above 0.25 much. A shift decides nothing by itself; it tells where to look.</p>",
            table(("feature", "index", "shift"), shifts),
            picture(plots.shifts(check.shifts), "Shares of the bins, then and now"),
        ]
    head = f'<meta charset="utf-8"><title>{escape(check.bundle)}: {check.decision}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def items(sentences: Sequence[str]) -> str:
    """A list; nothing where there is none."""
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>" if sentences else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def picture(png: bytes, told: str) -> str:
    """A picture inside the page."""
    return f'<p><img alt="{escape(told)}" src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}"></p>'
