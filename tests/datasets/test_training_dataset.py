"""A training data set on its way to the workers, and the data that the training function gets."""

import pickle
import shutil

import numpy as np
import pandas as pd
import pytest

from maggy.ablation import register_training_dataset
from maggy.common.exceptions import AblationError
from maggy.datasets import training_dataset
from maggy.datasets.options import DataOptions, Draw
from maggy.datasets.registry import find_training_dataset

FRAME = pd.DataFrame(
    {"fare": [7.5, 8.5, 9.5], "survived": [0, 1, 1], "age": [42, 13, 5], "ok": [True, False, True]}
)


def registered(frame=FRAME):
    register_training_dataset(frame, "t")
    return find_training_dataset("t", 1, "survived")


def test_a_small_data_set_travels_with_its_numbers():
    dataset = registered()
    dataset.load()
    pickled = pickle.dumps(dataset)
    shutil.rmtree(dataset.folder)
    assert pickle.loads(pickled).columns["age"].tolist() == [42, 13, 5]


def test_a_large_data_set_travels_as_its_path(monkeypatch):
    monkeypatch.setattr(training_dataset, "SHIPPED_BYTES", 40)
    dataset = registered()
    dataset.load()
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.columns is None
    copy.load()
    assert copy.columns["age"].tolist() == [42, 13, 5]
    assert dataset.columns is not None


def test_the_error_for_a_large_data_set_without_its_folder_names_the_remedy(monkeypatch):
    monkeypatch.setattr(training_dataset, "SHIPPED_BYTES", 40)
    dataset = registered()
    dataset.load()
    copy = pickle.loads(pickle.dumps(dataset))
    shutil.rmtree(dataset.folder)
    with pytest.raises(AblationError, match=r"not there on this worker.*MAGGY_DATASET_DIR"):
        copy.load()


def test_the_error_for_an_unknown_feature_names_the_closest_and_all_features():
    with pytest.raises(
        AblationError,
        match=r"no feature 'far'. Did you mean 'fare'\? Its features are: fare, age, ok",
    ):
        registered().check_names(["far"])


def test_the_label_cannot_be_ablated_and_must_exist():
    with pytest.raises(AblationError, match="'survived' is the label"):
        registered().check_names(["survived"])
    register_training_dataset(FRAME, "t")
    with pytest.raises(
        AblationError, match=r"no column 'survive' to be the label. Did you mean 'survived'\?"
    ):
        find_training_dataset("t", 1, "survive").check_names([])


def test_the_only_feature_cannot_be_ablated():
    with pytest.raises(AblationError, match="needs a feature beside its label, and two"):
        registered(FRAME[["age", "survived"]]).check_names(["age"])
    with pytest.raises(AblationError, match="needs a feature"):
        registered(FRAME[["survived"]]).check_names([])


def write_records(path, rows, compression=""):
    import tensorflow as tf

    def feature(value):
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        values = value if isinstance(value, list) else [value]
        if isinstance(values[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for row in rows:
            features = tf.train.Features(
                feature={name: feature(value) for name, value in row.items()}
            )
            writer.write(tf.train.Example(features=features).SerializeToString())


def rows_of(dataset):
    batches = [(features.numpy(), label.numpy()) for features, label in dataset]
    return np.concatenate([batch[0] for batch in batches]), np.concatenate(
        [batch[1] for batch in batches]
    )


@pytest.mark.slow
def test_features_come_in_schema_order_without_the_label():
    features, label = rows_of(registered().dataset(1, 2))
    np.testing.assert_array_equal(features, [[7.5, 42, 1], [8.5, 13, 0], [9.5, 5, 1]])
    np.testing.assert_array_equal(label, [0, 1, 1])
    assert features.dtype == label.dtype == np.float32


@pytest.mark.slow
def test_the_ablated_feature_is_not_among_the_features():
    features, _ = rows_of(registered().dataset(1, 2, "age"))
    np.testing.assert_array_equal(features, [[7.5, 1], [8.5, 0], [9.5, 1]])


@pytest.mark.slow
def test_rows_are_repeated_and_then_batched():
    shapes = [
        (features.shape, label.shape)
        for features, label in registered().dataset(num_epochs=3, batch_size=4)
    ]
    assert shapes == [((4, 3), (4,)), ((4, 3), (4,)), ((1, 3), (1,))]


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong", [(0, 1), (1, 0), (-1, 1), (1.5, 1), ("1", 1), (None, 1), (True, 1)]
)
def test_epochs_and_batch_size_are_integers_of_at_least_1(wrong):
    with pytest.raises(ValueError, match="must be an integer of at least 1"):
        registered().dataset(*wrong)


@pytest.mark.slow
def test_a_feature_that_is_not_there_is_an_error_and_not_the_base():
    with pytest.raises(AblationError, match="no feature 'agee'"):
        registered().dataset(1, 1, "agee")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["part-r-00000", "part-r-00000.gz", "data.tfrecord", "data.tfrecord-00000-of-00001"]
)
def test_tfrecord_is_read_with_features_sorted_by_name(name, tmp_path):
    rows = [
        {"fare": 7.5, "survived": 0, "age": 42},
        {"fare": 8.5, "survived": 1, "age": 13},
        {"survived": 1, "age": 5},
    ]
    write_records(tmp_path / "records" / name, rows, "GZIP" if name.endswith(".gz") else "")
    (tmp_path / "records" / "_SUCCESS").write_text("")
    (tmp_path / "records" / f".{name}.crc").write_bytes(b"\xff")
    (tmp_path / "records" / "README").write_text("")
    register_training_dataset(tmp_path / "records", "t")
    dataset = pickle.loads(pickle.dumps(find_training_dataset("t", 1, "survived")))
    dataset.check_names(["fare"])
    features, label = rows_of(dataset.dataset(1, 2))
    np.testing.assert_array_equal(features, [[42, 7.5], [13, 8.5], [5, np.nan]])
    np.testing.assert_array_equal(label, [0, 1, 1])
    assert features.dtype == label.dtype == np.float32
    np.testing.assert_array_equal(rows_of(dataset.dataset(2, 4, "fare"))[0], [[42], [13], [5]] * 2)
    assert [features.shape for features, _ in dataset.dataset(2, 4, "fare")] == [(4, 1), (2, 1)]
    with pytest.raises(AblationError, match=r"no feature 'far'. Did you mean 'fare'\?"):
        dataset.dataset(1, 1, "far")


@pytest.mark.slow
def test_several_tfrecord_files_come_in_the_order_of_their_names(tmp_path):
    for number in (2, 0, 1):
        write_records(
            tmp_path / "records" / f"part-r-0000{number}", [{"age": number, "survived": 1}]
        )
    register_training_dataset(tmp_path / "records" / "part-r-*", "t")
    features, _ = rows_of(find_training_dataset("t", 1, "survived").dataset(1, 2))
    assert features.ravel().tolist() == [0, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "error"), [(b"male", "'sex' holds text.*male"), ([1, 2], "'sex' holds 2")]
)
def test_tfrecord_must_hold_one_number_a_feature(value, error, tmp_path):
    write_records(tmp_path / "a.tfrecord", [{"sex": value, "survived": 1}])
    register_training_dataset(tmp_path / "a.tfrecord", "t")
    with pytest.raises(AblationError, match=error):
        find_training_dataset("t", 1, "survived").check_names([])


@pytest.mark.slow
def test_tfrecord_that_is_gone_or_empty_is_an_error(tmp_path):
    path = tmp_path / "a.tfrecord"
    write_records(path, [])
    register_training_dataset(path, "t")
    with pytest.raises(AblationError, match="must have rows"):
        find_training_dataset("t", 1, "survived").check_names([])
    path.unlink()
    with pytest.raises(AblationError, match=r"No TFRecord file is at .* on this worker"):
        find_training_dataset("t", 1, "survived").check_names([])


def test_a_fingerprint_changes_with_names_and_numbers_and_not_with_a_registration(tmp_path):
    texts = [
        registered(frame).fingerprint()
        for frame in (
            FRAME,
            FRAME,
            FRAME.rename(columns={"age": "years"}),
            FRAME.assign(age=[42, 13, 6]),
            FRAME[["age", "survived", "fare", "ok"]],
        )
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 4
    (tmp_path / "a.tfrecord").write_bytes(b"")
    register_training_dataset(tmp_path / "a.tfrecord", "t")
    assert find_training_dataset("t", 1, "survived").fingerprint() == ""


def test_missing_values_are_counted_by_column():
    assert registered().missing_counts() == {}
    assert registered(FRAME.assign(age=[np.nan, 1, np.nan])).missing_counts() == {"age": 2}


def test_several_features_cannot_leave_none_unless_their_columns_stay():
    dataset = registered()
    with pytest.raises(AblationError, match=r"without fare, age, ok there is none. Leave out"):
        dataset.of_trial(["fare", "age", "ok"])
    data = dataset.of_trial(["fare", "age", "ok"], DataOptions(feature_ablation="zero"))
    assert data.arrays()[0].tolist() == [[0, 0, 0]] * 3


def test_the_only_feature_can_be_filled():
    dataset = registered(FRAME[["age", "survived"]])
    data = dataset.of_trial(["age"], DataOptions(feature_ablation="mean"))
    assert data.arrays()[0].tolist() == [[20], [20], [20]]


@pytest.mark.slow
def test_tfrecord_has_arrays_and_batches_and_is_split(tmp_path):
    rows = [{"age": float(row), "survived": row % 2} for row in range(9)] + [{"survived": 1}]
    write_records(tmp_path / "a.tfrecord", rows)
    register_training_dataset(tmp_path / "a.tfrecord", "t")
    dataset = find_training_dataset("t", 1, "survived")
    assert dataset.missing_counts() == {"age": 1}
    stream = dataset.of_trial()
    assert stream.names == ["age"]
    np.testing.assert_array_equal(stream.arrays()[0][:, 0], [*range(9), np.nan])
    assert [labels.tolist() for _, labels in stream.batches(1, 6)] == [[0, 1] * 3, [0, 1, 0, 1]]
    with pytest.raises(AblationError, match="needs rows that are held out"):
        stream.arrays("test")
    data = dataset.of_trial(options=DataOptions(missing="mean", test_fraction=0.2), draw=Draw(1))
    assert len(data.arrays("test")[1]) == 2
    assert not np.isnan(np.concatenate([data.arrays()[0], data.arrays("test")[0]])).any()


@pytest.mark.slow
def test_an_integer_that_a_record_lacks_is_an_error_with_the_remedy(tmp_path):
    write_records(tmp_path / "a.tfrecord", [{"age": 1, "survived": 1}, {"survived": 1}])
    register_training_dataset(tmp_path / "a.tfrecord", "t")
    with pytest.raises(AblationError, match=r"Every record must have .* Feature: age .* as floats"):
        find_training_dataset("t", 1, "survived").missing_counts()
