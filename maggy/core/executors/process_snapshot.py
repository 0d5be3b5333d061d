"""Remember what user code may change in a process for good, and restore it after each trial."""

from __future__ import annotations

import contextlib
import decimal
import faulthandler
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from maggy.core.executors.library_settings import LibrarySettings
from maggy.core.executors.logging_state import LoggingState
from maggy.core.executors.randomness import Randomness
from maggy.core.executors.registries import Registries
from maggy.core.executors.settings import Settings, list_process_settings

__all__ = ["ProcessSnapshot"]

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_SET_MASK = int(signal.SIG_SETMASK)
# There are 64 signals. The wrappers of the module signal would make constants of all their numbers.
_SIGNAL: ModuleType = sys.modules.get("_signal", signal)


class ProcessSnapshot:
    """Remember the directory, environment, signals and settings of this process, and restore them.

    It is made once and restored after each trial, since a look at everything takes longer than a
    short trial. Shared random generators that were seeded get new entropy. Belongs to the process's
    main thread.
    """

    def __init__(self) -> None:
        tempfile.gettempdir()  # It looks once and remembers. That is no change by the trial.
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
        self._registries = Registries()
        self._umask = _read_umask()
        self._zone = time.tzname
        self._decimal = decimal.getcontext().copy()
        self._settings = Settings(list_process_settings())
        self._libraries = LibrarySettings()
        self._logging = LoggingState()
        self._randomness = Randomness()

    def restore(self) -> None:
        """Make everything as it was, except that imported modules stay."""
        self._registries.restore()  # The builtins first: everything below calls some.
        sys.path[:] = self._path
        self._restore_directory()
        self._restore_environment()
        self._restore_signals()
        os.umask(self._umask)  # To set it takes less time than to read it.
        decimal.setcontext(self._decimal.copy())
        self._settings.restore()
        self._logging.restore()
        # The session first: Keras forgets its seed there.
        _forget_keras_session()
        self._libraries.restore()
        self._randomness.renew()

    def _restore_directory(self) -> None:
        try:
            os.chdir(self._directory)
        except OSError:  # The trial has removed it, but the next one needs some directory.
            os.chdir(tempfile.gettempdir())

    def _restore_environment(self) -> None:
        os.environ = self._environ  # noqa: B003 - the trial may have replaced the object itself
        if _raw(os.environ) != self._raw_environment:
            current = dict(os.environ)
            for name in current.keys() - self._environment.keys():
                del os.environ[name]
            for name, value in self._environment.items():
                if current.get(name) != value:
                    os.environ[name] = value
            self._restore_zone()
        elif time.tzname is not self._zone:
            # The trial has set the zone, and then the variable to what it was.
            self._restore_zone()

    def _restore_zone(self) -> None:
        time.tzset()
        self._zone = time.tzname

    def _restore_signals(self) -> None:
        # A timer that is still on would end the process during the next trial.
        for timer, value in self._timers.items():
            signal.setitimer(timer, *value)
        if not self._spark_dumps_tracebacks:
            faulthandler.cancel_dump_traceback_later()
        signal.set_wakeup_fd(-1)
        _SIGNAL.pthread_sigmask(_SET_MASK, self._mask)
        for number, handler in self._handlers.items():
            if handler is not None and _SIGNAL.getsignal(number) is not handler:
                signal.signal(number, handler)


def _raw(environment: Mapping[str, str]) -> Mapping[str, str] | Mapping[bytes, bytes]:
    """Return the environment as the system has it: to decode all of it takes 24 microseconds."""
    data: Mapping[bytes, bytes] | None = getattr(environment, "_data", None)
    return environment if data is None else data


def _read_umask() -> int:
    """Return the umask; set it only where the system does not say it.

    Other threads may create files meanwhile.
    """
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
    # The trial's import of Keras may have failed half-way.
    with contextlib.suppress(ImportError, AttributeError):
        from keras.utils import clear_session

        clear_session(free_memory=False)  # To free memory would collect garbage for 180 ms.
