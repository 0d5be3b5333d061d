"""Training data on Hopsworks: old training data sets, and a feature view of a stand-in SDK."""

import pickle
import sys
import types

import numpy as np
import pandas
import pytest

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO
from maggy.common.exceptions import AblationError, BadArgumentsError

FRAME = pandas.DataFrame({"age": [1.0, 3.0], "fare": [2.0, 4.0], "survived": [0, 1]})


@pytest.fixture
def view(monkeypatch):
    """Return a feature view like the SDK's. Tests may change its content."""

    class View:
        labels = ["survived"]
        features = FRAME[["age", "fare"]]
        label_frame = FRAME[["survived"]]
        calls = []

        def get_training_data(self, version, dataframe_type):
            self.calls.append((version, dataframe_type))
            return self.features, self.label_frame

    view = View()
    store = types.SimpleNamespace(
        get_feature_view=lambda name, version: view if name == "t" else None
    )
    module = types.ModuleType("hopsworks")
    module.__spec__ = types.SimpleNamespace(name="hopsworks")
    module.login = lambda: types.SimpleNamespace(get_feature_store=lambda: store)
    monkeypatch.setitem(sys.modules, "hopsworks", module)
    return view


def old_folder(platform, name="t_1"):
    folder = platform.files / "Projects/demo/demo_Training_Datasets" / name
    folder.mkdir(parents=True)
    return folder


def columns_of(dataset):
    dataset.load()
    return {name: column.tolist() for name, column in dataset.columns.items()}


def test_a_feature_view_gives_features_and_the_label(environment, view):
    dataset = environment.find_training_dataset("t", 1, "survived")
    assert view.calls == [(1, "pandas")]
    assert columns_of(dataset) == {"age": [1, 3], "fare": [2, 4], "survived": [0, 1]}


def test_other_labels_of_the_view_are_never_among_the_features(environment, view):
    view.labels = ["survived", "cabin"]
    view.features = FRAME.assign(cabin=[5, 6])  # a view without a frame of its own for the labels
    view.label_frame = FRAME[["survived"]].assign(cabin=[5, 6])
    assert columns_of(environment.find_training_dataset("t", 1, "survived")) == {
        "age": [1, 3],
        "fare": [2, 4],
        "survived": [0, 1],
    }


def test_a_large_view_is_read_again_on_the_worker(environment, view, monkeypatch):
    monkeypatch.setattr("maggy.datasets.training_dataset.SHIPPED_BYTES", 1)
    dataset = pickle.loads(pickle.dumps(environment.find_training_dataset("t", 1, "survived")))
    assert dataset.columns is None
    assert columns_of(dataset)["age"] == [1, 3]
    assert len(view.calls) == 2


def test_text_is_an_error(environment, view):
    view.features = FRAME.assign(sex="male").drop(columns="survived")
    with pytest.raises(BadArgumentsError, match="column 'sex' holds text"):
        environment.find_training_dataset("t", 1, "survived")


def test_an_unknown_name_is_an_error_with_the_schema(environment, view):
    dataset = environment.find_training_dataset("t", 1, "survived")
    with pytest.raises(
        AblationError,
        match=r"no feature 'agee'. Did you mean 'age'\? Its features are: age, fare\.",
    ):
        dataset.check_names(["agee"])
    with pytest.raises(AblationError, match="Its columns are: age, fare"):
        environment.find_training_dataset("t", 1, "survive").check_names([])


def test_an_old_table_is_read_from_hopsfs(environment, platform):
    folder = old_folder(platform)
    FRAME.to_csv(folder / "part-0.csv", index=False)
    (folder / "_SUCCESS").touch()
    dataset = environment.find_training_dataset("t", 1, "survived")
    assert columns_of(dataset) == {"age": [1, 3], "fare": [2, 4], "survived": [0, 1]}


def test_without_the_sdk_an_error_lists_the_places_that_were_searched(environment):
    with pytest.raises(
        AblationError,
        match=r"'pyarrow>=17'\); and not in hdfs://.*demo_Training_Datasets/t_1",
    ):
        environment.find_training_dataset("t", 1, "survived")


def test_a_failing_feature_store_is_an_error_unless_the_old_folder_exists(
    environment, platform, view, monkeypatch
):
    def fail(*_):
        raise ConnectionError("no route")

    monkeypatch.setattr(sys.modules["hopsworks"], "login", fail)
    with pytest.raises(AblationError, match="which answered ConnectionError: no route"):
        environment.find_training_dataset("t", 1, "survived")
    FRAME.to_csv(old_folder(platform) / "a.csv", index=False)
    assert columns_of(environment.find_training_dataset("t", 1, "survived"))["age"] == [1, 3]


def test_loco_takes_its_training_data_from_the_environment(environment, view):
    study = AblationStudy("t", 1, "survived")
    study.features.include("agee")
    ablator = LOCO(study, [])
    ablator.find_training_dataset = environment.find_training_dataset
    with pytest.raises(AblationError, match="Its features are: age, fare"):
        ablator.prepare(frozenset(["dataset_function"]))
    study.features.exclude("agee")
    ablator.prepare(frozenset(["dataset_function"]))
    assert pickle.loads(pickle.dumps(ablator)).get_dataset_generator("age") is not None


@pytest.mark.parametrize("inner", ["t.csv", "t.csv/part-0.csv"])
def test_a_folder_with_the_name_of_a_file_is_searched(environment, platform, inner):
    (old_folder(platform) / inner).mkdir(parents=True)
    FRAME.to_csv(
        platform.files / "Projects/demo/demo_Training_Datasets/t_1" / inner / "part-1.csv",
        index=False,
    )
    assert columns_of(environment.find_training_dataset("t", 1, "survived"))["age"] == [1, 3]


@pytest.mark.slow
@pytest.mark.parametrize("inner", ["t", "t.tfrecords"])
def test_old_tfrecord_files_are_read_through_the_environment(
    environment, platform, tmp_path, inner
):
    import tensorflow as tf

    (old_folder(platform) / inner).mkdir()
    for part in range(2):
        path = (
            platform.files / f"Projects/demo/demo_Training_Datasets/t_1/{inner}/part-r-0000{part}"
        )
        with tf.io.TFRecordWriter(str(path)) as records:
            values = {"age": part + 0.5, "fare": 7.0, "survived": float(part)}
            feature = {
                name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
                for name, value in values.items()
            }
            records.write(
                tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
            )
    dataset = pickle.loads(pickle.dumps(environment.find_training_dataset("t", 1, "survived")))
    ((features, labels),) = dataset.dataset(1, 2, "fare").as_numpy_iterator()
    np.testing.assert_array_equal(features, [[0.5], [1.5]])
    np.testing.assert_array_equal(labels, [0, 1])
    with pytest.raises(AblationError, match="Its features are: age, fare"):
        dataset.check_names(["agee"])
