"""Remove what identifies a user from texts that others may read: it stands in URLs."""

from __future__ import annotations

import re

__all__ = ["without_credentials", "without_secrets_of"]

_URL = re.compile(r"\b([\w+.-]+)://(\S+)")
_CONTAINER_SCHEMES = frozenset(["abfs", "abfss", "wasb", "wasbs"])
"""The part before the @ of these schemes is a container, such as the bucket of others."""
_MIN_SECRET = 4
"""Shorter parts of a URL are removed from URLs only: they occur in other words."""


def without_credentials(text: str) -> str:
    """Return a text in which no URL has a user, a password or a query.

    A password may hold a slash or an @. So where there may be one, everything up to the last @ is
    removed.

    Example:
        >>> without_credentials("s3://key:secret@bucket/logs and https://host/x?sig=abc")
        's3://***@bucket/logs and https://host/x?***'
    """
    return _URL.sub(_shown_url, text) if "://" in text else text


def _shown_url(match: re.Match[str]) -> str:
    scheme, rest = match.groups()
    _, has_user, place = rest.rpartition("@")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    is_container = scheme.lower() in _CONTAINER_SCHEMES and ":" not in authority
    if has_user and not is_container and ("@" in authority or ":" in authority):
        rest = f"***@{place}"
    start, has_query, query = rest.partition("?")
    return f"{scheme}://{start}?***" if has_query and query else f"{scheme}://{rest}"


def without_secrets_of(url: str, text: str) -> str:
    """Return a text without the parts of a URL that may be secret, and without credentials.

    An error about a URL may quote a part of it, which looks like no URL.

    Example:
        >>> without_secrets_of("s3://key:secret@bucket/x", "There is no bucket key:secret@bucket.")
        'There is no bucket ***@bucket.'
    """
    text = without_credentials(text)
    if "://" not in url:
        return text
    user, _, _ = url.partition("://")[2].rpartition("@")
    query = url.partition("?")[2]
    password = user.partition(":")[2]
    values = [pair.partition("=")[2] for pair in query.split("&")]
    for secret in (user, password, query, *values):
        text = text.replace(secret, "***") if len(secret) >= _MIN_SECRET else text
    return text
