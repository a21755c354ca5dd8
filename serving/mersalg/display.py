"""A bundle and its offers as text for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mersalg.offers import REASONS, Comparison, Offers


def summary(manifest: Mapping[str, Any]) -> str:
    """A manifest on one screen: what it was made of, what it shows, what it certifies and how it measured."""
    data, words = manifest["data"], manifest["vocabulary"]
    size = sum(entry["size"] for entry in manifest["files"].values())
    made = f"{manifest['created_at']} by mersalg {manifest['mersalg_version']}, run {manifest['run_id'] or 'none'}"
    facts = [
        ("bundle", f"{manifest['name']} (format {manifest['format_version']}, {size / 1e6:.1f} MB)"),
        ("made", made),
        ("data", f"{data['lines']:,} lines, {data['orders']:,} orders, {data['customers']:,} customers"),
        ("", f"{data['from']} to {data['to']}, digest {data['digest'][:16]}"),
        ("rejected", listed(data["rejected"], "{:,}") or "nothing"),
        ("switched off", ", ".join(data["switched_off"]) or "nothing"),
        ("knows", ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in words.items())),
        ("value", manifest.get("value") or "unknown, so that the order by value is that by relevance"),
        ("ranks", f"{manifest['graph']['candidates']} candidates by {len(manifest['features'])} features"),
    ]
    kinds = [
        (kind, "silent" if rule["threshold"] is None else f"{rule['threshold']:.4f}", f"{rule['precision_wanted']:.2f}")
        for kind, rule in manifest["kinds"].items()
    ]
    certificates = [
        (c["kind"], f"{c['precision']:.4f}", f"{c['confidence']:.2f}", f"{c['n']:,}", c["from"][:10], c["to"][:10])
        for c in manifest["certificates"]
    ]
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


def answer_text(offers: Offers, name: Callable[[str], str], thresholds: Mapping[str, float | None]) -> str:
    """The offers as a table with product names, or why there are none."""
    if offers.reason is not None:
        text = f"No offers: {offers.reason} ({REASONS[offers.reason]}); {offers.retrieved} candidates."
        rows = [
            (kind, f"{best:.4f}", "silent" if (least := thresholds[kind]) is None else f"{least:.4f}")
            for kind, best in offers.best_relevance.items()
        ]
        parts = [text, *([columns([("kind", "best relevance", "shown from"), *rows])] if rows else [])]
        return "\n\n".join([*parts, *filtered_text(offers)])
    table: list[tuple[str, ...]] = [("", "product", "name", "kind", "relevance", "because of")]
    for o in offers:
        because = name(o.because) if o.because is not None else ""
        table.append((str(o.rank), o.product_id, name(o.product_id), o.kind, f"{o.relevance:.4f}", because))
    if offers.beside:
        compared = [("price", "beside it", "differs"), *map(comparison_cells, offers.beside)]
        table = [(*row, *cells) for row, cells in zip(table, compared, strict=True)]
    return "\n\n".join([columns(table), *filtered_text(offers)])


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
    """Rows of texts, each column as wide as its widest text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def listed(counts: Mapping[str, Any], form: str = "{}") -> str:
    """Names and their numbers, the largest first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {form.format(count)}" for name, count in ordered)
