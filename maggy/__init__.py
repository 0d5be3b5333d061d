"""Asynchronous hyperparameter search and ablation studies on Apache Spark.

Importing this package loads neither Spark nor TensorFlow.
"""

from importlib.util import find_spec

from maggy.searchspace import Searchspace
from maggy.trial import Trial
from maggy.version import __version__

__all__ = ["Searchspace", "Trial", "__version__"]

if find_spec("hops") is not None:
    # Here, so that a user's own ``from hops import util`` works after any import of ours.
    from maggy.core.environment.hopsworks.hops_import import mend_hops_util

    mend_hops_util()
