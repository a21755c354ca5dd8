"""Errors by cluster and Wilson's interval by statsmodels, always-valid ones by gbstats, sample ratios by ssrm-test."""

import sys

import numpy as np

if not hasattr(np, "Inf"):
    np.Inf = np.inf  # NumPy 2 has one spelling, ssrm-test 0.1.5 uses the other

import statsmodels.api as sm
from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
from gbstats.models.statistics import SampleMeanStatistic
from ssrm_test.ssrm_test import sequential_p_values
from statsmodels.stats.proportion import proportion_confint

given = np.load(sys.argv[1])
came, promised, unit = given["came"], given["promised"], given["unit"]
clustered = {"cov_type": "cluster", "cov_kwds": {"groups": unit}}
mean = sm.OLS(came, np.ones(len(came))).fit(**clustered)
ratio = sm.WLS(came, promised, weights=1.0 / promised).fit(**clustered)  # the slope is sum(came) / sum(promised)
low, high = proportion_confint(given["hits"], given["tries"], method="wilson")


def width(n, variance, planned, confidence):
    arms = [SampleMeanStatistic(n=n // 2, sum=n // 2, sum_squares=variance * (n // 2 - 1) + n // 2) for _ in range(2)]
    test = SequentialTwoSidedTTest(
        *arms, SequentialConfig(difference_type="absolute", sequential_tuning_parameter=planned, alpha=1 - confidence)
    )
    return (test.confidence_interval[1] - test.confidence_interval[0]) / 2, np.sqrt(test.variance), test.rho


widths = np.array([width(int(n), v, p, c) for n, v, p, c in given["looks"]])
np.savez(
    sys.argv[2],
    mean=[mean.params[0], mean.bse[0]],
    ratio=[ratio.params[0], ratio.bse[0]],
    wilson=np.stack([low, high]),
    widths=widths,
    ratios=sequential_p_values(given["arms"], given["shares"], dirichlet_concentration=float(given["concentration"])),
)
