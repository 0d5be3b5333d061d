"""Asynchronous hyperparameter search and ablation studies on Apache Spark.

Importing this package loads neither Spark nor TensorFlow.
"""

from maggy.core.hops_import import mend_hops_util
from maggy.searchspace import Searchspace
from maggy.trial import Trial
from maggy.version import __version__

__all__ = ["Searchspace", "Trial", "__version__"]

# Here, so that a user's own ``from hops import util`` works after any import of ours.
mend_hops_util()
