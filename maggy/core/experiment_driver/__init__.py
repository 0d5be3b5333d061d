"""The driver of an experiment, on the machine where ``lagom`` is called."""

from maggy.core.experiment_driver.driver import Conditions, ExperimentDriver, Outcome

__all__ = ["Conditions", "ExperimentDriver", "Outcome"]
