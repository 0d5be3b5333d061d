"""Asynchronous hyperparameter search and ablation studies on Apache Spark.

Importing this package loads neither Spark nor TensorFlow.
"""

from maggy.searchspace import Searchspace
from maggy.trial import Trial

__all__ = ["Searchspace", "Trial", "__version__"]

__version__ = "2.0.0"
