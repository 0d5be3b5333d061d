"""Source lines of cells are added to tracebacks of workers, and no file is read."""

import linecache

import pytest

from maggy.common.source_lines import add_source_lines

CELL = "/tmp/ipykernel_1/2.py"


@pytest.fixture
def cell(monkeypatch):
    """A cell of three lines, as IPython enters it."""
    source = "def train(x):\n    y = x + 1\n    raise ValueError(y)\n"
    lines = source.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, CELL, (len(source), None, lines, CELL))


@pytest.mark.usefixtures("cell")
def test_frames_of_a_cell_get_their_source_line():
    text = (
        "Traceback (most recent call last):\n"
        f'  File "{CELL}", line 3, in train\n'
        '  File "/lib/other.py", line 7, in helper\n'
        "    helper()\n"
        "ValueError: 2\n"
    )
    assert add_source_lines(text) == text.replace(
        "in train\n", "in train\n    raise ValueError(y)\n"
    )


@pytest.mark.usefixtures("cell")
def test_a_frame_that_has_its_line_keeps_it():
    text = f'  File "{CELL}", line 2, in train\n    y = x + 1\n        ~~^~~\nTypeError: no\n'
    assert add_source_lines(text) == text


@pytest.mark.usefixtures("cell")
@pytest.mark.parametrize("number", [0, 4, 9_999_999])
def test_a_line_that_the_cell_does_not_have_is_left_out(number):
    text = f'  File "{CELL}", line {number}, in train\nTypeError: no'
    assert add_source_lines(text) == text


@pytest.mark.usefixtures("cell")
def test_frames_of_a_group_are_indented_as_the_group():
    text = f'  | Traceback:\n  |   File "{CELL}", line 2, in train\n  | TypeError: no\n'
    assert "in train\n  |     y = x + 1\n  | TypeError" in add_source_lines(text)


@pytest.mark.usefixtures("cell")
def test_a_frame_at_the_end_gets_its_line_too():
    assert add_source_lines(f'  File "{CELL}", line 2, in train').endswith(
        "in train\n    y = x + 1\n"
    )


@pytest.mark.parametrize("is_cached", [False, True])
def test_no_file_is_shown(tmp_path, is_cached):
    secret = tmp_path / "secret.txt"
    secret.write_text("password\n")
    if is_cached:
        assert linecache.getline(str(secret), 1) == "password\n"
    text = f'  File "{secret}", line 1, in train\nValueError: no\n'
    assert add_source_lines(text) == text
