"""Turn an error of a training function into text that fits a message."""

from __future__ import annotations

import os
import traceback

from maggy.common.exceptions import MaggyError

__all__ = ["reason_of", "text_of", "traceback_of"]

MAX_TEXT_LENGTH = 20_000


def reason_of(error: BaseException) -> str:
    """Return one sentence: the error's class and its first line, or Maggy's own sentence."""
    text, name = text_of(error), type(error).__name__
    if isinstance(error, MaggyError):
        return text or name
    return f"{name}: {text.splitlines()[0]}" if text else name


def text_of(error: BaseException) -> str:
    """Return what the error says; an empty text if its class, which may be the user's, raises."""
    try:
        return str(error).strip()[:MAX_TEXT_LENGTH]
    except Exception:
        return ""


def traceback_of(error: BaseException) -> str:
    """Return the traceback from the user's first frame on. Maggy's own frames help nobody."""
    frames = error.__traceback__
    while (
        frames is not None
        and frames.tb_next is not None
        and _is_ours(frames.tb_frame.f_code.co_filename)
    ):
        frames = frames.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # A chain of a thousand causes, or a class of the user.
        text = "".join(traceback.format_tb(frames)) + reason_of(error)
    return text if len(text) <= MAX_TEXT_LENGTH else "...\n" + text[-MAX_TEXT_LENGTH:]


def _is_ours(filename: str) -> bool:
    return os.path.dirname(filename) == os.path.dirname(__file__)
