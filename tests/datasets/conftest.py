"""Every test has its own folder of registered data sets."""

import pytest


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    folder = tmp_path / "registered"
    monkeypatch.setenv("MAGGY_DATASET_DIR", str(folder))
    return folder
