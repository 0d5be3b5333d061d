"""The plot of a lineage: members of a population, copies, promotions, and the way to the best."""

import pytest
from helpers.plotting import boxes, legend, marks, outside, overlaps, tick_texts
from helpers.populations import population_result, promotion_result
from helpers.results import ended_trial, search_result

from maggy.result import build_result
from maggy.result.lineage import Lineage


def turn(member, budget, metric, parent=None, **others):
    fields = {"member": member, "parent": parent and parent.trial_id, **others}
    # Equal parameters would be equal ids.
    return ended_trial({"x": f"{member} {budget} {metric}", "budget": budget}, metric, **fields)


def result_of(*trials, direction="max"):
    return build_result(
        list(trials), kind="optimization", direction=direction, optimization_key="accuracy"
    )


def population():
    """Return four turns: member 1 goes on alone, and member 0 copies it."""
    first, second = turn(0, 2, 0.25), turn(1, 2, 0.5)
    return [first, second, turn(1, 4, 0.75, second), turn(0, 4, 1.0, second)]


def segments(axes, style):
    """Return the ends of all lines of one style."""
    solid = {"solid": True, "dashed": False}[style]
    return [
        [tuple(map(float, point)) for point in path.vertices]
        for lines in axes.collections
        if type(lines).__name__ == "LineCollection"
        if (lines.get_linestyle()[0][1] is None) is solid
        for path in lines.get_paths()
    ]


def line_to_the_best(axes):
    line, star = axes.lines
    assert [tuple(star.get_xdata()), tuple(star.get_ydata())] == [
        (line.get_xdata()[-1],),
        (line.get_ydata()[-1],),
    ]
    return [tuple(map(float, point)) for point in zip(*line.get_data(), strict=True)]


def test_a_line_leads_to_each_trial_from_the_one_that_it_continues():
    axes = result_of(*population()).plot_lineage()
    assert segments(axes, "solid") == [[(2, 0.5), (4, 0.75)]]
    assert segments(axes, "dashed") == [[(2, 0.5), (4, 1.0)]]
    assert line_to_the_best(axes) == [(2, 0.5), (4, 1.0)]
    assert legend(axes) == [
        "finished (4)",
        "its own training (1)",
        "copy of another member (1)",
        "to the best: 1",
    ]
    assert axes.get_title(loc="left") == "accuracy of 4 turns of 2 members (higher is better)"
    assert axes.get_xlabel() == "budget in all"


def test_promotions_stand_on_their_rungs():
    axes = promotion_result(60).plot_lineage()
    assert tick_texts(axes.xaxis) == ["1", "2", "4", "8", "16"]
    title = "accuracy of 60 trials, of which 31 continue another (higher is better)"
    assert " ".join(axes.get_title(loc="left").split()) == title
    assert "continues a trial (31)" in legend(axes)
    assert segments(axes, "dashed") == []


def test_a_failed_turn_is_marked_at_the_edge_and_has_no_line():
    trials = population()
    axes = result_of(*trials, turn(1, 6, None, trials[2])).plot_lineage()
    assert [x for x, _ in marks(axes, "failed")] == [6]
    assert len(segments(axes, "solid")) == 1


@pytest.mark.parametrize(("direction", "sign"), [("max", -1), ("min", 1)])
def test_a_turn_that_diverged_hides_no_others(direction, sign):
    trials = [turn(0, 2 * number, sign / number) for number in range(1, 7)]
    diverged = turn(0, 14, sign * 1e308, trials[-1])
    axes = result_of(*trials, diverged, direction=direction).plot_lineage()
    low, high = axes.get_ylim()
    assert -2 < low < high < 2
    assert [x for x, _ in marks(axes, "beyond the axis")] == [14]
    assert outside(axes) == []


def test_without_a_trial_that_continues_another_one_the_plot_says_so():
    for result in (search_result([0.5, 0.6]), search_result([]), result_of(*population()[:2])):
        axes = result.plot_lineage()
        assert "no trial continues another one" in [text for text, _ in boxes(axes)]


def test_trials_without_a_budget_are_counted():
    others = ended_trial({"x": 1}, 0.5), ended_trial({"x": 2, "budget": "all"}, 0.5)
    axes = result_of(*population(), *others).plot_lineage()
    assert axes.get_xlabel() == "budget in all; without 2 trials that had none"


def test_a_hyperparameter_called_budget_is_no_budget():
    rows = result_of(*population()).trials
    assert Lineage.of(rows, ["budget"]).rows == []
    assert len(Lineage.of(rows, ["x"]).rows) == 4


def test_the_parent_may_be_a_trial_of_another_experiment():
    stranger = turn(0, 2, 0.1)
    axes = result_of(*population(), turn(2, 4, 0.3, stranger)).plot_lineage()
    assert len(marks(axes, "finished")) == 5
    assert len(segments(axes, "solid")) == 1


def test_a_damaged_record_whose_trials_continue_each_other_has_a_plot():
    one, other = turn(0, 2, 0.5), turn(0, 4, 0.75)
    one.parent, other.parent = other.trial_id, one.trial_id
    assert sorted(line_to_the_best(result_of(one, other).plot_lineage())) == [(2, 0.5), (4, 0.75)]


@pytest.mark.parametrize(("members", "turns"), [(4, 5), (10, 10), (20, 15)])
def test_texts_do_not_overlap_nor_leave_the_figure(members, turns):
    axes = population_result(members, turns, share_failed=0.05).plot_lineage()
    assert overlaps(axes) == []
    assert outside(axes) == []
