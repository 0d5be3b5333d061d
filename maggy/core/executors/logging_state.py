"""Remember and restore ``logging``: all loggers with their handlers, filters and levels."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from weakref import ReferenceType

from maggy.core.executors.settings import Setting, Settings, make_attribute_setting

if TYPE_CHECKING:
    from logging import _FilterType

__all__ = ["LoggingState"]

_MARK = 987
"""A level that nobody else asks for."""


class _LoggerState(NamedTuple):
    level: int
    propagate: bool
    disabled: bool
    handlers: list[logging.Handler]
    filters: list[_FilterType]


_INITIAL = _LoggerState(logging.NOTSET, True, False, [], [])


class LoggingState:
    """Remember the state of the module logging, and restore it after each trial.

    All loggers that existed are restored. A logger that a trial made loses its handlers, filters
    and level. One with the name of a loaded module keeps them: the module has set them up, once, on
    import.
    """

    def __init__(self) -> None:
        root = logging.getLogger()
        self._root = root
        self._settings = Settings(
            [
                make_attribute_setting(logging, "raiseExceptions"),
                make_attribute_setting(logging, "lastResort"),
                Setting(lambda: root.manager.disable, logging.disable),
                Setting(logging.getLogRecordFactory, logging.setLogRecordFactory),
                Setting(logging.getLoggerClass, logging.setLoggerClass),
                # What warnings.showwarning was before logging.captureWarnings. The function itself
                # would set that to what a trial may have put there first.
                make_attribute_setting(logging, "_warnings_showwarning"),
            ]
        )
        self._loggers: dict[logging.Logger, _LoggerState] = {}
        self._remember()

    def restore(self) -> None:
        """Make logging as it was."""
        self._settings.restore()
        if self._is_untouched():
            return
        for logger in [self._root, *self._named_loggers()]:
            state = self._loggers.get(logger)
            if state is not None:
                _restore_logger(logger, state)
            elif not _belongs_to_module(logger.name):
                _restore_logger(logger, _INITIAL)
        self._remember()

    def _remember(self) -> None:
        loggers = [self._root, *self._named_loggers()]
        self._loggers = {logger: _state_of(logger) for logger in loggers}
        self._count = len(self._root.manager.loggerDict)
        self._handlers = list(_all_handlers())
        # Every change of any level empties the caches of all loggers. So while this entry is in the
        # cache, no level was changed.
        self._root.isEnabledFor(_MARK)

    def _is_untouched(self) -> bool:
        """Return whether no logger or handler was made and no level was set.

        To look at all loggers would take too long.
        """
        root = self._root
        return (
            _MARK in root._cache  # type: ignore[attr-defined]
            and len(root.manager.loggerDict) == self._count
            and _all_handlers() == self._handlers
            and _state_of(root) == self._loggers[root]
        )

    def _named_loggers(self) -> Iterator[logging.Logger]:
        for logger in list(self._root.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):  # Others only stand for a name in between.
                yield logger


def _all_handlers() -> list[ReferenceType[logging.Handler]]:
    """Return all handlers that exist, as logging lists them."""
    handlers: list[ReferenceType[logging.Handler]]
    handlers = logging._handlerList  # type: ignore[attr-defined]
    return handlers


def _state_of(logger: logging.Logger) -> _LoggerState:
    return _LoggerState(
        logger.level,
        logger.propagate,
        logger.disabled,
        list(logger.handlers),
        list(logger.filters),
    )


def _restore_logger(logger: logging.Logger, state: _LoggerState) -> None:
    if _state_of(logger) == state:
        return
    for handler in logger.handlers:
        if handler not in state.handlers:
            with contextlib.suppress(Exception):
                handler.flush()  # Not closed: the user may use it elsewhere.
    # The same lists with other items: the user's code may hold the lists.
    logger.handlers[:] = state.handlers
    logger.filters[:] = state.filters
    logger.propagate, logger.disabled = state.propagate, state.disabled
    if logger.level != state.level:
        logger.setLevel(state.level)


def _belongs_to_module(name: str) -> bool:
    return name.partition(".")[0] in sys.modules and name != "__main__"
