"""The optional packages of Maggy, and the command that installs them."""

from collections.abc import Mapping
from typing import Final

__all__ = ["EXTRAS", "install_command"]

# setup.py runs this file, so it imports nothing of Maggy.
EXTRAS: Final[Mapping[str, list[str]]] = {
    # TensorFlow 2.21 no longer installs TensorBoard, which reads and writes our HParams files.
    # google-crc32c computes the checksums of event files, because TensorBoard's own code is slow.
    "tensorflow": ["tensorflow>=2.16", "tensorboard>=2.16", "google-crc32c>=1.5"],
    # SciPy is for qmc. GPSampler also needs PyTorch, whose plain wheel for Linux installs
    # gigabytes of CUDA.
    # plotly is for optuna.visualization, with which a result draws importances and the like.
    "optuna": ["optuna>=5.0", "cmaes>=0.12", "plotly>=6.0", "scipy>=1.11"],
    "gp": ["optuna>=5.0", "scipy>=1.11", "torch>=2.2"],
    # The callbacks. XGBoost's own wheel for Linux installs a library of CUDA; xgboost-cpu has none.
    "xgboost": ["xgboost>=2.0"],
    "lightgbm": ["lightgbm>=4.0"],
    "catboost": ["catboost>=1.2"],
    "lightning": ["lightning>=2.2"],
    # The Trainer needs accelerate and PyTorch.
    "transformers": ["accelerate>=1.0", "torch>=2.2", "transformers>=4.46"],
    # Intervals and tests of ablations with repeats.
    "stats": ["scipy>=1.11"],
    "plots": ["matplotlib>=3.7", "pandas>=2.0"],
    # jinja2 makes the page of result.report(), and plotly's script draws in it.
    "report": ["jinja2>=3.1", "plotly>=6.0"],
    # MLflow's client. A server needs mlflow itself.
    "mlflow": ["mlflow-skinny>=3.0"],
    "dashboard": ["optuna>=5.0", "optuna-dashboard>=0.20"],
    # The view of a running experiment in a terminal.
    "terminal": ["rich>=13.7"],
    "notebook": ["anywidget>=0.9", "ipykernel>=6.29", "ipywidgets>=8.0"],
    # Data that all trials share: maggy.data.
    "data": ["pandas>=2.0", "pyarrow>=15"],
    # Optuna has the default optimizer of maggy.sklearn.search. 1.4 is the oldest version of
    # scikit-learn in which cross_validate has params.
    "sklearn": ["optuna>=5.0", "scikit-learn>=1.4"],
    # Event files, for those who have no TensorFlow.
    "tensorboard": ["tensorboard>=2.16", "google-crc32c>=1.5"],
    "s3": ["s3fs>=2024.10"],
    "hdfs": ["hdfs-native>=0.11"],
    # hops needs six, but does not declare it.
    "hopsworks": ["hops>=3.8", "six>=1.16"],
    # The SDK is an extra of its own, because it needs an old pandas. It cannot be imported without
    # pyarrow, which it does not install.
    "hopsworks-sdk": ["hopsworks>=5.0", "pyarrow>=17"],
}
"""The packages of each extra, as requirements with their oldest versions."""


def install_command(extra: str, *, upgrade: bool = False) -> str:
    """Return the command that installs the packages of an extra.

    It names the packages and not ``maggy[extra]``, which would install Maggy itself, too: from the
    package index, over one that was installed from a clone or a wheel.

    Args:
        extra: A key of ``EXTRAS``.
        upgrade: Whether to install the newest versions over those that are there, since they
            are too old or do not work.
    """
    options = "--upgrade " if upgrade else ""
    return f"pip install {options}" + " ".join(f"'{package}'" for package in EXTRAS[extra])
