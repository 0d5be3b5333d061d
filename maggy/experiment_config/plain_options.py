"""The options of a config as plain values, for the records: without data, objects and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from os import PathLike, fspath
from typing import Final

from maggy.common.credentials import without_credentials
from maggy.common.types import Json
from maggy.experiment_config.lagom import CommonConfig

__all__ = ["plain_options"]

# Data and models may be of any size, and the others are recorded elsewhere.
_OMITTED: Final = frozenset(
    {"model", "dataset", "name", "description", "searchspace", "ablation_study"}
)
_MAX_ITEMS: Final = 100
_MAX_TEXT: Final = 1_000


def plain_options(config: CommonConfig) -> dict[str, Json]:
    """Return the options of a config by name, as values that JSON can hold.

    Of an object the name of its class remains, because its fields may hold anything. URLs lose
    user, password and query, and long texts and lists their ends.

    Example:
        >>> from maggy.experiment_config import LagomConfig
        >>> plain_options(LagomConfig(log_dir="s3://key:secret@bucket/logs"))["log_dir"]
        's3://***@bucket/logs'

    Args:
        config: A config that its constructor has checked.
    """
    names = [field.name for field in fields(config)]
    return {name: _plain(getattr(config, name)) for name in names if name not in _OMITTED}


def _plain(value: object, depth: int = 3) -> Json:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, PathLike):
        value = fspath(value)
    if isinstance(value, str):
        return without_credentials(value[:_MAX_TEXT])
    if depth and isinstance(value, Mapping):
        pairs = list(value.items())[:_MAX_ITEMS]
        return {_name(key): _plain(item, depth - 1) for key, item in pairs}
    if depth and isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1) for item in value[:_MAX_ITEMS]]
    return type(value).__name__


def _name(key: object) -> str:
    return without_credentials(key[:_MAX_TEXT]) if isinstance(key, str) else type(key).__name__
