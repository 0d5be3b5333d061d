"""Compute the id of a trial, which is also the name of its directory."""

from __future__ import annotations

import hashlib
import json
import re

from maggy.common.types import Params

__all__ = ["MAX_ID_BYTES", "is_directory_name", "make_id"]

MAX_ID_BYTES = 200
"""The maximum length of an id. File systems take names of 255 bytes, and suffixes are added."""

_ABLATION_LABELS = ("ablated_feature", "ablated_layer")
_CHOICE_LABEL = "ablated_choice"
_ENCODER = json.JSONEncoder(sort_keys=True)  # json.dumps would make one for each trial
_MADE_ID = re.compile("[0-9a-f]{16}")


def make_id(params: Params, trial_type: str) -> str:
    """Return the id of a trial with these parameters: the first 16 digits of a hash of their JSON.

    In an ablation only the labels count, if those of the feature and the layer are there. Only the
    trials of choices have a third one, so all others keep their ids when choices are added.
    """
    if trial_type == "ablation" and all(label in params for label in _ABLATION_LABELS):
        labels = (*_ABLATION_LABELS, *([_CHOICE_LABEL] if _CHOICE_LABEL in params else []))
        params = {label: params[label] for label in labels}
    # MD5 as in release 1, so that records keep their ids. It protects nothing here.
    text = _ENCODER.encode(params)
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()[:16]


def is_directory_name(trial_id: object) -> bool:
    """Return whether a trial's directory may have this name.

    The name must work on every store, and must differ from the names of the experiment's files.
    """
    if not isinstance(trial_id, str):
        return False
    # Nearly every id is one that `make_id` returned, so this saves the checks below.
    if _MADE_ID.fullmatch(trial_id):
        return True
    return (
        0 < len(trial_id.encode("utf-8", "replace")) <= MAX_ID_BYTES
        and trial_id.isprintable()
        and not set(trial_id) & set('/\\:*?"<>|%#')
        and not trial_id.startswith((".", " "))
        and not trial_id.endswith((".", " ", ".json", ".log", ".maggy"))
        and ".damaged-" not in trial_id
    )
