"""The check of the release on an executor, which is a Python process with a release."""

import pickle
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pyspark
import pytest

from maggy import __version__
from maggy.core.cluster.pickling import dumps
from maggy.core.cluster.release import guard_task, release_error
from maggy.core.messages import protocol_mismatch
from maggy.version import PROTOCOL

pytestmark = pytest.mark.slow

EXECUTOR = """
import pickle, sys
sys.path[:0] = [{release!r}, {packages!r}]
from pyspark import cloudpickle
with open({command!r}, "rb") as file:
    run = cloudpickle.load(file)
try:
    answer = list(run([3]))
except BaseException as error:
    answer = (type(error).__name__, str(error), "maggy" in sys.modules)
print(pickle.dumps(answer).hex())
"""


def task(info):
    return [info.partition]


def other_packages(tmp_path):
    """Return a folder with all installed packages but Maggy, which may be installed itself."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for path in Path(pyspark.__file__).parents[1].iterdir():
        if "maggy" not in path.name.lower():
            (folder / path.name).symlink_to(path)
    return folder


def run_on_executor(tmp_path, release):
    """Return what an executor answers on whose path only this release of Maggy is."""
    command = tmp_path / "command.pickle"
    # A function of this module would be pickled by reference, and the executor does not have it.
    command.write_bytes(dumps(guard_task(lambda info: [info.partition])))
    code = EXECUTOR.format(
        release=str(release), packages=str(other_packages(tmp_path)), command=str(command)
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ""},
    )
    assert result.returncode == 0, result.stderr
    return pickle.loads(bytes.fromhex(result.stdout.strip().splitlines()[-1]))


def write_release(root, version_file):
    """Write a release that cannot even be imported, as one of another age may be."""
    package = root / "maggy"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('a release of another age')")
    if version_file is not None:
        (package / "version.py").write_text(version_file)


@pytest.mark.parametrize(
    ("version_file", "version", "protocol"),
    [
        (f'__version__ = "9.9.9"\n\nPROTOCOL = {PROTOCOL + 1}\n', "9.9.9", PROTOCOL + 1),
        ('__version__ = "2.0.0"\n', "2.0.0", 0),
        (None, "an unknown release", 0),
    ],
)
def test_another_protocol_is_refused_before_anything_is_imported(
    tmp_path, version_file, version, protocol
):
    write_release(tmp_path / "installed", version_file)
    kind, text, has_imported = run_on_executor(tmp_path, tmp_path / "installed")
    assert (kind, has_imported) == ("RuntimeError", False)
    assert f"the driver has {__version__} (protocol {PROTOCOL})" in text
    assert f"has {version} (protocol {protocol})" in text
    assert text.endswith("Install the driver's release on the executors.")


def test_a_release_in_a_zip_file_is_read_too(tmp_path):
    write_release(tmp_path / "installed", '__version__ = "2.0.0"\n')
    with zipfile.ZipFile(tmp_path / "maggy.zip", "w") as archive:
        for path in (tmp_path / "installed").rglob("*.py"):
            archive.write(path, path.relative_to(tmp_path / "installed"))
    kind, text, has_imported = run_on_executor(tmp_path, tmp_path / "maggy.zip")
    assert (kind, has_imported) == ("RuntimeError", False)
    assert "has 2.0.0 (protocol 0)" in text


def test_where_maggy_is_not_installed_the_error_says_so(tmp_path):
    (tmp_path / "empty").mkdir()
    kind, text, _ = run_on_executor(tmp_path, tmp_path / "empty")
    assert (kind, text) == ("ModuleNotFoundError", "No module named 'maggy'")


def test_the_same_protocol_runs_the_task():
    assert list(guard_task(task)([3, 5])) == [3, 5]


def test_sparks_error_of_a_refused_executor_is_recognized():
    text = protocol_mismatch("host", "2.0.0", 0)
    spark_error = RuntimeError(f"Job aborted.\n  File x\nRuntimeError: {text}\n\n\tat java")
    assert release_error(spark_error) == text
    assert release_error(RuntimeError("Job aborted.\nRuntimeError: out of memory\n")) is None
