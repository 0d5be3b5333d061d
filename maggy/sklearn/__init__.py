"""Search for the hyperparameters of a scikit-learn estimator by cross-validation on Spark.

Importing this package imports no scikit-learn. Inside it, ``import sklearn`` means scikit-learn.
"""

from __future__ import annotations

from maggy.sklearn.search_result import SearchResult
from maggy.sklearn.searching import search
from maggy.sklearn.worst_fold_rule import WorstFoldRule

__all__ = ["SearchResult", "WorstFoldRule", "search"]
