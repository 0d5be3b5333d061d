"""Every exception that Maggy raises on purpose.

    MaggyError
    ├── BadArgumentsError (ValueError)          an argument breaks a rule
    │   ├── SearchspaceBoundsError (AssertionError)   bounds that are not a lower and an upper one
    │   └── AblationError                       a study that names what is not there
    ├── SignatureError (TypeError)              a function that cannot take what it would be given
    ├── NotSupportedError (NotImplementedError) not supported here
    ├── MissingDependencyError (ImportError)    Java, Spark, TensorFlow or an extra is not installed
    ├── ReturnTypeError (TypeError)             a training function returned neither number nor dict
    ├── MetricTypeError (TypeError)             a training function returned a dict whose metric is no number
    ├── MetricKeyError (KeyError)               a dict, or Keras' logs, without the metric asked for
    ├── MetricValueError (ValueError)           the metric is NaN or infinite
    ├── BroadcastMetricTypeError (TypeError)    ``reporter.broadcast`` got a metric that is no number
    ├── BroadcastStepTypeError (TypeError)      ... a step that is no number
    ├── BroadcastStepValueError (ValueError)    ... a step below the last one
    ├── EarlyStopException                      the driver asked this trial to stop; not an error
    ├── RecordsError (OSError)                  nothing can be recorded where it is wanted
    ├── ResumeError (ValueError)                the recorded experiment is not the one that was asked for
    │   └── OwnershipError                      another driver runs the recorded experiment
    └── ExperimentError (RuntimeError)          no trial succeeded, or Spark gave up

Every class derives from the built-in exception that fits, so code that catches built-ins keeps working.
"""

from __future__ import annotations

__all__ = [
    "AblationError",
    "BadArgumentsError",
    "BroadcastMetricTypeError",
    "BroadcastStepTypeError",
    "BroadcastStepValueError",
    "EarlyStopException",
    "ExperimentError",
    "MaggyError",
    "MetricKeyError",
    "MetricTypeError",
    "MetricValueError",
    "MissingDependencyError",
    "NotSupportedError",
    "OwnershipError",
    "RecordsError",
    "ResumeError",
    "ReturnTypeError",
    "SearchspaceBoundsError",
    "SignatureError",
]


class MaggyError(Exception):
    """Base of all of Maggy's exceptions."""


class BadArgumentsError(MaggyError, ValueError):
    """An argument breaks a rule; the message says the rule, the value and the remedy."""


class SearchspaceBoundsError(BadArgumentsError, AssertionError):
    """Bounds of a DOUBLE or INTEGER parameter are not a lower and a larger upper bound."""


class AblationError(BadArgumentsError):
    """An ablation study names a feature, layer or data set that does not exist or cannot be removed."""


class SignatureError(MaggyError, TypeError):
    """A function's parameters do not fit what Maggy would call it with."""


class NotSupportedError(MaggyError, NotImplementedError):
    """This platform, or these arguments, do not support the request."""


class MissingDependencyError(MaggyError, ImportError):
    """Something that has to be installed is not; the message says how to install it."""


class ReturnTypeError(MaggyError, TypeError):
    """A training function returned neither a number nor a dict."""


class MetricTypeError(MaggyError, TypeError):
    """A training function returned a dict whose metric is not a number."""


class MetricKeyError(MaggyError, KeyError):
    """The metric asked for is not among the keys that are there."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a sentence should be shown as a sentence.
        return str(self.args[0]) if self.args else ""


class MetricValueError(MaggyError, ValueError):
    """A trial's final metric is NaN or infinite."""


class BroadcastMetricTypeError(MaggyError, TypeError):
    """``reporter.broadcast`` was given a metric that is not a number."""


class BroadcastStepTypeError(MaggyError, TypeError):
    """``reporter.broadcast`` was given a step that is not a number."""


class BroadcastStepValueError(MaggyError, ValueError):
    """``reporter.broadcast`` was given a step below the last one."""


class EarlyStopException(MaggyError):
    """Raised inside a training function by ``reporter.broadcast`` once the driver has asked the trial to stop.

    Args:
        metric: The metric of the broadcast that raised; the trial ends with it.
    """

    def __init__(self, metric: float) -> None:
        super().__init__(metric)
        self.metric = metric

    def __str__(self) -> str:
        return f"The driver stopped this trial early, at metric {self.metric}."


class RecordsError(MaggyError, OSError):
    """An experiment cannot be recorded in the place that was asked for."""


class ResumeError(MaggyError, ValueError):
    """The experiment recorded in a directory cannot be continued with these arguments."""


class OwnershipError(ResumeError):
    """Another driver owns the experiment's directory; the message says which, and since when."""


class ExperimentError(MaggyError, RuntimeError):
    """The experiment as a whole failed: every trial did, or Spark could not run it."""


for _name in __all__:
    # Tracebacks and pickles name the public place.
    globals()[_name].__module__ = "maggy.core.exceptions"
