"""One line about a trial when it begins and one when it ends, for terminals and logs."""

from __future__ import annotations

import re

from maggy.ablation.component import Component
from maggy.common.types import ParameterValue
from maggy.trial import Trial

__all__ = ["begin_line", "end_line", "name_of", "parameters_text"]

MAX_VALUE_CHARACTERS = 30
MAX_PARAMETER_CHARACTERS = 120
MAX_REASON_CHARACTERS = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def name_of(trial: Trial) -> str:
    """Return how lines call a trial: by its number, or else by its id."""
    return f"trial {trial.trial_id if trial.number is None else trial.number}"


def begin_line(trial: Trial) -> str:
    """Return the line about a trial that begins.

    Example:
        >>> trial = Trial({"lr": 0.012345678, "units": 64})
        >>> trial.number, trial.worker = 12, 0
        >>> begin_line(trial)
        'trial 12: begins | lr=0.01235, units=64 | worker 0'
    """
    return _joined(trial, ["begins", parameters_text(trial), _worker_text(trial)])


def end_line(trial: Trial, metric_name: str = "metric") -> str:
    """Return the line about a trial that has ended.

    Example:
        >>> trial = Trial({"lr": 0.1})
        >>> trial.number, trial.worker, trial.duration = 12, 0, 3412
        >>> trial.status, trial.final_metric = Trial.FINALIZED, 0.8123456
        >>> _ = trial.append_metric({"step": 1, "value": 0.8123456})
        >>> end_line(trial, "accuracy")
        'trial 12: accuracy=0.8123 | lr=0.1 | 1 step | 3.4 s | worker 0'

    Args:
        trial: The trial.
        metric_name: The name of the metric.
    """
    if trial.status == Trial.ERROR:
        outcome = f"failed: {trial.failure_reason or 'no reason given'}"[:MAX_REASON_CHARACTERS]
    else:
        outcome = f"{metric_name}={_value_text(trial.final_metric)}"
    steps = len(trial.step_history)
    return _joined(
        trial,
        [
            outcome,
            parameters_text(trial),
            f"{steps:,} step{'' if steps == 1 else 's'}" if steps else "",
            "" if trial.duration is None else f"{trial.duration / 1000:.1f} s",
            _worker_text(trial),
            (trial.stop_reason or "stopped early") if trial.early_stop else "",
        ],
    )


def parameters_text(trial: Trial) -> str:
    """Return the parameters of a trial in short, or what an ablation's trial leaves out."""
    if trial.trial_type == "ablation":
        component = Component.from_params(trial.params)
        text = "base" if component.is_base else f"without {component.describe()}"
        repeat = "" if trial.repeat is None else f", repeat {trial.repeat}"
        return f"{_short(text, MAX_PARAMETER_CHARACTERS)}{repeat}"
    text = ", ".join(f"{name}={_value_text(value)}" for name, value in trial.params.items())
    return _short(text, MAX_PARAMETER_CHARACTERS)


def _joined(trial: Trial, parts: list[str]) -> str:
    text = " | ".join(part for part in parts if part)
    # Names, values and reasons are data: they must not control the terminal.
    if not text.isprintable():  # A check first, since the substitution takes ten times as long.
        text = _CONTROL.sub(" ", text)
    return f"{name_of(trial)}: {text}"


def _worker_text(trial: Trial) -> str:
    return "" if trial.worker is None else f"worker {trial.worker}"


def _value_text(value: ParameterValue) -> str:
    return f"{value:.4g}" if isinstance(value, float) else _short(str(value), MAX_VALUE_CHARACTERS)


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
