"""Loggers, as they are before a trial: handlers, filters, levels, and what is set for the whole of logging."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Any

from maggy.core.executors.settings import Setting, Settings, attribute_setting

__all__ = ["LoggingState"]

_MARK = 987
_Logger = tuple[int, bool, bool, list[logging.Handler], list[Any]]


class LoggingState:
    """The state of the module logging, to be put back after each trial.

    All loggers that were there are put back. A logger that a trial made loses its handlers, filters and level,
    unless it has the name of a loaded module: then it is that module's, which has set it up once, on import.
    """

    def __init__(self) -> None:
        root = logging.getLogger()
        self._root = root
        self._settings = Settings(
            [
                attribute_setting(logging, "raiseExceptions"),
                attribute_setting(logging, "lastResort"),
                Setting(lambda: root.manager.disable, logging.disable),
                Setting(logging.getLogRecordFactory, logging.setLogRecordFactory),
                Setting(logging.getLoggerClass, logging.setLoggerClass),
                Setting(self._are_warnings_captured, logging.captureWarnings),
            ]
        )
        self._loggers: dict[logging.Logger, _Logger] = {}
        self._remember()

    @staticmethod
    def _are_warnings_captured() -> bool:
        return getattr(logging, "_warnings_showwarning", None) is not None

    def put_back(self) -> None:
        """Have logging as it was."""
        self._settings.put_back()
        if self._is_untouched():
            return
        for logger in [self._root, *self._named()]:
            state = self._loggers.get(logger)
            if state is not None:
                _put_back(logger, state)
            elif not _belongs_to_module(logger.name):
                _put_back(logger, (logging.NOTSET, True, False, [], []))
        self._remember()

    def _remember(self) -> None:
        self._loggers = {logger: _state_of(logger) for logger in [self._root, *self._named()]}
        self._number = len(self._root.manager.loggerDict)
        self._handlers = list(_all_handlers())
        self._look_at_levels()

    def _look_at_levels(self) -> None:
        # Every change of any level empties the caches of all loggers, so an entry that is still there says that there
        # was none. Nobody else asks for this level.
        self._root.isEnabledFor(_MARK)

    def _is_untouched(self) -> bool:
        """Return whether no logger or handler was made and no level was set; looking at all loggers takes too long."""
        root = self._root
        return (
            _MARK in root._cache  # type: ignore[attr-defined]
            and len(root.manager.loggerDict) == self._number
            and _all_handlers() == self._handlers
            and _state_of(root) == self._loggers[root]
        )

    def _named(self) -> Iterator[logging.Logger]:
        for logger in list(self._root.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):
                yield logger


def _all_handlers() -> list[Any]:
    """Return all handlers there are, as logging keeps them, weakly."""
    handlers: list[Any] = logging._handlerList  # type: ignore[attr-defined]
    return handlers


def _state_of(logger: logging.Logger) -> _Logger:
    return (
        logger.level,
        logger.propagate,
        logger.disabled,
        list(logger.handlers),
        list(logger.filters),
    )


def _put_back(logger: logging.Logger, state: _Logger) -> None:
    if _state_of(logger) == state:
        return
    level, propagate, disabled, handlers, filters = state
    for handler in logger.handlers:
        if handler not in handlers:
            with contextlib.suppress(Exception):
                handler.flush()  # not closed: the user may have it elsewhere
    logger.handlers[:] = handlers
    logger.filters[:] = filters
    logger.propagate, logger.disabled = propagate, disabled
    if logger.level != level:
        logger.setLevel(level)


def _belongs_to_module(name: str) -> bool:
    return name.partition(".")[0] in sys.modules and name != "__main__"
