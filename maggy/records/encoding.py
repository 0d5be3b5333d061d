"""Turn values and text into the bytes of a record."""

from __future__ import annotations

import json
from collections.abc import Mapping

from maggy.common.json_values import to_plain
from maggy.common.types import Json

__all__ = ["encode_json", "encode_text"]

# json.dumps would make one for each value.
_ON_ONE_LINE = json.JSONEncoder(allow_nan=False)


def encode_json(value: Mapping[str, Json], indent: int | None = None) -> bytes:
    """Return a mapping as valid JSON, in which numbers that are not finite are null.

    Args:
        value: The fields by name.
        indent: Number of spaces a level, on lines of their own; None to write one line.
    """
    plain = to_plain(value)
    if indent is None:
        return _ON_ONE_LINE.encode(plain).encode()
    return json.dumps(plain, allow_nan=False, indent=indent).encode()


def encode_text(text: str) -> bytes:
    r"""Return text as UTF-8. Invalid Unicode becomes an escape such as ``\udcff``."""
    # A training function may print invalid Unicode; that must not cost the rest of the output.
    return text.encode("utf-8", "backslashreplace")
