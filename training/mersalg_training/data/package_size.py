"""How much of a product one price buys, read from what a shop writes: `16 OZ`, `6 x 330 ml`, `12 PK/12 OZ`, `1/2 GAL`.

Nothing is guessed: what can be read in two ways, as `3/4 OZ` or `14-18 CT`, is not known. Lengths in inches and
centimetres are dimensions, milligrams are doses, and neither says how much there is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import gcd
from typing import Final, NamedTuple

OUNCES: Final = "oz"
"""Of weight or of volume: what else is sold of the type tells which, see `settle_ounces`."""
PACKS: Final = "packs"
GRAMS_OF_OUNCE: Final = 28.349523125
ML_OF_OUNCE: Final = 29.5735295625
UNITS: Final[dict[str, tuple[str, float]]] = {
    # what a shop writes: (measure, so many of it)
    r"g|gms?|gr|gramm?s?": ("g", 1.0),
    r"kgs?|kilos?|kilograms?": ("g", 1000.0),
    r"lbs?|pounds?": ("g", 453.59237),
    r"oz|ounces?|z": (OUNCES, 1.0),
    r"fl\.? ?oz|fluid ounces?": ("ml", ML_OF_OUNCE),
    r"ml": ("ml", 1.0),
    r"cl": ("ml", 10.0),
    r"dl": ("ml", 100.0),
    r"l|lt|ltr|lit(?:er|re)s?": ("ml", 1000.0),
    r"pt|pints?": ("ml", 473.176473),
    r"qt|quarts?": ("ml", 946.352946),
    r"gal|gallons?|(?<=\b1 )ga": ("ml", 3785.411784),
    r"ct|cnt|counts?|pcs?|pieces?|stk|stück|rolls?|stems?|tabs|capsules?|pods": ("pieces", 1.0),
    r"dz|doz|dozens?": ("pieces", 12.0),
    r"pks?|packs?": (PACKS, 1.0),
    r"loads?|lds?|uses?|wash(?:es)?": ("washes", 1.0),
    r"sq\.? ?ft": ("m2", 0.09290304),
    r"ft|feet|foot": ("m", 0.3048),
    r"yds?|yards?": ("m", 0.9144),
    r"(?-i:m)|met(?:er|re)s?": ("m", 1.0),
}
CONTENTS: Final = ("g", "ml", OUNCES, "washes", "m2", "m", "pieces", PACKS)
"""Where a product says several, the first counts: `6 CT/15 OZ` are 15 ounces."""
MEASURES: Final = ("g", "ml", "washes", "m2", "m", "pieces")
"""Of sizes that are settled."""
DENOMINATORS: Final = (2, 3, 4, 8, 16)
MAX_PIECES: Final = 1000
"""More is an article number."""
SAME: Final = 0.05
"""Two contents of one product may differ by so much: `12 FL OZ (350 ml)`."""

UNIT: Final = "|".join(f"(?P<u{i}>{words})" for i, words in enumerate(UNITS))
NUMBER: Final = r"\d+(?:[.,]\d+)?|[.,]\d+"
QUANTITY: Final = re.compile(
    rf"(?<![\w.,$€£-])(?<!\d/)(?:(?P<left>{NUMBER})\s*(?P<by>[x\u00d7*/ -])\s*(?:(?P<over>\d+)\s*/\s*)?)?"
    rf"(?P<amount>{NUMBER})\s*-?\s*(?:{UNIT})(?!\w)",
    re.IGNORECASE,
)
BEHIND: Final = re.compile(r"\s*[x\u00d7*]\s*(\d+)(?![\w.,])", re.IGNORECASE)
"""How often, behind the content: `330 ml x 6`."""
PACK_OF: Final = re.compile(r"(?<!\w)(?:pack|case|box|set) of (\d+)(?!\w)", re.IGNORECASE)
ALONE: Final = re.compile(rf"\s*(?P<half>half\s+)?(?:{UNIT})\.?\s*", re.IGNORECASE)
"""A size without a number is one of it."""
NO_SIZE: Final = re.compile(r"\b[2-6]G\b|(?i:\b(?:w/|with\b).*)")
"""A generation of mobile networks; what comes along."""


class PackageSize(NamedTuple):
    """So much of a measure: one of MEASURES, or OUNCES."""

    amount: float
    measure: str


def read_package_size(text: str) -> PackageSize | None:
    """The content of one package in all, packs multiplied in; None where none is written, or not clearly."""
    if alone := ALONE.fullmatch(text):
        measure, factor = unit_of(alone)
        return settled_size({measure: [factor * (0.5 if alone["half"] else 1.0)]}, 1.0)
    found: dict[str, list[float]] = {}
    times = 1.0
    for quantity in QUANTITY.finditer(NO_SIZE.sub(" ", text)):
        amount = amount_of(quantity)
        if amount is None:
            return None
        measure, factor = unit_of(quantity)
        if behind := BEHIND.match(quantity.string, quantity.end()):
            times *= int(behind[1])
        found.setdefault(measure, []).append(amount * factor)
    for pack in PACK_OF.finditer(text):
        found.setdefault(PACKS, []).append(float(pack[1]))
    return settled_size(found, times)


def unit_of_column(name: str) -> str:
    """The unit that a column's name ends in, as `volume_ml` or `weight (g)`; empty where it ends in none."""
    end = re.fullmatch(rf".*[_ (](?P<unit>{UNIT})\)?", name, re.IGNORECASE)
    return end["unit"] if end is not None else ""


def without_sizes(text: str) -> str:
    """The text without the sizes in it."""
    return PACK_OF.sub(" ", BEHIND.sub(" ", QUANTITY.sub(" ", NO_SIZE.sub(" ", text))))


def settled_size(found: dict[str, list[float]], times: float) -> PackageSize | None:
    """One size out of all that is written: (measure -> amounts), each so many times."""
    for of_ounce, factor in (("g", GRAMS_OF_OUNCE), ("ml", ML_OF_OUNCE)):
        if of_ounce in found and OUNCES in found:
            found[of_ounce] += [ounces * factor for ounces in found.pop(OUNCES)]
    measure = next((m for m in CONTENTS if m in found), None)
    if measure is None or any(max(amounts) > min(amounts) * (1.0 + SAME) for amounts in found.values()):
        return None
    amount = found[measure][0] * times * (found[PACKS][0] if PACKS in found and measure != PACKS else 1.0)
    if amount <= 0.0 or (measure in ("pieces", PACKS) and amount > MAX_PIECES):
        return None
    return PackageSize(amount, "pieces" if measure == PACKS else measure)


def unit_of(quantity: re.Match[str]) -> tuple[str, float]:
    """The measure that a unit belongs to, and how much of it the unit is."""
    return next(unit for i, unit in enumerate(UNITS.values()) if quantity[f"u{i}"] is not None)


def amount_of(quantity: re.Match[str]) -> float | None:
    """How many of the unit; None where that is not clear."""
    amount = number_of(quantity["amount"])
    by, over = quantity["by"], quantity["over"]
    if by is None or amount is None or (by == " " and over is None):
        # What stands before a blank is something else, as an article number.
        return amount
    left = number_of(quantity["left"])
    if over is not None:
        # A mixed number, `10 3/4 OZ`, or an article number before a pack, `054700 6/12 OZ`.
        if is_fraction(over, quantity["amount"]) and left is not None and by in " -":
            return left + int(over) / amount
        return int(over) * amount if by == " " else None
    if by == "/" and is_fraction(quantity["left"], quantity["amount"]):
        return 1.0 / amount if left == 1.0 else None
    measure, _ = unit_of(quantity)
    # `14-18 CT` and `80/88 CT` are ranges, `9 X 12 FT` are sides.
    is_pack = by not in "/-" if measure == "pieces" else by != "-" and measure not in ("m", "m2")
    return left * amount if is_pack and left is not None and quantity["left"].isdigit() else None


def is_fraction(over: str, under: str) -> bool:
    """Whether two numbers are the parts of a fraction of kitchens and workshops, in its lowest terms."""
    if not (over.isdigit() and under.isdigit()):
        return False
    return int(over) < int(under) and int(under) in DENOMINATORS and gcd(int(over), int(under)) == 1


def number_of(text: str) -> float | None:
    """A number with a decimal point or comma; None for `1,500`, which some read as 1.5 and others as 1500."""
    if re.fullmatch(r"[1-9]\d{0,2},\d{3}", text):
        return None
    return float(text.replace(",", "."))


def settle_ounces(sizes: Sequence[PackageSize | None]) -> list[PackageSize | None]:
    """The sizes of one product type with ounces as volume where more of its products say volumes than weights."""
    told = [size.measure for size in sizes if size is not None]
    measure, factor = ("ml", ML_OF_OUNCE) if told.count("ml") > told.count("g") else ("g", GRAMS_OF_OUNCE)
    return [
        PackageSize(size.amount * factor, measure) if size is not None and size.measure == OUNCES else size
        for size in sizes
    ]
