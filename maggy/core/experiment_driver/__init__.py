"""Drive an experiment, on the machine where ``lagom`` is called."""

from maggy.core.experiment_driver.driver import ExperimentDriver, Outcome, RunLimits

__all__ = ["ExperimentDriver", "Outcome", "RunLimits"]
