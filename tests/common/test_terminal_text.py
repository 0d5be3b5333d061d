"""Text that reaches a terminal holds nothing that a terminal would obey."""

import pytest

from maggy.common.terminal_text import terminal_line, terminal_text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain, with ä, 漢字 and 🎉", "plain, with ä, 漢字 and 🎉"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;another title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJm\x07clipboard", "clipboard"),
        ("\x1bP+q544e\x1b\\request", "request"),
        ("\x1bcreset", "reset"),
        ("\x9b2Jclear", "clear"),
        ("over\rwritten\x08\x7f", "overwritten"),
        ("bell\x07 nul\x00 unit\x1f", "bell nul unit"),
        ("an unfinished \x1b[", "an unfinished ["),
        ("line\u2028separator\u2029", "lineseparator"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("half\udcff", "half"),
        ("two\r\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_what_a_terminal_would_obey_is_stripped(text, safe):
    assert terminal_text(text) == safe


def test_a_line_has_no_line_ends():
    assert terminal_line("  a\n\tb\r\nc \x1b[2J ") == "a b c"
