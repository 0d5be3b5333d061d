"""Games with known values: a metric that follows from what a trial leaves out, without training."""

import math

from maggy.ablation import AblationStudy
from maggy.ablation.component import Component
from maggy.ablation.metrics import ComponentMetrics
from maggy.core.experiment_driver.ablation_policy import AblationPolicy
from maggy.experiment_config import AblationConfig
from maggy.testing.simulated_driver import SimulatedDriver

__all__ = ["additive", "duplicate", "mixed_study", "play", "study_of", "xor"]


def study_of(*features):
    study = AblationStudy("game", label_name="y")
    study.features.include(*features)
    return study


def mixed_study():
    """Return a study of two features, a layer and a choice."""
    study = study_of("a", "b")
    study.model.layers.include("dense")
    study.choices.include(augment=False)
    return study


def additive(present):
    """Give each player a worth that no other one changes."""
    return sum({"a": 1.0, "b": 2.0, "c": -4.0, "d": 0.0}[name] for name in present)


def duplicate(present):
    """Hold the same information twice: either of the first two is enough."""
    return 4.0 * bool({"a", "b"} & present) + ("c" in present)


def xor(present):
    """Be worth something together only."""
    return 2.0 if {"a", "b"} <= present else 0.0


def play(
    ablator,
    game,
    *,
    noise=(0.0,),
    fails=lambda missing, repeat: False,
    in_flight=2,
    earlier=(),
    crash_after=math.inf,
    **config,
):
    """Run a study in which the present features play a game.

    Args:
        ablator: An instance of an ablator.
        game: The metric of a set of features.
        noise: What is added to the metrics of each repeat.
        fails: Whether the trial that leaves these out in this repeat fails.
        in_flight: The number of workers.
        earlier: The trials that ended before the study was resumed.
        crash_after: The number of ended trials after which the run breaks off.
        **config: Fields of the config.

    Returns:
        The driver, and what the ablator adds to the result.
    """
    study = ablator.ablation_study
    config = AblationConfig(study, ablator, repeats=len(noise), **config)
    policy = AblationPolicy(config, ablator)
    players = {*study.features.included_features}

    def score(trial):
        component = Component.from_params(trial.params)
        missing = {part.label for part in component.parts or (component,)} - {"None"}
        repeat = trial.repeat or 0
        return None if fails(missing, repeat) else game(players - missing) + noise[repeat]

    running, final = {}, []
    policy.start(running, final, seed=5)
    driver = SimulatedDriver(
        ablator,
        policy.suggest,
        score,
        in_flight,
        final_store=final,
        trial_store=running,
        earlier=earlier,
        crash_after=crash_after,
    )
    return driver, ablator.analyze_metrics(ComponentMetrics(driver.ended_trials), policy.confidence)
