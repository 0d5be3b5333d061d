"""A server of MLflow in memory, which the listener takes for a real one."""

import pytest
from helpers.listeners import INFO
from helpers.mlflow_server import FakeServer

from maggy.tracking import mlflow


@pytest.fixture
def server(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    server = FakeServer()
    server.targets = []

    def make(uri, name, experiment_id):
        server.targets.append((uri, name, experiment_id))
        server.uri = uri
        return server

    monkeypatch.setattr(mlflow, "MlflowServer", make)
    return server


@pytest.fixture
def info(tmp_path):
    return {**INFO, "directory": str(tmp_path)}
