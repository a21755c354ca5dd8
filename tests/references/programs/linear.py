"""EASE by cornac and by RecTools: by ridge, weights from product to product."""

import sys

import numpy as np
import pandas as pd
from cornac.data import Dataset
from cornac.models import EASE
from rectools import Columns
from rectools.dataset import Dataset as Interactions
from rectools.models import EASEModel

given = np.load(sys.argv[1])
row, column, products, ridges = given["row"].tolist(), given["column"].tolist(), int(given["products"]), given["ridges"]


def placed(weights, place):
    result = np.zeros((products, products))
    codes = np.array(list(place))
    result[np.ix_(codes, codes)] = weights[np.ix_([place[c] for c in codes], [place[c] for c in codes])]
    return result


data = Dataset.from_uir([(r, c, 1.0) for r, c in zip(row, column, strict=True)])
frame = pd.DataFrame({Columns.User: row, Columns.Item: column, Columns.Weight: 1.0, Columns.Datetime: "2024-01-01"})
interactions = Interactions.construct(frame)
codes = interactions.item_id_map.external_ids.tolist()
cornac, rectools = [], []
for ridge in ridges.tolist():
    fitted = EASE(lamb=ridge, posB=False, verbose=False).fit(data)
    cornac.append(placed(np.asarray(fitted.B), dict(data.iid_map)))
    other = EASEModel(regularization=ridge).fit(interactions)
    rectools.append(placed(np.asarray(other.weight), {code: place for place, code in enumerate(codes)}))
np.savez(sys.argv[2], cornac=cornac, rectools=rectools)
