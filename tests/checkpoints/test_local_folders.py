"""Folders of killed workers are removed, and only those."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from maggy.checkpoints.local_folders import folder_of, remove_leftovers
from maggy.records.process import current_process

HERE = current_process()

pytestmark = pytest.mark.skipif(not HERE.boot_id, reason="this system proves no death")


def make(owner, tmp_path):
    folder = Path(folder_of(owner, str(tmp_path)))
    (folder / "0.0.0-1").mkdir(parents=True)
    (folder / "0.0.0-1" / "model").write_text("weights")
    return folder


def dead_process():
    """Return a process that has ended, as it knew itself."""
    code = (
        "from maggy.records.process import current_process as c; p = c(); print(p.pid, p.started)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pid, started = out.stdout.split()
    return replace(HERE, pid=int(pid), started=started)


def test_the_folder_of_a_killed_worker_is_removed(tmp_path):
    folder = make(dead_process(), tmp_path)
    remove_leftovers(HERE, str(tmp_path))
    assert not folder.exists()


def test_a_number_that_another_process_has_now_proves_the_death_too(tmp_path):
    folder = make(replace(HERE, started="1"), tmp_path)
    remove_leftovers(HERE, str(tmp_path))
    assert not folder.exists()


@pytest.mark.parametrize(
    "owner",
    [
        HERE,
        replace(HERE, boot_id="0" * 8 + HERE.boot_id[8:], pid=2**22 + 1),
        replace(HERE, namespace="pid:[1]", pid=2**22 + 1),
        replace(HERE, boot_id="", namespace="", started=""),
    ],
    ids=["alive", "another boot", "another container", "unknown"],
)
def test_the_folder_of_a_worker_that_may_live_stays(owner, tmp_path):
    folder = make(owner, tmp_path)
    remove_leftovers(HERE, str(tmp_path))
    assert (folder / "0.0.0-1" / "model").exists()


def test_other_names_and_links_stay(tmp_path):
    other = tmp_path / "maggy-checkpoints-mine"
    other.mkdir()
    link = Path(folder_of(dead_process(), str(tmp_path)))
    link.symlink_to(other)
    remove_leftovers(HERE, str(tmp_path))
    remove_leftovers(HERE, str(tmp_path / "missing"))
    assert sorted(os.listdir(tmp_path)) == sorted([other.name, link.name])
