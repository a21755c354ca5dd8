"""An explanation as text for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill
from typing import Final

from mersalg.display import SCREEN_WIDTH, columns
from mersalg.offers import REASONS
from mersalg_training.explanation.result import Contribution, Explanation, OfferExplanation, SourceTrace, WhyNot
from mersalg_training.explanation.why_not import percent

BAR_WIDTH: Final = 12
"""Of the largest contribution."""
MAX_CONTRIBUTIONS: Final = 10
"""Of an offer that are shown; the others are added up in one row."""
INDENT: Final = "   "
NO_FLOOR: Final = "a kind without a threshold"


def as_lines(explanation: Explanation, name: Callable[[str], str]) -> str:
    """Each offer with its contributions and its check, or why there is none, or why a product is not there."""
    parts = [offer_text(offer) for offer in explanation.offers]
    if explanation.why_not is not None:
        parts.append(why_not_text(explanation.why_not, name))
    elif explanation.empty is not None:
        parts.append(
            f"No offers: {explanation.empty} ({REASONS[explanation.empty]}). "
            "--product ID says what keeps a product out."
        )
    return "\n\n".join([*parts, *notes(explanation)])


def notes(explanation: Explanation) -> list[str]:
    """How the numbers are read; nothing where there are none."""
    if not explanation.offers:
        return []
    told = "Log-odds: +0.7 doubles the odds that it is bought, -0.7 halves them."
    if any(offer.method == "permutation sampling" for offer in explanation.offers):
        told += " ± is a standard error: so many parts are drawn in random orders."
    return [told]


def offer_text(explained: OfferExplanation) -> str:
    """One offer."""
    offer, least = explained.offer, explained.threshold
    floor = NO_FLOOR if least is None else f"shown from {percent(least)}"
    heading = [
        f"{offer.rank}. {explained.name} ({offer.product_id})",
        f"   {offer.kind}, {percent(offer.relevance)} relevant, {floor}",
        f"   {explained.reason}",
    ]
    return "\n".join([*heading, "", indented(contribution_rows(explained)), "", wrapped(check_text(explained))])


def contribution_rows(explained: OfferExplanation) -> str:
    """Base, contributions and score, in log-odds, with what the relevance is without each part."""
    shown, others = explained.contributions[:MAX_CONTRIBUTIONS], explained.contributions[MAX_CONTRIBUTIONS:]
    largest = max((abs(part.value) for part in shown), default=0.0)
    drawn = explained.method == "permutation sampling"
    rows = [("", "log-odds", "", "without it", "")]
    rows.append(("nothing in the cart, no history", f"{explained.base:+.2f}", "", "", ""))
    rows += [
        (part.label, signed(part, drawn), bar(part.value, largest), percent(part.relevance_without), part.words)
        for part in shown
    ]
    if others:
        rows.append((f"{len(others)} others", f"{sum(part.value for part in others):+.2f}", "", "", ""))
    rows.append(("score", f"{explained.offer.score:+.2f}", "", percent(explained.offer.relevance), ""))
    return columns(rows)


def signed(part: Contribution, drawn: bool) -> str:
    """A contribution; with its standard error where it is drawn."""
    return f"{part.value:+.2f} ± {part.error:.2f}" if drawn else f"{part.value:+.2f}"


def bar(value: float, largest: float) -> str:
    """A bar as long as the value is large, of another sign where it is below 0."""
    length = round(BAR_WIDTH * abs(value) / largest) if largest > 0 else 0
    return ("█" if value > 0 else "░") * length


def check_text(explained: OfferExplanation) -> str:
    """What the removal of `because` costs, and whether another removal costs more."""
    offer = explained.offer
    if offer.because is None:
        return "Check: no single product brings it."
    own = next(removal for removal in explained.removals if removal.product_id == offer.because)
    told = (
        f"without {own.name} in cart and history the score is {own.score:+.2f} instead of {offer.score:+.2f}, "
        f"the relevance {percent(own.relevance)} instead of {percent(offer.relevance)}"
    )
    first = explained.removals[0]
    if own.score >= offer.score:
        told += ": it names the offer and does not carry it"
    if explained.because_confirmed:
        return f"Check: {told}; no other removal costs as much."
    if explained.because_confirmed is None or first.score >= offer.score:
        return f"Check: {told}."
    return f"Check: {told}. More is lost without {first.name}: {first.score:+.2f}, {percent(first.relevance)}."


def why_not_text(missing: WhyNot, name: Callable[[str], str]) -> str:
    """The stage and its sentence, and which sources brought the product."""
    parts = [f"{missing.name} ({missing.product_id}) is not offered: {missing.stage}", wrapped(missing.sentence)]
    if missing.sources:
        rows = [source_row(source, name) for source in missing.sources]
        parts += ["", indented(columns([("source", "brings it", "by", "stands in"), *rows]))]
    return "\n".join(parts)


def source_row(source: SourceTrace, name: Callable[[str], str]) -> tuple[str, str, str, str]:
    """One source of candidates; of the products that bring it the strongest is named."""
    asked = f"{counted(source.asked, 'list')} of {source.width}" if source.asked else "nothing looked up"
    pairs = sorted(zip(source.by, source.lifts, strict=True), key=lambda pair: -(pair[1] or 0.0))
    by = [name(product_id) + (f" ({lift:.1f} times chance)" if lift else "") for product_id, lift in pairs[:1]]
    more = f" and {len(pairs) - 1} more" if len(pairs) > 1 else ""
    listed = counted(source.listed, "list") if source.listed else ""
    return source.source, "yes" if source.brought else "no", "".join(by) + more or asked, listed


def counted(n: int, what: str) -> str:
    """So many of something."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def indented(text: str) -> str:
    """Each line a little to the right."""
    return "\n".join(f"{INDENT}{line}" for line in text.splitlines())


def wrapped(sentence: str) -> str:
    """A sentence on lines that fit a terminal, a little to the right."""
    return fill(
        sentence,
        SCREEN_WIDTH,
        initial_indent=INDENT,
        subsequent_indent=INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
