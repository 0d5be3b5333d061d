"""What a user sees in a terminal: a real experiment on Spark, an interrupt, and what is left."""

import sys

import pytest
from helpers.screen import Terminal
from helpers.waiting import PROCESS_SECONDS

from maggy.common.optional import can_import

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_import("rich"), reason="rich draws in a terminal"),
]

PROGRAM = """
import time
from maggy import MedianStoppingRule, OptimizationConfig, Searchspace, experiment

def train(x, reporter):
    if x == 3:
        raise ValueError("x is \\x1b[9A\\x1b[2Jthree")
    print("\\x1b[31mbegins\\x1b[0m")
    # Trial 6 lasts until the rule stops it. The others report the same, so that it stops no other.
    for step in range(10000 if x > 5 else 8):
        reporter.broadcast((0.1 if x == 6 else 0.2) + step / 1e6, step)
        time.sleep(0.05)
    return x / 10

def search(space, name):
    config = OptimizationConfig(
        len(space), "gridsearch", Searchspace(x=("DISCRETE", space)), optimization_key="score",
        es_policy=MedianStoppingRule(), es_min=3, hb_interval=0.05, name=name, num_workers=2,
    )
    return experiment.lagom(train, config)

search([1, 2, 3, 4, 5, 6], "first")
print("-- second --")
try:
    search([10, 11, 12], "second")
except KeyboardInterrupt:
    print("interrupted by the user")
"""


def test_an_experiment_in_a_terminal_and_an_interrupt(experiments, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    terminal = Terminal([sys.executable, str(program)], columns=110, rows=30)
    try:
        check_pictures(terminal)
    finally:
        terminal.close()


def check_pictures(terminal):
    screen = terminal.screen

    terminal.read_until(lambda screen: "-- second --" in screen.text, PROCESS_SECONDS)
    first = screen.text.partition("-- second --")[0]
    lines = first.splitlines()
    assert first.count("Maggy experiment ━") == 1
    (bar,) = [line for line in lines if line.startswith("Maggy experiment ━")]
    assert " 6/6, " in bar
    assert bar.endswith(" elapsed")
    after_bar = lines[lines.index(bar) + 1 :]
    assert after_bar[0].startswith("best score 0.5 (trial 5), 1 ")
    assert after_bar[0].endswith("1 failed")
    heads = [line for line in after_bar if line.startswith(("running", "best  ", "failed  "))]
    assert [" ".join(head.split()) for head in heads] == ["best score parameters", "failed error"]
    assert "trial 3  ValueError: x is three" in after_bar
    assert lines[lines.index(bar) - 1] != ""
    # The lines of trials stay above the picture, and what the contract says stands below it.
    before_bar = lines[: lines.index(bar)]
    assert any(line.endswith(": begins") and line[:3] in ("0 #", "1 #") for line in before_bar)
    assert any(line.startswith("trial 3: failed: ValueError") for line in before_bar)
    assert "Started Maggy Experiment: first, " in "\n".join(before_bar)
    assert "------ GridSearch Results ------ direction(max)" in after_bar
    assert first.rstrip().endswith("Finished Experiment")

    terminal.read_until(shows_two_running_trials, PROCESS_SECONDS)
    terminal.press("\x03")
    terminal.read_to_end(PROCESS_SECONDS)
    second = screen.text.partition("-- second --")[2]
    assert ", killed" in second
    assert "running " not in second
    assert "interrupted by the user" in second
    assert screen.has_cursor
    assert screen.unknown == []
    assert terminal.process.returncode == 0
    assert terminal.attributes_now() == terminal.attributes


def shows_two_running_trials(screen):
    lines = screen.text.partition("-- second --")[2].splitlines()
    heads = [index for index, line in enumerate(lines) if line.startswith("running ")]
    rows = lines[heads[-1] + 1 : heads[-1] + 3] if heads else []
    return len(rows) == 2 and all(row.startswith("trial ") and "█" in row for row in rows)
