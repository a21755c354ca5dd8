"""The report card of a bundle: CARD.md, as plain Markdown, from the manifest and the evaluation alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mersalg.names import KINDS, Kind
from mersalg_training.evaluation.beyond_best_sellers import NO_MERIT
from mersalg_training.evaluation.metrics import OURS
from mersalg_training.evaluation.render import interval
from mersalg_training.evaluation.result import Row
from mersalg_training.figure_table import FigureTable, as_markdown
from mersalg_training.limits.result import LIMITS, sentences

MEANING: Final[dict[Kind, str]] = {
    "cross-sell": "a complement of another type than anything in the cart or usual for this customer",
    "add-on": "an accessory or service that extends a product of the cart, and is cheaper than it",
    "upsell": "a dearer product of the same type instead of one of the cart",
    "more-of-same": "a product of the customer again, or more of it",
    "replacement": "a product of the customer that is due, or its successor",
}

OF_PARENT: Final = "Measured on the parent. The order of the offers is the same; relevance and thresholds are not."
USE: Final = """\
## How to use it, and how not

- It ranks follow-on offers for a shop that embeds it, and stays silent when none clears the threshold of its kind.
- An offer that was bought is relevant. It is not shown that the offer caused the purchase: only a hold-out group
  that sees no offers measures that.
- Calibration and certificate hold for customers, products and seasons like those of the calibration window. Train
  again when they change.
- A product that the purchases do not hold is never offered, and one that is in few orders rests on its product type.
- The bundle knows no stock, no age limit, no health advice and no law. Exclude in the request what may not be offered.
- It does not set prices, and decides nothing about a person. It holds no row about a customer: the history comes in
  with the request and is not kept.
- Do not show an offer below its threshold as if it were one above: the certificate does not cover it.
"""


def render_card(manifest: Mapping[str, Any], results: Sequence[Row], parent: Mapping[str, Any] | None = None) -> str:
    """Write the card of a bundle; every number in it stands in the manifests or in the results.

    parent: of a recalibrated or updated bundle the parent's manifest; of a recalibrated one the results are those that
    were measured on the parent.
    """
    is_recalibrated = parent is not None and manifest["lineage"]["made_by"] == "recalibrate"
    renewed = "" if parent is None else recalibrated(manifest, parent) if is_recalibrated else updated(manifest)
    kept = limits(manifest)
    parts = [about(manifest), renewed, data(manifest), windows(manifest), kept, offers(manifest), tradeoffs(manifest)]
    written = [*(part for part in parts if part), evaluation(results, is_recalibrated), USE]
    return "\n\n".join(section.strip() for section in written) + "\n"


def limits(manifest: Mapping[str, Any]) -> str:
    """Say how the job kept its limits and what gave way; empty where none was given."""
    told = sentences(manifest.get(LIMITS, {}))
    return "## Limits of the job\n\n" + "\n".join(f"- {sentence}" for sentence in told) if told else ""


def about(manifest: Mapping[str, Any]) -> str:
    """Say what the bundle is and where it comes from."""
    vocabulary, graph = manifest["vocabulary"], manifest["graph"]
    run = f", MLflow run `{manifest['run_id']}`" if manifest["run_id"] else ", not tracked"
    return f"""\
# {manifest["name"]}

Follow-on offers for a shop, learned from its purchases: cross-sells, add-ons, upsells, more of the same and
replacements, each with a calibrated relevance (the probability that it is bought) and a threshold of its kind.

- Made {manifest["created_at"]} by mersalg {manifest["mersalg_version"]}{run}.
- Knows {count(vocabulary["products"])} products in {count(vocabulary["product_types"])} product types,
  {count(vocabulary["categories"])} categories and {count(vocabulary["brands"])} brands.
- One ONNX graph, `scorer.onnx` (opset {graph["opset"]}, ai.onnx.ml {graph["ml_opset"]}), retrieves at most
  {count(graph["candidates"])} candidates, ranks them on {count(len(manifest["features"]))} features and applies the \
thresholds.
- The resolved configuration and the sha256 of every file are in `manifest.json`."""


def recalibrated(manifest: Mapping[str, Any], parent: Mapping[str, Any]) -> str:
    """Say what was made anew, from what, and what it changed."""
    lineage = manifest["lineage"]
    old, new = {c["kind"] for c in parent["certificates"]}, {c["kind"] for c in manifest["certificates"]}
    rows = [
        [kind, threshold(parent, kind), threshold(manifest, kind), yes(kind in old), yes(kind in new)] for kind in KINDS
    ]
    columns = ["kind", "threshold before", "threshold now", "certified before", "certified now"]
    return f"""\
## Recalibrated

Calibration, thresholds and certificates were fitted anew on {count(lineage["requests"])} requests of \
{count(lineage["customers"])} customers from {lineage["from"]} to {lineage["to"]}; an offer came where it was \
{lineage["labels"]}. Half of the customers fitted, the other half certified. Candidates, features, rankers and all that
was counted are those of the parent, `{lineage["parent"]["name"]}` of {lineage["parent"]["created_at"]} (manifest sha256
`{lineage["parent"]["manifest_sha256"]}`): without thresholds both give the same offers in the same order.

{as_markdown(FigureTable("", columns, rows, words=[3, 4]))}"""


def updated(manifest: Mapping[str, Any]) -> str:
    """Say what was added, and what calibration and certificates rest on."""
    lineage, added = manifest["lineage"], manifest["lineage"]["added"]
    return f"""\
## Updated

{count(added["lines"])} order lines of {count(added["orders"])} orders from {lineage["from"]} on were added, which makes
{count(lineage["updates"])} updates since the rankers were trained. All that was counted is of today; the rankers are
those of the parent, `{lineage["parent"]["name"]}` of {lineage["parent"]["created_at"]} (manifest sha256
`{lineage["parent"]["manifest_sha256"]}`). {rolled(manifest)}"""


def rolled(manifest: Mapping[str, Any]) -> str:
    """Say on what an updated bundle was calibrated, or why its parent's calibration stays, and of when that is."""
    made = manifest["lineage"]["calibration"]
    if made["stays_because"] is None:
        return (
            f"Calibration, thresholds and certificates were made anew on {count(made['requests'])} requests of "
            f"{count(made['customers'])} customers from {made['from']} to {made['to']}, each scored by the bundle of "
            f"its day, which had not learned from it; {count(made['new'])} of them are new. Half of the customers "
            "fitted, the other half certified."
        )
    certified = max((certificate["to"] for certificate in manifest["certificates"]), default=None)
    told = "no kind is certified" if certified is None else f"the certificates are of requests up to {certified[:10]}"
    return f"Calibration and thresholds are the parent's, too: {made['stays_because']}; {told}."


def threshold(manifest: Mapping[str, Any], kind: str) -> str:
    """The threshold of a kind in words."""
    value = manifest["kinds"][kind]["threshold"]
    return "silent" if value is None else f"{value:.4f}"


def yes(holds: bool) -> str:
    """A truth in a word."""
    return "yes" if holds else "no"


def data(manifest: Mapping[str, Any]) -> str:
    """Say what it was trained on, what was rejected and what was missing."""
    result = manifest["data"]
    lines = [
        "## Data",
        "",
        f"{count(result['lines'])} order lines in {count(result['orders'])} orders of "
        f"{count(result['customers'])} customers, {count(result['products'])} products, "
        f"from {result['from']} to {result['to']}.",
        "",
        f"- Digest: `{result['digest']}`",
        *([f"- {result['drawn']}"] if "drawn" in result else []),
    ]
    rejected = {reason: n for reason, n in result["rejected"].items() if n}
    told = ", ".join(f"{reason} {count(n)}" for reason, n in rejected.items()) or "none"
    lines.append(f"- Rejected lines by reason: {told}")
    if "privacy" in manifest:
        lines.append(left_out(manifest["privacy"]))
    lines.append(f"- Switched off for want of data: {'; '.join(result['switched_off']) or 'nothing'}")
    return "\n".join(lines)


def left_out(privacy: Mapping[str, Any]) -> str:
    """Say what the tables do not hold because too few customers know of it."""
    n = {name: count(number) for name, number in privacy["left_out"].items()}
    return (
        f"- Left out, because fewer than {count(privacy['min_customers'])} distinct customers know of it: "
        f"{n['products']} products' own neighbours, {n['pairs']} pairs of products and {n['type_pairs']} of a type and "
        f"a product in one order, {n['follow_pairs']} pairs in two orders running, {n['switches']} switches within a "
        f"type, {n['intervals']} repurchase intervals and {n['repeats']} repeat rates of a product."
    )


def windows(manifest: Mapping[str, Any]) -> str:
    """Say which days fitted what; rows of a later window never reach an earlier step."""
    at = manifest["windows"]
    test_from = at["test_from"] or at["to"]
    calibrated_from, calibrated_to = calibrated_days(manifest)
    rows = [
        ("fit: counts, factors, product statistics", at["fit_from"], at["calibrate_from"]),
        ("of that, the carts that fit the ranker", at["rank_from"], at["calibrate_from"]),
        ("calibration, thresholds, certificates", calibrated_from, calibrated_to),
    ]
    if test_from != at["to"]:
        rows.append(("test: the results below, and nothing else", test_from, at["to"]))
    table = FigureTable("", ["used for", "from", "to"], rows, words=[1, 2])
    text = f"## Windows\n\nThe split is by time.\n\n{as_markdown(table)}"
    return text if test_from != at["to"] else text + "\n\nNo test window was held back."


def calibrated_days(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """From when to when the requests are that calibrated: an update's own, else the training job's window."""
    made = manifest.get("lineage", {}).get("calibration")
    if made is not None and made["stays_because"] is None:
        return made["from"], made["to"]
    at = manifest["windows"]
    return at["calibrate_from"], at["test_from"] or at["to"]


def offers(manifest: Mapping[str, Any]) -> str:
    """Say, kind by kind, what is offered from which threshold on, and what is certified of it."""
    certificates = {certificate["kind"]: certificate for certificate in manifest["certificates"]}
    lines = ["## Kinds of offer", ""]
    for kind in KINDS:
        if kind in manifest["kinds"]:
            lines.append(f"- **{kind}**, {MEANING[kind]}. {promise(manifest['kinds'][kind], certificates.get(kind))}")
    return "\n".join(lines)


def promise(kind: Mapping[str, Any], certificate: Mapping[str, Any] | None) -> str:
    """Put the threshold and the certificate of a kind into words."""
    wanted = wanted_of(kind)
    if kind["threshold"] is None:
        why = kind.get("silent_because") or "no threshold was found that keeps it"
        return f"Silent: wanted was {wanted}; {why}. None is offered."
    shown = f"Offered from a relevance of {kind['threshold']:.4f} on; wanted: {wanted}."
    if certificate is None:
        return f"{shown} Not certified: too few offers, or too mixed an outcome, to promise a share.{weakest(kind)}"
    customers = f" to {count(certificate['customers'])} customers" if "customers" in certificate else ""
    return (
        f"{shown} Certificate: of what is shown, at least {at_least(certificate['precision'])} was bought, with "
        f"confidence {certificate['confidence']:.0%}, on {count(certificate['n'])} offers{customers} from "
        f"{certificate['from']} to {certificate['to']} that the model had not seen.{weakest(kind)}"
    )


def weakest(kind: Mapping[str, Any]) -> str:
    """Put into words what came of the least relevant tenth of the offers shown; empty where nothing is told."""
    tenth = kind.get("weakest_tenth")
    return "" if tenth is None else f" Of the weakest tenth of what is shown {bought_of_weakest(tenth)}."


def bought_of_weakest(tenth: Mapping[str, Any]) -> str:
    """The share that was bought of the weakest tenth, what bounds it, and of how many offers."""
    bounds = f"proved: {at_least(tenth['at_least'])} to {at_most(tenth['at_most'])}"
    return f"{tenth['realised']:.1%} was bought ({bounds}, {count(tenth['offers'])} offers)"


def wanted_of(kind: Mapping[str, Any]) -> str:
    """Put the target of a kind into words; the precision where a bundle does not tell the target."""
    target = kind.get("target", {"precision": kind["precision_wanted"]})
    if "precision" in target:
        return f"a relevance of {target['precision']:.1%} of each offer"
    if "mean_precision" in target:
        return f"a precision of {target['mean_precision']:.1%} on average"
    if "coverage" in target:
        return f"an offer for at most {target['coverage']:.1%} of the requests"
    if "cost_ratio" in target:
        cost = f"of {target['cost_ratio']:g} margins"
    else:
        cost = f"of {target['cost']:g}" + (f" against a margin of {target['margin']:g}" if "margin" in target else "")
    return f"that offers pay for irrelevant ones at a cost {cost} each, which takes {kind['precision_wanted']:.1%}"


def tradeoffs(manifest: Mapping[str, Any]) -> str:
    """Tabulate what other thresholds would show; empty where the manifest does not tell."""
    told = [kind for kind in KINDS if manifest["kinds"].get(kind, {}).get("tradeoffs")]
    if not told:
        return ""
    brings = f"{manifest['value']} a request" if manifest.get("value") else "brings"
    rules = {kind: manifest["kinds"][kind] for kind in told}
    rows = [
        tradeoff_row(kind, row, row["threshold"] == rule["threshold"])
        for kind, rule in rules.items()
        for row in rule["tradeoffs"]
    ]
    table = FigureTable("", ["kind", "threshold", "offers", "bought", "see one", "kept", brings], rows)
    return f"""\
## What a threshold costs

Measured on the customers of the calibration window who had no part in the calibration; the chosen threshold in bold. \
*See one*: requests, of those at moments that offer the kind. *Kept*: of the relevant offers that would be shown \
without a threshold.

{as_markdown(table)}"""


def tradeoff_row(kind: Kind, row: Mapping[str, Any], chosen: bool) -> list[str]:
    """What one threshold shows."""
    share = {name: "" if row[name] is None else f"{row[name]:.1%}" for name in ("precision", "coverage", "recall")}
    at = f"**{row['threshold']:.4f}**" if chosen else f"{row['threshold']:.4f}"
    worth = "" if row["worth"] is None else f"{row['worth']:.3f}"
    return [kind, at, count(row["offers"]), share["precision"], share["coverage"], share["recall"], worth]


def evaluation(results: Sequence[Row], of_parent: bool) -> str:
    """Tabulate every method with its interval, task by task, and say where the bundle is not clearly the best."""
    if not results:
        why = "the parent carries no evaluation" if of_parent else "no test window was evaluated"
        return f"## Results\n\nNone: {why}."
    lines = [
        "## Results",
        "",
        *([OF_PARENT, ""] if of_parent else []),
        "On the test window, ranked over the whole catalogue without the thresholds; in brackets the 95 % bootstrap "
        "interval. The baselines ran through the same code on the same requests.",
    ]
    for task in dict.fromkeys(row.task for row in results):
        lines += ["", f"### {task}", "", as_markdown(table([row for row in results if row.task == task]))]
    return "\n".join([*lines, "", verdict(results)])


def table(rows: Sequence[Row]) -> FigureTable:
    """One task: a line for each method, a column for each metric."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    lines = []
    for method in dict.fromkeys(row.method for row in rows):
        cells = {row.metric: interval(row.estimate) for row in rows if row.method == method}
        lines.append([method, *(cells.get(metric, "not applicable") for metric in metrics)])
    return FigureTable("", ["method", *metrics], lines)


def verdict(results: Sequence[Row]) -> str:
    """Say where the bundle's interval lies above that of every baseline, and name each place where it does not."""
    compared, behind = 0, []
    for ours in (row for row in results if row.method == OURS and row.metric not in NO_MERIT):
        rivals = [r for r in results if r.method != OURS and (r.task, r.metric) == (ours.task, ours.metric)]
        compared += bool(rivals)
        close = [rival.method for rival in rivals if rival.high >= ours.low]
        if close:
            behind.append(f"{ours.task}: {ours.metric} ({', '.join(close)})")
    if not compared:
        return "No baseline was evaluated beside it, so these figures say little."
    if behind:
        return "mersalg is above every baseline, interval against interval, except in: " + "; ".join(behind) + "."
    return "mersalg is above every baseline, interval against interval, in every task and metric."


def at_least(share: float) -> str:
    """Write a share that is promised in percent, rounded down."""
    return f"{math.floor(1000 * share + 1e-9) / 10:.1f}%"


def at_most(share: float) -> str:
    """Write a share that bounds from above in percent, rounded up."""
    return f"{math.ceil(1000 * share - 1e-9) / 10:.1f}%"


def count(n: int) -> str:
    """Write a whole number with commas between the thousands."""
    return f"{n:,}"
