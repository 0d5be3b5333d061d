"""Two experiments side by side."""

import pytest
from helpers.recorded import record_search
from helpers.results import search_result

import maggy
from maggy import BadArgumentsError, NotSupportedError
from maggy.cli.command_line import main
from maggy.result import build_result
from maggy.result.comparison import ExperimentComparison


def timed(metrics, seconds, **others):
    """Return a search whose trials took these seconds."""
    result = search_result(metrics, **others)
    for row, duration in zip(result.trials, seconds, strict=True):
        row["duration"] = 1000 * duration
    return result


def test_the_cost_is_the_time_of_the_trials_until_each_goal():
    a = timed([0.5, None, 0.9, 0.7], [1, 2, 3, 4])
    b = timed([0.6, 0.8], [10, 20])
    first, second = maggy.compare(a, b).rows
    assert (first["best_val"], second["best_val"]) == (0.9, 0.8)
    assert (first["worker_seconds"], second["worker_seconds"]) == (10.0, 30.0)
    assert (first["worker_seconds_to_best"], second["worker_seconds_to_best"]) == (6.0, 30.0)
    assert first["worker_seconds_to_reach_other"] == 6.0
    assert second["worker_seconds_to_reach_other"] is None


def test_names_of_two_experiments_differ():
    comparison = maggy.compare(search_result([1.0]), search_result([2.0]))
    assert list(comparison.to_dict()) == ["experiment (a)", "experiment (b)"]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (search_result([1.0], "min"), "the same direction, but got 'max' and 'min'"),
        (
            build_result([], kind="optimization", direction="max", optimization_key="loss"),
            "the same optimization_key, but got 'accuracy' and 'loss'",
        ),
    ],
    ids=["direction", "metric"],
)
def test_what_cannot_be_compared_is_refused(other, words):
    with pytest.raises(BadArgumentsError, match=words):
        maggy.compare(search_result([1.0]), other)


def test_a_single_run_is_refused():
    single = build_result([], kind="single", direction="max", optimization_key="metric")
    with pytest.raises(NotSupportedError, match="ran once"):
        ExperimentComparison([single, single])


def test_it_shows_itself_as_a_table():
    comparison = maggy.compare(search_result([1.0]), search_result([]))
    assert "worker_seconds" in str(comparison)
    assert "<table" in comparison._repr_html_()


def test_it_is_a_data_frame_and_a_plot_over_cost_and_trials():
    comparison = maggy.compare(timed([0.5, None, 0.9], [1, 2, 3]), timed([None, 0.6], [4, 5]))
    assert len(comparison.to_pandas()) == 2
    cost, count = comparison.plot()
    assert [list(line.get_xdata()) for line in cost.lines] == [[1.0, 3.0, 6.0], [9.0]]
    assert [list(line.get_xdata()) for line in count.lines] == [[1.0, 2.0, 3.0], [2.0]]


def test_recorded_experiments_are_compared_by_directory_and_in_the_command(tmp_path, capsys):
    paths = [record_search(tmp_path / name).path for name in "ab"]
    assert maggy.compare(*paths).rows[0]["best_val"] == 0.75
    assert main(["compare", *paths]) == 0
    assert "worker_seconds_to_best" in capsys.readouterr().out
    assert main(["compare", paths[0], str(tmp_path / "no")]) == 3
