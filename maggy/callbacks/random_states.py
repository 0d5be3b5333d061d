"""Keep the states of the random generators that a training with PyTorch shares.

Nothing here draws a number: a continued training draws those that follow.
"""

from __future__ import annotations

import random
from typing import Any

from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["random_states", "restore_random_states"]


def random_states() -> dict[str, Any]:
    """Return the states of the generators of Python, numpy and PyTorch.

    Returns:
        Lists and tensors only, since PyTorch loads other objects only from files that are trusted.
    """
    numpy, torch = _libraries()
    version, python, gauss_next = random.getstate()
    kind, keys, *others = numpy.random.get_state()
    return {
        "python": [version, list(python), gauss_next],
        "numpy": [kind, keys.tolist(), *others],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """Let the generators go on from these states.

    Args:
        states: What `random_states` has returned. The states of GPUs are left out on a machine with
            another number of them.
    """
    numpy, torch = _libraries()
    version, python, gauss_next = states["python"]
    random.setstate((version, tuple(python), gauss_next))
    numpy.random.set_state(tuple(states["numpy"]))
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.device_count() == len(states["cuda"]):
        torch.cuda.set_rng_state_all(states["cuda"])


def _libraries() -> tuple[Any, Any]:
    remedy = install_command("lightning")
    name = "LightningCheckpoint"
    return import_optional("numpy", name, remedy), import_optional("torch", name, remedy)
