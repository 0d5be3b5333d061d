"""Results of experiments made from parameters and metrics alone."""

from maggy.result import build_result
from maggy.trial import Trial

__all__ = ["STUDY", "ablation_result", "ended_trial", "repeated_result", "search_result"]


def ended_trial(params, metric, **others):
    """Return a trial that ended with a metric, or failed if the metric is None."""
    trial = Trial(params, others.pop("trial_type", "optimization"))
    trial.status = Trial.ERROR if metric is None else Trial.FINALIZED
    trial.final_metric = metric
    for name, value in others.items():
        setattr(trial, name, value)
    return trial


def search_result(metrics, direction="max", **others):
    """Return the result of a search whose trials ended with these metrics."""
    trials = [ended_trial({"lr": number}, metric) for number, metric in enumerate(metrics)]
    return build_result(
        trials, kind="optimization", direction=direction, optimization_key="accuracy", **others
    )


def ablation_result(metrics, direction="max", stopped=()):
    """Return the result of an ablation.

    Args:
        metrics: The metric of each trial by feature and layer, in the order of starting.
        direction: The direction of the metric.
        stopped: The positions of the trials that were stopped early.
    """
    trials = [
        ended_trial(
            {"ablated_feature": feature, "ablated_layer": layer},
            metric,
            trial_type="ablation",
            start=float(position),
            early_stop=position in stopped,
        )
        for position, ((feature, layer), metric) in enumerate(metrics.items())
    ]
    return build_result(trials, kind="ablation", direction=direction, optimization_key="accuracy")


def repeated_result(direction="max", confidence=0.95, stopped=(), **metrics):
    """Return the result of an ablation with repeats.

    Args:
        direction: The direction of the metric.
        confidence: The confidence of the intervals.
        stopped: The positions of the trials that were stopped early, by component and repeat.
        **metrics: The metrics of the repeats by component: ``base``, a feature, or a layer whose
            name contains ``dense``. None is a failed trial.
    """
    metrics = metrics or REPEATED
    trials = []
    for component, values in metrics.items():
        is_layer = "dense" in component
        params = {
            "ablated_feature": "None" if is_layer or component == "base" else component,
            "ablated_layer": component if is_layer else "None",
        }
        for repeat, metric in enumerate(values):
            trial = ended_trial(params, metric, trial_type="ablation", start=float(len(trials)))
            trial.early_stop = len(trials) in stopped
            trial.repeat, trial.seed, trial.duration = repeat, 100 + repeat, 1000 * (repeat + 1)
            trial.trial_id += f"_{repeat + 1}" if repeat else ""
            trials.append(trial)
    return build_result(
        trials,
        kind="ablation",
        direction=direction,
        optimization_key="accuracy",
        confidence=confidence,
    )


REPEATED = {
    "base": [0.69, 0.70, 0.71],
    "fare": [0.49, 0.50, 0.511],
    "dense": [0.68, 0.72, 0.70],
}
STUDY = {
    ("None", "None"): 0.75,
    ("fare", "None"): 0.5,
    ("None", "my_dense_two"): 0.875,
    ("None", "Layers prefixed my_dense"): None,
}
