"""List settings of those modules of the standard library that not every process loads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from maggy.core.executors.settings import AnySetting, Setting, make_attribute_setting

__all__ = ["STANDARD_LIBRARY"]


def _list_asyncio_settings(asyncio: ModuleType) -> list[AnySetting]:
    events = sys.modules["asyncio.events"]
    attributes = vars(events)
    # Python 3.14 warns about the public name.
    default = getattr(asyncio, "_DefaultEventLoopPolicy", None) or asyncio.DefaultEventLoopPolicy

    def read() -> object:
        """Return the policy; None for the default one, which asyncio makes at its first use."""
        policy = attributes.get("_event_loop_policy")
        return None if type(policy) is default else policy

    return [Setting(read, lambda policy: attributes.update(_event_loop_policy=policy))]


def _list_process_settings(process: ModuleType) -> list[AnySetting]:
    current = process._current_process
    config: dict[str, Any] = current._config

    def write(items: dict[str, Any]) -> None:
        config.clear()
        config.update(items)

    initial = {name: config[name] for name in ("authkey", "semprefix") if name in config}
    return [
        Setting(config.copy, write, initial),
        make_attribute_setting(current, "_name", "MainProcess"),
    ]


def _list_start_method_settings(context: ModuleType) -> list[AnySetting]:
    # The method is None until the first use of multiprocessing settles it. From then on nobody may
    # change it without force.
    default = context._default_context

    def write(method: str | None) -> None:
        default.set_start_method(method, force=True)

    return [Setting(lambda: default.get_start_method(allow_none=True), write)]


def _list_spawn_settings(spawn: ModuleType) -> list[AnySetting]:
    is_text = isinstance(spawn._python_exe, str)
    initial = sys.executable if is_text else os.fsencode(sys.executable)
    return [make_attribute_setting(spawn, "_python_exe", initial)]


def _list_fork_server_settings(forkserver: ModuleType) -> list[AnySetting]:
    return [make_attribute_setting(forkserver._forkserver, "_preload_modules", ["__main__"])]


def _list_ssl_settings(ssl: ModuleType) -> list[AnySetting]:
    return [
        make_attribute_setting(ssl, "_create_default_https_context", ssl.create_default_context)
    ]


def _list_request_settings(request: ModuleType) -> list[AnySetting]:
    return [make_attribute_setting(request, "_opener")]


def _list_csv_settings(csv: ModuleType) -> list[AnySetting]:
    return [Setting(csv.field_size_limit, csv.field_size_limit, 2**17)]


def _list_memory_tracing_settings(tracemalloc: ModuleType) -> list[AnySetting]:
    def write(is_on: bool) -> None:
        (tracemalloc.start if is_on else tracemalloc.stop)()

    return [Setting(tracemalloc.is_tracing, write, False)]


STANDARD_LIBRARY: dict[str, Callable[[ModuleType], list[AnySetting]]] = {
    "asyncio": _list_asyncio_settings,
    "csv": _list_csv_settings,
    "multiprocessing.process": _list_process_settings,
    "multiprocessing.context": _list_start_method_settings,
    "multiprocessing.spawn": _list_spawn_settings,
    "multiprocessing.forkserver": _list_fork_server_settings,
    "ssl": _list_ssl_settings,
    "urllib.request": _list_request_settings,
    "tracemalloc": _list_memory_tracing_settings,
}
"""The settings of each module, by its name."""
