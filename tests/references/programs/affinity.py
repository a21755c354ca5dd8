"""SAR by Microsoft's recommenders: by settings, customer and product, all at one time."""

import sys

import numpy as np
import pandas as pd

if not hasattr(np, "NaN"):
    np.NaN = np.nan  # NumPy 2 has one spelling, recommenders 1.2.1 uses the other

from recommenders.models.sar import SAR

given = np.load(sys.argv[1])
customers, products = int(given["customers"]), int(given["products"])
frame = pd.DataFrame(
    {
        "userID": given["customer"],
        "itemID": given["product"],
        "rating": 1.0,
        "timestamp": given["day"] * 86400.0,
    }
)
result = np.zeros((len(given["settings"]), customers, products))
for place, (half_life_days, together) in enumerate(given["settings"].tolist()):
    model = SAR(
        similarity_type="jaccard", time_decay_coefficient=half_life_days, threshold=int(together),
        time_now=float(given["now"]) * 86400.0, timedecay_formula=True,
    )  # fmt: skip
    model.fit(frame)
    scores = np.asarray(model.score(pd.DataFrame({"userID": np.arange(customers)})))
    result[place][:, [model.index2item[item] for item in range(products)]] = scores
np.savez(sys.argv[2], scores=result)
