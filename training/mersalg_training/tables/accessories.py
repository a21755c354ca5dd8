"""Accessories that say what they fit: they go with that, counted or not, and with nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg_training.config import KindsConfig
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.tables.association import strength_of
from mersalg_training.tables.vocabulary import Vocabulary

FITS_ANY: Final = 0


@dataclass(frozen=True)
class Accessories:
    """What accessories fit."""

    anchor: Int64
    """(n_pairs,) item index of a product with neighbours of its own; accessory is one of any."""
    accessory: Int64
    fits: Int64
    """(n_items + 1,) equal where two accessories fit the same products; FITS_ANY for what declares nothing."""
    is_add_on: npt.NDArray[np.bool_]
    """(n_pairs,) whether it is cheap enough for an add-on of the anchor."""
    strength: float
    """Of a declared pair at least: just enough for an anchor to bring it."""

    def is_declared(self, row: Int64, item: Int64) -> npt.NDArray[np.bool_]:
        """(n,) which pairs of a row and an item are declared."""
        return np.isin(row * len(self.fits) + item, self.anchor * len(self.fits) + self.accessory)

    def missing(self, row: Int64, item: Int64) -> npt.NDArray[np.bool_]:
        """(n_pairs,) which declared pairs are not among these."""
        return np.isin(self.anchor * len(self.fits) + self.accessory, row * len(self.fits) + item, invert=True)

    def bound(self, row: Int64, item: Int64, strength: Float64) -> Float64:
        """(n,) the strength of pairs: none with what an accessory does not fit, and enough with what it does."""
        enough = np.maximum(strength, self.strength)
        return np.where(self.is_declared(row, item), enough, np.where(self.fits[item] == FITS_ANY, strength, 0.0))

    def one_way(self, row: Int64, item: Int64, directed: Float64) -> Float64:
        """(n,) whether the item extends the row's product: of an accessory as declared and by its price."""
        pair = self.anchor * len(self.fits) + self.accessory
        declared = np.isin(row * len(self.fits) + item, pair[self.is_add_on])
        return np.where(self.fits[item] == FITS_ANY, directed, declared)


def find_accessories(vocabulary: Vocabulary, attributes: Attributes, config: KindsConfig) -> Accessories:
    """Those that the catalogue declares, among the products that are known at the cut."""
    fitted = [attributes.accessory_for[code] if attributes.accessory_for else None for code in vocabulary.code.tolist()]
    number = {codes: i + 1 for i, codes in enumerate(dict.fromkeys(codes for codes in fitted if codes is not None))}
    fits = np.array([FITS_ANY if codes is None else number[codes] for codes in fitted] + [FITS_ANY], dtype=np.int64)
    item_of_code = vocabulary.item_of_code
    pairs = [
        (int(item_of_code[code]), item)
        for item, codes in enumerate(fitted)
        for code in sorted(codes or ())
        if item_of_code[code] < vocabulary.supported and item_of_code[code] != item
    ]
    anchor, accessory = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    price = vocabulary.price
    return Accessories(
        anchor=anchor,
        accessory=accessory,
        fits=fits,
        is_add_on=price[accessory] <= config.add_on_price * price[anchor],
        strength=float(strength_of(np.array([config.least_lift]), np.array([True]))[0]),
    )
