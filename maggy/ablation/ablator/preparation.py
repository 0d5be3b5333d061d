"""Has an ablator check its study for what a training function takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.common.exceptions import BadArgumentsError, SignatureError
from maggy.common.signature import accepted_parameters, parameter_names

__all__ = ["prepare_for"]


def prepare_for(train_fn: Callable[..., Any], ablator: AbstractAblator) -> None:
    """Have the ablator check its study for the functions that the training function takes.

    In release 1.1 the functions came in ``hparams``. Which of them a training function takes out of it cannot be
    seen, so a study that can give only one of them is not refused for the other.
    """
    names = ("dataset_function", "model_function")
    asked = accepted_parameters(train_fn, names)
    if "hparams" not in parameter_names(train_fn):
        ablator.prepare(asked)
        return
    errors: list[Exception] = []
    for extra in (names, ("model_function",), ("dataset_function",), ()):
        try:
            ablator.prepare(asked.union(extra))
            return
        except (BadArgumentsError, SignatureError) as error:
            errors.append(error)
    # That the training function does not take what was left out of ``extra`` is no news to the user.
    raise next(
        (error for error in reversed(errors) if isinstance(error, BadArgumentsError)), errors[0]
    )
