"""Why an offer is made: the facts, and one sentence of them in each language.

clients/node/lib/reasons.js says the same; both are held to the cases of clients/node/test/reasons.json.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from mersalg.errors import RequestError
from mersalg.names import LANGUAGES, Better, Kind, Language

Phrase = (
    Better
    | Literal[
        "goes with", "goes far", "because of", "popular", "yesterday", "overdue", "today", "tomorrow", "due",
        "every day", "every", "before", "times", "in order", "alike", "than", "instead", "for more", "and",
    ]
)  # fmt: skip

TEXTS: Final[Mapping[Language, Mapping[Phrase, str]]] = {
    "en": {
        "goes with": "goes with {anchor}: bought together {times} times as often as chance",
        "goes far": "goes with {anchor}: bought together far more often than chance",
        "because of": "because of {anchor}",
        "popular": "often bought here",
        "yesterday": "due since yesterday",
        "overdue": "due since {days} days",
        "today": "due today",
        "tomorrow": "due tomorrow",
        "due": "due in {days} days",
        "every day": "you buy it every day",
        "every": "you buy it every {days} days",
        "before": "you bought it before",
        "times": "you bought it {times} times",
        "in order": "in your order",
        "alike": "of the same type as {anchor}",
        "than": "{better} than {anchor}",
        "instead": "instead of {anchor}",
        "for more": "for {step} more",
        "and": "and",
        "larger pack": "larger pack",
        "lower price for the unit": "lower price for the unit",
        "higher grade": "higher grade",
        "more features": "more features",
    },
    "da": {
        "goes with": "passer til {anchor}: købt sammen {times} gange så ofte som tilfældigt",
        "goes far": "passer til {anchor}: købt sammen langt oftere end tilfældigt",
        "because of": "på grund af {anchor}",
        "popular": "købes ofte her",
        "yesterday": "forventet i går",
        "overdue": "forventet for {days} dage siden",
        "today": "forventet i dag",
        "tomorrow": "forventet i morgen",
        "due": "forventet om {days} dage",
        "every day": "du køber det hver dag",
        "every": "du køber det med {days} dages mellemrum",
        "before": "du har købt det før",
        "times": "du har købt det {times} gange",
        "in order": "i din ordre",
        "alike": "af samme slags som {anchor}",
        "than": "{better} end {anchor}",
        "instead": "i stedet for {anchor}",
        "for more": "for {step} mere",
        "and": "og",
        "larger pack": "større pakke",
        "lower price for the unit": "lavere enhedspris",
        "higher grade": "højere kvalitet",
        "more features": "flere funktioner",
    },
    "no": {
        "goes with": "passer til {anchor}: kjøpt sammen {times} ganger så ofte som tilfeldig",
        "goes far": "passer til {anchor}: kjøpt sammen langt oftere enn tilfeldig",
        "because of": "på grunn av {anchor}",
        "popular": "kjøpes ofte her",
        "yesterday": "forventet i går",
        "overdue": "forventet for {days} dager siden",
        "today": "forventet i dag",
        "tomorrow": "forventet i morgen",
        "due": "forventet om {days} dager",
        "every day": "du kjøper det hver dag",
        "every": "du kjøper det med {days} dagers mellomrom",
        "before": "du har kjøpt det før",
        "times": "du har kjøpt det {times} ganger",
        "in order": "i bestillingen din",
        "alike": "av samme slag som {anchor}",
        "than": "{better} enn {anchor}",
        "instead": "i stedet for {anchor}",
        "for more": "for {step} mer",
        "and": "og",
        "larger pack": "større pakke",
        "lower price for the unit": "lavere enhetspris",
        "higher grade": "høyere kvalitet",
        "more features": "flere funksjoner",
    },
    "sv": {
        "goes with": "passar till {anchor}: köpt tillsammans {times} gånger så ofta som av en slump",
        "goes far": "passar till {anchor}: köpt tillsammans långt oftare än av en slump",
        "because of": "på grund av {anchor}",
        "popular": "köps ofta här",
        "yesterday": "väntat i går",
        "overdue": "väntat för {days} dagar sedan",
        "today": "väntat i dag",
        "tomorrow": "väntat i morgon",
        "due": "väntat om {days} dagar",
        "every day": "du köper det varje dag",
        "every": "du köper det med {days} dagars mellanrum",
        "before": "du har köpt det förut",
        "times": "du har köpt det {times} gånger",
        "in order": "i din beställning",
        "alike": "av samma slag som {anchor}",
        "than": "{better} än {anchor}",
        "instead": "i stället för {anchor}",
        "for more": "för {step} mer",
        "and": "och",
        "larger pack": "större förpackning",
        "lower price for the unit": "lägre jämförpris",
        "higher grade": "högre kvalitet",
        "more features": "fler funktioner",
    },
}

FROM_TWO: Final[Mapping[Language, tuple[str, ...]]] = {
    "en": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    "da": ("to", "tre", "fire", "fem", "seks", "syv", "otte", "ni", "ti", "elleve", "tolv"),
    "no": ("to", "tre", "fire", "fem", "seks", "sju", "åtte", "ni", "ti", "elleve", "tolv"),
    "sv": ("två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva", "tolv"),
}
"""The numbers from two to twelve; larger ones stand in digits."""
TOLD_LIFT: Final = 1.05
"""A lower lift is not told: it rounds to once."""
FAR: Final = 20.0
"""From this lift on the number is not told: so rare a pair has no exact one."""


@dataclass(frozen=True, slots=True)
class OfferReason:
    """Why an offer is made, as far as it is known."""

    kind: Kind
    product_id: str
    anchor: str | None
    """The product id of the anchor that brought it; its own id for a product that is bought again."""
    lift: float | None
    better: tuple[Better, ...]
    price_step: float | None
    due_in_days: float | None
    interval_days: float | None
    times_bought: int

    def text(self, name: Callable[[str], str], language: str = "en") -> str:
        """The reason as one sentence, without a capital and a full stop.

        name: the name of a product id, as `recommender.name` gives it. RequestError for a language that is not known.
        """
        return say(self, name, read_language(language))


def read_language(language: Any) -> Language:
    """A language that the reasons are said in. RequestError for another."""
    for known in LANGUAGES:
        if language == known:
            return known
    raise RequestError("language", f"one of {', '.join(LANGUAGES)}", language)


def say(reason: OfferReason, name: Callable[[str], str], language: Language) -> str:
    """The sentence of a reason."""
    phrases = TEXTS[language]
    if reason.kind == "replacement" and reason.due_in_days is not None:
        return say_due(whole(reason.due_in_days), reason.interval_days, language)
    if reason.anchor is None:
        return phrases["popular"]
    if reason.anchor == reason.product_id:
        return say_again(reason.times_bought, language)
    anchor = name(reason.anchor)
    if reason.kind == "upsell":
        return say_better(reason, anchor, language)
    if reason.kind in ("more-of-same", "replacement"):
        return phrases["alike"].format(anchor=anchor)
    return say_together(reason.lift, anchor, language)


def say_together(lift: float | None, anchor: str, language: Language) -> str:
    """What a new product goes with, and how much oftener than chance the two are bought together."""
    phrases = TEXTS[language]
    if lift is None or lift < TOLD_LIFT:
        return phrases["because of"].format(anchor=anchor)
    if lift >= FAR:
        return phrases["goes far"].format(anchor=anchor)
    return phrases["goes with"].format(anchor=anchor, times=times(lift, language))


def say_due(due: int, interval_days: float | None, language: Language) -> str:
    """When the next purchase is, or was, expected, and how often there is one."""
    phrases = TEXTS[language]
    when: Mapping[int, Phrase] = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    phrase: Phrase = when.get(due, "overdue" if due < 0 else "due")
    told = phrases[phrase].format(days=abs(due))
    if interval_days is None:
        return told
    every = whole(interval_days)
    return f"{told}: " + (phrases["every day"] if every <= 1 else phrases["every"].format(days=every))


def say_again(times_bought: int, language: Language) -> str:
    """How often the customer bought the product itself; 0 = it is in the order that was just paid."""
    phrases = TEXTS[language]
    if times_bought == 0:
        return phrases["in order"]
    return phrases["before"] if times_bought == 1 else phrases["times"].format(times=number(times_bought, language))


def say_better(reason: OfferReason, anchor: str, language: Language) -> str:
    """In what an upsell is better than its anchor, and what it costs more."""
    phrases = TEXTS[language]
    if reason.better:
        *first, last = (phrases[advantage] for advantage in reason.better)
        better = f"{', '.join(first)} {phrases['and']} {last}" if first else last
        told = phrases["than"].format(better=better, anchor=anchor)
    else:
        told = phrases["instead"].format(anchor=anchor)
    if reason.price_step is None or reason.price_step <= 0:
        return told
    step = with_decimals(f"{whole(100 * reason.price_step) / 100:.2f}", language)
    return f"{told} {phrases['for more'].format(step=step)}"


def times(lift: float, language: Language) -> str:
    """How many times as often, rounded: with one decimal below two."""
    tenths = whole(10 * lift)
    return with_decimals(f"{tenths / 10}", language) if tenths < 20 else number(whole(lift), language)


def number(n: int, language: Language) -> str:
    """A number from two, in words up to twelve."""
    words = FROM_TWO[language]
    return words[n - 2] if n - 2 < len(words) else str(n)


def with_decimals(digits: str, language: Language) -> str:
    """Digits with the language's decimal sign."""
    return digits if language == "en" else digits.replace(".", ",")


def whole(x: float) -> int:
    """The nearest whole number, halves upwards."""
    return math.floor(x + 0.5)
