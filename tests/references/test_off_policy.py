"""Claims: the off-policy estimators are those of Open Bandit Pipeline (obp) where a request is shown one offer."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg_training.off_policy.estimators import ESTIMATORS, Weighted, per_request, request_sums
from references.environment import References

pytestmark = pytest.mark.long


def test_every_estimator_is_that_of_obp(references: References) -> None:
    """To 1e-9. A policy that offers one product for certain; obp's clip is M, as ours."""
    random = np.random.default_rng(4)
    n, products = 3000, 6
    chance = random.dirichlet(np.full(products, 0.4), n) * 0.95 + 0.05 / products
    action = np.array([random.choice(products, p=row) for row in chance])
    wanted = random.integers(0, products, n)
    reward = (random.random(n) < 0.1 + 0.1 * (action == wanted) + 0.05 * action).astype(np.float64)
    model = random.uniform(0.0, 0.5, (n, products, 1))
    logged, clip = chance[np.arange(n), action], float(np.sqrt(n))
    policy = np.zeros((n, products, 1))
    policy[np.arange(n), wanted] = 1.0
    found = references.ask("logged", reward=reward, action=action, pscore=logged, policy=policy, model=model, clip=clip)
    log = Weighted(
        request=np.arange(n), unit=np.arange(n), accepted=reward, weight=np.where(action == wanted, 1.0 / logged, 0.0),
        modelled=model[np.arange(n), action, 0], offers=np.ones(n), mass=np.ones(n),
        promised=model[np.arange(n), wanted, 0], own=reward,
    )  # fmt: skip
    assert log.weight.max() > clip
    sums = {name: column.sum() for name, column in request_sums(log, clip).items()}
    values = {name: float(per_request(name)(sums)) for name in ESTIMATORS}
    assert values == {name: pytest.approx(float(found[name]), abs=1e-9) for name in ESTIMATORS}
    assert len(set(values.values())) == len(ESTIMATORS), "the drawn log tells every two of them apart"
