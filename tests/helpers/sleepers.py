"""Processes that trials leave behind, as far out of reach as possible."""

import psutil


def leave_a_sleeper(mark):
    """Start a sleeping process outside the trial's session, with the mark as its argument."""
    import os
    import sys

    read, write = os.pipe()
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.setsid()
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(1000)", mark])
        os._exit(0)
    os.close(write)
    os.read(read, 1)  # until the sleeper has its own command line, since then the pipe is closed
    os.wait()


def processes_with(mark):
    found = []
    for process in psutil.process_iter():
        try:
            if mark in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until_gone(pids):
    """Wait for the end of these processes."""
    processes = []
    for pid in pids:
        try:
            processes.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(processes, timeout=60)
    for process in alive:
        process.kill()
    assert alive == []


def sleeper_ids(mark):
    return [process.pid for process in processes_with(mark)]
