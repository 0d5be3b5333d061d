"""Remove what identifies a user from texts that others may read: it stands in URLs."""

from __future__ import annotations

import re

__all__ = ["without_credentials"]

# Up to the last @, since a password may hold any character.
_CREDENTIALS = re.compile(r"(\b[\w+.-]+://)\S*@")
_QUERY = re.compile(r"(\b[\w+.-]+://[^\s?]*\?)\S+")


def without_credentials(text: str) -> str:
    """Return a text in which no URL has a user, a password or a query.

    Example:
        >>> without_credentials("s3://key:secret@bucket/logs and https://host/x?sig=abc")
        's3://***@bucket/logs and https://host/x?***'
    """
    return _QUERY.sub(r"\1***", _CREDENTIALS.sub(r"\1***@", text))
