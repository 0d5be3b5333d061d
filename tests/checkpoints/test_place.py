"""Where the checkpoints of an experiment lie, also when it is resumed."""

import pytest

from maggy.checkpoints.place import find_place
from maggy.checkpoints.run import CheckpointPlace
from maggy.common.exceptions import RecordsError, ResumeError
from maggy.common.files import AnyFiles

PROOF = "owner-1.json", "token"


def place(choice=None, recorded_root=None, is_resumed=False):
    return find_place(
        AnyFiles(),
        "/experiment",
        PROOF,
        choice=choice,
        recorded_root=recorded_root,
        is_resumed=is_resumed,
    )


def test_by_default_they_lie_in_the_directory_of_the_experiment():
    assert place() == place(is_resumed=True) == CheckpointPlace("/experiment", *PROOF)


def test_another_directory_gets_a_token(tmp_path):
    root = str(tmp_path / "store")
    found = place(choice=root)
    assert (found.root, found.token) == (root, (tmp_path / "store" / "token").read_text())
    assert place(recorded_root=root, is_resumed=True).root == root
    assert place(choice=root, recorded_root=root, is_resumed=True).root == root


def test_a_resumed_experiment_does_not_leave_its_checkpoints(tmp_path):
    for recorded_root in (None, str(tmp_path / "a")):
        with pytest.raises(ResumeError, match="Leave checkpoint_dir out"):
            place(choice=str(tmp_path / "b"), recorded_root=recorded_root, is_resumed=True)


def test_credentials_are_not_recorded_and_must_be_given_again():
    url, recorded_root = "memory://key:secret@bucket/x", "memory://***@bucket/x"
    assert place(choice=url, recorded_root=recorded_root, is_resumed=True).root == url
    with pytest.raises(ResumeError, match="Pass it as before"):
        place(recorded_root=recorded_root, is_resumed=True)


def test_a_place_where_nothing_can_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordsError, match="Choose another checkpoint_dir"):
        place(choice=str(tmp_path / "file" / "below"))
