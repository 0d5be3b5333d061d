"""The checks that every use of Optuna makes, and the points that are reported to it."""

from __future__ import annotations

import sys
import warnings

import pytest

from maggy.common.exceptions import MissingDependencyError
from maggy.optimizer.registry import resolve_optimizer
from maggy.optuna_bridge.tools import explain_missing_package, reportable_points, require
from maggy.trial import Trial


def test_steps_that_optuna_cannot_hold_are_rounded_left_out_or_thinned():
    trial = Trial({})
    for step in (-1, 0.5, 1.5, 1.7):
        trial.append_metric({"step": step, "value": step})
    assert reportable_points(trial) == {0: 0.5, 1: 1.7}
    long = Trial({})
    for step in range(12_345):
        long.append_metric({"step": step, "value": step})
    points = reportable_points(long)
    assert len(points) <= 1000
    assert max(points) == 12_344
    assert reportable_points(Trial({})) == {}


def test_a_missing_package_is_named_with_the_remedy():
    with pytest.raises(
        MissingDependencyError, match=r"GP needs no_such_module.*pip install 'optuna>="
    ):
        require("GP", ["json", "no_such_module"], "gp")


def test_a_broken_optuna_is_reported_with_the_remedy(tmp_path, monkeypatch):
    (tmp_path / "optuna.py").write_text("raise AttributeError('np.float_ was removed')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in [module for module in sys.modules if module.split(".")[0] == "optuna"]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(
        MissingDependencyError,
        match=r"TPE needs optuna, which is installed .*np\.float_.*pip install",
    ):
        require("TPE", ["optuna"], "optuna")


@pytest.mark.parametrize(("name", "module"), [("QMCSampler", "scipy"), ("CmaEsSampler", "cmaes")])
def test_a_sampler_whose_late_import_is_missing_is_refused_with_the_remedy(
    monkeypatch, name, module
):
    optuna = pytest.importorskip("optuna")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = getattr(optuna.samplers, name)()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingDependencyError, match=rf"{name} needs {module}, which cannot be imported here: pip"
    ):
        resolve_optimizer(sampler)


def test_a_package_that_is_missing_at_a_suggestion_is_named_with_the_remedy():
    def ask():
        with explain_missing_package("Mine"):
            raise ModuleNotFoundError("No module named 'scipy.stats'", name="scipy.stats")

    with pytest.raises(
        MissingDependencyError, match=r"Mine needs a package .*scipy\.stats.*pip install scipy\."
    ):
        ask()
