"""Small estimators of scikit-learn whose score, errors and pace a test sets."""

import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

__all__ = ["Scripted"]


class Scripted(ClassifierMixin, BaseEstimator):
    """An estimator that scores its ``quality``.

    Args:
        quality: What ``score`` returns; fitting raises ValueError if it is below 0.
        seconds: How long fitting takes if the quality is below a half.
        choice: Anything.
    """

    def __init__(self, quality=0.5, seconds=0.0, choice=None):
        self.quality = quality
        self.seconds = seconds
        self.choice = choice

    def fit(self, X, y, sample_weight=None):  # noqa: N803 (scikit-learn's name)
        if self.quality < 0:
            raise ValueError(f"the quality is {self.quality}")
        if self.quality < 0.5:
            time.sleep(self.seconds)
        self.classes_ = np.unique(y)
        self.rows_ = len(X)
        self.weights_ = sample_weight
        return self

    def predict(self, X):  # noqa: N803 (scikit-learn's name)
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):  # noqa: N803 (scikit-learn's name)
        return self.quality
