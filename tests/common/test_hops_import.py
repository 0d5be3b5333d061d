"""A user's own ``from hops import util``, with the real hops and with small packages."""

import importlib
import importlib.util
import subprocess
import sys

import pytest

from maggy.common.hops_import import HopsUtilFinder, mend_hops_util

UTIL = (
    "from notebook.notebookapp import list_running_servers\n"
    "servers = list(list_running_servers())\n"
)


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Return a function that makes a package out of the text of its files."""
    package_names = ("hops", "notebook")
    before = {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in package_names
    }
    for name in before:
        del sys.modules[name]
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(package, **files):
        (tmp_path / package).mkdir()
        for name, text in {"__init__": "", **files}.items():
            (tmp_path / package / f"{name}.py").write_text(text)
        importlib.invalidate_caches()

    make("hops", util=UTIL, other=UTIL)
    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] in package_names]:
        del sys.modules[name]
    sys.modules.update(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["import maggy", "from maggy import experiment", "import maggy.searchspace"]
)
def test_after_any_import_of_maggy_a_user_can_import_the_real_hops_util(tmp_path, line):
    code = (
        f"{line}; from hops import util, hdfs; "
        "print(util.send_request.__module__, hdfs.project_name.__module__)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert process.stdout.strip() == "hops.util hops.hdfs", process.stderr


@pytest.mark.slow
def test_without_maggy_the_real_hops_util_cannot_be_imported(tmp_path):
    """If this fails, hops has been mended, and Maggy need not mend it any more."""
    code = "from hops import util"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert "No module named 'notebook'" in process.stderr


def test_the_missing_module_can_be_imported_by_hops_util_only(packages):
    for name in ("hops.other", "notebook", "notebook.notebookapp"):
        with pytest.raises(ModuleNotFoundError, match="notebook"):
            importlib.import_module(name)
    assert importlib.import_module("hops.util").servers == []
    assert [name for name in sys.modules if name.startswith("notebook")] == []
    assert importlib.util.find_spec("notebook") is None


def test_the_real_module_is_used_if_it_is_installed(packages):
    packages("notebook", notebookapp="def list_running_servers(): return ['a server']")
    assert importlib.import_module("hops.util").servers == ["a server"]
    assert "notebook.notebookapp" in sys.modules


@pytest.mark.parametrize(
    "text", [None, "import a_module_that_is_missing", "raise RuntimeError('too new')"]
)
def test_a_notebook_package_without_the_module_or_with_a_broken_one_stays_as_it_is(packages, text):
    packages("notebook", **({} if text is None else {"notebookapp": text}))
    assert importlib.import_module("hops.util").servers == []
    assert {"notebook"} == {name for name in sys.modules if name.startswith("notebook")}
    assert importlib.util.find_spec("notebook").origin.endswith("__init__.py")


def test_the_module_itself_shows_no_trace_and_can_be_loaded_again(packages):
    util = importlib.import_module("hops.util")
    assert (
        type(util.__loader__) is type(util.__spec__.loader) is type(sys.modules["hops"].__loader__)
    )
    assert importlib.reload(util).servers == []


def test_an_error_of_hops_util_itself_is_raised_and_leaves_no_module(packages, tmp_path):
    (tmp_path / "hops" / "util.py").write_text(UTIL + "raise OSError('no home')")
    with pytest.raises(OSError, match="no home"):
        importlib.import_module("hops.util")
    assert [
        name for name in sys.modules if name.startswith("notebook") or name == "hops.util"
    ] == []


def test_without_hops_its_import_fails_as_usual(packages, tmp_path):
    (tmp_path / "hops" / "util.py").unlink()
    importlib.invalidate_caches()
    with pytest.raises(ModuleNotFoundError, match=r"hops\.util"):
        importlib.import_module("hops.util")


def test_mending_twice_changes_nothing():
    mend_hops_util()
    mend_hops_util()
    assert len([finder for finder in sys.meta_path if isinstance(finder, HopsUtilFinder)]) == 1
