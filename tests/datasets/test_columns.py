"""Tables as numeric columns."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

from maggy.datasets.columns import is_spark_frame, read_frame, read_path


def test_a_frame_keeps_the_order_of_its_columns():
    names, columns = read_frame(pd.DataFrame({"fare": [7.5, 8.5], "age": [42, 13]}))
    assert names == ["fare", "age"]
    assert columns["age"].tolist() == [42, 13]


def test_bool_becomes_0_and_1():
    _, columns = read_frame(pd.DataFrame({"a": [True, False]}))
    assert columns["a"].tolist() == [1, 0]
    assert columns["a"].dtype.kind == "i"


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, None], dtype="Int64"),
        pd.Series([True, None], dtype="boolean"),
        pd.Series([1.0, None], dtype="Float32"),
        pd.Series([1, None], dtype=object),
        pd.Series([decimal.Decimal(1), None], dtype=object),
        pd.Series([np.True_, np.nan], dtype=object),
        pd.Series([1, None], dtype="category"),
    ],
)
def test_missing_values_become_nan(values):
    _, columns = read_frame(pd.DataFrame({"a": values}))
    assert columns["a"].dtype.kind == "f"
    np.testing.assert_array_equal(columns["a"], [1.0, np.nan])


@pytest.mark.parametrize("kind", ["object", "category", "str"])
def test_text_is_refused_with_the_column_an_example_and_the_remedy(kind):
    frame = pd.DataFrame({"age": [1, 2], "sex": pd.Series([None, "male"], dtype=kind)})
    with pytest.raises(
        ValueError,
        match=r"column 'sex' holds text, for example 'male'. Encode it as numbers before",
    ):
        read_frame(frame)


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2020-01-01", "2020-01-02"]),
        pd.to_datetime(["2020-01-01", "2020-01-02"]).tz_localize("UTC"),
        pd.to_timedelta([1, 2], unit="D"),
        pd.Series([datetime.date(2020, 1, 1), None], dtype=object),
    ],
)
def test_dates_are_refused_with_the_remedy(values):
    with pytest.raises(
        ValueError, match=r"column 'when' holds dates or times.*Turn it into numbers"
    ):
        read_frame(pd.DataFrame({"when": values}))


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, 1j, object()])
def test_a_cell_must_be_one_number(value):
    with pytest.raises(ValueError, match="one number in each cell, but column 'a' holds"):
        read_frame(pd.DataFrame({"a": pd.Series([value], dtype=object)}))


def test_column_names_must_differ():
    with pytest.raises(ValueError, match="'a' is twice"):
        read_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame(index=[1, 2])]
)
def test_an_empty_frame_is_refused(frame):
    with pytest.raises(ValueError, match="must have rows and columns"):
        read_frame(frame)


def test_a_csv_file_without_header_is_refused(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("1,2.5\n3,4\n")
    with pytest.raises(ValueError, match=r"columns .* need names, but these are numbers: 1, 2.5"):
        read_path(str(file), "csv")


def test_csv_is_read_with_missing_values_as_nan(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("age,ok\n1.5,True\n,False\n")
    names, columns = read_path(str(file), "csv")
    assert names == ["age", "ok"]
    np.testing.assert_array_equal(columns["age"], [1.5, np.nan])
    assert columns["ok"].tolist() == [1, 0]


def test_a_csv_folder_is_read_in_the_order_of_its_files(tmp_path):
    for number, name in enumerate(["part-00000.csv", "part-00001.csv"]):
        (tmp_path / name).write_text(f"a\n{number}\n")
    (tmp_path / ".part-00000.csv.crc").write_bytes(b"\xff\xfe")
    (tmp_path / "_SUCCESS").write_text("")
    assert read_path(str(tmp_path), "csv")[1]["a"].tolist() == [0, 1]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_only_the_files_of_the_format_are_read_from_a_folder(kind, tmp_path):
    write_folder(kind, tmp_path)
    assert read_path(str(tmp_path), kind)[1]["a"].tolist() == [1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_spark_reads_only_the_files_of_the_format_from_a_folder(kind, spark, tmp_path, monkeypatch):
    monkeypatch.setattr("maggy.datasets.columns._is_installed", lambda module: False)
    write_folder(kind, tmp_path)
    assert read_path(str(tmp_path), kind)[1]["a"].tolist() == [1]
    assert read_path(str(tmp_path / f"a.{kind}"), kind)[1]["a"].tolist() == [1]


def write_folder(kind, folder):
    """Write one table, and files of other formats with similar names."""
    frame = pd.DataFrame({"a": [1]})
    for name in (f"a.{kind}", f"b.{kind}.txt", f"c.{kind}.bak", "README"):
        if kind == "csv" or name == "a.parquet":
            getattr(frame, f"to_{kind}")(folder / name, index=False)
        else:
            (folder / name).write_text("no table")


def test_the_folders_of_a_partitioned_parquet_table_are_a_column(tmp_path):
    for year in (2020, 2021):
        (tmp_path / "t.parquet" / f"year={year}").mkdir(parents=True)
        frame = pd.DataFrame({"a": [year]})
        frame.to_parquet(tmp_path / "t.parquet" / f"year={year}" / "0.parquet")
    names, columns = read_path(str(tmp_path / "t.parquet"), "parquet")
    assert names == ["a", "year"]
    assert columns["year"].tolist() == [2020, 2021]


def test_parquet_is_read_as_file_and_as_folder(tmp_path):
    frame = pd.DataFrame({"b": [1, None], "a": [0.5, 1.5], "c": [True, None]}, index=[5, 7])
    frame.to_parquet(tmp_path / "part-0.parquet")
    for path in (tmp_path, tmp_path / "part-0.parquet"):
        names, columns = read_path(str(path), "parquet")
        assert names == ["b", "a", "c"]
        np.testing.assert_array_equal(columns["b"], [1, np.nan])
        np.testing.assert_array_equal(columns["c"], [1, np.nan])


def test_text_in_parquet_is_refused(tmp_path):
    pd.DataFrame({"sex": ["male"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="column 'sex' holds text"):
        read_path(str(tmp_path / "a.parquet"), "parquet")


def test_something_else_is_no_frame():
    assert read_frame({"a": [1]}) is None
    assert read_frame("a.csv") is None


def test_spark_frames_of_both_kinds_are_recognised_without_importing_pyspark():
    for module in (
        "pyspark.sql.classic.dataframe",
        "pyspark.sql.connect.dataframe",
        "pyspark.sql.dataframe",
    ):
        assert is_spark_frame(type("DataFrame", (), {"__module__": module})())
    assert not is_spark_frame(pd.DataFrame())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_cannot_be_read_is_named(kind, tmp_path):
    file = tmp_path / f"a.{kind}"
    file.write_text("")
    with pytest.raises(ValueError, match=rf"a.{kind} must be readable as {kind}, but it is not"):
        read_path(str(file), kind)
