"""Tests for your own optimizers, stop rules, ablators and environments.

A contract is a class of tests. Derive a test class from it and say how to make an object of yours.
:func:`run_on_threads` runs a whole experiment without Spark. Needs pytest.
"""

from maggy.common.optional import import_optional

# Before the contracts, which import pytest themselves: without it this error says the remedy.
pytest = import_optional("pytest", "maggy.testing", "pip install pytest")
# Without this, a test that fails would not show the values that it compared.
pytest.register_assert_rewrite(
    "maggy.testing.ablators",
    "maggy.testing.environments",
    "maggy.testing.experiment_stop_rules",
    "maggy.testing.optimizers",
    "maggy.testing.simulated_driver",
    "maggy.testing.stop_rules",
)

from maggy.testing.ablators import AblatorContract  # noqa: E402 (after the line above)
from maggy.testing.environments import EnvironmentContract  # noqa: E402
from maggy.testing.experiment_stop_rules import ExperimentStopContract  # noqa: E402
from maggy.testing.loopback import WorkerDied, run_on_threads  # noqa: E402
from maggy.testing.optimizers import OptimizerContract  # noqa: E402
from maggy.testing.simulated_driver import LOST, SimulatedDriver, Stopped  # noqa: E402
from maggy.testing.stop_rules import EarlyStopContract  # noqa: E402
from maggy.testing.trials import final_with, trial_with  # noqa: E402

__all__ = [
    "LOST",
    "AblatorContract",
    "EarlyStopContract",
    "EnvironmentContract",
    "ExperimentStopContract",
    "OptimizerContract",
    "SimulatedDriver",
    "Stopped",
    "WorkerDied",
    "final_with",
    "run_on_threads",
    "trial_with",
]
