"""Define the types of registered data: a table of columns, and the schema beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maggy.common.types import Json

__all__ = ["Column", "Schema", "SparkFrame", "Table"]

Column: TypeAlias = NDArray[np.generic]
"""One column as an array of one dimension. The columns of a registered data set are numeric."""

Table: TypeAlias = tuple[list[str], dict[str, Column]]
"""The names of the columns in order, and each column by its name."""


class Schema(TypedDict, total=False):
    """The content of ``schema.json``."""

    format: str
    """``"npz"`` for a stored table, ``"tfrecord"`` where only the path is recorded."""
    columns: list[str]
    data: str
    """The name of the file with the numbers; ``data.npz`` where an earlier release names none."""
    path: str
    """The path of the TFRecord files."""


class SparkFrame(Protocol):
    """The part of a Spark data frame, classic or Connect, that is used here."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""

    def collect(self) -> Sequence[Sequence[Json]]:
        """Return the rows."""
