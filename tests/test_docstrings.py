"""The examples in docstrings do what they show."""

import doctest
import importlib
import pkgutil

import pytest

import maggy

MODULES = [module.name for module in pkgutil.walk_packages(maggy.__path__, "maggy.")]
# The examples in these modules build Keras models.
WITH_KERAS = {"maggy.ablation.keras_surgery"}
# These run an experiment on threads.
WITH_SOCKETS = {"maggy.testing.loopback"}


def documented(name):
    marks = [pytest.mark.slow] if name in WITH_KERAS else []
    marks += [pytest.mark.loopback] if name in WITH_SOCKETS else []
    return pytest.param(name, marks=marks, id=name)


@pytest.mark.parametrize("name", [documented(name) for name in MODULES])
def test_the_examples_of_a_module_run(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # some examples write files
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
