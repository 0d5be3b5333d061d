"""The plots of an experiment's trials."""

import math

import pytest
from helpers.results import (
    STUDY,
    ablation_result,
    ended_trial,
    repeated_result,
    search_result,
)

from maggy.common.exceptions import NotSupportedError
from maggy.result import build_result


@pytest.mark.slow
def test_plots_draw_every_trial():
    import matplotlib

    matplotlib.use("Agg")
    trials = [ended_trial({"lr": number, "act": "relu"}, number / 10) for number in range(3)]
    for trial in trials:
        trial.append_metric({"step": 0, "value": 0.5})
        trial.append_metric({"step": 1, "value": math.nan})
    result = build_result(trials, kind="optimization", direction="min", optimization_key="loss")
    axes = result.plot()
    assert len(axes.collections[0].get_offsets()) == 3
    assert list(axes.lines[0].get_ydata()) == [0.0, 0.0, 0.0]
    assert len(result.plot_curves().lines) == 3
    assert len(result.plot_parameter("lr").collections[0].get_offsets()) == 3
    assert result.plot_parameter("act").get_xlabel() == "act"
    with pytest.raises(ValueError, match="one of the experiment's"):
        result.plot_parameter("kernel")
    assert len(ablation_result(STUDY).plot().patches) == 2
    with pytest.raises(NotSupportedError, match="base trial"):
        ablation_result({("None", "None"): 0.5}).plot()
    matplotlib.pyplot.close("all")


@pytest.mark.slow
def test_the_plot_of_repeats_is_sorted_and_has_intervals_and_verdicts():
    import matplotlib

    matplotlib.use("Agg")
    axes = repeated_result().plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["feature fare", "layer dense"]
    (legend,) = axes.get_figure().legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["helps", "inconclusive", "95 % of components that do nothing"]
    bars = [patch.get_facecolor() for patch in axes.containers[0].patches]
    assert bars == [matplotlib.colors.to_rgba(f"tab:{name}") for name in ("green", "grey")]
    assert axes.get_xlim()[1] < 0.1  # nothing but the bars and the band sets the scale
    assert len(axes.containers) >= 3  # the bars, and an interval for each component
    matplotlib.pyplot.close("all")


def test_without_matplotlib_a_plot_names_the_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'maggy\[plots\]'"):
        search_result([0.5]).plot()
