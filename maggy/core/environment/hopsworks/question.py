"""Read a question of the notebook's front end: a pickle, of which no code is run."""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import NoReturn, TypeAlias

__all__ = ["MAX_QUESTION_BYTES", "Question", "read_question"]

MAX_QUESTION_BYTES = 4096

Question: TypeAlias = "dict[str | None, str | Question | None]"
"""Texts by name. A pickle of texts can also hold None and further dicts."""

# The operations of pickle that make texts and dicts of texts, in every protocol. None of them can
# import, call, build an object or reserve memory.
_TEXT_OPERATIONS = frozenset(
    [
        "PROTO",
        "FRAME",
        "STOP",
        "MARK",
        "EMPTY_DICT",
        "DICT",
        "SETITEM",
        "SETITEMS",
        "UNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "STRING",
        "SHORT_BINSTRING",
        "BINSTRING",
        "NONE",
        "MEMOIZE",
        "BINPUT",
        "BINGET",
        "PUT",
        "GET",
    ]
)
# A pickle's memo is a list, so that one operation with a high index could reserve gigabytes.
_MAX_MEMO_INDEX = 255


def read_question(data: bytes) -> Question:
    """Return a pickled dict of texts.

    The operations of the pickle are checked before any of them is run. A question with an operation
    that could import, call, build an object or reserve memory is refused.

    Raises:
        ValueError: If the question is too long, damaged or something other than a dict of texts.
    """
    if len(data) > MAX_QUESTION_BYTES:
        raise ValueError(
            f"A question must have at most {MAX_QUESTION_BYTES} bytes, but got {len(data)}."
        )
    try:
        _check_operations(data)
        question = _NothingUnpickler(io.BytesIO(data)).load()
    except Exception as error:
        raise ValueError(f"A question must be a pickled dict of texts: {error}") from error
    if not isinstance(question, dict):
        raise ValueError(f"A question must be a dict, but got {type(question).__name__}.")
    return question


def _check_operations(data: bytes) -> None:
    for operation, argument, _ in pickletools.genops(data):
        uses_memo = operation.name.endswith(("PUT", "GET"))
        fits_memo = not uses_memo or 0 <= int(str(argument)) <= _MAX_MEMO_INDEX
        if operation.name not in _TEXT_OPERATIONS or not fits_memo:
            raise ValueError(
                "A question must be a dict of texts, but this one has the operation "
                f"{operation.name}."
            )


class _NothingUnpickler(pickle.Unpickler):
    """Refuse every class and function. This is a second guard behind the check of operations."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is not allowed here.")
