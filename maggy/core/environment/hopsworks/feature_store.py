"""Find training data on Hopsworks: a feature view, or the files of an old training data set."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.common.extras import install_command
from maggy.common.files import Files
from maggy.core.environment.base import Environment
from maggy.datasets.columns import Table, read_frame, read_path
from maggy.datasets.file_formats import format_of_name
from maggy.datasets.registry import folder_name
from maggy.datasets.training_dataset import TrainingDataset

__all__ = ["FeatureView", "find_on_hopsworks"]


def find_on_hopsworks(
    environment: Environment, project: str, name: str, version: int | None, label: str | None
) -> TrainingDataset:
    """Return the training data set of a name and version.

    If the package hopsworks is installed, the feature view of this name and version is searched
    first, with training data of the same version. The folder
    ``<project>_Training_Datasets/<name>_<version>``, where old releases kept training data, is
    searched next.

    Args:
        environment: The environment of Hopsworks.
        project: The name of the project.
        name: The name of the data set.
        version: Its version; None for the first one.
        label: The column to predict.

    Raises:
        AblationError: If there is no such data set. The message lists the places that were
            searched.
        BadArgumentsError: If a column of it is not numeric.
    """
    folder = environment.root(f"{project}_Training_Datasets/{folder_name(name, version)}")
    dataset, report = _from_feature_store(name, int(version or 1), label)
    if dataset is None:
        dataset = _from_files(environment.files, folder, label)
    if dataset is None:
        raise AblationError(
            f"There is no training data set '{name}', version {version}, in the project {project}: "
            f"{report}; and not in {folder}. Create the training data of the feature view, or give "
            "the study a dataset_generator."
        )
    return dataset


def _from_feature_store(
    name: str, version: int, label: str | None
) -> tuple[TrainingDataset | None, str]:
    """Return the training data set of a feature view, and why there is none."""
    if importlib.util.find_spec("hopsworks") is None:
        return None, (
            "not in the Feature Store, since its SDK is not installed "
            f"({install_command('hopsworks-sdk')})"
        )
    try:
        dataset = FeatureView(name, version, label).find()
    except BadArgumentsError:
        raise
    except Exception as error:
        # The SDK raises errors of many types. The old folder may still be there.
        return None, f"not in the Feature Store, which answered {type(error).__name__}: {error}"
    return dataset, "not as a feature view in the Feature Store"


class _Frame(Protocol):
    """The part of a pandas data frame that is needed here."""

    columns: Collection[str]

    def drop(self, *, columns: list[str]) -> _Frame: ...

    def reset_index(self, *, drop: bool) -> _Frame: ...

    def __getitem__(self, columns: list[str | None], /) -> _Frame: ...


class _SdkView(Protocol):
    """The part of a feature view of the package hopsworks that is needed here."""

    labels: list[str] | None

    def get_training_data(
        self, version: int, *, dataframe_type: str
    ) -> tuple[_Frame, _Frame | None]: ...


@dataclass(frozen=True)
class FeatureView:
    """Read the training data of a feature view.

    It travels to the workers, which read large data themselves. The feature view and its training
    data have the same version, as in the views that Hopsworks made out of old training data sets.

    Attributes:
        name: The name of the feature view.
        version: The version of the view and of its training data.
        label: The column to predict. Other labels of the view are left out, since they would tell
            the model the answer.
    """

    name: str
    version: int
    label: str | None

    def find(self) -> TrainingDataset | None:
        """Return the training data set with its numbers; None if there is no such feature view."""
        view = self._view()
        if view is None:
            return None
        names, columns = self._table(view)
        dataset = TrainingDataset(
            folder=f"feature view {self.name}",
            label=self.label,
            names=names,
            tfrecord_path=None,
            source=self,
        )
        dataset.columns = {name: column.astype("float32") for name, column in columns.items()}
        return dataset

    def read(self) -> Table:
        """Read the training data again.

        Returns:
            The names of the columns, features first, and the columns.

        Raises:
            AblationError: If the feature view no longer exists.
        """
        view = self._view()
        if view is None:
            raise AblationError(
                f"The feature view '{self.name}', version {self.version}, no longer exists."
            )
        return self._table(view)

    def _view(self) -> _SdkView | None:
        import hopsworks

        view: _SdkView | None = (
            hopsworks.login().get_feature_store().get_feature_view(self.name, self.version)
        )
        return view

    def _table(self, view: _SdkView) -> Table:
        import pandas

        features, labels = view.get_training_data(self.version, dataframe_type="pandas")
        # A view without a frame for the labels returns them among the features.
        features = features.drop(
            columns=[name for name in view.labels or [] if name in features.columns]
        )
        if labels is not None and self.label in getattr(labels, "columns", ()):
            # concat() aligns rows by their index, and the two frames may have different ones.
            features = pandas.concat(
                [features.reset_index(drop=True), labels[[self.label]].reset_index(drop=True)],
                axis=1,
            )
        table = read_frame(features)
        if table is None:
            raise AblationError(
                f"The feature view '{self.name}' must give a data frame, but gave "
                f"{type(features).__name__}."
            )
        return table


def _from_files(files: Files, folder: str, label: str | None) -> TrainingDataset | None:
    names = [path.rpartition("/")[2] for path in files.find(folder)]
    formats = sorted({file_format for file_format in map(format_of_name, names) if file_format})
    if not formats:
        return None
    if len(formats) > 1:
        raise AblationError(
            "A training data set must consist of files of one format, but "
            f"{folder} holds {' and '.join(formats)}."
        )
    if formats == ["tfrecord"]:
        return TrainingDataset(
            folder=folder, label=label, names=None, tfrecord_path=folder, files=files
        )
    source = _TableFiles(files, folder, formats[0])
    names, columns = source.read()
    dataset = TrainingDataset(
        folder=folder, label=label, names=names, tfrecord_path=None, source=source
    )
    dataset.columns = {name: column.astype("float32") for name, column in columns.items()}
    return dataset


@dataclass(frozen=True)
class _TableFiles:
    """Read the CSV or Parquet files of an old training data set."""

    files: Files
    path: str
    file_format: str

    def read(self) -> Table:
        return read_path(self.path, self.file_format, self.files)
