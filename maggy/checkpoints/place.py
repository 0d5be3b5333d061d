"""Find the place of an experiment's checkpoints, and leave there what workers know it by."""

from __future__ import annotations

import uuid

from maggy.checkpoints.run import CheckpointPlace
from maggy.common.credentials import without_credentials, without_secrets_of
from maggy.common.exceptions import RecordsError, ResumeError
from maggy.common.files import Files

__all__ = ["find_place"]

_TOKEN_FILE = "token"


def find_place(
    files: Files,
    directory: str,
    proof: tuple[str, str],
    *,
    choice: str | None,
    recorded_root: str | None,
    is_resumed: bool,
) -> CheckpointPlace:
    """Return where the checkpoints of an experiment lie.

    Args:
        files: Writes there.
        directory: The directory of the experiment, which this driver owns.
        proof: The name of a file in it, and a text that no other driver's file holds.
        choice: The directory that the config chose for the checkpoints; None for that of the
            experiment.
        recorded_root: The directory of earlier calls, without credentials; None if it was that of
            the experiment.
        is_resumed: Whether there were earlier calls.

    Raises:
        RecordsError: If nothing can be written to the chosen directory.
        ResumeError: If earlier calls had their checkpoints elsewhere, or in a store whose
            credentials are missing.
    """
    if choice is not None and is_resumed and without_credentials(choice) != recorded_root:
        raise ResumeError(
            "A resumed experiment must have its checkpoints where they are, in "
            f"{without_credentials(recorded_root or directory)}, but the config wants them in "
            f"{without_credentials(choice)}. Leave checkpoint_dir out."
        )
    if choice is None and recorded_root is not None and "***" in recorded_root:
        raise ResumeError(
            "The URL of checkpoints must have its credentials, which are not recorded, but got no "
            f"checkpoint_dir. Pass it as before: the checkpoints are in {recorded_root}."
        )
    root = choice or recorded_root
    if root is None:
        return CheckpointPlace(directory, *proof)
    token = uuid.uuid4().hex
    try:
        files.make_directory(root, exist_ok=True)
        files.write_bytes(f"{root}/{_TOKEN_FILE}", token.encode(), atomic=True)
    except Exception as error:  # the libraries of stores have errors of their own
        raise RecordsError(
            "Checkpoints must lie where files can be written, but in "
            f"{without_credentials(root)} they cannot ({type(error).__name__}: "
            f"{without_secrets_of(root, str(error))}). Choose another checkpoint_dir, or leave it "
            "out."
        ) from error
    return CheckpointPlace(root, _TOKEN_FILE, token)
