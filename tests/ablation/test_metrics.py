"""The metrics of a study by component and repeat."""

import math

from helpers.results import ended_trial

from maggy.ablation.component import Component
from maggy.ablation.metrics import ComponentMetrics

BASE, FARE = Component.base(), Component.feature("fare")


def trial(component, metric, repeat=None):
    ended = ended_trial(component.params(), metric, trial_type="ablation")
    ended.repeat = repeat
    return ended


def test_metrics_are_found_by_component_and_repeat():
    metrics = ComponentMetrics([trial(BASE, 1.0, 1), trial(BASE, 2.0, 0), trial(FARE, 3.0)])
    assert metrics.of(BASE) == {1: 1.0, 0: 2.0}
    assert metrics.of(FARE) == {0: 3.0}
    assert metrics.of(Component.feature("age")) == {}


def test_a_trial_without_a_finite_metric_is_missing():
    metrics = ComponentMetrics([trial(BASE, None), trial(FARE, math.nan), trial(FARE, math.inf)])
    assert metrics.of(BASE) == metrics.of(FARE) == {}


def test_a_contrast_is_of_the_repeats_in_which_all_have_a_metric():
    metrics = ComponentMetrics(
        [trial(BASE, 1.0, 0), trial(BASE, 2.0, 1), trial(FARE, 5.0, 1), trial(FARE, 5.0, 2)]
    )
    assert metrics.contrast({FARE: 1, BASE: -1}) == {1: 3.0}


def test_a_sum_beyond_floats_is_missing():
    metrics = ComponentMetrics([trial(BASE, -1e308), trial(FARE, 1.7e308)])
    assert metrics.contrast({FARE: 1, BASE: -1}) == {}
    assert metrics.contrast({FARE: 1, BASE: 1}) == {0: 1.7e308 - 1e308}


def test_a_users_own_ablator_may_use_numbers_as_labels():
    ended = ended_trial({"ablated_feature": 3, "ablated_layer": "None"}, 1.0, trial_type="ablation")
    assert ComponentMetrics([ended]).of(Component.feature("3")) == {0: 1.0}
