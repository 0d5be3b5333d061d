"""Break the package in many small ways, and check that its fast tests notice each of them.

    python tests/faults/mutations.py [--only WORD]

Each mutation replaces one piece of code in a copy of the package, and runs the fast tests of that
part. The script prints a line for each mutation: the time until a test failed, or SURVIVED, or
HUNG. The exit status is 1 if a mutation survived, hung or does not fit the code.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 60.0
"""Time in which the tests must fail, on a quiet machine."""

DRIVER = "core/experiment_driver"
LEDGER_TESTS = " ".join(
    f"tests/{DRIVER}/test_{name}.py" for name in ("ledger", "ledger_losses", "places")
)
BOOK_TESTS = f"tests/{DRIVER}/test_trial_book.py"
CHECKPOINT_TESTS = f"tests/{DRIVER}/test_ledger_checkpoints.py"


@dataclass(frozen=True)
class Mutation:
    """One fault: in one file, a text that occurs once is replaced by another."""

    file: str
    old: str
    new: str
    tests: str


def load() -> list[Mutation]:
    """Return the mutations of ``mutations.txt``, which explains its format."""
    mutations = []
    groups = {"LEDGER": LEDGER_TESTS, "BOOK": BOOK_TESTS, "CHECKPOINTS": CHECKPOINT_TESTS}
    for block in (ROOT / "tests/faults/mutations.txt").read_text().split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if lines:
            file, old, new, tests = lines
            mutations.append(Mutation(file, old, new, groups.get(tests, tests)))
    return mutations


def apply(mutation: Mutation, package: Path) -> None:
    """Change one file of a copy of the package."""
    path = package / mutation.file
    source = path.read_text()
    count = source.count(mutation.old)
    if count != 1:
        raise SystemExit(f"{mutation.file} holds {count} times: {mutation.old}")
    path.write_text(source.replace(mutation.old, mutation.new))


def outcome(mutation: Mutation) -> tuple[str, float]:
    """Return what the tests made of a mutation, and the seconds that they took."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "maggy", Path(folder, "maggy"))
        for name in ("tests", "tox.ini"):
            os.symlink(ROOT / name, Path(folder, name))
        apply(mutation, Path(folder, "maggy"))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        command += ["-m", "not slow", "--rootdir", folder, *mutation.tests.split()]
        environment = {**os.environ, "PYTHONPATH": folder, "HYPOTHESIS_STORAGE_DIRECTORY": folder}
        start = time.monotonic()
        try:
            result = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "HUNG", LIMIT_SECONDS
        seconds = time.monotonic() - start
        if result.returncode == 1:
            return "noticed", seconds
        return ("SURVIVED" if result.returncode == 0 else result.stdout.decode()), seconds


def main() -> int:
    """Run all mutations, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="only mutations whose file holds this word")
    only = parser.parse_args().only
    mutations = [mutation for mutation in load() if only in mutation.file]
    failures = 0
    for mutation in mutations:
        text, seconds = outcome(mutation)
        failures += text != "noticed"
        print(
            f"{text:9} {seconds:5.1f} s  {mutation.file}: {mutation.old.strip()[:70]}", flush=True
        )
    print(f"{len(mutations) - failures} of {len(mutations)} mutations were noticed.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
