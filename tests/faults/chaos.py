"""A search whose processes are killed at random, by a seed: Python workers, executor JVMs, and once the driver.

    python tests/faults/chaos.py "local[2]" --trials 200 --seed 1

Runs the search in a process of its own, kills what the generator picks, resumes after the driver's death, and checks
what is on disk at the end. Prints one JSON line; exit status 1 if anything is missing.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

STEPS = 20

SEARCH = """
import json, os, sys
from pyspark.sql import SparkSession
master, folder, trials, resume = sys.argv[1:]
builder = SparkSession.builder.master(master).config("spark.ui.enabled", "false")
spark = builder.config("spark.executor.memory", "512m").config("spark.ui.showConsoleProgress", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(x, reporter):
    import time
    for step in range({steps}):
        reporter.broadcast(x + step, step)
        print(step)
        time.sleep(0.01)
    return x

config = OptimizationConfig(
    int(trials), "randomsearch", Searchspace(x=("DOUBLE", [0, 1])), es_policy="none", seed=3, hb_interval=0.1,
    trial_attempts=20, log_dir=folder, resume=resume or None, worker_timeout=5,
)
result = experiment.lagom(train, config)
print(json.dumps(result))
"""


def start(master, folder, trials, resume=""):
    """The driver's process; its output goes to a file in the folder."""
    code = SEARCH.replace("{steps}", str(STEPS))
    with open(folder / "output.txt", "a") as output:
        return subprocess.Popen(
            [sys.executable, "-c", code, master, str(folder), str(trials), resume],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYSPARK_PYTHON": sys.executable},
            cwd=folder,
        )


def processes(driver):
    """The Python workers and the executor JVMs below a driver."""
    workers, executors = [], []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            line = " ".join(process.cmdline())
            if "pyspark.daemon" in line and "pyspark.daemon" in " ".join(process.parent().cmdline()):
                workers.append(process)
            elif "CoarseGrainedExecutorBackend" in line:
                executors.append(process)
        except (psutil.NoSuchProcess, AttributeError):
            continue
    return workers, executors


def ended(folder):
    """How many trials are recorded as ended."""
    return sum(1 for _ in folder.glob("*_1/*/trial.json"))


def kill_one(driver, generator, kills):
    """Kill a worker, or now and then an executor with its workers."""
    workers, executors = processes(driver)
    if executors and generator.random() < 0.15:
        kind, victims = "executors", executors
    else:
        kind, victims = "workers", workers
    if victims:
        generator.choice(sorted(victims, key=lambda each: each.pid)).kill()
        kills[kind] += 1


def kill_driver(process, kills):
    """Kill the driver as a machine that is taken away would; returns how long its workers lived on."""
    workers, executors = processes(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    psutil.wait_procs(workers + executors, timeout=30)
    kills["drivers"] += 1
    return time.monotonic() - began


def chaos(master, trials, seed, folder, seconds=600):
    """Run, kill, resume, and return what happened."""
    generator = random.Random(seed)
    kills = {"workers": 0, "executors": 0, "drivers": 0}
    outlived, resume = None, ""
    process = start(master, folder, trials)
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < seconds:
        time.sleep(generator.uniform(0.4, 1.6))
        if process.poll() is not None or not ended(folder):
            continue
        if not resume and ended(folder) > trials * 0.4:
            outlived = kill_driver(process, kills)
            resume = str(next(folder.glob("*_1")))
            process = start(master, folder, trials, resume)
            time.sleep(5)
        elif ended(folder) < trials * 0.9:
            kill_one(process.pid, generator, kills)
    if process.poll() is None:
        process.kill()
    records = [json.loads(path.read_text()) for path in folder.glob("*_1/*/trial.json")]
    return {
        "master": master,
        "seconds": round(time.monotonic() - began, 1),
        "exit": process.wait(),
        "kills": kills,
        "workers_outlived_driver_s": outlived,
        "records": records,
        "result": json.loads((next(folder.glob("*_1")) / "result.json").read_text()),
    }


def problems(report, trials):
    """What is wrong with the outcome, in words; empty if nothing is."""
    found = []
    records = report["records"]
    if report["exit"] != 0:
        found.append(f"the search ended with status {report['exit']}")
    if len(records) != trials or len({record["trial_id"] for record in records}) != trials:
        found.append(f"{len(records)} trials are recorded in place of {trials}")
    if sorted(record["ended"] for record in records) != list(range(trials)):
        found.append("a trial ended twice")
    if report["result"]["num_trials"] + report["result"]["failed"] != trials:
        found.append(f"the result counts {report['result']['num_trials']} + {report['result']['failed']} trials")
    for record in records:
        if record["status"] == "FINALIZED":
            expected = [record["params"]["x"] + step for step in range(STEPS)]
            if record["metric_history"] != expected or record["step_history"] != list(range(STEPS)):
                found.append(f"points of {record['trial_id']} are missing: {record['step_history']}")
    if report["workers_outlived_driver_s"] is None or report["workers_outlived_driver_s"] >= 30:
        found.append("workers outlived the driver")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("master")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = chaos(options.master, options.trials, options.seed, Path(folder))
        wrong = problems(report, options.trials)
        if wrong:
            print((Path(folder) / "output.txt").read_text()[-5000:], file=sys.stderr)
    attempts = [record["attempts"] for record in report.pop("records")]
    report["result"] = {key: report["result"][key] for key in ("num_trials", "failed")}
    print(json.dumps({**report, "most_attempts": max(attempts), "problems": wrong}))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
