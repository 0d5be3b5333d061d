"""List the settings of the interpreter and of the process, and remember and restore any settings.

When they are restored is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import decimal
import faulthandler
import gc
import locale
import os
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any, Generic, TypeAlias, TypeVar

__all__ = ["AnySetting", "Setting", "Settings", "list_process_settings", "make_attribute_setting"]

Value = TypeVar("Value")
_ABSENT = object()
_SYS_ATTRIBUTES = (
    *("stdin", "__stdin__", "__stdout__", "__stderr__"),
    *("excepthook", "__excepthook__", "unraisablehook", "__unraisablehook__"),
    *("displayhook", "__displayhook__", "breakpointhook", "__breakpointhook__"),
    *("dont_write_bytecode", "pycache_prefix"),
)


@dataclass(frozen=True)
class Setting(Generic[Value]):
    """Say how to read and write one setting.

    Attributes:
        read: Returns its value; takes less than a microsecond.
        write: Sets it.
        initial: What it is before anybody sets it, for a library that a trial loads first.
    """

    read: Callable[[], Value]
    write: Callable[[Value], object]
    initial: Value | None = None


AnySetting: TypeAlias = Setting[Any]
"""A setting in a list of settings whose values have different types."""


class Settings:
    """Remember the values of some settings, and restore them later.

    Args:
        settings: The settings.
        are_initial: Whether to restore the initial values; otherwise the current ones.
    """

    def __init__(self, settings: Sequence[AnySetting], are_initial: bool = False) -> None:
        self._readers = [setting.read for setting in settings]
        self._writers = [setting.write for setting in settings]
        self._values = [setting.initial if are_initial else setting.read() for setting in settings]

    def extend(self, others: Settings) -> None:
        """Remember what other settings remember, too."""
        self._readers += others._readers
        self._writers += others._writers
        self._values += others._values

    def restore(self) -> None:
        """Set what has changed to what it was. A setting that the system refuses stays as it is."""
        current_values = [read() for read in self._readers]
        # One comparison of two lists is quicker than one for each setting. It fails with values
        # that are neither equal nor unequal, such as numpy arrays.
        with contextlib.suppress(Exception):
            if current_values == self._values:
                return
        triples = zip(self._values, current_values, self._writers, strict=True)
        for value, current, write in triples:
            with contextlib.suppress(Exception):
                if value is not current and (type(value) is not type(current) or value != current):
                    write(value)


def make_attribute_setting(owner: object, name: str, initial: object = None) -> AnySetting:
    """Return the setting that is an attribute of a module or an object.

    Args:
        owner: The module or object.
        name: The attribute's name. The attribute may be absent.
        initial: Its value before anybody sets it.
    """

    def write(value: object) -> None:
        if value is not _ABSENT:
            setattr(owner, name, value)
        elif hasattr(owner, name):
            delattr(owner, name)

    attributes = vars(owner)  # getattr takes microseconds for an attribute that is absent.
    return Setting(partial(attributes.get, name, _ABSENT), write, initial)


def _make_attributes_setting(owner: object, *names: str) -> AnySetting:
    """Return the setting that consists of attributes of a module, which has them all now."""
    attributes = vars(owner)
    values_of = itemgetter(*names)

    def read() -> object:
        try:
            return values_of(attributes)
        except KeyError:  # The trial has deleted one.
            return _ABSENT

    def write(values: tuple[object, ...]) -> None:
        attributes.update(zip(names, values, strict=True))

    return Setting(read, write)


def list_process_settings() -> list[AnySetting]:
    """Return the settings of the interpreter and of the process."""
    main_thread = threading.main_thread()
    return [
        _make_attributes_setting(sys, *_SYS_ATTRIBUTES),
        _make_attributes_setting(threading, "excepthook", "_trace_hook", "_profile_hook"),
        _make_attributes_setting(warnings, "showwarning", "formatwarning"),
        make_attribute_setting(sys, "tracebacklimit"),
        make_attribute_setting(tempfile, "tempdir"),
        Setting(
            partial(vars(main_thread).get, "_name"),
            lambda name: setattr(main_thread, "name", name),
        ),
        *_list_interpreter_settings(),
        _make_list_setting(sys, "argv"),
        _make_list_setting(gc, "callbacks"),
        Setting(sys.getrecursionlimit, sys.setrecursionlimit),
        Setting(sys.getswitchinterval, sys.setswitchinterval),
        Setting(sys.gettrace, sys.settrace),
        Setting(sys.getprofile, sys.setprofile),
        Setting(gc.isenabled, lambda is_on: gc.enable() if is_on else gc.disable()),
        Setting(gc.get_threshold, lambda thresholds: gc.set_threshold(*thresholds)),
        Setting(gc.get_debug, gc.set_debug),
        Setting(threading.stack_size, threading.stack_size),
        Setting(socket.getdefaulttimeout, socket.setdefaulttimeout),
        Setting(partial(locale.setlocale, locale.LC_ALL), _set_locale),
        _make_decimal_setting(),
        *_list_limit_settings(),
        *_list_affinity_settings(),
    ]


def _list_interpreter_settings() -> list[AnySetting]:
    def set_fault_handler(is_on: bool) -> None:
        (faulthandler.enable if is_on else faulthandler.disable)()

    settings: list[AnySetting] = [
        Setting(sys.get_coroutine_origin_tracking_depth, sys.set_coroutine_origin_tracking_depth),
        Setting(sys.get_asyncgen_hooks, lambda hooks: sys.set_asyncgen_hooks(*hooks)),
        Setting(faulthandler.is_enabled, set_fault_handler),
    ]
    if hasattr(sys, "set_int_max_str_digits"):  # Early releases of Python 3.10 do not have it.
        settings.append(Setting(sys.get_int_max_str_digits, sys.set_int_max_str_digits))
    if hasattr(sys, "setdlopenflags"):  # Windows does not have it.
        settings.append(Setting(sys.getdlopenflags, sys.setdlopenflags))
    return settings


def _make_list_setting(owner: object, name: str) -> AnySetting:
    """Return the setting that is a list; it is restored as the same list with the same items."""
    original: list[object] = getattr(owner, name)

    def write(items: list[object]) -> None:
        original[:] = items
        setattr(owner, name, original)

    def read() -> object:
        items = getattr(owner, name)
        return list(items) if items is original else _ABSENT

    return Setting(read, write)


def _set_locale(value: str) -> None:
    locale.setlocale(locale.LC_ALL, value)


def _make_decimal_setting() -> Setting[str]:
    """Return the context with which a thread begins, as text: to read its parts would take long."""
    default, original = decimal.DefaultContext, decimal.DefaultContext.copy()

    def write(text: str) -> None:
        for name in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp"):
            setattr(default, name, getattr(original, name))
        for signal, is_on in original.traps.items():
            default.traps[signal] = is_on
        default.clear_flags()

    return Setting(partial(repr, default), write)


def _list_limit_settings() -> list[Setting[tuple[int, int]]]:
    try:
        import resource
    except ImportError:  # Windows has none.
        return []

    def make_limit_setting(number: int) -> Setting[tuple[int, int]]:
        def write(value: tuple[int, int]) -> None:
            try:
                resource.setrlimit(number, value)
            except ValueError:  # Nobody can raise a hard limit that was lowered.
                resource.setrlimit(number, (resource.getrlimit(number)[1],) * 2)

        return Setting(partial(resource.getrlimit, number), write)

    numbers = {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
    return [make_limit_setting(number) for number in sorted(numbers)]


def _list_affinity_settings() -> list[Setting[set[int]]]:
    if not hasattr(os, "sched_getaffinity"):
        return []
    return [Setting(partial(os.sched_getaffinity, 0), partial(os.sched_setaffinity, 0))]
