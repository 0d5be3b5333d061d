"""The panel as HTML: what each part says, and that names, values and output are data."""

import re
from html.parser import HTMLParser

import pytest
from helpers.snapshots import TRACEBACK, experiment_snapshot, trial_row

from maggy.live.panel_html import (
    MAX_OUTPUT_CHARACTERS,
    MAX_RUNNING,
    PARTS,
    PanelParts,
    panel_line,
    panel_page,
    panel_part,
)

ODD = "<script>alert(1)</script>]]>\"'&\x1b[31mred\x00\u202e\ud800" + "x" * 300


class Reader(HTMLParser):
    """Read HTML, and complain about an element that is not closed."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)


def text_of(html):
    """Return the text of HTML, with a bar between two elements."""
    return "|".join(text for text in Reader(html).texts if text.strip())


def test_the_head_has_the_name_the_bar_the_numbers_the_times_and_the_best():
    html = panel_part("head", experiment_snapshot())
    assert text_of(html) == (
        "Maggy experiment| digits |running|2/8|"
        "2 of 8 trials, 1 stopped early, 1 failed · 1:05 · about 2:10 left · "
        "best accuracy 0.9 (trial 1)"
    )
    (bar,) = [attributes for tag, attributes in Reader(html).tags if tag == "progress"]
    assert bar == {"class": "mg-RUNNING", "max": "8", "value": "2"}


def test_the_head_says_what_the_experiment_waits_for():
    snapshot = experiment_snapshot(
        num_ended=0, seconds=0, num_stopped=0, num_failed=0, best=[], remaining_seconds=None,
        waiting_for="Waiting for executors: 2 of 8",
    )  # fmt: skip
    assert text_of(panel_part("head", snapshot)) == (
        "Maggy experiment| digits |running|0/8|0 of 8 trials|Waiting for executors: 2 of 8"
    )


@pytest.mark.parametrize(
    ("state", "total", "value"), [("RUNNING", None, None), ("FINISHED", None, "1")]
)
def test_a_bar_without_a_total_moves_until_the_end(state, total, value):
    html = panel_part("head", experiment_snapshot(state=state, total=total))
    (bar,) = [attributes for tag, attributes in Reader(html).tags if tag == "progress"]
    assert bar.get("value") == value


def test_the_bar_is_full_when_more_trials_have_ended_than_were_planned():
    assert 'max="2" value="2"' in panel_part("head", experiment_snapshot(total=2, num_ended=3))


def test_running_trials_show_parameters_worker_step_last_value_and_curve():
    html = panel_part("running", experiment_snapshot())
    assert text_of(html) == ("#|1 running|worker|step|accuracy|3|lr=0.1, units=96|3|2|0.75|▁▅█")


def test_of_very_many_running_trials_some_are_listed():
    running = [trial_row(number) for number in range(MAX_RUNNING + 5)]
    html = panel_part("running", experiment_snapshot(running=running))
    assert html.count("<tr") == 1 + MAX_RUNNING + 1
    assert text_of(html).endswith("|and 5 more")


def test_the_best_show_their_metric_and_what_stopped_them():
    assert text_of(panel_part("best", experiment_snapshot())) == (
        "#|best|seconds|steps|accuracy|1|lr=0.1, units=32 |(stopped early)|12.3|2|0.9|▁█"
    )


def test_the_trials_of_an_ablation_show_what_they_leave_out():
    params = {"ablated_feature": "fare", "ablated_layer": "None"}
    snapshot = experiment_snapshot(kind="ablation", running=[trial_row(3, params=params)])
    assert "|without feature fare|" in text_of(panel_part("running", snapshot))


def test_failures_are_folded_with_the_newest_first_and_their_traceback():
    failures = [
        trial_row(2, error=TRACEBACK),
        trial_row(4, error=TRACEBACK.replace("-3", "-4")),
        trial_row(5, error=TRACEBACK),
    ]
    html = panel_part("failures", experiment_snapshot(failures=failures, num_failed=3))
    assert "open" not in [name for _, attributes in Reader(html).tags for name in attributes]
    assert re.findall(r"#(\d+) ValueError: bad batch (-\d)", text_of(html)) == [
        ("5", "-3"), ("4", "-4"), ("2", "-3"),
    ]  # fmt: skip
    # Source lines are part of it.
    assert text_of(html).count("    model.fit(x, batch_size=batch)") == 2
    assert text_of(html).endswith("|The traceback is that of trial 5.")
    assert text_of(html).startswith("3 failed|")


def test_failures_say_how_many_there_are_when_only_the_last_are_shown():
    html = panel_part("failures", experiment_snapshot(num_failed=1000))
    assert text_of(html).startswith("1,000 failed, the last 1|")


def test_output_is_folded_by_trial_and_that_of_running_trials_comes_first():
    snapshot = experiment_snapshot()
    ended = snapshot.best[0]["trial_id"]
    output = {ended: ["done"], "unknown": ["more"], **snapshot.output}
    output["numbered"] = ["also"]
    html = panel_part("output", experiment_snapshot(output=output, numbers={"numbered": 5}))
    assert text_of(html) == (
        "output of 4 trials|#3 |epoch 2|epoch 1\nepoch 2|#5 |also|also|#unknown |more|more|"
        "#1 |done|done"
    )


def test_the_output_of_a_function_that_runs_once_is_open():
    snapshot = experiment_snapshot(kind="single", total=1)
    html = panel_part("output", snapshot)
    assert html.startswith('<details data-key="output" open>')
    assert panel_part("best", snapshot) == ""
    assert "trial" not in panel_part("head", snapshot)


@pytest.mark.parametrize(
    ("state", "call"), [("RUNNING", "watch"), ("FINISHED", "load"), ("KILLED", "load")]
)
def test_the_foot_says_how_to_look_in_from_elsewhere(state, call):
    html = panel_part("foot", experiment_snapshot(state=state))
    assert text_of(html) == f"maggy.{call}('/data/local-1_1')"


def test_a_panel_that_is_saved_while_the_experiment_runs_says_when():
    html = panel_part("foot", experiment_snapshot(time=1_700_000_000.0))
    assert text_of(html).endswith("as of 2023-11-14 22:13:20 UTC")
    ended = panel_part("foot", experiment_snapshot(time=1_700_000_000.0, state="FINISHED"))
    assert "as of" not in ended


def test_parts_without_content_are_empty():
    snapshot = experiment_snapshot(running=[], best=[], failures=[], output={}, directory="")
    assert [name for name in PARTS if panel_part(name, snapshot)] == ["head"]


def test_everything_in_a_snapshot_is_data():
    row = trial_row(
        7, [0.5], trial_id=ODD, number=None, params={ODD: ODD}, error=ODD, duration=1, metric=0.5
    )
    snapshot = experiment_snapshot(
        name=ODD, directory=ODD, optimization_key=ODD, waiting_for=ODD, state=ODD, running=[row],
        best=[row], failures=[row], output={ODD: [ODD, ODD]},
    )  # fmt: skip
    page = panel_page(PanelParts(snapshot))
    reader = Reader(page)
    allowed = {
        "b", "code", "details", "div", "p", "pre", "progress", "span", "style", "summary",
        "table", "tbody", "td", "th", "thead", "tr",
    }  # fmt: skip
    assert {tag for tag, _ in reader.tags} == allowed
    names = {name for _, attributes in reader.tags for name in attributes}
    assert names == {
        "class", "data-key", "data-panel", "data-part", "max", "style", "title", "value",
    }  # fmt: skip
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e\ud800]", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;]]&gt;&quot;&#x27;&amp;red" in page
    assert not re.search(r"[\x00-\x1f\u202e\ud800]", panel_line(snapshot))


def test_a_key_stays_the_same_whatever_the_id_of_the_trial_is():
    html = panel_part("running", experiment_snapshot(running=[trial_row(1, trial_id='a"b')]))
    assert {"data-key": 'a"b'} in [attributes for _, attributes in Reader(html).tags]


def test_much_output_and_many_failures_are_bounded():
    rows = [trial_row(number, error="x" * 20_000 + str(number)) for number in range(20)]
    output = {f"trial{number}": ["y" * 1000] * 50 for number in range(64)}
    snapshot = experiment_snapshot(failures=rows, num_failed=1000, output=output)
    assert len(panel_part("failures", snapshot)) < 200_000
    assert len(panel_part("output", snapshot)) < MAX_OUTPUT_CHARACTERS + 64 * 600


def test_the_line_says_the_same_in_plain_text():
    assert panel_line(experiment_snapshot(state="KILLED", name="")) == (
        "Maggy experiment: killed, 2 of 8 trials, 1 stopped early, 1 failed, 1:05, "
        "best accuracy 0.9 (trial 1)"
    )


def test_the_style_concerns_the_panel_only():
    page = panel_page(PanelParts(experiment_snapshot()))
    style = re.search(r"<style>(.*)</style>", page, re.DOTALL)[1]
    selectors = re.findall(r"(?:^|})\s*([^{}@]+){", style)
    assert len(selectors) > 20
    assert [name for name in selectors if ".maggy-panel" not in name and name.strip() not in
            ("from", "to")] == []  # fmt: skip
    assert "</" not in style
    assert "url(" not in style
