"""Names of what scikit-learn leaves open: estimators, data and scorers have no common class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Data", "Estimator", "Scorer", "Split"]

Estimator: TypeAlias = Any
"""Anything with the methods ``fit``, ``get_params`` and ``set_params`` of scikit-learn."""

Data: TypeAlias = Any
"""Anything with rows that scikit-learn takes: an array, a sparse matrix, a data frame, a list."""

Scorer: TypeAlias = Callable[..., float]
"""Called with a fitted estimator, X and y; returns a number that is higher for a better model."""

Split: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""The indices of the rows to train with, and of those to test with."""
