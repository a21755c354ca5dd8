"""What MLflow shows of a run and of a model's version in words: Markdown of the card and of the headline figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mersalg.names import KINDS
from mersalg_training.figure_table import FigureTable, as_markdown
from mersalg_training.tracking.headline import TASKS, key

MAX_DESCRIPTION: Final = 5000
"""Characters of a version's description in MLflow's database."""
CARD_IN_MODEL: Final = "data/bundle/CARD.md"


def describe_run(manifest: Mapping[str, Any], figures: Mapping[str, float]) -> str:
    """A table of the kinds and one of the tasks, for the head of a run's page."""
    data = manifest["data"]
    certified = [certificate["kind"] for certificate in manifest["certificates"]]
    intro = (
        f"Certified: {', '.join(certified) or 'no kind'}. "
        f"Learned from {data['lines']:,} order lines of {data['customers']:,} customers, "
        f"{data['from'][:10]} to {data['to'][:10]}. The page is `report.html`, every figure is in `metrics.csv`."
    )
    columns = ["kind", "threshold", "certified", "requests that see one", "bought of what is shown"]
    kinds = [
        [
            kind,
            "silent" if rule["threshold"] is None else f"{rule['threshold']:.4f}",
            share(figures, f"certified/{key(kind)}", "no"),
            share(figures, f"shown/{key(kind)}"),
            share(figures, f"came/{key(kind)}"),
        ]
        for kind, rule in manifest["kinds"].items()
    ]
    tasks = [[task, told(figures, f"ndcg/{name}")] for task, name in TASKS.items() if f"ndcg/{name}" in figures]
    parts = [intro, as_markdown(FigureTable("", columns, kinds))]
    if tasks:
        parts.append(as_markdown(FigureTable("", ["task of the test window", "NDCG@10"], tasks)))
    return "\n\n".join(parts)


def share(figures: Mapping[str, float], name: str, otherwise: str = "") -> str:
    """A share in percent with its interval."""
    if name not in figures:
        return otherwise
    if f"{name}/low" not in figures:
        return f"{figures[name]:.1%}"
    return f"{figures[name]:.1%} ({100 * figures[f'{name}/low']:.1f} to {100 * figures[f'{name}/high']:.1f})"


def told(figures: Mapping[str, float], name: str) -> str:
    """A figure with its interval."""
    return f"{figures[name]:.3f} ({figures[f'{name}/low']:.3f} to {figures[f'{name}/high']:.3f})"


def describe_version(card: str) -> str:
    """The card as far as MLflow's description holds it: whole sections from the top, and where the rest is."""
    if len(card) <= MAX_DESCRIPTION:
        return card
    end = f"\n\nThe whole card, with all tables, is `{CARD_IN_MODEL}` among the model's artifacts.\n"
    first, *sections = card.split("\n## ")
    text = first[: MAX_DESCRIPTION - len(end)]
    for section in sections:
        if len(text) + len("\n## ") + len(section) + len(end) <= MAX_DESCRIPTION:
            text += f"\n## {section}"
    return text.rstrip() + end


def version_tags(manifest: Mapping[str, Any], manifest_sha256: str, parity: str) -> dict[str, str]:
    """What a version is judged by: its certificates by kind, its golden requests, its size and its digests."""
    certified = {c["kind"]: c for c in manifest["certificates"]}
    size = sum(file["size"] for file in manifest["files"].values())
    return {
        "mersalg.kinds_certified": ", ".join(kind for kind in KINDS if kind in certified) or "none",
        **{
            f"certificate.{kind}": certificate_text(certified.get(kind), rule)
            for kind, rule in manifest["kinds"].items()
        },
        "mersalg.parity": parity,
        "mersalg.manifest_sha256": manifest_sha256,
        "mersalg.size": f"{size / 1e6:.1f} MB",
        "mersalg.version": manifest["mersalg_version"],
        "data.digest": manifest["data"]["digest"],
    }


def certificate_text(certificate: Mapping[str, Any] | None, kind: Mapping[str, Any]) -> str:
    """What is promised of a kind."""
    if certificate is None:
        return "silent" if kind["threshold"] is None else "shown, not certified"
    return (
        f"at least {certificate['precision']:.1%} bought, confidence {certificate['confidence']:.0%}, "
        f"{certificate['n']:,} offers"
    )
