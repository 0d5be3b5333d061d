"""The formats of training data by the names of files."""

import pytest

from maggy.datasets.file_formats import format_at, format_of_name


@pytest.mark.parametrize(
    ("name", "file_format"),
    [
        ("a.csv", "csv"),
        ("a.csv.gz", "csv"),
        ("a.parquet", "parquet"),
        ("a.pq", "parquet"),
        ("part-r-00000", "tfrecord"),
        ("part-r-00000.gz", "tfrecord"),
        ("a.tfrecord-00000-of-00001", "tfrecord"),
        ("part-r-00000.crc", None),
        ("_SUCCESS", None),
        (".a.csv.crc", None),
        ("_metadata.parquet", None),
        ("a.csv.txt", None),
        ("README", None),
    ],
)
def test_the_format_of_a_file_follows_from_its_name(name, file_format):
    assert format_of_name(name) == file_format


def test_the_files_below_a_folder_decide_its_format(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "part-0.parquet").write_bytes(b"")
    (tmp_path / "_SUCCESS").write_bytes(b"")
    assert format_at(str(tmp_path)) == "parquet"


def test_a_pattern_can_name_tfrecord_files_only(tmp_path):
    for name in ("a.csv", "part-r-00000"):
        (tmp_path / name).write_bytes(b"")
    assert format_at(f"{tmp_path}/part-r-*") == "tfrecord"
    with pytest.raises(
        ValueError, match=r"A pattern can name TFRecord files only.*Give the folder"
    ):
        format_at(f"{tmp_path}/*.csv")


class _Files:
    """A store that holds files of these names at any path."""

    def __init__(self, *names):
        self.names = names

    def find(self, path):
        return [f"{path}/{name}" for name in self.names]

    def exists(self, path):
        return True


@pytest.mark.parametrize("names", [(), ("a.xlsx",), ("a.csv", "b.parquet")])
def test_no_message_shows_the_password_of_a_url(names):
    with pytest.raises(ValueError, match="data set") as refusal:
        format_at("https://me:secret@host/data", _Files(*names))
    assert "secret" not in str(refusal.value)
    assert "https://***@host/data" in str(refusal.value)
