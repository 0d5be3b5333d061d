"""Training functions that save checkpoints, and what is on the store afterwards."""

__all__ = ["count_up", "die_on_record", "steps_on_disk"]


def count_up(
    params, reporter, *, epochs=4, fail_at=None, fails=(), trained=None, before_saving=None
):
    """Add up the epochs, with a checkpoint after each. Go on from a checkpoint if there is one.

    Args:
        params: The parameters of the trial; ``x`` is added in each epoch.
        reporter: The reporter of the trial.
        epochs: Number of epochs.
        fail_at: The epoch after which ``fails`` is called.
        fails: Called there with the reporter; an empty tuple for nothing.
        trained: A list that gets the parameter and the epoch of each epoch that is trained.
        before_saving: Called with the epoch before each checkpoint.
    """
    start, total = 0, 0
    if (checkpoint := reporter.restore()) is not None:
        start, total = checkpoint.step + 1, int((checkpoint / "total").read_text())
        assert checkpoint.metric == total
    for epoch in range(start, epochs):
        total += epoch + params["x"]
        if trained is not None:
            trained.append((params["x"], epoch))
        reporter.broadcast(total, step=epoch)
        if before_saving is not None:
            before_saving(epoch)
        with reporter.checkpoint(step=epoch) as folder:
            (folder / "total").write_text(str(total))
        if epoch == fail_at and start == 0:
            fails(reporter)
    return total


def die_on_record(reporter):
    """Kill this process once a checkpoint of its trial is on record, in any store."""
    import os
    import signal
    import threading

    from maggy.common.files import AnyFiles

    while not AnyFiles().exists(f"{os.environ['MAGGY_TRIAL_LOGDIR']}/checkpoints.json"):
        threading.Event().wait(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


def steps_on_disk(trial_directory):
    """Return the steps of the whole checkpoints of a trial."""
    return sorted(int(path.parent.parent.name) for path in trial_directory.rglob("manifest.json"))
