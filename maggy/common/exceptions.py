"""Define every exception that Maggy raises on purpose.

    MaggyError
    ├── BadArgumentsError (ValueError)          an argument breaks a rule
    │   ├── SearchspaceBoundsError (AssertionError)   bounds are not a lower and a larger one
    │   └── AblationError                       a study names what does not exist
    ├── SignatureError (TypeError)              a function does not fit its arguments
    ├── NotSupportedError (NotImplementedError) the platform or the arguments rule it out
    ├── MissingDependencyError (ImportError)    Java, Spark, TensorFlow or an extra is not installed
    ├── ReturnTypeError (TypeError)             a training function returned neither number nor dict
    ├── MetricTypeError (TypeError)             the metric in a returned dict is no number
    ├── MetricKeyError (KeyError)               a dict, or a framework, without the metric
    ├── MetricValueError (ValueError)           the metric is NaN or infinite
    ├── BroadcastMetricTypeError (TypeError)    ``broadcast`` got a metric that is no number
    ├── BroadcastStepTypeError (TypeError)      ... a step that is no number
    ├── BroadcastStepValueError (ValueError)    ... a step below the last one
    ├── EarlyStopException                      the driver stops this trial; not an error
    ├── RecordsError (OSError)                  nothing can be recorded in this place
    ├── CheckpointError (ValueError)            a checkpoint is not whole, or cannot be one
    ├── ExperimentNotFoundError (FileNotFoundError)   no experiment is recorded in this place
    ├── ResumeError (ValueError)                the recorded experiment does not fit the config
    │   └── OwnershipError                      another driver runs the recorded experiment
    └── ExperimentError (RuntimeError)          no trial succeeded, or Spark gave up

Every class derives from the built-in exception that fits, so code that catches built-ins works.
"""

from __future__ import annotations

__all__ = [
    "AblationError",
    "BadArgumentsError",
    "BroadcastMetricTypeError",
    "BroadcastStepTypeError",
    "BroadcastStepValueError",
    "CheckpointError",
    "EarlyStopException",
    "ExperimentError",
    "ExperimentNotFoundError",
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
    """The base of all of Maggy's exceptions."""


class BadArgumentsError(MaggyError, ValueError):
    """An argument breaks a rule. The message says the rule, the value and the remedy."""


class SearchspaceBoundsError(BadArgumentsError, AssertionError):
    """The bounds of a DOUBLE or INTEGER parameter are not a lower and a larger upper bound."""


class AblationError(BadArgumentsError):
    """An ablation study names a part that does not exist or cannot be removed.

    Such a part is a feature, a layer or a data set.
    """


class SignatureError(MaggyError, TypeError):
    """The parameters of a function do not fit the arguments that Maggy would pass."""


class NotSupportedError(MaggyError, NotImplementedError):
    """This platform, or these arguments, do not support the request."""


class MissingDependencyError(MaggyError, ImportError):
    """A required program or package is not installed. The message says how to install it."""


class ReturnTypeError(MaggyError, TypeError):
    """A training function returned neither a number nor a dict."""


class MetricTypeError(MaggyError, TypeError):
    """A training function returned a dict whose metric is not a number."""


class MetricKeyError(MaggyError, KeyError):
    """A returned dict, or the framework of a callback, has no metric of this name."""

    def __str__(self) -> str:
        # KeyError would show the repr of the sentence, with quotes and escapes.
        return str(self.args[0]) if self.args else ""


class MetricValueError(MaggyError, ValueError):
    """A trial's final metric is NaN or infinite."""


class BroadcastMetricTypeError(MaggyError, TypeError):
    """``reporter.broadcast`` got a metric that is not a number."""


class BroadcastStepTypeError(MaggyError, TypeError):
    """``reporter.broadcast`` got a step that is not a number."""


class BroadcastStepValueError(MaggyError, ValueError):
    """``reporter.broadcast`` got a step below the last one."""


class EarlyStopException(MaggyError):
    """The driver stops this trial early. It is no error: it ends the training function.

    ``reporter.broadcast`` raises it inside the training function when the driver has asked the
    trial to stop, and ``reporter.checkpoint`` when the trial pauses.

    Args:
        metric: The metric of the broadcast that raises it. The trial ends with this metric.
    """

    def __init__(self, metric: float) -> None:
        super().__init__(metric)
        self.metric = metric

    def __str__(self) -> str:
        return f"The driver stopped this trial early, at metric {self.metric}."


class RecordsError(MaggyError, OSError):
    """An experiment cannot be recorded in this place."""


class CheckpointError(MaggyError, ValueError):
    """A checkpoint is not whole, or its files cannot be kept."""


class ExperimentNotFoundError(MaggyError, FileNotFoundError):
    """No experiment is recorded under this name. The message says where Maggy looked."""


class ResumeError(MaggyError, ValueError):
    """The experiment recorded in a directory cannot be continued with these arguments."""


class OwnershipError(ResumeError):
    """Another driver owns the experiment's directory. The message says which, and since when."""


class ExperimentError(MaggyError, RuntimeError):
    """The experiment failed as a whole: every trial failed, or Spark could not run it."""


for _name in __all__:
    # Tracebacks and pickles name the public module, which stays when this one moves.
    globals()[_name].__module__ = "maggy.core.exceptions"
