"""The plot of an ablation's components."""

import pytest
from helpers.plotting import legend, outside, overlaps, tick_texts
from helpers.results import STUDY, ablation_result, repeated_result
from matplotlib.colors import to_hex

from maggy.common.exceptions import NotSupportedError

BASE = [0.80, 0.81, 0.79, 0.80]


def widths(axes):
    (bars,) = [box for box in axes.containers if hasattr(box, "patches")]
    return [round(bar.get_width(), 9) for bar in bars]


def test_components_are_sorted_by_effect_from_the_top():
    axes = ablation_result(STUDY).plot()
    assert tick_texts(axes.yaxis) == ["feature fare", "layer my_dense_two"]
    assert widths(axes) == [-0.25, 0.125]
    bottom, top = axes.get_ylim()
    assert bottom > top
    assert axes.get_title(loc="left") == "accuracy without each component (higher is better)"
    assert axes.get_xlabel() == "difference of accuracy from the base"
    assert legend(axes) == []


def test_repeats_have_intervals_verdicts_and_a_band():
    pytest.importorskip("scipy")
    axes = repeated_result().plot()
    assert tick_texts(axes.yaxis) == ["feature fare", "layer dense"]
    assert legend(axes) == [
        "metric gets worse",
        "inconclusive",
        "95 % of components that do nothing",
    ]
    (bars,) = [box for box in axes.containers if hasattr(box, "patches")]
    assert [to_hex(bar.get_facecolor()).upper() for bar in bars] == ["#009E73", "#B0B7BF"]
    assert any(type(box).__name__ == "ErrorbarContainer" for box in axes.containers)
    assert axes.get_xlim()[1] < 0.1  # nothing but the bars and the band sets the scale


def test_without_a_difference_there_is_no_plot():
    with pytest.raises(NotSupportedError, match="base trial"):
        ablation_result({("None", "None"): 0.5}).plot()


def test_a_component_whose_training_diverged_is_marked_at_the_edge_and_counted():
    metrics = {f"feature_{number}": [0.8 - number / 100] * 4 for number in range(6)}
    axes = repeated_result(base=BASE, **metrics, fare=[-1e6, -2e6, -3e6, -4e6]).plot()
    assert axes.get_xlim()[0] > -1
    assert "beyond the axis (1)" in legend(axes)
    assert "-2.5e+06" in [text.get_text() for text in axes.texts]
    assert overlaps(axes) == []
    assert outside(axes) == []


def test_a_component_that_matters_a_hundred_times_as_much_as_the_others_is_on_the_axis():
    others = {(f"feature_{number}", "None"): 0.801 for number in range(9)}
    axes = ablation_result({("None", "None"): 0.8, **others, ("fare", "None"): 0.1}).plot()
    assert min(widths(axes)) == -0.7
    assert axes.get_xlim()[0] < -0.7
    assert legend(axes) == []


def test_components_whose_names_are_equal_when_shortened_keep_their_bars():
    names = ["x" * 30 + middle + "y" * 30 for middle in "ab"]
    axes = ablation_result(
        {("None", "None"): 0.5, (names[0], "None"): 0.4, (names[1], "None"): 0.6}
    ).plot()
    assert widths(axes) == [-0.1, 0.1]


@pytest.mark.parametrize("count", [1, 30, 100])
def test_texts_do_not_overlap_nor_leave_the_figure(count):
    names = [f"a_feature_with_a_name_of_31_chars_{number:03}" for number in range(count)]
    metrics = {name: [0.8 - number / 1000] * 4 for number, name in enumerate(names)}
    axes = repeated_result(base=BASE, **metrics).plot()
    assert overlaps(axes) == []
    assert outside(axes) == []
    assert len(tick_texts(axes.yaxis)) == count
