"""Tables of texts."""

import pytest

from maggy.common.text_table import TextTable, printable

TABLE = TextTable(
    ["name", "size"],
    [["a", "1"], ["b", "20"]],
    bold=frozenset({(1, 1)}),
    right=frozenset({1}),
    marks=frozenset({1}),
)


def test_columns_are_aligned_and_a_row_is_marked_in_text():
    assert TABLE.to_text("> ").splitlines() == [
        ">    name  size",
        ">    a        1",
        "> *  b       20",
    ]


def test_html_aligns_every_cell_and_marks_the_row():
    html = TABLE.to_html("caption", 10)
    assert html.count("text-align: right") == html.count("text-align: left") - 1 == 3
    assert html.count(">&#9733;</td>") == 1
    assert html.index(">a<") < html.index("&#9733;") < html.index(">b<")


def test_a_table_without_alignment_has_plain_cells():
    assert "<td>a</td>" in TextTable(["name"], [["a"]]).to_html("", 10)


def test_html_cuts_long_texts_and_markdown_keeps_them():
    table = TextTable(["x"], [["y" * 100]])
    assert f">{'y' * 39}…<" in table.to_html("", 10)
    assert "y" * 100 in table.to_markdown()


def test_numbers_are_found_by_their_texts():
    rows = [["a", "1", "0.5 ± 0.1", "", "<0.001"], ["b", "", "failed", "", "+2"]]
    table = TextTable(["t", "n", "mean", "nothing", "p"], rows).with_numbers_right()
    assert table.right == {1, 2, 4}
    assert TextTable(["n"], []).with_numbers_right().right == frozenset()


def test_a_table_without_a_column_keeps_the_places_of_the_others():
    table = TABLE.without_columns([0])
    assert (table.heads, table.rows) == (["size"], [["1"], ["20"]])
    assert (table.bold, table.right, table.marks) == ({(1, 0)}, {0}, {1})


def test_only_the_columns_that_are_named_are_cut():
    table = TextTable(["long name", "long name"], [["long text", "long text"]]).cut(4, [1])
    assert (table.heads, table.rows) == (["long name", "lon…"], [["long text", "lon…"]])


def test_wide_characters_take_two_columns():
    lines = TextTable(["x", "y"], [["漢字", "1"], ["e\u0301", "2"]]).to_text().splitlines()
    assert lines == ["x     y", "漢字  1", "e\u0301     2"]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain ± text", "plain ± text"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\tb\nc", "a b c"),
        ("\u202eevil\u2066", "evil"),
        ("a\x9b2Jb\x00\x7f", "a2Jb"),
        ("\ud800", ""),
    ],
)
def test_what_cannot_be_printed_is_left_out(text, result):
    assert printable(text) == result


def test_markdown_shows_entities_formulas_and_strikes_as_they_are():
    table = TextTable(["&lt;"], [["$x$ ~y~"]])
    assert table.to_markdown().splitlines()[0] == r"| \&lt; |"
    assert table.to_markdown().splitlines()[2] == r"| \$x\$ \~y\~ |"
