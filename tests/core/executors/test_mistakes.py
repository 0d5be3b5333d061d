"""Which errors are programming errors, and where they were made."""

import json
import sys
import types

import numpy as np
import pytest

from maggy.common import exceptions
from maggy.common.exceptions import MetricKeyError, MetricTypeError, ReturnTypeError
from maggy.core.executors.mistakes import mistake_of, remedy_of
from maggy.core.executors.return_value import metric_of
from maggy.searchspace import Searchspace


def error_of(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def line_of(function, offset=1):
    return f"at {__file__}, line {function.__code__.co_firstlineno + offset}"


def missing_name():
    return no_such_name  # noqa: F821


def missing_module():
    import no_such_module  # noqa: F401


def missing_attribute():
    return (1).no_such_attribute


def missing_key():
    return {}["acc"]


def missing_item():
    return [][1]


def wrong_type():
    return 1 + "1"


def unbound():
    late += 1  # noqa: F821, F841


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (missing_name, "NameError"),
        (missing_module, "ModuleNotFoundError"),
        (missing_attribute, "AttributeError"),
        (missing_key, "KeyError"),
        (missing_item, "IndexError"),
        (wrong_type, "TypeError"),
        (unbound, "UnboundLocalError"),
    ],
)
def test_a_programming_error_has_its_class_and_its_line(function, kind):
    assert mistake_of(error_of(function)) == (kind, line_of(function))


@pytest.mark.parametrize(
    "kind",
    [
        ValueError,
        RuntimeError,
        MemoryError,
        OSError,
        ArithmeticError,
        AssertionError,
        KeyboardInterrupt,
        SystemExit,
        UnicodeError,
        exceptions.MetricValueError,
        exceptions.BroadcastStepValueError,
    ],
)
def test_what_may_refuse_a_configuration_is_no_mistake(kind):
    assert mistake_of(kind("no")) == ("", "")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("text", ReturnTypeError),
        (None, ReturnTypeError),
        ({"metric": "x"}, MetricTypeError),
        ({"a": 1}, MetricKeyError),
    ],
)
def test_what_is_no_metric_is_a_mistake_in_what_was_returned(value, kind):
    error = error_of(metric_of, value, "metric", print)
    error = error.with_traceback(error.__traceback__.tb_next)  # without the frame of this test
    assert mistake_of(error) == (kind.__name__, "in what the function returned")


def in_the_standard_library():
    json.dumps(object())


def in_an_installed_package():
    np.ones(object())


def in_maggy():
    Searchspace(1, 2)


@pytest.mark.parametrize("function", [in_the_standard_library, in_an_installed_package, in_maggy])
def test_the_line_is_the_users_though_the_error_was_raised_further_in(function):
    error = error_of(function)
    assert mistake_of(error) == (type(error).__name__, line_of(function))


def test_a_callback_of_the_users_is_nearer_than_the_package_that_calls_it():
    def key(item):
        return item["missing"]

    assert mistake_of(error_of(lambda: sorted([{}], key=key)))[1] == line_of(key)


@pytest.mark.parametrize(
    "filename", ["<ipython-input-3-0123abcd>", "/tmp/ipykernel_17/123.py", "<string>"]
)
def test_code_of_notebooks_and_scripts_is_the_users(filename):
    space = {}
    exec(compile("def train():\n    return {}['a']\n", filename, "exec"), space)
    assert mistake_of(error_of(space["train"]))[1] == f"at {filename}, line 2"


def test_a_training_function_that_is_installed_has_the_line_where_it_was_left():
    space = {}
    code = "def inner():\n    return {}['a']\n\ndef train():\n    return inner()\n"
    exec(compile(code, "/lib/python3/site-packages/company/train.py", "exec"), space)
    error = error_of(space["train"])
    error = error.with_traceback(error.__traceback__.tb_next)  # without the frame of this test
    assert mistake_of(error)[1] == "at /lib/python3/site-packages/company/train.py, line 5"


@pytest.mark.parametrize("key", ["acc", "val_acc", "accuracy", "val_accuracy"])
def test_a_key_of_a_keras_history_has_its_remedy(monkeypatch, key):
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    remedy = remedy_of(KeyError(key))
    assert "metrics=['accuracy'] makes the key" in remedy
    assert f"'{key.replace('accuracy', 'acc').replace('acc', 'accuracy')}'." in remedy


def test_other_errors_have_no_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    for error in (
        KeyError("loss"),
        KeyError(),
        KeyError(1),
        ValueError("acc"),
        MetricKeyError("acc"),
    ):
        assert remedy_of(error) == ""
    monkeypatch.delitem(sys.modules, "keras")
    assert remedy_of(KeyError("acc")) == ""
