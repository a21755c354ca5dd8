"""A bundle and its offers as text for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mersalg.bundle.manifest import is_share
from mersalg.offers import REASONS, Comparison, Offers

if TYPE_CHECKING:
    from mersalg.bundle import Bundle
    from mersalg.table import SavedOutcome

STEERING: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control signs, separators of lines, overrides of the direction, and halves of characters."""
SCREEN_WIDTH: Final = 100
"""Columns of a terminal that `summary` fits into."""


def summary(bundle: Bundle) -> str:
    """A bundle on one screen: what it is, what it was trained on, what each kind shows and what that certifies."""
    manifest = bundle.manifest
    data = manifest["data"]
    offered = sum(bool(offers) for _, offers in bundle.golden)
    windows = {name: time[:10] for name, time in manifest["windows"].items()}
    facts = [
        ("bundle", f"{manifest['name']} (format {manifest['format_version']}, {megabytes(manifest)} MB)"),
        ("made", f"{manifest['created_at']} by mersalg {manifest['mersalg_version']}"),
        ("run", manifest["run_id"] or "none"),
        ("data", f"{data['from']} to {data['to']}: {data['lines']:,} lines, {data['orders']:,} orders"),
        ("windows", f"calibrated from {windows['calibrate_from']}, tested from {windows['test_from']}"),
        ("knows", counted_words(manifest["vocabulary"])),
        ("value", manifest.get("value") or "unknown"),
        ("golden", f"{len(bundle.golden)} requests, {offered} of them with offers"),
    ]
    certified = {certificate["kind"]: certificate for certificate in manifest["certificates"]}
    kinds = [
        (kind, *threshold_cells(rule), *certificate_cells(certified.get(kind))[:3], *weakest_cells(rule))
        for kind, rule in manifest["kinds"].items()
    ]
    parts = [
        columns(facts),
        columns([("kind", "shown from", "wanted", "certified", "confidence", "offers", "weakest tenth"), *kinds]),
        f"More: --all ({len(manifest['metrics']):,} metrics, rejected lines), --json (the manifest and the card).",
    ]
    return "\n".join(clipped(line) for line in "\n\n".join(parts).splitlines())


def threshold_cells(rule: Mapping[str, Any]) -> tuple[str, str]:
    """The threshold of a kind, and the precision that it was chosen for."""
    threshold = rule["threshold"]
    return "silent" if threshold is None else f"{threshold:.4f}", f"{rule['precision_wanted']:.2f}"


def certificate_cells(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Precision, confidence, number of offers and window of a certificate, where there is one."""
    if certificate is None:
        return ("no", "", "", "", "")
    numbers = f"{certificate['precision']:.4f}", f"{certificate['confidence']:.2f}", f"{certificate['n']:,}"
    return (*numbers, certificate["from"][:10], certificate["to"][:10])


def weakest_cells(rule: Mapping[str, Any]) -> tuple[str]:
    """The share that was bought of the weakest tenth of what is shown, and between what it surely lies."""
    tenth = rule.get("weakest_tenth")
    if not isinstance(tenth, Mapping) or not all(map(is_share, map(tenth.get, ("realised", "at_least", "at_most")))):
        return ("",)
    return (f"{tenth['realised']:.4f} ({tenth['at_least']:.3f} to {tenth['at_most']:.3f})",)


def clipped(line: str) -> str:
    """A line that fits the screen; what a manifest says may be of any length."""
    return line if len(line) <= SCREEN_WIDTH else line[: SCREEN_WIDTH - 3] + "..."


def megabytes(manifest: Mapping[str, Any]) -> str:
    """The size of all listed files together, in millions of bytes."""
    return f"{sum(entry['size'] for entry in manifest['files'].values()) / 1e6:.1f}"


def counted_words(vocabulary: Mapping[str, int]) -> str:
    """How many products, types, categories and brands a bundle knows."""
    return ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in vocabulary.items())


def all_facts(manifest: Mapping[str, Any]) -> str:
    """All of a manifest for people: what it was made of, what it shows, what it certifies and how it measured."""
    data = manifest["data"]
    made = f"{manifest['created_at']} by mersalg {manifest['mersalg_version']}, run {manifest['run_id'] or 'none'}"
    facts = [
        ("bundle", f"{manifest['name']} (format {manifest['format_version']}, {megabytes(manifest)} MB)"),
        ("made", made),
        ("data", f"{data['lines']:,} lines, {data['orders']:,} orders, {data['customers']:,} customers"),
        ("", f"{data['from']} to {data['to']}, digest {data['digest'][:16]}"),
        ("rejected", listed(data["rejected"], "{:,}") or "nothing"),
        ("switched off", ", ".join(data["switched_off"]) or "nothing"),
        ("knows", counted_words(manifest["vocabulary"])),
        ("value", manifest.get("value") or "unknown, so that the order by value is that by relevance"),
        ("ranks", f"{manifest['graph']['candidates']} candidates by {len(manifest['features'])} features"),
    ]
    kinds = [(kind, *threshold_cells(rule)) for kind, rule in manifest["kinds"].items()]
    certificates = [(c["kind"], *certificate_cells(c)) for c in manifest["certificates"]]
    metrics = [(name, f"{value:.4f}") for name, value in sorted(manifest["metrics"].items())]
    parts = [
        columns(facts),
        columns([("kind", "shown from", "precision wanted"), *kinds]),
        columns([("certificate", "precision", "confidence", "n", "from", "to"), *certificates])
        if certificates
        else "No kind is certified.",
        columns([("metric", "value"), *metrics]) if metrics else "No metric was measured.",
    ]
    return "\n\n".join(parts)


def answer_text(
    offers: Offers, name: Callable[[str], str], thresholds: Mapping[str, float | None], language: str = "en"
) -> str:
    """The offers as a table with product names and reasons, or why there are none."""
    if offers.reason is not None:
        text = f"No offers: {offers.reason} ({REASONS[offers.reason]}); {offers.retrieved} candidates."
        rows = [
            (kind, f"{best:.4f}", "silent" if (least := thresholds[kind]) is None else f"{least:.4f}")
            for kind, best in offers.best_relevance.items()
        ]
        parts = [text, *([columns([("kind", "best relevance", "shown from"), *rows])] if rows else [])]
        return "\n\n".join([*parts, *filtered_text(offers)])
    table: list[tuple[str, ...]] = [("", "product", "name", "kind", "relevance", "why")]
    for o in offers:
        why = o.reason.text(name, language)
        table.append((str(o.rank), o.product_id, name(o.product_id), o.kind, f"{o.relevance:.4f}", why))
    if offers.beside:
        compared = [("price", "beside it", "differs"), *map(comparison_cells, offers.beside)]
        table = [(*row, *cells) for row, cells in zip(table, compared, strict=True)]
    return "\n\n".join([columns(table), *filtered_text(offers)])


def outcomes_text(outcomes: Sequence[SavedOutcome], name: Callable[[str], str]) -> str:
    """What was expected of each request and what came, and the counts."""
    lines = []
    for outcome in outcomes:
        saved = outcome.saved
        told = {
            "must": saved.must, "may": saved.may, "must not": saved.must_not, "missing": outcome.missing,
            "unwanted": outcome.unwanted, "came": tuple(offer.product_id for offer in outcome.offers),
        }  # fmt: skip
        lines.append(f"{'kept' if outcome.kept else 'BROKEN':8}{saved.request_id}")
        for what, products in told.items():
            if products:
                lines.append(f"  {what:10}{', '.join(f'{one} ({name(one)})' for one in products)}")
    broken = sum(not outcome.kept for outcome in outcomes)
    return "\n".join([*lines, f"{len(outcomes):,} saved requests, {broken:,} broken"])


def filtered_text(offers: Offers) -> list[str]:
    """What a policy took out, by rule; nothing where it took out nothing."""
    return [f"Taken out by the policy: {listed(offers.filtered)}."] if offers.filtered else []


def comparison_cells(beside: Comparison) -> tuple[str, str, str]:
    """Today's price of an offer, what it costs more than its anchor, and the attributes that differ."""
    price = f"{beside.price:.2f}" if beside.price is not None else ""
    difference = f"{beside.difference:+.2f}" if beside.difference is not None else ""
    pairs = (f"{name}: {old or 'none'} -> {new or 'none'}" for name, (old, new) in beside.attributes.items())
    return price, difference, ", ".join(pairs)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of texts, each column as wide as its widest text and each row on one line."""
    lines = [[plain(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in lines
    )


def plain(text: str) -> str:
    """A text that drives no terminal: what moves, colours, breaks or turns a line is escaped as in JSON."""
    return STEERING.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def plain_lines(text: str) -> str:
    """Lines that drive no terminal; JSON stays the same JSON."""
    return "\n".join(map(plain, text.split("\n")))


def listed(counts: Mapping[str, Any], form: str = "{}") -> str:
    """Names and their numbers, the largest first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {form.format(count)}" for name, count in ordered)
