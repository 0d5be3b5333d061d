"""The config of a search over an estimator, and what a resumed search must have in common."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from maggy.common.types import Json
from maggy.experiment_config import OptimizationConfig
from maggy.sklearn.types import Data, Estimator, Scorer, Split

__all__ = ["SearchConfig", "describe_comparison", "describe_folds"]

_DIGITS: Final = 12


class SearchConfig(OptimizationConfig):
    """The options of a config, and what makes the scores of all trials comparable.

    Attributes:
        comparison: What :func:`describe_comparison` returns; empty until it is set.
    """

    comparison: Mapping[str, Json] = MappingProxyType({})

    def further_identity(self) -> Mapping[str, Json]:
        """Return what must be equal when the search is resumed."""
        return self.comparison


def describe_comparison(
    estimator: Estimator,
    X: Data,  # noqa: N803 (scikit-learn's name)
    y: Data,
    splits: Sequence[Split],
    scoring: str | Scorer | None,
    fit_params: Mapping[str, Any],
) -> dict[str, Json]:
    """Return what makes the scores of two searches comparable, each as a short text.

    Args:
        estimator: The estimator. Only the classes of it and of its parts count, because there are
            good reasons to change its parameters, such as ``n_jobs``.
        X: The data. Equal values count as equal in any layout in memory.
        y: The targets, or None.
        splits: The rows of each fold.
        scoring: The metric, as the call has it.
        fit_params: Further arguments of ``fit``, such as weights. They count as data.
    """
    further_data = [
        part for name in sorted(fit_params, key=str) for part in (name, fit_params[name])
    ]
    return {
        "estimator": _name_classes(estimator),
        "scoring": _name_scoring(scoring),
        "data": f"{_count_rows(X)} rows, digest {_digest([X, y, *further_data])}",
        "folds": describe_folds(splits),
    }


def describe_folds(splits: Sequence[Split]) -> str:
    """Return the number of folds, and the first digits of a digest of their rows."""
    rows_of_folds = [np.asarray(rows) for train_and_test in splits for rows in train_and_test]
    return f"{len(splits)} folds, digest {_digest(rows_of_folds)}"


def _name_classes(estimator: Estimator) -> str:
    parts = estimator.get_params(deep=True)
    classes = [type(part).__name__ for _, part in sorted(parts.items()) if hasattr(part, "fit")]
    return " with ".join([type(estimator).__name__, *([", ".join(classes)] if classes else [])])


def _name_scoring(scoring: str | Scorer | None) -> str:
    if scoring is None or isinstance(scoring, str):
        return scoring or "the estimator's score"
    return str(getattr(scoring, "__qualname__", None) or _without_addresses(repr(scoring)))


def _count_rows(data: Data) -> int:
    return int(data.shape[0]) if hasattr(data, "shape") else len(data)


def _digest(parts: Sequence[Data]) -> str:
    """Return the first digits of a digest of the values."""
    digest = hashlib.sha256()
    for part in parts:
        for content in _contents(part):
            digest.update(content)
    return digest.hexdigest()[:_DIGITS]


def _contents(data: Data) -> Iterator[bytes]:
    """Yield the values: of a data frame column by column, of a sparse matrix its three arrays."""
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        yield repr([str(name) for name in data.columns]).encode()
        for column in range(data.shape[1]):
            yield from _array_contents(np.asarray(data.iloc[:, column]))
    elif hasattr(data, "tocsr"):
        matrix = data.tocsr()
        for array in (matrix.data, matrix.indices, matrix.indptr):
            yield from _array_contents(array)
    elif hasattr(data, "__array__"):
        yield from _array_contents(np.asarray(data))
    else:
        yield _text(data)


def _array_contents(values: npt.NDArray[Any]) -> Iterator[bytes]:
    yield f"{values.dtype.str} {values.shape}".encode()
    yield _text(values.tolist()) if values.dtype.hasobject else values.tobytes()


def _text(values: object) -> bytes:
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        return _without_addresses(repr(values)).encode(errors="surrogatepass")


def _without_addresses(text: str) -> str:
    """Return the text of objects without their addresses, which differ in each process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
