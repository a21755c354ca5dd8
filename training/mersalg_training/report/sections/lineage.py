"""How a bundle was made: lineage, versions, files, and what makes it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mersalg_training.figure_table import FigureTable
from mersalg_training.report.blocks import Block, Code, Details, FactList, PageSection, Paragraph, Table, as_block
from mersalg_training.report.wording import count


def making(manifest: Mapping[str, Any]) -> PageSection:
    """Lineage, versions, files, commands and the whole configuration."""
    config = manifest["config"]
    facts = [
        ("name", manifest["name"]),
        ("made at", manifest["created_at"]),
        ("mersalg", manifest["mersalg_version"]),
        ("bundle format", f"version {manifest['format_version']}"),
        ("graph", f"opset {manifest['graph']['opset']}, ai.onnx.ml {manifest['graph']['ml_opset']}"),
        ("MLflow run", manifest["run_id"] or "not tracked"),
        ("digest of the purchases", manifest["data"]["digest"]),
        ("seed", str(config.get("seed", "not told"))),
    ]
    blocks: list[Block] = [FactList(facts), *lineage(manifest), files(manifest)]
    told = json.dumps(config, indent=2, ensure_ascii=False, sort_keys=False)
    blocks += [
        Paragraph(
            "The same purchases, configuration, seed and versions give the same thresholds and offers. The digest "
            "tells whether the purchases are the same: `mersalg validate` prints it."
        ),
        Code("To check it, look at it, and measure it again", commands(manifest)),
        Details("The resolved configuration", [Code("Every setting that was in force", told)]),
    ]
    question = "From what was it made, and how is it made again?"
    return PageSection("making", "How it was made", question, blocks)


def commands(manifest: Mapping[str, Any]) -> str:
    """What makes the bundle again and measures it."""
    name = manifest["name"]
    return "\n".join(
        [
            f"pip install mersalg=={manifest['mersalg_version']} mersalg-training=={manifest['mersalg_version']}",
            f"mersalg train configs/{name}.toml --out models/{name}",
            f"mersalg verify models/{name}",
            f"mersalg evaluate models/{name} --baselines --restraint --json evaluation.json",
            f"mersalg report models/{name} --evaluation evaluation.json --out report.html",
        ]
    )


def lineage(manifest: Mapping[str, Any]) -> list[Block]:
    """Where it comes from: a training job, or a parent that was recalibrated."""
    result = manifest.get("lineage")
    if result is None:
        return [Paragraph("Lineage: trained from purchases; it has no parent.")]
    parent = result["parent"]
    rows = [
        ("parent", parent["name"]),
        ("made at", parent["created_at"]),
        ("its MLflow run", parent["run_id"] or "not tracked"),
        ("its manifest, SHA-256", parent["manifest_sha256"]),
        ("its scorer, SHA-256", parent["scorer_sha256"]),
        ("from", f"{result['from']} to {result['to']}"),
    ]
    if result.get("made_by") == "update":
        rows += [
            ("order lines added", count(result["added"]["lines"])),
            ("updates since it was trained", count(result["updates"])),
            ("counted anew, because", result["recounted"] or "it was not"),
            ("calibrated on", calibrated_on(result["calibration"])),
        ]
        return [Paragraph("Lineage: updated, with the rankers of its parent."), FactList(rows)]
    rows += [
        ("made anew on", f"{count(result['requests'])} requests of {count(result['customers'])} customers"),
        ("an offer came where it was", result["labels"]),
    ]
    if parent.get("lineage"):
        rows.append(("its own parent", parent["lineage"]["parent"]["name"]))
    return [Paragraph("Lineage: recalibrated, with the candidates and rankers of its parent."), FactList(rows)]


def calibrated_on(made: Mapping[str, Any]) -> str:
    """What an update calibrated on, or why it did not."""
    if made["stays_because"] is not None:
        return f"what its parent was: {made['stays_because']}"
    return f"{count(made['requests'])} requests from {made['from']} to {made['to']}, {count(made['new'])} of them new"


def files(manifest: Mapping[str, Any]) -> Table:
    """Every file with its size and hash."""
    rows = [[name, count(file["size"]), file["sha256"]] for name, file in manifest["files"].items()]
    return as_block(FigureTable("Files, as the manifest lists them", ["file", "bytes", "SHA-256"], rows, [2]))
