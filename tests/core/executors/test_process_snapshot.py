"""What a trial changes in its process reaches no later trial: settings, libraries, context."""

import asyncio
import builtins
import csv
import decimal
import faulthandler
import gc
import locale
import logging
import multiprocessing
import multiprocessing.context
import multiprocessing.forkserver
import multiprocessing.spawn
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import types
import urllib.request
import warnings

import numpy as np
import pytest

from maggy.core.executors.process_state import ProcessState, isolate


@pytest.fixture
def trial(unsettled_start_method):
    """Runs a function as one trial of a worker that has been there before."""
    with ProcessState() as state:

        def run(function, *args, **options):
            with isolate(lambda line: None, state=state, **options):
                return function(*args)

        yield run


def _soft_limit(number):
    return resource.getrlimit(number)[0]


def _umask():
    value = os.umask(0o022)
    os.umask(value)
    return value


def _default_precision():
    return decimal.DefaultContext.prec


def _set_default_precision(value):
    decimal.DefaultContext.prec = value


def _lower(number, value):
    resource.setrlimit(number, (value, resource.getrlimit(number)[1]))


def _attribute(owner, name, value):
    return lambda: getattr(owner, name), lambda: setattr(owner, name, value)


def _set_item(table, key, value):
    return lambda: table.get(key), lambda: table.__setitem__(key, value)


def _add_import_hook(name):
    hook = type("Hook", (), {"__module__": "__main__", "find_spec": lambda *arguments: None})()
    return lambda: list(getattr(sys, name)), lambda: getattr(sys, name).append(hook)


class _Policy(asyncio.DefaultEventLoopPolicy):
    pass


def _policy():
    policy = asyncio.events._event_loop_policy
    return policy if isinstance(policy, _Policy) else None


def _capture_warnings_with_a_hook_of_its_own():
    warnings.showwarning = print
    logging.captureWarnings(True)


PROCESS = multiprocessing.current_process()
STANDARD_LIBRARY_CHANGES = {
    "tracing of threads": (threading.gettrace, lambda: threading.settrace(lambda *event: None)),
    "profiling of threads": (
        threading.getprofile,
        lambda: threading.setprofile(lambda *event: None),
    ),
    "digits of an integer": (
        sys.get_int_max_str_digits,
        lambda: sys.set_int_max_str_digits(1000),
    ),
    "flags for libraries": (sys.getdlopenflags, lambda: sys.setdlopenflags(os.RTLD_GLOBAL)),
    "hooks of asynchronous generators": (
        sys.get_asyncgen_hooks,
        lambda: sys.set_asyncgen_hooks(firstiter=print),
    ),
    "origin of coroutines": (
        sys.get_coroutine_origin_tracking_depth,
        lambda: sys.set_coroutine_origin_tracking_depth(3),
    ),
    "finders of modules": _add_import_hook("meta_path"),
    "removed finders of modules": (lambda: list(sys.meta_path), lambda: sys.meta_path.pop()),
    "replaced finders of modules": (
        lambda: id(sys.meta_path),
        lambda: setattr(sys, "meta_path", list(sys.meta_path)),
    ),
    "hooks for the search path": _add_import_hook("path_hooks"),
    "policy of event loops": (_policy, lambda: asyncio.set_event_loop_policy(_Policy())),
    "key of the process": (lambda: PROCESS.authkey, lambda: setattr(PROCESS, "authkey", b"mine")),
    "name of the process": _attribute(PROCESS, "name", "mine"),
    "kind of the process": _attribute(PROCESS, "daemon", True),
    "program of new processes": (
        multiprocessing.spawn.get_executable,
        lambda: multiprocessing.set_executable("/bin/false"),
    ),
    "modules of the fork server": (
        lambda: multiprocessing.forkserver._forkserver._preload_modules,
        lambda: multiprocessing.set_forkserver_preload(["json"]),
    ),
    "fault handler": (faulthandler.is_enabled, faulthandler.enable),
    "name of the main thread": _attribute(threading.main_thread(), "name", "mine"),
    "new name of a level": (
        lambda: logging.getLevelName(25),
        lambda: logging.addLevelName(25, "NOTICE"),
    ),
    "changed name of a level": (
        lambda: (logging.getLevelName(20), logging.getLevelName("INFO")),
        lambda: logging.addLevelName(20, "I"),
    ),
    "formatwarning": _attribute(warnings, "formatwarning", None),
    "showwarning of captured warnings": (
        lambda: warnings.showwarning,
        _capture_warnings_with_a_hook_of_its_own,
    ),
    "context of HTTPS": _attribute(
        ssl, "_create_default_https_context", ssl._create_unverified_context
    ),
    "opener of URLs": (
        lambda: urllib.request._opener,
        lambda: urllib.request.install_opener(urllib.request.OpenerDirector()),
    ),
    "size of a field in CSV": (csv.field_size_limit, lambda: csv.field_size_limit(10)),
    "tracing of memory": (tracemalloc.is_tracing, tracemalloc.start),
    "original standard output": _attribute(sys, "__stdout__", None),
    "original standard error": _attribute(sys, "__stderr__", None),
    "original exception hook": _attribute(sys, "__excepthook__", None),
    "replaced builtin function": _attribute(builtins, "bin", None),
    "replaced builtin class": _attribute(builtins, "bytearray", None),
    "array in place of a builtin": (
        lambda: id(builtins.divmod),
        lambda: setattr(builtins, "divmod", np.zeros(2)),
    ),
    "new builtin": _set_item(vars(builtins), "maggy_test", 1),
    "removed builtin": (
        lambda: vars(builtins).get("divmod"),
        lambda: vars(builtins).pop("divmod"),
    ),
}
CHANGES = {
    **STANDARD_LIBRARY_CHANGES,
    "recursion limit": (sys.getrecursionlimit, lambda: sys.setrecursionlimit(5000)),
    "switch interval": (sys.getswitchinterval, lambda: sys.setswitchinterval(0.5)),
    "garbage collection": (gc.isenabled, gc.disable),
    "thresholds of the garbage collection": (gc.get_threshold, lambda: gc.set_threshold(1, 2, 3)),
    "callbacks of the garbage collection": (
        lambda: list(gc.callbacks),
        lambda: gc.callbacks.append(lambda *a: None),
    ),
    "socket timeout": (socket.getdefaulttimeout, lambda: socket.setdefaulttimeout(7)),
    "arguments": (lambda: list(sys.argv), lambda: sys.argv.append("--epochs")),
    "replaced arguments": (lambda: list(sys.argv), lambda: setattr(sys, "argv", ["train.py"])),
    "standard input": _attribute(sys, "stdin", None),
    "exception hook": _attribute(sys, "excepthook", None),
    "exception hook of threads": _attribute(threading, "excepthook", None),
    "open": _attribute(builtins, "open", None),
    "profiler": (sys.getprofile, lambda: sys.setprofile(lambda *event: None)),
    "length of tracebacks": (
        lambda: getattr(sys, "tracebacklimit", "none"),
        lambda: setattr(sys, "tracebacklimit", 0),
    ),
    "temporary directory": (tempfile.gettempdir, lambda: setattr(tempfile, "tempdir", "/")),
    "stack size": (threading.stack_size, lambda: threading.stack_size(1 << 20)),
    "umask": (_umask, lambda: os.umask(0o077)),
    "limit of open files": (
        lambda: _soft_limit(resource.RLIMIT_NOFILE),
        lambda: _lower(resource.RLIMIT_NOFILE, 256),
    ),
    "limit of core files": (
        lambda: _soft_limit(resource.RLIMIT_CORE),
        lambda: _lower(resource.RLIMIT_CORE, 4096),
    ),
    "locale": (
        lambda: locale.setlocale(locale.LC_ALL),
        lambda: locale.setlocale(locale.LC_ALL, "C"),
    ),
    "decimal context": (
        lambda: decimal.getcontext().prec,
        lambda: setattr(decimal.getcontext(), "prec", 3),
    ),
    "replaced decimal context": (
        lambda: decimal.getcontext().prec,
        lambda: decimal.setcontext(decimal.Context(4)),
    ),
    "default decimal context": (_default_precision, lambda: _set_default_precision(5)),
    "warning filters": (lambda: list(warnings.filters), lambda: warnings.simplefilter("error")),
    "removed warning filters": (lambda: list(warnings.filters), warnings.resetwarnings),
    "showwarning": _attribute(warnings, "showwarning", None),
    "captured warnings": (
        lambda: logging._warnings_showwarning,
        lambda: logging.captureWarnings(True),
    ),
    "blocked signals": (
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}),
    ),
    "timer of the process": (
        lambda: signal.getitimer(signal.ITIMER_PROF),
        lambda: signal.setitimer(signal.ITIMER_PROF, 1000),
    ),
    "numpy's errors": (np.geterr, lambda: np.seterr(all="raise")),
    "start method": (
        lambda: multiprocessing.get_start_method(True),
        lambda: multiprocessing.set_start_method("spawn"),
    ),
    "settled start method": (
        lambda: multiprocessing.get_start_method(True),
        multiprocessing.get_start_method,
    ),
}


@pytest.fixture
def unsettled_start_method():
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(None, force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


@pytest.fixture
def no_fault_handler():
    """Has the fault handler off, which pytest turns on."""
    was_enabled = faulthandler.is_enabled()
    faulthandler.disable()
    yield
    if was_enabled:
        faulthandler.enable(sys.__stderr__)


@pytest.fixture
def restored_by_hand():
    """Keeps a test that fails from changing others."""
    tables = [vars(builtins), logging._levelToName, logging._nameToLevel, vars(sys), vars(warnings)]
    contents = [dict(table) for table in tables]
    finders, hooks, config = sys.meta_path[:], sys.path_hooks[:], PROCESS._config.copy()
    yield
    for table, content in zip(tables, contents, strict=True):
        table.update(content)
    sys.meta_path[:], sys.path_hooks[:] = finders, hooks
    PROCESS._config.clear()
    PROCESS._config.update(config)
    tracemalloc.stop()


@pytest.mark.usefixtures("no_fault_handler", "restored_by_hand")
@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_that_a_trial_changes_is_put_back(trial, name):
    read, change = CHANGES[name]
    before = read()
    for _ in range(2):  # also the second time, when the state is the one that was put back
        changed = trial(lambda: (change(), read())[1])
        assert changed != before
        assert read() == before


def test_what_a_module_registers_when_a_trial_imports_it_stays(trial, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", sys.meta_path)

    def load_module():
        module = types.ModuleType("maggy_test_module")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        module.finder = type("Finder", (), {"__module__": module.__name__})()
        sys.meta_path.append(module.finder)
        sys.meta_path.append(type("Finder", (), {"__module__": "__main__"})())
        logging.addLevelName(26, "MODULE")
        builtins.maggy_test_module = 1

    before = list(sys.meta_path)
    try:
        trial(load_module)
        finder = sys.modules["maggy_test_module"].finder
        for change in (sys.meta_path.pop, lambda: None, lambda: sys.meta_path.append(None)):
            assert sys.meta_path == [*before, finder]
            assert logging.getLevelName(26) == "MODULE"
            assert builtins.maggy_test_module == 1
            trial(change)
    finally:
        sys.meta_path[:] = before
        logging._levelToName.pop(26, None)
        logging._nameToLevel.pop("MODULE", None)
        vars(builtins).pop("maggy_test_module", None)


def test_modules_of_the_standard_library_that_a_trial_loads_begin_anew_for_the_next_one():
    code = """
import sys
from maggy.core.executors.process_state import ProcessState, isolate

def change():
    import asyncio, multiprocessing, ssl, tracemalloc, urllib.request
    class Policy(asyncio.DefaultEventLoopPolicy): pass
    asyncio.set_event_loop_policy(Policy())
    multiprocessing.current_process().name = "mine"
    ssl._create_default_https_context = None
    urllib.request.install_opener(urllib.request.OpenerDirector())
    tracemalloc.start()

with ProcessState() as state, isolate(lambda line: None, state=state):
    change()
import asyncio, multiprocessing, ssl, tracemalloc, urllib.request
assert type(asyncio.get_event_loop_policy()).__name__ != "Policy"
assert multiprocessing.current_process().name == "MainProcess"
assert ssl._create_default_https_context is ssl.create_default_context
assert urllib.request._opener is None
assert not tracemalloc.is_tracing()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_affinity_is_put_back(trial):
    before = os.sched_getaffinity(0)
    trial(lambda: os.sched_setaffinity(0, {min(before)}))
    assert os.sched_getaffinity(0) == before


def test_a_hard_limit_that_was_lowered_leaves_the_highest_soft_limit(trial, monkeypatch):
    limits = {resource.RLIMIT_NOFILE: (1000, 1000)}
    monkeypatch.setattr(resource, "getrlimit", lambda number: limits.get(number, (0, 0)))

    def refuse(number, value):
        if value[1] > limits[number][1]:
            raise ValueError("not allowed to raise maximum limit")
        limits[number] = value

    monkeypatch.setattr(resource, "setrlimit", refuse)
    with ProcessState() as state, isolate(lambda line: None, state=state):
        limits[resource.RLIMIT_NOFILE] = (100, 500)
    assert limits[resource.RLIMIT_NOFILE] == (500, 500)


def test_the_time_zone_is_put_back(trial):
    def travel(keep):
        os.environ["TZ"] = "Asia/Tokyo"
        time.tzset()
        if not keep:
            del os.environ["TZ"]  # and forget tzset()

    before = time.tzname, time.localtime(0).tm_hour
    for keep in (True, False):
        trial(travel, keep)
        assert (time.tzname, time.localtime(0).tm_hour) == before


def test_a_traceback_that_was_to_be_dumped_later_does_not_end_the_next_trial():
    code = (
        "import faulthandler, threading\n"
        "from maggy.core.executors.process_state import ProcessState, isolate\n"
        "with ProcessState() as s:\n"
        "    with isolate(print, state=s): faulthandler.dump_traceback_later(0.1, exit=True)\n"
        "    threading.Event().wait(0.5)\n"
        "print('alive')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "alive\n"


def test_a_replaced_environment_is_put_back(trial):
    before = os.environ
    trial(lambda: setattr(os, "environ", {"PATH": ""}))
    assert os.environ is before


def test_each_trial_sees_a_warning_that_an_earlier_one_has_seen(trial):
    def warn():
        with warnings.catch_warnings(record=True) as messages:
            warnings.simplefilter("default")
            warnings.warn_explicit("look", UserWarning, "train.py", 1, registry=registry)
        return len(messages)

    registry = {}
    assert [trial(warn), trial(warn)] == [1, 1]


def test_what_cannot_be_put_back_does_not_keep_the_rest_from_it(trial, monkeypatch):
    monkeypatch.setattr(
        sys, "setrecursionlimit", lambda value: (_ for _ in ()).throw(ValueError("no"))
    )
    with ProcessState() as state, isolate(lambda line: None, state=state):
        sys.setswitchinterval(0.5)
    assert sys.getswitchinterval() != 0.5


def _fake_keras():
    config = types.SimpleNamespace(
        _config={"floatx": "float64"}, values={"floatx": "float16", "epsilon": 1.0}
    )
    config.values["image_data_format"] = "channels_first"
    for name in config.values:
        setattr(config, name, lambda name=name: config.values[name])
        setattr(
            config, f"set_{name}", lambda value, name=name: config.values.__setitem__(name, value)
        )
    return config


@pytest.fixture
def no_keras(monkeypatch):
    """An earlier test may have loaded it."""
    monkeypatch.delitem(sys.modules, "keras.src.backend.config", raising=False)


def test_a_library_that_the_trial_has_loaded_is_put_back_to_what_it_begins_with(
    no_keras, trial, monkeypatch
):
    keras = _fake_keras()
    trial(lambda: monkeypatch.setitem(sys.modules, "keras.src.backend.config", keras))
    assert keras.values == {
        "floatx": "float64",
        "epsilon": 1e-7,
        "image_data_format": "channels_last",
    }


def test_a_library_that_is_loaded_in_part_harms_nothing(trial, monkeypatch):
    for name in ("keras.src.backend.config", "mlflow.tracking.fluent", "torch", "numpy.random"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    trial(lambda: sys.setswitchinterval(0.5))
    assert sys.getswitchinterval() != 0.5


@pytest.mark.slow
def test_keras_and_tensorflow_are_put_back_though_the_trial_has_loaded_them(tmp_path):
    code = """
import sys
from maggy.core.executors.process_state import ProcessState, isolate

def settings():
    import keras, tensorflow as tf
    from tensorflow.python.eager.context import context
    return (keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(),
            keras.config.dtype_policy().name, tf.config.functions_run_eagerly(),
            tf.config.optimizer.get_jit(), tf.config.get_soft_device_placement(),
            tf.config.experimental.tensor_float_32_execution_enabled(),
            len(tf.config.optimizer.get_experimental_options()),
            bool(tf.summary.should_record_summaries()), tf.summary.experimental.get_step())

def change():
    import keras, tensorflow as tf
    keras.config.set_floatx("float16"); keras.config.set_epsilon(0.5)
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_float16")
    tf.config.run_functions_eagerly(True); tf.config.optimizer.set_jit(True)
    tf.config.set_soft_device_placement(False)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.config.optimizer.set_experimental_options({"constant_folding": False})
    tf.summary.create_file_writer(sys.argv[1]).set_as_default(step=3)
    return settings()

with ProcessState() as state:
    for _ in range(2):
        with isolate(lambda line: None, state=state):
            changed = change()
        assert all(a != b for a, b in zip(changed, settings())), (changed, settings())
    print(settings())
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout == (
        "('float32', 1e-07, 'channels_last', 'float32', False, '', True, True, 2, False, None)\n"
    )
