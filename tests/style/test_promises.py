"""The figures that the pages promise are those of the code."""

import re
from pathlib import Path

import pytest

from maggy.core.cluster import MAX_UNLIMITED_WORKERS, packing
from maggy.core.executors import driver_silence, leftovers, mlflow_runs, running_function, watchdog
from maggy.core.executors.trial_executor import ANSWER_SECONDS
from maggy.core.executors.trial_session import PROBE_SECONDS
from maggy.core.experiment_driver import (
    foreground,
    job_failures,
    shown,
    suggestions,
    worker_wait,
)
from maggy.core.messages import MAX_LINE_LENGTH
from maggy.experiment_config import CommonConfig
from maggy.optimizer import untried
from maggy.records.ownership import RENEW_SECONDS, SILENCE_SECONDS

DOCS = Path(__file__).parents[2] / "docs"
NUMBERS = {1: "a", 3: "Three", 10: "ten"}
LIMITS = [
    f"Maggy waits for MLflow's server for at most {mlflow_runs.PATIENCE_SECONDS:g} seconds.",
    f"cannot be interrupted {running_function.GRACE_SECONDS:g} seconds after `max_trial_seconds`",
    f"workers wait for it for {driver_silence.CONNECTED_PATIENCE * ANSWER_SECONDS / 60:g} minutes",
]
RELIABILITY = [
    f"first `give_up_after` ({CommonConfig.give_up_after}) trials",
    f"no heartbeat for `worker_timeout` seconds ({CommonConfig.worker_timeout:g})",
    f"If it is not over after {running_function.GRACE_SECONDS:g} s more",
    f"SIGTERM, and SIGKILL after {leftovers.GRACE_SECONDS:g} s.",
    f"SIGTERM, and SIGKILL after {NUMBERS[watchdog.TRIAL_GRACE_SECONDS]} second.",
    f"waits at most {mlflow_runs.PATIENCE_SECONDS:g} s for a server",
    f"notice above {packing.LARGE_BYTES // 2**20} MiB",
    f"up to {MAX_LINE_LENGTH:,} characters",
    f"the first {shown.SHOWN_LENGTH:,} characters",
    f"{shown.LINES_PER_SECOND} lines a second and {shown.LINES_PER_TRIAL:,} lines a trial",
    f"{NUMBERS[job_failures.MAX_JOBS_WITHOUT_TRIAL]} jobs in a row that ran nothing",
    f"stayed unanswered for {ANSWER_SECONDS:g} s",
    f"one worker per trial, at most {MAX_UNLIMITED_WORKERS}.",
    f"a sign of life every {RENEW_SECONDS:g} s",
    f"otherwise after {SILENCE_SECONDS:g} s of silence",
    f"After {worker_wait.SECONDS_BETWEEN_LINES:g} s the driver says how many workers it waits for.",
    f"After {foreground.PATIENCE_SECONDS:g} s without a worker",
    f"{NUMBERS[suggestions.REFUSALS_LIMIT]} in a row end the experiment",
    f"at most {untried._MAX_CONFIGURATIONS:,} of them",
    f"asks again up to {NUMBERS[untried.MAX_REPEATS]} times",
    f"takes longer than {PROBE_SECONDS:g} s to build",
]


@pytest.mark.parametrize(
    ("page", "promise"),
    [
        *(("guides/limits.md", promise) for promise in LIMITS),
        *(("reliability.md", promise) for promise in RELIABILITY),
    ],
)
def test_a_figure_on_a_page_is_that_of_the_code(page, promise):
    text = re.sub(r"\s+", " ", (DOCS / page).read_text(encoding="utf-8"))
    assert promise in text


def test_a_driver_that_was_away_reads_the_owner_before_another_may_take_over():
    assert RENEW_SECONDS <= SILENCE_SECONDS / 2
