"""The card of a recalibrated bundle: what is new, and the results of its parent, which ranks alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mersalg.names import KINDS
from mersalg_training.export.card import count, render_card

RESULTS: Final = "## Results"


def renewed_card(manifest: Mapping[str, Any], parent: Mapping[str, Any], parent_card: str) -> str:
    """The card of a manifest with a lineage, with the results of the parent's card, if it has any."""
    about, *sections = split_sections(render_card(manifest, []))
    results = next((section for section in split_sections(parent_card) if section.startswith(RESULTS)), None)
    told = [about, recalibrated(manifest, parent)]
    for section in sections:
        told.append(section if results is None or not section.startswith(RESULTS) else of_the_parent(results))
    return "\n\n".join(section.strip() for section in told) + "\n"


def split_sections(card: str) -> list[str]:
    """A card cut before each heading of the second level."""
    head, *rest = card.split("\n## ")
    return [head, *("## " + section for section in rest)]


def of_the_parent(results: str) -> str:
    """The parent's results, said to be its own."""
    note = "Measured on the parent. The order of the offers is the same; relevance and thresholds are not."
    _, _, body = results.partition("\n")
    return f"{RESULTS}\n\n{note}\n{body}" if note not in body else results


def recalibrated(manifest: Mapping[str, Any], parent: Mapping[str, Any]) -> str:
    """Say what was made anew, from what, and what it changed."""
    lineage = manifest["lineage"]
    old, new = {c["kind"] for c in parent["certificates"]}, {c["kind"] for c in manifest["certificates"]}
    rows = [
        f"| {kind} | {threshold(parent, kind)} | {threshold(manifest, kind)} | "
        f"{yes(kind in old)} | {yes(kind in new)} |"
        for kind in KINDS
    ]
    return f"""\
## Recalibrated

Calibration, thresholds and certificates were fitted anew on {count(lineage["requests"])} requests of \
{count(lineage["customers"])} customers from {lineage["from"]} to {lineage["to"]}; an offer came where it was \
{lineage["labels"]}. Half of the customers fitted, the other half certified. Candidates, features, rankers and all that
was counted are those of the parent, `{lineage["parent"]["name"]}` of {lineage["parent"]["created_at"]} (manifest sha256
`{lineage["parent"]["manifest_sha256"]}`): without thresholds both give the same offers in the same order.

| kind | threshold before | threshold now | certified before | certified now |
| --- | ---: | ---: | --- | --- |
""" + "\n".join(rows)


def threshold(manifest: Mapping[str, Any], kind: str) -> str:
    """The threshold of a kind in words."""
    value = manifest["kinds"][kind]["threshold"]
    return "silent" if value is None else f"{value:.4f}"


def yes(holds: bool) -> str:
    """A truth in a word."""
    return "yes" if holds else "no"
