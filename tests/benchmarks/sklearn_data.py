"""Data sets that scikit-learn ships or generates, and a forest to search over on each of them."""

from __future__ import annotations

from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

__all__ = ["DATA_SETS", "forest_for"]

ROWS = 1500
"""Number of rows of the data sets that are generated."""

CLASSIFICATION = {
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "breast_cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "few informative": lambda: datasets.make_classification(
        ROWS, 40, n_informative=4, n_redundant=2, random_state=1
    ),
    "four classes": lambda: datasets.make_classification(
        ROWS, 20, n_informative=10, n_classes=4, random_state=2
    ),
    "noisy labels": lambda: datasets.make_classification(
        ROWS, 20, n_informative=6, flip_y=0.2, random_state=3
    ),
    "imbalanced": lambda: datasets.make_classification(
        ROWS, 20, n_informative=5, weights=[0.9], random_state=4
    ),
    "moons": lambda: datasets.make_moons(ROWS, noise=0.3, random_state=5),
    "hastie": lambda: datasets.make_hastie_10_2(ROWS, random_state=6),
    "quantiles": lambda: datasets.make_gaussian_quantiles(
        n_samples=ROWS, n_features=10, n_classes=3, random_state=7
    ),
}
REGRESSION = {
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "friedman1": lambda: datasets.make_friedman1(ROWS, noise=1.0, random_state=8),
    "sparse": lambda: datasets.make_sparse_uncorrelated(ROWS, n_features=20, random_state=9),
}
DATA_SETS = {**CLASSIFICATION, **REGRESSION}
"""Functions that return X and y, by name."""


def forest_for(name, trees):
    """Return the forest that suits a data set, with this number of trees."""
    kind = RandomForestClassifier if name in CLASSIFICATION else RandomForestRegressor
    return kind(n_estimators=trees, random_state=0)
