"""Training data on Hopsworks: a feature view by the Feature Store's SDK, or the files of an old training data set."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from dataclasses import dataclass
from typing import Any

from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.core.environment.base import Environment
from maggy.datasets.columns import Table, read_frame, read_path
from maggy.datasets.registry import file_kind, folder_name
from maggy.datasets.training_dataset import TrainingDataset

__all__ = ["EnvironmentFiles", "FeatureView", "find_on_hopsworks"]


def find_on_hopsworks(
    environment: Environment, project: str, name: str, version: int | None, label: str | None
) -> TrainingDataset:
    """The training data of this name and version.

    Looked for in this order: the feature view with its training data of the same version, if the package hopsworks
    is installed; the folder ``<project>_Training_Datasets/<name>_<version>``, where old releases kept them.

    Raises:
        AblationError: There is none; the message says where was looked.
    """
    folder = environment.root(f"{project}_Training_Datasets/{folder_name(name, version)}")
    if importlib.util.find_spec("hopsworks") is None:
        looked = 'not in the Feature Store, since its SDK is not installed (pip install "maggy[hopsworks-sdk]")'
    else:
        view = FeatureView(name, int(version or 1), label)
        try:
            found = view.find()
        except BadArgumentsError:
            raise
        except Exception as error:  # the SDK has many; the old folder may still be there
            looked = f"not in the Feature Store, which answered {type(error).__name__}: {error}"
        else:
            if found is not None:
                return found
            looked = "not as a feature view in the Feature Store"
    dataset = _from_files(environment, folder, label)
    if dataset is None:
        raise AblationError(
            f"There is no training data set '{name}', version {version}, in the project {project}: {looked}; and not "
            f"in {folder}. Create the training data of the feature view, or give the study a dataset_generator."
        )
    return dataset


@dataclass(frozen=True)
class FeatureView:
    """A feature view's training data; travels to the workers, which read large ones themselves.

    Feature view and training data have the same version, as those that Hopsworks made out of old training data sets.

    Attributes:
        name: The feature view.
        version: Its version, and that of its training data.
        label: The column to predict. Other labels of the view are left out: they would tell the model the answer.
    """

    name: str
    version: int
    label: str | None

    def find(self) -> TrainingDataset | None:
        """The training data set, with its numbers; None if there is no such feature view."""
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
        """The columns' names, features first, and the columns.

        Raises:
            AblationError: The feature view is not there any more.
        """
        view = self._view()
        if view is None:
            raise AblationError(
                f"There is no feature view '{self.name}', version {self.version}, any more."
            )
        return self._table(view)

    def _view(self) -> Any:
        import hopsworks

        return hopsworks.login().get_feature_store().get_feature_view(self.name, self.version)

    def _table(self, view: Any) -> Table:
        import pandas

        features, labels = view.get_training_data(self.version, dataframe_type="pandas")
        features = features.drop(
            columns=[name for name in view.labels or [] if name in features.columns]
        )
        if labels is not None and self.label in getattr(labels, "columns", ()):
            features = pandas.concat(
                [features.reset_index(drop=True), labels[[self.label]].reset_index(drop=True)],
                axis=1,
            )
        table = read_frame(features)
        if table is None:
            raise AblationError(
                f"The feature view '{self.name}' gave no data frame but {type(features).__name__}."
            )
        return table


@dataclass(frozen=True)
class EnvironmentFiles:
    """Files of a folder that only an environment can read; travels to the workers."""

    environment: Environment

    def find(self, url: str) -> list[str]:
        """The paths of all files below a folder, sorted."""
        found: list[str] = []
        for name in self.environment.files.list(url):
            path = self.environment.files.join(url, name)
            # hops and Spark make folders with names such as x.tfrecords and x.csv.
            found += self.find(path) or ([path] if file_kind(name) else [])
        return sorted(found)

    def fetch(self, url: str, folder: str, names: list[str] | None = None) -> list[str]:
        """Copies files with these base names into a local folder; returns the copies in the order of the originals."""
        copies = []
        for number, path in enumerate(self.find(url)):
            name = path.rsplit("/", 1)[-1]
            if names is not None and name not in names:
                continue
            place = os.path.join(folder, f"{number:06d}")
            os.mkdir(place)
            copies.append(os.path.join(place, name))
            with open(copies[-1], "wb") as file:
                file.write(self.environment.files.read_bytes(path))
        return copies


def _from_files(environment: Environment, folder: str, label: str | None) -> TrainingDataset | None:
    files = EnvironmentFiles(environment)
    kinds = sorted(
        {kind for path in files.find(folder) if (kind := file_kind(path.rsplit("/", 1)[-1]))}
    )
    if not kinds:
        return None
    if len(kinds) > 1:
        raise AblationError(
            f"A training data set must be of one format, but {folder} holds {' and '.join(kinds)}."
        )
    if kinds == ["tfrecord"]:
        return TrainingDataset(
            folder=folder, label=label, names=None, tfrecord_path=folder, files=files
        )
    source = _TableFiles(files, folder, kinds[0])
    names, columns = source.read()
    dataset = TrainingDataset(
        folder=folder, label=label, names=names, tfrecord_path=None, source=source
    )
    dataset.columns = {name: column.astype("float32") for name, column in columns.items()}
    return dataset


@dataclass(frozen=True)
class _TableFiles:
    """The CSV or Parquet files of an old training data set."""

    files: EnvironmentFiles
    url: str
    kind: str

    def read(self) -> Table:
        with tempfile.TemporaryDirectory(prefix="maggy-table-") as folder:
            self.files.fetch(self.url, folder)
            return read_path(folder, self.kind)
