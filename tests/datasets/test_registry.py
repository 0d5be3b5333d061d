"""Registering training data sets, and finding them again."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from maggy.ablation import register_training_dataset
from maggy.common.exceptions import AblationError
from maggy.datasets.registry import find_training_dataset

FRAME = pd.DataFrame({"fare": [7.5, 8.5], "age": [42, 13], "survived": [0, 1]})


def columns_of(name, version=1, label="survived"):
    dataset = find_training_dataset(name, version, label)
    dataset.load()
    return dataset.columns


def test_a_registered_frame_is_found_with_its_columns_in_order():
    register_training_dataset(FRAME, "titanic_train_dataset")
    columns = columns_of("titanic_train_dataset")
    assert list(columns) == ["fare", "age", "survived"]
    assert columns["age"].tolist() == [42, 13]
    assert columns["age"].dtype == np.float32


def test_a_data_set_on_disk_is_numbers_and_a_schema(root):
    folder = Path(register_training_dataset(FRAME, "t", version=3))
    assert folder == root / "t_3"
    assert sorted(os.listdir(folder)) == ["data.npz", "schema.json"]
    assert json.loads((folder / "schema.json").read_text())["columns"] == [
        "fare",
        "age",
        "survived",
    ]
    with np.load(folder / "data.npz", allow_pickle=False) as arrays:
        assert len(arrays.files) == 3


def test_without_the_variable_the_root_is_below_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.delenv("MAGGY_DATASET_DIR")
    monkeypatch.chdir(tmp_path)
    assert register_training_dataset(FRAME, "t") == str(tmp_path / "Training_Datasets" / "t_1")


def test_registering_again_replaces_and_leaves_nothing_behind(root):
    register_training_dataset(FRAME, "t")
    register_training_dataset(FRAME[["age", "survived"]], "t")
    assert list(columns_of("t")) == ["age", "survived"]
    assert os.listdir(root) == ["t_1"]


def test_at_every_step_of_a_replacement_a_reader_sees_the_old_data_set_or_the_new(
    root, monkeypatch
):
    register_training_dataset(FRAME, "t")
    seen = []

    def watch(name):
        step = getattr(os, name)

        def step_and_read(*args, **options):
            step(*args, **options)
            seen.append(list(columns_of("t")))

        monkeypatch.setattr(os, name, step_and_read)

    for name in ("rename", "replace", "unlink", "mkdir", "link"):
        watch(name)
    register_training_dataset(FRAME[["age", "survived"]], "t")
    assert all(names in (["fare", "age", "survived"], ["age", "survived"]) for names in seen)
    assert seen[-1] == ["age", "survived"]


def test_a_data_set_that_is_replaced_after_it_was_found_is_read_as_the_new_one():
    register_training_dataset(FRAME, "t")
    dataset = find_training_dataset("t", 1, "survived")
    register_training_dataset(FRAME[["survived", "age"]], "t")
    dataset.load()
    assert dataset.names == list(dataset.columns) == ["survived", "age"]
    assert dataset.columns["age"].tolist() == [42, 13]


def test_a_data_set_of_an_earlier_release_is_read_and_replaced(root):
    (root / "t_1").mkdir(parents=True)
    np.savez(root / "t_1" / "data.npz", np.array([42, 13]), np.array([0, 1]))
    schema = {"format": "npz", "columns": ["age", "survived"]}
    (root / "t_1" / "schema.json").write_text(json.dumps(schema))
    assert columns_of("t")["age"].tolist() == [42, 13]
    register_training_dataset(FRAME, "t")
    assert columns_of("t")["fare"].tolist() == [7.5, 8.5]
    assert len(os.listdir(root / "t_1")) == 2


def test_a_registration_whose_last_step_fails_leaves_the_old_one(root, monkeypatch):
    register_training_dataset(FRAME, "t")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("No space left")))
    with pytest.raises(OSError, match="No space"):
        register_training_dataset(FRAME[["age", "survived"]], "t")
    assert list(columns_of("t")) == ["fare", "age", "survived"]
    assert sorted(os.listdir(root / "t_1")) == ["data.npz", "schema.json"]


def test_a_failed_registration_leaves_the_old_one(root):
    register_training_dataset(FRAME, "t")
    with pytest.raises(ValueError, match="text"):
        register_training_dataset(FRAME.assign(sex="male"), "t")
    assert list(columns_of("t")) == ["fare", "age", "survived"]
    assert os.listdir(root) == ["t_1"]


def test_versions_are_kept_apart():
    register_training_dataset(FRAME, "t", 1)
    register_training_dataset(FRAME.assign(age=0), "t", 2)
    assert columns_of("t", 1)["age"].tolist() == [42, 13]
    assert columns_of("t", 2)["age"].tolist() == [0, 0]


def test_columns_may_have_any_name():
    frame = pd.DataFrame(
        {"file": [1], "a/b": [2], "..": [3], "Größe (cm)": [4], "allow_pickle": [5]}
    )
    register_training_dataset(frame, "t")
    assert [float(column[0]) for column in columns_of("t", label="file").values()] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_a_folder_that_was_not_registered_is_not_deleted(root):
    (root / "t_1").mkdir(parents=True)
    (root / "t_1" / "part-r-00000").write_bytes(b"precious")
    with pytest.raises(ValueError, match="holds files that were not registered"):
        register_training_dataset(FRAME, "t")
    assert (root / "t_1" / "part-r-00000").read_bytes() == b"precious"


@pytest.mark.parametrize("file", ["a.csv", "a.parquet", "folder.csv"])
def test_a_table_is_copied_at_registration(file, tmp_path):
    path = tmp_path / file
    if file == "a.parquet":
        FRAME.to_parquet(path)
    elif file == "a.csv":
        FRAME.to_csv(path, index=False)
    else:
        path.mkdir()
        FRAME.to_csv(path / "part-0.csv", index=False)
    register_training_dataset(path, "t")
    path.rename(tmp_path / "gone")
    assert columns_of("t")["fare"].tolist() == [7.5, 8.5]


@pytest.mark.parametrize("pattern", ["", "part-r-*", "part-r-00000", "*.tfrecord*", "b.tfrecord"])
def test_of_tfrecord_only_the_absolute_path_is_recorded(pattern, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "records").mkdir()
    for name in ("part-r-00000", "b.tfrecord"):
        (tmp_path / "records" / name).write_bytes(b"")
    register_training_dataset(os.path.join("records", pattern), "t")
    dataset = find_training_dataset("t", 1, "survived")
    assert dataset.tfrecord_path == str(tmp_path / "records" / pattern).rstrip("/")
    assert dataset.names is None


@pytest.mark.parametrize("prefix", ["file:", "file://"])
def test_a_path_may_have_the_scheme_of_files(prefix, tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    register_training_dataset(f"{prefix}{tmp_path}/a.csv", "t")
    assert columns_of("t")["fare"].tolist() == [7.5, 8.5]
    (tmp_path / "part-r-0").write_bytes(b"")
    register_training_dataset(f"{prefix}{tmp_path}/part-r-*", "t")
    assert find_training_dataset("t").tfrecord_path == f"{tmp_path}/part-r-*"


@pytest.mark.parametrize("prefix", ["file:", "file://"])
def test_the_root_may_have_the_scheme_of_files(prefix, root, monkeypatch):
    monkeypatch.setenv("MAGGY_DATASET_DIR", f"{prefix}{root}")
    assert register_training_dataset(FRAME, "t") == str(root / "t_1")


@pytest.mark.parametrize("path", ["missing.csv", "missing/part-r-*", "missing"])
def test_a_wrong_path_is_refused(path):
    with pytest.raises(ValueError, match="must exist, but nothing is at"):
        register_training_dataset(path, "t")


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(ValueError, match=r"format of .* is not known"):
        register_training_dataset(str(tmp_path / "a.xlsx"), "t")
    with pytest.raises(ValueError, match="holds files of none of these formats"):
        register_training_dataset(str(tmp_path), "t")


def test_a_folder_of_two_formats_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "b.tfrecord").write_bytes(b"")
    with pytest.raises(ValueError, match="csv and tfrecord"):
        register_training_dataset(str(tmp_path), "t")


@pytest.mark.parametrize("data", [None, 3, {"a": [1]}, [[1]], np.zeros((2, 2)), b"a.csv"])
def test_other_data_are_refused(data):
    with pytest.raises(ValueError, match="must be a Spark or pandas data frame"):
        register_training_dataset(data, "t")


@pytest.mark.parametrize("name", ["", "a/b", "..", ".a", "-a", "a b", 3, None, "a\n", "a\x00"])
def test_a_name_must_be_safe_as_a_folder(name):
    with pytest.raises(ValueError, match="name must consist of"):
        register_training_dataset(FRAME, name)


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", None, True])
def test_a_version_is_an_integer_of_at_least_1(version):
    with pytest.raises(ValueError, match="version must be an integer of at least 1"):
        register_training_dataset(FRAME, "t", version)


def test_the_error_for_an_unknown_data_set_names_folder_closest_name_and_remedy(root):
    register_training_dataset(FRAME, "titanic_train_dataset")
    with pytest.raises(AblationError) as caught:
        find_training_dataset("titanic_train_datset", 1, "survived")
    message = str(caught.value)
    assert str(root) in message
    assert "Did you mean 'titanic_train_dataset'?" in message
    assert "register_training_dataset(data, 'titanic_train_datset', version=1)" in message


def test_the_error_for_an_unknown_version_names_the_registered_versions():
    register_training_dataset(FRAME, "t", 1)
    register_training_dataset(FRAME, "t", 4)
    with pytest.raises(AblationError, match="It is registered in the versions 1, 4"):
        find_training_dataset("t", 2, "survived")


def test_an_error_without_any_registered_data_set_says_how_to_register():
    with pytest.raises(
        AblationError,
        match=r"No training data set 't', version 1, is registered in .*Register it with",
    ):
        find_training_dataset("t", 1, "survived")


# Warnings at registration


def test_missing_values_are_said_by_column(caplog):
    register_training_dataset(FRAME.assign(age=[np.nan, 13], fare=np.nan), "t", 2)
    assert caplog.messages == [
        "Training data set 't', version 2: Values are missing (fare: 2, age: 1; of 2 rows). A "
        "study on it must say what happens to them: AblationStudy(..., missing='mean'), 'median', "
        "'indicator', 'drop' or 'keep'."
    ]


def test_a_table_without_faults_costs_no_warning(caplog):
    register_training_dataset(FRAME, "t")
    assert caplog.messages == []


BIG = 2**24


@pytest.mark.parametrize(
    "values",
    [
        [BIG, BIG + 1],
        [-BIG - 1, -BIG],
        [float(BIG), BIG + 1.0, np.nan],
        np.array([2**63, 2**63 + 1], dtype=np.uint64),
    ],
)
def test_integers_that_float32_would_merge_are_a_warning(values, caplog):
    register_training_dataset(pd.DataFrame({"id": values, "y": 0}), "t")
    text = "".join(caplog.messages)
    first, second = sorted(map(int, values[:2]))
    assert f"in which some of them are one number, such as {first} and {second}. If" in text


@pytest.mark.parametrize(
    "values", [[BIG, BIG - 1], [BIG, BIG + 2], [BIG + 0.5, BIG + 1.0], [np.inf, np.inf], [5, 5]]
)
def test_numbers_that_float32_keeps_apart_cost_no_warning(values, caplog):
    register_training_dataset(pd.DataFrame({"id": values, "y": 0}), "t")
    assert caplog.messages == []
