"""What a trial does to logging reaches no later trial."""

import logging
import logging.config
import sys
import types

import pytest

from maggy.core.executors.logging_state import LoggingState


def snapshot():
    root = logging.getLogger()
    return (
        (root.level, list(root.handlers), list(root.filters), root.disabled, root.manager.disable),
        (
            logging.raiseExceptions,
            logging.lastResort,
            logging.getLogRecordFactory(),
            logging.getLoggerClass(),
        ),
        (existing.level, existing.propagate, existing.disabled),
        (list(existing.handlers), list(existing.filters)),
    )


existing = logging.getLogger("a logger that was there before")


class OwnLogger(logging.Logger):
    pass


CHANGES = {
    "level": lambda: logging.getLogger().setLevel(1),
    "handler": lambda: logging.getLogger().addHandler(logging.NullHandler()),
    "removed handlers": lambda: logging.getLogger().handlers.clear(),
    "basicConfig": lambda: logging.basicConfig(level=1, force=True),
    "filter": lambda: logging.getLogger().addFilter(lambda record: False),
    "disable": lambda: logging.disable(logging.CRITICAL),
    "raiseExceptions": lambda: setattr(logging, "raiseExceptions", "changed"),
    "lastResort": lambda: setattr(logging, "lastResort", None),
    "record factory": lambda: logging.setLogRecordFactory(dict),
    "logger class": lambda: logging.setLoggerClass(OwnLogger),
    "level of a logger": lambda: existing.setLevel(1),
    "level of a logger, and a line after": lambda: (
        existing.setLevel(1),
        logging.getLogger().debug("after"),
    ),
    "handler of a logger": lambda: existing.addHandler(logging.NullHandler()),
    "dictConfig": lambda: logging.config.dictConfig(
        {"version": 1, "root": {"level": 1, "handlers": []}}
    ),
}


@pytest.fixture(autouse=True)
def marker():
    """A handler at the root, so that there is one to be removed."""
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_trial_changes_is_put_back(name):
    state = LoggingState()
    before = snapshot()
    for _ in range(2):
        CHANGES[name]()
        assert snapshot() != before
        state.restore()
        assert snapshot() == before


def test_a_logger_of_the_trials_own_does_not_collect_handlers():
    state = LoggingState()
    for _ in range(3):
        logger = logging.getLogger("of the trial")
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.DEBUG)
        assert len(logger.handlers) == 1
        state.restore()
    assert (logger.handlers, logger.level) == ([], logging.NOTSET)


def test_a_module_that_the_trial_has_loaded_keeps_what_it_has_set_up(monkeypatch):
    state = LoggingState()
    monkeypatch.setitem(sys.modules, "some_library", types.ModuleType("some_library"))
    logger = logging.getLogger("some_library.sub")
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    state.restore()
    assert logger.handlers == [handler]
    logger.handlers[:] = [logging.NullHandler()]  # by a later trial
    state.restore()
    assert logger.handlers == [handler]
    logger.removeHandler(handler)


def test_a_handler_that_is_removed_has_written_what_it_held():
    state = LoggingState()

    class Held(logging.NullHandler):
        flushed = False

        def flush(self):
            self.flushed = True

    handler = Held()
    logging.getLogger().addHandler(handler)
    state.restore()
    assert handler.flushed


def test_where_nothing_was_touched_no_logger_is_looked_at(monkeypatch):
    state = LoggingState()
    monkeypatch.setattr(state, "_named_loggers", lambda: pytest.fail("all loggers were looked at"))
    logging.getLogger("a logger that was there before").debug("nothing")
    state.restore()
