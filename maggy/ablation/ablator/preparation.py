"""Check a study for the functions that a training function takes."""

from __future__ import annotations

from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.common.exceptions import BadArgumentsError, SignatureError
from maggy.common.signature import accepted_parameters, parameter_names
from maggy.common.types import TrainingFunction

__all__ = ["prepare_for"]


def prepare_for(train_fn: TrainingFunction, ablator: AbstractAblator) -> None:
    """Have the ablator check its study for the functions that the training function takes.

    In release 1.1 the functions came in ``hparams``. It cannot be seen which of them a training
    function takes out of it. So a study that needs only one of them is not refused for the other.

    Raises:
        AblationError: If the study names something that does not exist.
        SignatureError: If the training function, or a generator, cannot take what it needs.
    """
    names = ("dataset_function", "model_function")
    accepted = accepted_parameters(train_fn, names)
    if "hparams" not in parameter_names(train_fn):
        ablator.prepare(accepted)
        return
    errors: list[Exception] = []
    for extra in (names, ("model_function",), ("dataset_function",), ()):
        try:
            ablator.prepare(accepted.union(extra))
            return
        except (BadArgumentsError, SignatureError) as error:
            errors.append(error)
    # A SignatureError may say no more than that this attempt has offered too little. So a mistake
    # in the study itself comes first, and otherwise the error of the attempt that offered most.
    raise next(
        (error for error in reversed(errors) if isinstance(error, BadArgumentsError)), errors[0]
    )
