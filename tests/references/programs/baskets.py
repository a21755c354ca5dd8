"""cornac's UP-CF and TIFU-KNN: by settings, customer and product. A customer is no neighbour of their own."""

import sys

import numpy as np
import scipy.sparse as sp
import similaripy
from cornac.data.dataset import BasketDataset
from cornac.models import TIFUKNN, UPCF
from scipy.spatial import KDTree

given = np.load(sys.argv[1])
customers, products = int(given["customers"]), int(given["products"])
END = products  # cornac takes the last basket of a customer for the answer: a basket of a product of its own

lines = [(c, o, p, o) for c, o, p in zip(given["customer"], given["order"], given["product"], strict=True)]
baskets = {c: {} for c in range(customers)}
for c, o, p, _ in lines:
    baskets[int(c)].setdefault(int(o), []).append(int(p))


def multiplied(some, other, verbose):
    """The product by SciPy: similaripy 0.7 ends the process on a row of a sparse array, which has one dimension."""
    return sp.csr_matrix(np.atleast_2d(some.toarray())) @ sp.csr_matrix(other)


similaripy.dot_product = multiplied


def by_product(data, scores):
    result = np.zeros((len(scores), products))
    for product in range(products):
        if product in data.iid_map:
            result[:, product] = [row[data.iid_map[product]] for row in scores]
    return result


def upcf(window, asymmetry, locality):
    data = BasketDataset.from_ubit(lines)
    model = UPCF(recency=int(window), locality=locality, asymmetry=asymmetry).fit(data)
    popularity, items = model.user_wise_popularity.tocsr(), model.user_item_matrix.tocsr()
    items.sum_duplicates()
    items.data[:] = 1.0  # the paper's: what a customer holds, not how often
    scores = []
    for c in range(customers):
        others = np.flatnonzero(np.arange(customers) != data.uid_map[c])
        model.user_wise_popularity, model.user_item_matrix = popularity[others], items[others]
        history = [[data.iid_map[p] for p in basket] for basket in baskets[c].values()]
        scores.append(model.score(data.uid_map[c], history))
    return by_product(data, scores)


def tifu(neighbours, groups, within, between, own):
    ended = [(c, 10**6 + c, END, 10**6) for c in range(customers)]
    data = BasketDataset.from_ubit(lines + ended)
    model = TIFUKNN(
        n_neighbors=int(neighbours), n_groups=int(groups), within_decay_rate=within, group_decay_rate=between, alpha=own
    ).fit(data)
    vectors, scores, spread = model.user_vectors, [], []
    for c in range(customers):
        others = np.flatnonzero(np.arange(customers) != data.uid_map[c])
        model.user_vectors, model.tree = vectors[others], KDTree(vectors[others])
        history = [[data.iid_map[p] for p in basket] for basket in baskets[c].values()]
        vector = model._compute_user_vector(history)
        _, near = model.tree.query([vector], k=model.n_neighbors)
        scores.append(own * vector + (1 - own) * model.user_vectors[near.squeeze()].mean(axis=0))
        spread.append(np.ptp(model.score(data.uid_map[c], history) - own * vector))
    return by_product(data, scores), np.array(spread)


found = [tifu(*settings) for settings in given["tifu"].tolist()]
np.savez(
    sys.argv[2],
    upcf=np.stack([upcf(*settings) for settings in given["upcf"].tolist()]),
    tifu=np.stack([scores for scores, _ in found]),
    spread=np.stack([spread for _, spread in found]),
)
