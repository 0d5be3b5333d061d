"""Find the directory in which an experiment keeps its checkpoints."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from maggy.checkpoints.keeping import CheckpointKeeper
from maggy.checkpoints.run import CheckpointPlace
from maggy.common.exceptions import RecordsError, ResumeError
from maggy.core.environment import Environment
from maggy.core.plan import Config
from maggy.core.resume import Past, add_checkpoints
from maggy.records.contract import RecordStore

__all__ = ["find_checkpoints"]

_TOKEN_FILE = "token"


def find_checkpoints(
    environment: Environment,
    config: Config,
    store: RecordStore,
    earlier: Mapping[str, Any],
    past: Past,
) -> tuple[CheckpointKeeper, Past]:
    """Return what keeps the checkpoints of an experiment, and what goes on from them.

    Args:
        environment: The platform.
        config: The config of the call.
        store: The records, which this driver owns. It gives them back if this raises.
        earlier: The record of earlier calls that this one resumes; empty if there is none.
        past: The trials of these.

    Returns:
        The keeper, and the past with the trials that had begun and have a checkpoint.

    Raises:
        RecordsError: If nothing can be written to ``checkpoint_dir``.
        ResumeError: If earlier calls had their checkpoints elsewhere.
    """
    try:
        root = _find_root(environment, config, store, earlier)
        place = (
            CheckpointPlace(root, *store.proof())
            if root == store.directory
            else _write_token(environment, root)
        )
        keeper = CheckpointKeeper(
            environment.files,
            place,
            store.trial_directory,
            keep_all=config.keep_checkpoints == "all",
        )
        return keeper, add_checkpoints(past, store, keeper)
    except BaseException:
        store.release()
        raise


def _find_root(
    environment: Environment, config: Config, store: RecordStore, earlier: Mapping[str, Any]
) -> str:
    recorded_root, is_resumed = earlier.get("checkpoint_root"), bool(earlier)
    if config.checkpoint_dir is None:
        return recorded_root if isinstance(recorded_root, str) else store.directory
    root = f"{environment.root(config.checkpoint_dir)}/{store.experiment_id}"
    if is_resumed and recorded_root != root:
        raise ResumeError(
            "A resumed experiment must have its checkpoints where they are, in "
            f"{recorded_root or store.directory}, but the config has "
            f"checkpoint_dir={config.checkpoint_dir!r}. Leave checkpoint_dir out."
        )
    return root


def _write_token(environment: Environment, root: str) -> CheckpointPlace:
    token = uuid.uuid4().hex
    try:
        environment.files.make_directory(root, exist_ok=True)
        environment.files.write_bytes(f"{root}/{_TOKEN_FILE}", token.encode(), atomic=True)
    except Exception as error:  # the libraries of stores have errors of their own
        raise RecordsError(
            f"Checkpoints must lie where files can be written, but in {root} they cannot "
            f"({type(error).__name__}: {error}). Choose another checkpoint_dir, or leave it out."
        ) from error
    return CheckpointPlace(root, _TOKEN_FILE, token)
