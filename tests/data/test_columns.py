"""Columns of a mapped file are numpy arrays without a copy, or an error says why not."""

import mmap

import numpy as np
import pandas
import pyarrow
import pytest

import maggy.data
from maggy.common.exceptions import BadArgumentsError
from maggy.data import arrow_file
from maggy.data.arrow_file import map_table, prepare, write_table
from maggy.data.columns import numpy_column

ROWS = 50_000
NUMBERS = np.arange(ROWS)
TABLE = pyarrow.table(
    {
        "double": NUMBERS * 0.5,
        "float": NUMBERS.astype("float32"),
        "long": NUMBERS,
        "byte": NUMBERS.astype("int8"),
        "time": NUMBERS.astype("datetime64[us]"),
        "lists": pyarrow.ListArray.from_arrays(
            np.arange(ROWS + 1, dtype="int32") * 2, np.arange(2.0 * ROWS)
        ),
        "fixed": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(np.arange(3 * ROWS)), 3),
        "text": [f"row {row}" for row in range(ROWS)],
        "flag": NUMBERS % 2 == 0,
        "day": pyarrow.array(NUMBERS.astype("int32")).cast(pyarrow.date32()),
        "gaps": pyarrow.array([None, *range(1, ROWS)], pyarrow.float64()),
        "ragged": [[1.0] * (row % 3) for row in range(ROWS)],
    }
)
ZERO_COPY = ["double", "float", "long", "byte", "time", "lists", "fixed"]


def address_of(array):
    return array.ctypes.data


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "table.arrow"
    # In pieces, as Spark delivers it.
    pieces = pyarrow.concat_tables([TABLE.slice(0, 7), TABLE.slice(7, 20_000), TABLE.slice(20_007)])
    with path.open("wb") as file:
        write_table(prepare(pieces), file)
    return path


@pytest.fixture(scope="module")
def table(path):
    return map_table(str(path))


def mapped_range(path):
    """Return where this process has mapped the file, from the kernel's own list."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        lines = [line.split() for line in maps if line.split()[-1] == str(path)]
    ranges = [tuple(int(end, 16) for end in line[0].split("-")) for line in lines]
    assert all("w" not in line[1] for line in lines)
    return ranges


def test_a_mapped_table_is_the_table(table):
    assert table.equals(TABLE)


@pytest.mark.parametrize("name", ZERO_COPY)
def test_a_column_of_numbers_is_an_array_in_the_mapped_file_that_cannot_be_written(
    table, path, name
):
    before = pyarrow.total_allocated_bytes()
    array = numpy_column(table, name)
    assert pyarrow.total_allocated_bytes() - before < 1_000
    assert not array.flags.writeable
    assert not array.flags.owndata
    assert any(
        start <= address_of(array) and address_of(array) + array.nbytes <= end
        for start, end in mapped_range(path)
    )
    with pytest.raises(ValueError, match="read-only"):
        array[0] = array[1]
    with pytest.raises(ValueError, match="cannot set WRITEABLE"):
        array.flags.writeable = True
    expected = np.array(TABLE.column(name).to_pylist()) if name in ("lists", "fixed") else None
    assert np.array_equal(array, TABLE.column(name).to_numpy() if expected is None else expected)


def test_lists_of_one_length_are_rows_of_a_matrix(table):
    assert numpy_column(table, "lists").shape == (ROWS, 2)
    assert numpy_column(table, "fixed").shape == (ROWS, 3)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text", "has the type string, which numpy cannot read without a copy"),
        ("flag", r"has the type bool.*a boolean as a tinyint"),
        ("day", "has the type date32"),
        ("gaps", "has 1 missing values.*Fill them before you share"),
        ("ragged", "must be equally long to be a numpy array, but have 0 to 2 values"),
        ("other", "have no column 'other', only double, float, long"),
    ],
)
def test_a_column_that_cannot_be_an_array_without_a_copy_is_an_error_that_says_why(
    table, name, words
):
    with pytest.raises(BadArgumentsError, match=words):
        numpy_column(table, name)


def test_pandas_copies_no_column_of_numbers_and_none_can_be_written(table, path):
    names = ["double", "float", "long", "byte", "time"]
    before = pyarrow.total_allocated_bytes()
    frame = table.select(names).to_pandas(split_blocks=True)
    assert pyarrow.total_allocated_bytes() - before < 2_000
    for name in names:
        array = frame[name].to_numpy()
        assert not array.flags.writeable
        assert address_of(array) == address_of(numpy_column(table, name))
    with pytest.raises(ValueError, match="read-only"):
        frame.iloc[0, 0] = 5.0
    frame["double"] += 1
    assert frame["double"][0] == 1.0
    assert numpy_column(table, "double")[0] == 0.0


def test_pandas_copies_only_the_columns_that_it_cannot_map(table):
    frame = table.to_pandas(split_blocks=True)
    assert address_of(frame["double"].to_numpy()) == address_of(numpy_column(table, "double"))
    assert pandas.isna(frame["gaps"][0])
    assert frame["text"][3] == "row 3"


def test_a_table_is_used_after_its_file_was_removed(tmp_path):
    path = tmp_path / "gone.arrow"
    with path.open("wb") as file:
        write_table(prepare(TABLE), file)
    table = map_table(str(path))
    path.unlink()
    assert numpy_column(table, "long").sum() == NUMBERS.sum()


def test_a_mapped_table_loads_only_what_is_read(tmp_path):
    path = tmp_path / "large.arrow"
    with path.open("wb") as file:
        write_table(prepare(pyarrow.table({"x": np.zeros(4_000_000), "y": [1] * 4_000_000})), file)
    table = map_table(str(path))

    def resident():
        """Return how many bytes of the mapped file are in this process's memory."""
        with open("/proc/self/smaps", encoding="utf-8") as maps:
            section = maps.read().split(str(path))[1]
        return int(section.split("Rss:")[1].split()[0]) * 1024

    before = resident()
    array = numpy_column(table, "x")
    assert resident() - before < 2**20
    assert array[: mmap.PAGESIZE].sum() == 0
    assert array.sum() == 0
    assert resident() - before >= 30_000_000


def test_large_columns_of_texts_and_lists_stay_in_one_piece(monkeypatch):
    monkeypatch.setattr(arrow_file, "SMALL_OFFSETS", 1_000)
    small = pyarrow.table({"text": ["a"], "list": [[1]], "number": [1]})
    assert prepare(small).schema == small.schema
    large = prepare(TABLE.select(["text", "ragged", "lists", "long"]))
    assert [str(field.type).split("<")[0] for field in large.schema] == [
        "large_string", "large_list", "large_list", "int64",
    ]  # fmt: skip
    assert all(column.num_chunks == 1 for column in large.columns)
    assert numpy_column(large, "lists").shape == (ROWS, 2)


def test_columns_of_categories_from_several_pieces_are_written(tmp_path):
    pieces = [pyarrow.table({"c": pyarrow.array([word]).dictionary_encode()}) for word in "abc"]
    path = tmp_path / "categories.arrow"
    with path.open("wb") as file:
        write_table(prepare(pyarrow.concat_tables(pieces)), file)
    assert map_table(str(path)).column("c").to_pylist() == ["a", "b", "c"]


def test_large_texts_inside_other_types_stay_in_one_piece(monkeypatch):
    monkeypatch.setattr(arrow_file, "SMALL_OFFSETS", 8)
    texts = pyarrow.array(["long text", "other text"])
    parts = {
        "list": pyarrow.array([["long text"], ["other text"]]),
        "row": pyarrow.StructArray.from_arrays([texts], ["inner"]),
        "pair": pyarrow.FixedSizeListArray.from_arrays(texts, 1),
        "map": pyarrow.MapArray.from_arrays([0, 1, 2], texts, texts),
    }
    table = prepare(pyarrow.table(parts))
    assert all("large_string" in str(field.type) for field in table.schema)
    assert "string" not in str(table.schema).replace("large_string", "")
    assert table["list"].to_pylist() == [["long text"], ["other text"]]
    assert table["row"].to_pylist() == [{"inner": "long text"}, {"inner": "other text"}]


def test_a_column_that_pandas_does_not_know_is_refused_with_what_to_use(path):
    tensors = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(np.ones((2, 2, 2)))
    for column, kind in [(tensors, "tensor"), (run_end_encoded(), "run_end_encoded")]:
        words = rf"x: .*{kind}.*Use \.arrow\(\)"
        data = maggy.data.share(pyarrow.table({"x": column}))
        with data, pytest.raises(BadArgumentsError, match=words):
            data.pandas()


def run_end_encoded():
    return pyarrow.RunEndEncodedArray.from_arrays([2, 3], [1, 2])
