"""What all plots share: colours, texts, and axes that need no display and change no settings."""

import threading
from itertools import combinations
from pathlib import Path

import nbformat
import numpy as np
import pytest
from helpers.notebooks import run_notebook
from helpers.plotting import colors_seen_with, outside, overlaps
from helpers.results import STUDY, ablation_result, ended_trial, repeated_result, search_result

from maggy.common.exceptions import MissingDependencyError
from maggy.result import build_result
from maggy.result.plots import style
from maggy.result.plots.differences import VERDICT_COLORS
from maggy.result.plots.lineage import COPY_COLOR

PLOTS = {
    "plot": lambda result, ax=None: result.plot(ax),
    "plot_curves": lambda result, ax=None: result.plot_curves(ax=ax),
    "plot_parameter": lambda result, ax=None: result.plot_parameter("lr", ax=ax),
    "plot_timeline": lambda result, ax=None: result.plot_timeline(ax=ax),
    "plot_lineage": lambda result, ax=None: result.plot_lineage(ax=ax),
}


@pytest.fixture
def result():
    trials = [
        ended_trial({"lr": number, "budget": number}, number / 10, start=1.0, duration=9)
        for number in (1, 2)
    ]
    trials[1].parent = trials[0].trial_id
    for trial in trials:
        trial.append_metric({"step": 0, "value": 0.5})
    return build_result(trials, kind="optimization", direction="max", optimization_key="accuracy")


@pytest.mark.parametrize("deficiency", [None, "protanopia", "deuteranopia", "tritanopia"])
@pytest.mark.parametrize(
    "colors",
    [
        [*(look.color for look in style.LOOKS.values()), style.BEST_COLOR, style.FAINT_COLOR],
        [*(look.color for look in style.LOOKS.values()), style.BEST_COLOR, COPY_COLOR],
        [VERDICT_COLORS[verdict] for verdict in ("helps", "hurts", "inconclusive")],
    ],
)
def test_people_who_are_colour_blind_can_tell_the_colours_apart(colors, deficiency):
    seen = colors_seen_with(deficiency, colors)
    # A difference of 2.3 in CIE Lab is just noticeable.
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 15


def test_kinds_of_trials_also_differ_in_their_markers():
    markers = [look.marker for look in style.LOOKS.values()]
    assert len(set(markers)) == len(markers)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("val_loss", "val_loss"),
        ("a\n b\tc", "a b c"),
        ("x" * 40, "x" * 40),
        ("a" * 30 + "b" * 30, "a" * 20 + "…" + "b" * 19),
        ("cost in $ or $", r"cost in \$ or \$"),
        ("a\x1b[0m", "a?[0m"),
    ],
)
def test_a_name_is_one_line_without_mathematics(text, line):
    assert style.short(text) == line


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_a_plot_changes_no_setting_of_the_user(result, plot):
    import matplotlib

    before = dict(matplotlib.rcParams)
    plot(result)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_a_plot_looks_the_same_whatever_the_user_has_set(result, plot):
    from matplotlib import pyplot

    with pyplot.style.context("dark_background"):
        axes = plot(result)
        axes.figure.draw_without_rendering()
        label = axes.xaxis.get_major_ticks()[0].label1
    assert axes.get_facecolor() == axes.figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    assert label.get_color() == axes.xaxis.label.get_color() == style.TEXT_COLOR


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_a_plot_draws_on_the_axes_that_it_gets(result, plot):
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    axes = Figure().subplots(1, 2)[1]
    assert plot(result, axes) is axes
    assert axes.get_title(loc="left")
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_texts_do_not_overlap_on_small_axes_beside_others(result, plot):
    from matplotlib.figure import Figure

    axes = Figure(figsize=(8, 6), layout="constrained").subplots(2, 2)
    for panel in axes.flat:
        plot(result, panel)
    for panel in axes.flat:
        assert overlaps(panel) == []
        assert outside(panel) == []


def test_an_ablation_draws_on_the_axes_that_it_gets():
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    assert repeated_result().plot(ax=axes) is axes
    assert ablation_result(STUDY).plot().figure is not axes.figure


def test_a_new_figure_belongs_to_pyplot_so_that_notebooks_show_it(result):
    from matplotlib import pyplot

    assert result.plot().figure is pyplot.gcf()


def test_without_a_display_a_plot_has_a_figure_of_its_own(result, monkeypatch):
    from matplotlib import pyplot

    def fail(**options):
        raise ImportError("Cannot load backend 'TkAgg', as 'headless' is currently running")

    monkeypatch.setattr(pyplot, "figure", fail)
    axes = result.plot()
    axes.figure.draw_without_rendering()
    assert pyplot.get_fignums() == []


def test_on_another_thread_a_plot_leaves_pyplot_alone(result):
    from matplotlib import pyplot

    axes = []
    thread = threading.Thread(target=lambda: axes.append(result.plot()))
    thread.start()
    thread.join()
    assert axes[0].get_ylabel() == "accuracy"
    assert pyplot.get_fignums() == []


def test_without_matplotlib_a_plot_names_the_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match="pip install 'matplotlib>="):
        search_result([0.5]).plot()


@pytest.mark.slow
def test_each_cell_of_a_notebook_shows_its_plot(tmp_path, monkeypatch):
    code = "from helpers.results import search_result; result = search_result([0.5, 0.6])"
    path = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})"
    notebook = nbformat.v4.new_notebook()
    cells = [f"{path}; {code}", "result.plot()", "result.plot()"]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, tmp_path / "plots.ipynb")
    notebook = run_notebook(tmp_path / "plots.ipynb", tmp_path, monkeypatch)
    for cell in notebook.cells[1:]:
        assert ["image/png" in output.data for output in cell.outputs[-1:]] == [True]
