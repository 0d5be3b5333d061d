"""Compare this tree with an earlier revision: a trial's cost, makespan, a driver with many workers.

    python tests/benchmarks/against.py REVISION

The script runs the benchmarks of both trees in turns, always in new processes: old and new, then
new and old, and so on, because the machine may slow the tree that runs second. It prints the
median of each figure and the ratio new/old. Only ratios of one run are meaningful, because a
machine's speed changes from hour to hour. Records are written to memory where the system has a
file system for that (/dev/shm), because many disks are slow for minutes after files were deleted.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from report import table

ROOT = Path(__file__).parents[2]
MEMORY = "/dev/shm"
SCRIPTS = {
    "overhead": (["overhead.py", "--only", "Maggy"], "overhead"),
    "makespan": (["makespan.py", "--only", "Maggy"], "makespan"),
    "scale": (["scale.py", "--workers", "10000"], "scale"),
}
FIGURES = {
    "overhead": {
        "a trial (ms)": lambda line: line["Maggy"]["per_trial_s"] * 1e3,
        "the call beyond its trials (s)": lambda line: line["Maggy"]["fixed_s"],
        "broadcast (microseconds)": lambda line: line["broadcast_s"] * 1e6,
    },
    "makespan": {"makespan over the ideal": lambda line: line["Maggy"]["over_ideal"]},
    "scale": {
        "10,000 workers: answer p99 (ms)": lambda line: line["answer_p99_ms"],
        "10,000 workers: driver (cores)": lambda line: line["driver_cores"],
        "10,000 workers: trials/s": lambda line: line["trials_per_s"],
    },
}


def unpack(revision, folder):
    """Put the tree of a revision into a folder."""
    archive = subprocess.run(
        ["git", "archive", revision], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    tree = Path(folder)
    # The scripts ask for the installed version, and a tree is not installed.
    metadata = tree / "maggy.dist-info/METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: maggy\nVersion: 0+{revision}\n")
    return tree


def measure(tree, script):
    """Return the JSON line that a benchmark script of a tree prints."""
    arguments, name = SCRIPTS[script]
    finished = subprocess.run(
        [sys.executable, str(tree / "tests/benchmarks" / arguments[0]), *arguments[1:]],
        env={
            **os.environ,
            "PYTHONPATH": str(tree),
            "TMPDIR": MEMORY if os.path.isdir(MEMORY) else tempfile.gettempdir(),
        },
        cwd=tree,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]
    return next(line for line in lines if line["benchmark"] == name)


def measure_pairs(old, new, script, repeats):
    """Return what a script prints for both trees, pair by pair; the other tree begins each time."""
    pairs = []
    for number in range(repeats):
        if number % 2:
            after = measure(new, script)
            pairs.append((measure(old, script), after))
        else:
            before = measure(old, script)
            pairs.append((before, measure(new, script)))
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision", help="the commit to compare with")
    parser.add_argument("--only", nargs="*", choices=SCRIPTS, default=list(SCRIPTS))
    parser.add_argument("--repeats", type=int, default=4)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        old = unpack(options.revision, folder)
        for script in options.only:
            pairs = measure_pairs(old, ROOT, script, options.repeats)
            for name, value in FIGURES[script].items():
                before = [value(line) for line, _ in pairs]
                after = [value(line) for _, line in pairs]
                ratios = [new / old for old, new in zip(before, after, strict=True)]
                rows.append(
                    [
                        name,
                        f"{statistics.median(before):.4g}",
                        f"{statistics.median(after):.4g}",
                        f"{statistics.median(ratios):.3f}",
                        f"{min(ratios):.3f} to {max(ratios):.3f}",
                    ]
                )
    table(
        ["", "old", "new", "new/old", "of all pairs"],
        rows,
        title=f"This tree beside {options.revision}",
    )


if __name__ == "__main__":
    main()
