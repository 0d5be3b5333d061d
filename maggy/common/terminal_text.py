"""Make text safe for a terminal: names, values and tracebacks are data and may hold anything."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["terminal_line", "terminal_text"]

# Sequences that a terminal obeys: colours and the cursor (CSI), titles and links (OSC, and the
# other strings), and two-character escapes. An unfinished one loses its first character below.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\^_`-~]"
)
# Characters that change the direction of the text around them.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Control characters, halves of characters, and the line ends of Unicode.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def terminal_text(text: str) -> str:
    r"""Return a text without anything that a terminal would obey. Line ends and tabs stay.

    Example:
        >>> terminal_text("\x1b[31mred\x1b[0m\r\nand\x07 more")
        'red\nand more'
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    return "".join(filter(_is_safe, text))


def terminal_line(text: str) -> str:
    r"""Return a text as :func:`terminal_text` does, in one line.

    Example:
        >>> terminal_line("a name\nof two lines")
        'a name of two lines'
    """
    return " ".join(terminal_text(text).split())


def _is_safe(character: str) -> bool:
    if character in "\n\t":
        return True
    return character not in _DIRECTIONS and (
        unicodedata.category(character) not in _UNSAFE_CATEGORIES
    )
