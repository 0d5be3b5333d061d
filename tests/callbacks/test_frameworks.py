"""The callbacks for frameworks that the ordinary run does not install: imports and remedies."""

import subprocess
import sys

import pytest

from maggy import callbacks
from maggy.common.exceptions import MissingDependencyError
from maggy.common.extras import install_command

FRAMEWORKS = {
    "CatBoostCheckpoint": ("catboost", "catboost"),
    "CatBoostRound": ("catboost", "catboost"),
    "HuggingFaceCheckpoint": ("transformers", "transformers"),
    "HuggingFaceEvaluate": ("transformers", "transformers"),
    "LightGBMCheckpoint": ("lightgbm", "lightgbm"),
    "LightGBMRound": ("lightgbm", "lightgbm"),
    "LightningCheckpoint": ("lightning.pytorch", "lightning"),
    "LightningEpochEnd": ("lightning.pytorch", "lightning"),
    "XGBoostCheckpoint": ("xgboost", "xgboost"),
    "XGBoostRound": ("xgboost", "xgboost"),
}
"""The package and the extra of each callback."""


@pytest.mark.slow
def test_importing_the_callbacks_imports_no_framework():
    packages = {package.partition(".")[0] for package, _ in FRAMEWORKS.values()}
    code = f"import sys, maggy.callbacks; print([*{packages} & set(sys.modules)])"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True
    )
    assert process.stdout.strip() == "[]"


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_error_for_a_missing_framework_names_the_remedy(name, monkeypatch):
    package, extra = FRAMEWORKS[name]
    monkeypatch.setitem(sys.modules, package.partition(".")[0], None)
    if extra == "lightning":
        monkeypatch.setitem(sys.modules, "pytorch_lightning", None)  # the same under another name
    with pytest.raises(MissingDependencyError) as caught:
        getattr(callbacks, name)(None)
    top = package.partition(".")[0]
    assert str(caught.value) == f"{name} needs {top}, which is not installed: " + install_command(
        extra
    )
