"""Kill processes of a search at random, by a seed: Python workers, executor JVMs, once the driver.

    PYTHONPATH=tests python tests/faults/chaos.py "local[2]" --trials 200 --seed 1

The search runs in a process of its own. The script kills the processes that the random generator
picks, resumes the search after the driver's death, and checks the records at the end. The kills
follow the number of ended trials, so that a slow machine gets as many kills as a fast one: trials
wait at their end when the next kill is due. The script prints one JSON line. The exit status is 1
if anything is missing.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from helpers.waiting import HANG, kill_tree, wait_until

STEPS = 20
STALLED_SECONDS = 300.0
"""After this time without a trial's end, the search counts as hanging."""

SEARCH = """
import glob, json, os, sys
from pyspark.sql import SparkSession
master, folder, trials, resume = sys.argv[1:]
builder = SparkSession.builder.master(master).config("spark.ui.enabled", "false")
builder = builder.config("spark.executor.memory", "512m")
spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")
from maggy import Searchspace, experiment, tensorboard
from maggy.experiment_config import OptimizationConfig

previous = []  # its last item is the record of this worker's last trial

def may_end():
    if previous and not os.path.exists(previous[-1]):
        return False
    with open(os.path.join(folder, "limit.txt")) as file:
        return len(glob.glob(os.path.join(folder, "*_1", "*", "trial.json"))) < int(file.read())

def train(x, reporter):
    import time
    for step in range({steps}):
        reporter.broadcast(x + step, step)
        print(step)
        time.sleep(0.01)
    while not may_end():
        time.sleep(0.02)
    previous.append(os.path.join(tensorboard.logdir(), "trial.json"))
    return x

config = OptimizationConfig(
    int(trials), "randomsearch", Searchspace(x=("DOUBLE", [0, 1])), es_policy="none", seed=3,
    hb_interval=0.1, trial_attempts=20, log_dir=folder, resume=resume or None, worker_timeout=120,
)
result = experiment.lagom(train, config)
print(json.dumps(result))
"""


class Search:
    """The process of a search, whose output goes to a file; the process ends with the block."""

    def __init__(self, master, folder, trials):
        self.folder = folder
        self._arguments = [master, str(folder), str(trials)]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        kill_tree(self.process)

    def start(self, resume=""):
        code = SEARCH.replace("{steps}", str(STEPS))
        with open(self.folder / "output.txt", "a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, *self._arguments, resume],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYSPARK_PYTHON": sys.executable},
                cwd=self.folder,
            )

    def ended(self):
        """Return how many trials have a record of their end."""
        return sum(1 for _ in self.folder.glob("*_1/*/trial.json"))

    def allow(self, trials):
        """Let trials end until this number has ended.

        It may be one more, because two may end at the same time.
        """
        new = self.folder / "limit.new"
        new.write_text(str(trials))
        new.replace(self.folder / "limit.txt")

    def wait_for(self, condition, what):
        """Wait until the condition holds or the search is over; raise an error if it hangs."""
        count, since = -1, time.monotonic()

        def holds():
            nonlocal count, since
            if self.ended() != count:
                count, since = self.ended(), time.monotonic()
            assert time.monotonic() - since < STALLED_SECONDS, (
                f"{what} did not happen; {count} ended"
            )
            return self.process.poll() is not None or condition()

        wait_until(holds, what, seconds=float("inf"))

    def processes(self):
        """Return the Python workers and the executor JVMs below the driver."""
        workers, executors = [], []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line = " ".join(process.cmdline())
                if "pyspark.daemon" in line and "pyspark.daemon" in " ".join(
                    process.parent().cmdline()
                ):
                    workers.append(process)
                elif "CoarseGrainedExecutorBackend" in line:
                    executors.append(process)
            except (psutil.Error, AttributeError):
                continue
        return workers, executors

    def kill_one(self, generator, kills):
        """Kill a worker or, less often, an executor with its workers."""
        self.wait_for(lambda: self.processes()[0], "the start of a worker")
        workers, executors = self.processes()
        if executors and generator.random() < 0.15:
            kind, victims = "executors", executors
        else:
            kind, victims = "workers", workers
        if victims:  # the worker may have ended meanwhile
            generator.choice(sorted(victims, key=lambda process: process.pid)).kill()
            kills[kind] += 1

    def kill_driver(self, kills):
        """Kill the driver, as the loss of its machine would; return how many workers outlive it."""
        workers, executors = self.processes()
        self.process.kill()
        self.process.wait()
        kills["drivers"] += 1
        _, alive = psutil.wait_procs(workers + executors, timeout=HANG)
        return len(alive)


def plan(trials, generator):
    """Return the numbers of ended trials at which to kill a process, from the first to 90 %."""
    counts, count = [], 1
    while count < trials * 0.9:
        counts.append(count)
        count += generator.randint(2, 6)
    return counts


def chaos(master, trials, seed, folder):
    """Run, kill and resume a search, and return a report."""
    generator = random.Random(seed)
    kills = {"workers": 0, "executors": 0, "drivers": 0}
    counts, outlived, began = plan(trials, generator), None, time.monotonic()
    with Search(master, folder, trials) as search:
        search.allow(counts[0])
        for count, following in zip(counts, [*counts[1:], trials - 2], strict=True):
            search.wait_for(
                lambda count=count: search.ended() >= count, f"the end of {count} trials"
            )
            if search.process.poll() is not None:
                break
            search.allow(following)
            time.sleep(generator.uniform(0, 0.5))  # so that the kill hits any moment of a trial
            if outlived is None and count > trials * 0.4:
                outlived = search.kill_driver(kills)
                search.start(str(next(folder.glob("*_1"))))
            else:
                search.kill_one(generator, kills)
        search.allow(trials + 1)
        search.wait_for(lambda: False, "the end of the search")
    records = [json.loads(path.read_text()) for path in folder.glob("*_1/*/trial.json")]
    result = next(folder.glob("*_1/result.json"), None)
    return {
        "master": master,
        "seconds": round(time.monotonic() - began, 1),
        "exit": search.process.returncode,
        "planned": len(counts),
        "kills": kills,
        "workers_that_outlived_the_driver": outlived,
        "records": records,
        "result": json.loads(result.read_text()) if result else {"num_trials": 0, "failed": 0},
    }


def problems(report, trials):
    """Return what is wrong with the outcome, as sentences."""
    faults = []
    records = report["records"]
    if report["exit"] != 0:
        faults.append(f"the search ended with status {report['exit']}")
    if len(records) != trials or len({record["trial_id"] for record in records}) != trials:
        faults.append(f"{len(records)} trials are recorded in place of {trials}")
    if sorted(record["ended"] for record in records) != list(range(trials)):
        faults.append("a trial ended twice")
    if report["result"]["num_trials"] + report["result"]["failed"] != trials:
        faults.append(
            f"the result counts {report['result']['num_trials']} + "
            f"{report['result']['failed']} trials"
        )
    for record in records:
        if record["status"] == "FINALIZED":
            expected = [record["params"]["x"] + step for step in range(STEPS)]
            if record["metric_history"] != expected or record["step_history"] != list(range(STEPS)):
                faults.append(
                    f"points of {record['trial_id']} are missing: {record['step_history']}"
                )
    if report["workers_that_outlived_the_driver"] != 0:
        faults.append("workers outlived the driver")
    if sum(report["kills"].values()) != report["planned"]:
        faults.append(f"{report['kills']} are not the {report['planned']} kills of the plan")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("master")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = chaos(options.master, options.trials, options.seed, Path(folder))
        faults = problems(report, options.trials)
        if faults:
            print((Path(folder) / "output.txt").read_text()[-5000:], file=sys.stderr)
    attempts = [record["attempts"] for record in report.pop("records")]
    report["result"] = {key: report["result"][key] for key in ("num_trials", "failed")}
    print(json.dumps({**report, "most_attempts": max(attempts), "problems": faults}))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
