"""The directory for a training function's own TensorBoard files."""

import pytest

from maggy import tensorboard
from maggy.common.exceptions import MaggyError


def test_logdir_is_the_trials_directory_and_is_made(monkeypatch, tmp_path):
    directory = tmp_path / "app_1" / "trial"
    monkeypatch.setenv("MAGGY_TRIAL_LOGDIR", str(directory))
    assert tensorboard.logdir() == str(directory)
    assert directory.is_dir()
    assert tensorboard.logdir() == str(directory)


def test_logdir_leaves_a_url_alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAGGY_TRIAL_LOGDIR", "memory://app_1/trial")
    assert tensorboard.logdir() == "memory://app_1/trial"
    assert list(tmp_path.iterdir()) == []


def test_logdir_outside_a_training_function_says_where_to_call_it(monkeypatch):
    monkeypatch.delenv("MAGGY_TRIAL_LOGDIR", raising=False)
    with pytest.raises(RuntimeError, match="inside a training function") as caught:
        tensorboard.logdir()
    assert isinstance(caught.value, MaggyError)
