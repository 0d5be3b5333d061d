"""Name the folder of a worker's checkpoints on its own disk, and remove those of dead workers."""

from __future__ import annotations

import os
import re
import shutil
import stat
import uuid
from contextlib import suppress

from maggy.records.process import Process, is_provably_dead

__all__ = ["folder_of", "remove_leftovers"]

PREFIX = "maggy-checkpoints-"
_NAME = re.compile(PREFIX + r"([0-9a-f-]{36})_(\d+)_(\d+)_(\d+)_[0-9a-f]{32}")
"""The boot of the machine, the namespace, the process number and the start of the owner."""


def folder_of(owner: Process, parent: str) -> str:
    """Return the path of a new folder, whose name says which process it belongs to.

    Args:
        owner: The process of the worker.
        parent: The folder for temporary files.
    """
    namespace = "".join(re.findall(r"\d", owner.namespace))
    identity = f"{owner.boot_id}_{namespace}_{owner.pid}_{owner.started}"
    return f"{parent}/{PREFIX}{identity}_{uuid.uuid4().hex}"


def remove_leftovers(here: Process, parent: str) -> None:
    """Remove the folders of workers that have certainly ended without removing them.

    A folder stays if its owner may live: on another machine, in another container, or where the
    system does not say when a process has started. Those of other users stay, too.

    Args:
        here: This process.
        parent: The folder for temporary files.
    """
    try:
        names = os.listdir(parent)
    except OSError:
        return
    for name in names:
        if (match := _NAME.fullmatch(name)) is None:
            continue
        boot_id, namespace, pid, started = match.groups()
        # The boot stands for the host: no two machines have the same one.
        owner = Process(here.host, boot_id, f"pid:[{namespace}]", int(pid), started)
        path = f"{parent}/{name}"
        if is_provably_dead(owner, here) and _is_own_folder(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_own_folder(path: str) -> bool:
    with suppress(OSError):
        status = os.lstat(path)
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    return False
