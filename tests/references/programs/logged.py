"""obp's off-policy estimators. Its policies import torch, which no estimator needs: an empty one stands in."""

import sys
import types

import numpy as np


class Nothing(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent


class Absent(metaclass=Nothing):
    pass


class Torch(types.ModuleType):
    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent


for module in ("torch", "torch.nn", "torch.nn.functional", "torch.optim", "torch.utils", "torch.utils.data"):
    sys.modules[module] = Torch(module)

from obp import ope  # noqa: E402  # torch first

given = np.load(sys.argv[1])
n = len(given["reward"])
common = {
    "reward": given["reward"], "action": given["action"], "pscore": given["pscore"], "action_dist": given["policy"],
    "position": np.zeros(n, dtype=int), "estimated_rewards_by_reg_model": given["model"],
}  # fmt: skip
clip = float(given["clip"])
estimators = {
    "IPS": ope.InverseProbabilityWeighting(),
    "clipped IPS": ope.InverseProbabilityWeighting(lambda_=clip),
    "SNIPS": ope.SelfNormalizedInverseProbabilityWeighting(),
    "DR": ope.DoublyRobust(),
    "SNDR": ope.SelfNormalizedDoublyRobust(),
    "Switch-DR": ope.SwitchDoublyRobust(lambda_=clip),
}
np.savez(sys.argv[2], **{name: estimator.estimate_policy_value(**common) for name, estimator in estimators.items()})
