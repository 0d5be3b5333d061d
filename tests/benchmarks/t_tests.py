"""Three t tests of the differences of many studies at once, each with Holm's correction.

Differences have the shape (repeats, studies, components). The paired t test is that of Maggy's
verdicts, by the same formulas. The others borrow strength from all components of a study:

* pooled: one variance for the whole study, the residual mean square of the two-way analysis of
  variance (components and repeats);
* moderated: each variance is shrunk towards a common one by empirical Bayes, as in limma
  (G. K. Smyth, "Linear Models and Empirical Bayes Methods for Assessing Differential Expression in
  Microarray Experiments", Statistical Applications in Genetics and Molecular Biology 3, 2004).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import special, stats

CONFIDENCE = 0.95


@dataclass
class PairedTests:
    """The paired t tests of many studies; all arrays have the shape (studies, components)."""

    low: np.ndarray
    high: np.ndarray
    p_values: np.ndarray
    p_adjusted: np.ndarray = field(init=False)

    def __post_init__(self):
        self.p_adjusted = adjust(self.p_values)


def paired_tests(differences):
    """Test the differences from the base, of the shape (repeats, studies, components)."""
    count = len(differences)
    # Equal differences have no spread, and numpy's may be a little above 0.
    is_equal = (differences == differences[0]).all(axis=0)
    means = np.where(is_equal, differences[0], differences.mean(axis=0))
    errors = np.where(is_equal, 0.0, differences.std(axis=0, ddof=1) / np.sqrt(count))
    half_widths = stats.t.isf((1 - CONFIDENCE) / 2, count - 1) * errors
    p_values = two_sided(means, np.where(is_equal, 1.0, errors**2), count - 1.0)
    p_values = np.where(is_equal, means == 0, p_values)
    return PairedTests(means - half_widths, means + half_widths, p_values)


def two_sided(means, squared_errors, freedom):
    """Return the p-values of t tests; ``freedom`` may be infinite."""
    ratios = -np.abs(means) / np.sqrt(squared_errors)
    return np.minimum(1.0, 2 * special.stdtr(freedom, ratios))


def adjust(p_values):
    """Return the p-values of each study adjusted by Holm's procedure."""
    order = np.argsort(p_values, axis=-1)
    factors = np.arange(p_values.shape[-1], 0, -1)
    products = np.minimum(1.0, np.take_along_axis(p_values, order, -1) * factors)
    p_adjusted = np.empty_like(p_values)
    np.put_along_axis(p_adjusted, order, np.maximum.accumulate(products, axis=-1), -1)
    return p_adjusted


def has_verdict(p_adjusted):
    """Return where the component gets a verdict, by the comparison of ``judge``."""
    return p_adjusted + CONFIDENCE < 1


@dataclass(frozen=True)
class Rival:
    """Another t test of the same differences.

    Attributes:
        squared_errors: The squared standard errors of the means.
        freedom: The degrees of freedom.
    """

    squared_errors: np.ndarray
    freedom: np.ndarray | float

    def p_adjusted(self, means):
        return adjust(two_sided(means, self.squared_errors, self.freedom))


def pooled_t(metrics):
    """Return the test with one variance for each study."""
    repeats, _, columns = metrics.shape
    residuals = metrics - metrics.mean(axis=0) - metrics.mean(axis=2, keepdims=True)
    residuals += metrics.mean(axis=(0, 2))[:, None]
    freedom = (repeats - 1.0) * (columns - 1)
    variances = (residuals**2).sum(axis=(0, 2)) / freedom
    return Rival(2 * variances[:, None] / repeats, freedom)


def moderated_t(differences):
    """Return the test with variances that are shrunk towards their common value."""
    repeats, _, components = differences.shape
    freedom = repeats - 1.0
    variances = differences.var(axis=0, ddof=1)
    prior, prior_freedom = prior_of(variances, freedom)
    weights = 1 / (1 + freedom / prior_freedom)  # 1 for a prior of infinite freedom
    posterior = weights * prior + (1 - weights) * variances
    # As in limma: never more freedom than all components have together.
    return Rival(posterior / repeats, np.minimum(prior_freedom + freedom, components * freedom))


def prior_of(variances, freedom):
    """Return the prior variance of each study and its degrees of freedom (Smyth, section 6.2)."""
    half = freedom / 2
    # As in limma: the logarithm of a variance of 0 would outweigh all others.
    medians = np.median(variances, axis=1, keepdims=True)
    variances = np.maximum(variances, 1e-5 * np.where(medians == 0, 1.0, medians))
    logs = np.log(variances) - special.digamma(half) + np.log(half)
    centres = logs.mean(axis=1, keepdims=True)
    excess = logs.var(axis=1, ddof=1, keepdims=True) - special.polygamma(1, half)
    # Variances that differ no more than by chance have a prior of infinite weight.
    is_finite = excess > 0
    half_prior = inverse_trigamma(np.where(is_finite, excess, 1.0))
    prior = np.exp(centres + special.digamma(half_prior) - np.log(half_prior))
    return (
        np.where(is_finite, prior, np.exp(centres)),
        np.where(is_finite, 2 * half_prior, np.inf),
    )


def inverse_trigamma(values):
    """Return the x whose trigamma is the value, by Newton's method (Smyth, appendix)."""
    x = 0.5 + 1 / values
    for _ in range(50):
        trigamma = special.polygamma(1, x)
        step = trigamma * (1 - trigamma / values) / special.polygamma(2, x)
        x = x + step
        if np.max(-step / x) < 1e-10:
            break
    return x
