"""The registered data of a study: which features a component means, and what must hold for them.

This module decides which columns a trial gets. ``maggy.datasets`` reads them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from maggy.ablation.component import Component
from maggy.ablation.generators import DatasetFunction
from maggy.ablation.names import has_prefix
from maggy.common.exceptions import AblationError
from maggy.common.json_values import closest
from maggy.common.optional import can_import
from maggy.datasets.batching import Arrays
from maggy.datasets.options import DataOptions, Split
from maggy.datasets.record_data import RecordStream
from maggy.datasets.training_dataset import TrainingDataset
from maggy.datasets.trial_data import TrialData

__all__ = [
    "TrialView",
    "ablated_columns",
    "check_registered_data",
    "feature_argument",
    "missing_remark",
    "registered_function",
]

TrialView: TypeAlias = TrialData | RecordStream
"""The data of one trial."""


def feature_argument(component: Component) -> str | list[str] | None:
    """Return what a user's data set generator gets for a component.

    Returns:
        The name of a single feature, the sorted names of a group, or None.
    """
    if component.kind == "feature":
        return component.names[0]
    return sorted(set(_names(component, []))) or None


def ablated_columns(component: Component, dataset: TrainingDataset) -> list[str]:
    """Return the columns of a registered data set that a component leaves out.

    Raises:
        AblationError: If a prefix or a regular expression fits no feature.
    """
    return list(dict.fromkeys(_names(component, dataset.feature_names())))


def check_registered_data(
    components: Iterable[Component],
    combinations: Iterable[Component],
    dataset: TrainingDataset,
    options: DataOptions,
) -> None:
    """Check that every component can be left out, and that the options fit the data.

    Args:
        components: The single components of the study.
        combinations: What single trials leave out together.
        dataset: Its data set.
        options: Its options.

    Raises:
        AblationError: If a component cannot be left out, or an option does not fit the data.
    """
    is_dropped = options.feature_ablation == "drop"
    dataset.check_names([])
    for component in components:
        columns = ablated_columns(component, dataset)
        if columns:
            dataset.check_names(columns, is_dropped)
        if columns and is_dropped:
            dataset.check_rest(columns)
    for combination in combinations if is_dropped else ():
        dataset.check_rest(ablated_columns(combination, dataset))
    if options.missing is None:
        _require_no_gaps(dataset)
    dataset.of_trial(options=options).check()


def registered_function(make: Callable[[], TrialView]) -> DatasetFunction:
    """Return the ``dataset_function`` of a trial on a registered data set.

    It has two more functions as attributes, ``arrays`` and ``batches``, which need no TensorFlow.

    Args:
        make: Return the data of the trial. It is called once, when they are first needed.
    """
    view = functools.cache(make)

    def arrays(split: Split = "train") -> Arrays:
        return view().arrays(split)

    def batches(num_epochs: int, batch_size: int, split: Split = "train") -> Iterator[Arrays]:
        return view().batches(num_epochs, batch_size, split)

    def dataset_function(num_epochs: int, batch_size: int, split: Split = "train") -> object:
        # Keras takes a generator wherever it takes a tf.data.Dataset.
        if isinstance(view(), TrialData) and not can_import("tensorflow"):
            return batches(num_epochs, batch_size, split)
        return view().dataset(num_epochs, batch_size, split)

    vars(dataset_function).update(arrays=arrays, batches=batches)
    return dataset_function


def missing_remark(dataset: TrainingDataset) -> str:
    """Return a sentence on the missing values of a data set; empty if it has none."""
    counts = dataset.missing_counts()
    if not counts:
        return ""
    return f"The training data set has missing values ({_count_text(counts)})"


def _names(component: Component, features: list[str]) -> list[str]:
    match component.kind:
        case "feature" | "feature_group":
            return list(component.names)
        case "feature_prefix":
            prefix = component.names[0]
            return _matches(
                component, [name for name in features if has_prefix(name, prefix)], features
            )
        case "feature_regex":
            regex = re.compile(component.names[0])
            return _matches(component, [name for name in features if regex.search(name)], features)
        case _:
            return [name for part in component.parts for name in _names(part, features)]


def _matches(component: Component, names: list[str], features: list[str]) -> list[str]:
    if names:
        return names
    raise AblationError(
        f"'{component.label}' must name at least one feature, but fits none."
        f"{closest(component.names[0], features)} The features are: {', '.join(features)}."
    )


def _require_no_gaps(dataset: TrainingDataset) -> None:
    remark = missing_remark(dataset)
    if remark:
        raise AblationError(
            f"{remark}, so the study must say what happens to them: AblationStudy(..., "
            "missing='mean'), 'median', 'indicator', 'drop', or 'keep' to pass them on as NaN."
        )


def _count_text(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items())
