"""What user code may change in a process for good, as it is before a trial, to be put back after it."""

from __future__ import annotations

import contextlib
import decimal
import faulthandler
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from maggy.core.executors.library_settings import LibrarySettings
from maggy.core.executors.logging_state import LoggingState
from maggy.core.executors.randomness import Randomness
from maggy.core.executors.settings import Settings, process_settings

__all__ = ["ProcessState"]

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_SET_MASK = int(signal.SIG_SETMASK)
# Without the wrappers of the module signal, which make constants of numbers: there are 64 signals.
_SIGNAL: Any = sys.modules.get("_signal", signal)


class ProcessState:
    """The state of this process, to be put back.

    Made once and put back after each trial: looking at everything takes longer than a short trial. What is not a matter
    of state is done too: shared random generators that were seeded get new entropy. Only for a process's main thread.
    """

    def __init__(self) -> None:
        tempfile.gettempdir()  # looks once and remembers, which is no change
        self._directory = os.getcwd()
        self._environ = os.environ
        self._environment = dict(os.environ)
        self._raw_environment = dict(_raw(os.environ))
        self._path = list(sys.path)
        self._handlers = {
            int(number): _SIGNAL.getsignal(number) for number in signal.valid_signals()
        }
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._timers = {timer: signal.getitimer(timer) for timer in _TIMERS}
        self._spark_dumps_tracebacks = _is_set("PYTHON_TRACEBACK_DUMP_INTERVAL_SECONDS")
        self._umask = _umask()
        self._zone = time.tzname
        self._decimal = decimal.getcontext().copy()
        self._settings = Settings(process_settings())
        self._libraries = LibrarySettings()
        self._logging = LoggingState()
        self._randomness = Randomness()

    def put_back(self) -> None:
        """Have everything as it was, but for modules that were imported."""
        sys.path[:] = self._path
        self._put_back_directory()
        self._put_back_environment()
        self._put_back_signals()
        os.umask(self._umask)  # it can be read only by setting it
        decimal.setcontext(self._decimal.copy())
        self._settings.put_back()
        self._logging.put_back()
        _forget_keras_session()
        self._libraries.put_back()
        self._randomness.renew()

    def _put_back_directory(self) -> None:
        try:
            os.chdir(self._directory)
        except OSError:  # the trial has removed it; the next one still needs some directory
            os.chdir(tempfile.gettempdir())

    def _put_back_environment(self) -> None:
        os.environ = self._environ  # noqa: B003
        if _raw(os.environ) != self._raw_environment:
            now = dict(os.environ)
            for name in now.keys() - self._environment.keys():
                del os.environ[name]
            for name, value in self._environment.items():
                if now.get(name) != value:
                    os.environ[name] = value
            self._put_back_zone()
        elif time.tzname is not self._zone:  # set, and the variable put back by the trial
            self._put_back_zone()

    def _put_back_zone(self) -> None:
        time.tzset()
        self._zone = time.tzname

    def _put_back_signals(self) -> None:
        # A timer that was left on would end the process during the next trial.
        for timer, value in self._timers.items():
            signal.setitimer(timer, *value)
        if not self._spark_dumps_tracebacks:
            faulthandler.cancel_dump_traceback_later()
        signal.set_wakeup_fd(-1)
        _SIGNAL.pthread_sigmask(_SET_MASK, self._mask)
        for number, handler in self._handlers.items():
            if handler is not None and _SIGNAL.getsignal(number) is not handler:
                signal.signal(number, handler)


def _raw(environment: Any) -> Any:
    """Return what can be compared with little effort: decoding the whole environment takes 24 microseconds."""
    return getattr(environment, "_data", environment)


def _umask() -> int:
    """Return the umask; without setting it where the system says it, since other threads may make files meanwhile."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "0") not in ("", "0", "-1")


def _forget_keras_session() -> None:
    if "keras" not in sys.modules:
        return
    with contextlib.suppress(
        ImportError, AttributeError
    ):  # the trial's import of it may have failed half-way
        from keras.utils import clear_session

        clear_session(free_memory=False)  # freeing memory would collect garbage for 180 ms
