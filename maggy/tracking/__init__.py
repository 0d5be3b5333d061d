"""Tell programs of others what an experiment does: the contract of a listener, and MLflow."""

from maggy.tracking.listener import ExperimentInfo, Listener
from maggy.tracking.mlflow import MLflow, export

__all__ = ["ExperimentInfo", "Listener", "MLflow", "export"]
