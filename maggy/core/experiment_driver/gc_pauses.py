"""Keeps Python's cyclic garbage collector from stopping the driver for long. It frees nothing itself."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["short_collections"]


@contextmanager
def short_collections() -> Iterator[None]:
    """Have a full collection look only at what is new since the last one.

    A full collection stops all threads while it walks through every container of the process: a fifth of a second
    with 30,000 trials, in which no heartbeat is answered. What has survived one is set aside with ``gc.freeze``, and
    handed back at the end. Until then cycles that become garbage after they were set aside take up memory; everything
    else is freed as always. Whoever has switched the collector off or uses ``gc.freeze`` knows better, so then nothing
    is changed.
    """
    if not gc.isenabled() or gc.get_freeze_count():
        yield
        return
    gc.freeze()
    gc.callbacks.append(_set_survivors_aside)
    try:
        yield
    finally:
        gc.callbacks.remove(_set_survivors_aside)
        gc.unfreeze()


def _set_survivors_aside(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()
