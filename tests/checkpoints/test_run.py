"""What a training function does with checkpoints, without a driver."""

import os
import sys
import uuid
from pathlib import Path

import pytest

from maggy.checkpoints.run import CheckpointPlace, RunCheckpoints, RunPlace, is_saved_by
from maggy.checkpoints.saved import Handover
from maggy.checkpoints.transfer import upload
from maggy.common.exceptions import CheckpointError
from maggy.common.files import AnyFiles

FILES = AnyFiles()
TRIAL = "a" * 16


@pytest.fixture
def place(tmp_path):
    (tmp_path / "token").write_bytes(b"secret")
    return CheckpointPlace(str(tmp_path), "token", "secret")


@pytest.fixture
def make(place, tmp_path_factory):
    """Return what makes the checkpoints of a run, which are saved at once."""
    uploads, lines = [], []

    def make(run_name="1-1", handover=None):
        run_place = RunPlace(place, run_name, str(tmp_path_factory.mktemp("disk") / run_name))
        return RunCheckpoints(run_place, TRIAL, handover, uploads.append, lines.append)

    make.uploads, make.lines = uploads, lines
    return make


def save_all(uploads):
    for item in uploads:
        upload(
            FILES,
            Path(item.folder),
            item.directory,
            trial_id=TRIAL,
            step=item.step,
            metric=item.metric,
        )


def test_what_one_run_saves_the_next_one_restores(make):
    first = make("1-1")
    assert first.restore() is None
    with first.save(4, 0.5) as folder:
        assert list(folder.iterdir()) == []
        (folder / "model").write_text("weights")
    save_all(make.uploads)
    directory = make.uploads[0].directory
    assert directory.endswith(f"{TRIAL}/checkpoints/4/1-1")
    second = make("1-2", Handover(directory, 4, 0.5))
    checkpoint = second.restore()
    assert (checkpoint / "model").read_text() == "weights"
    assert os.fspath(checkpoint) == str(checkpoint.path)
    assert (checkpoint.step, checkpoint.metric) == (4, 0.5)


def test_an_exception_in_the_block_leaves_no_checkpoint(make):
    run = make()
    folders = []

    def save_half():
        with run.save(1, None) as folder:
            folders.append(folder)
            (folder / "model").write_text(str(1 / 0))

    with pytest.raises(ZeroDivisionError):
        save_half()
    assert make.uploads == []
    assert not folders[0].exists()
    with run.save(1, None):
        pass
    assert len(make.uploads) == 1


def test_steps_do_not_go_backwards(make):
    run = make()
    with run.save(3, None):
        pass
    with run.save(3, None):
        pass
    with pytest.raises(CheckpointError, match="step 2 after 3"), run.save(2, None):
        pass


def test_two_runs_never_write_into_one_directory(make):
    for name in ("1-1", "1-2", "2-1"):
        with make(name).save(3, None):
            pass
    assert len({item.directory for item in make.uploads}) == 3


@pytest.mark.parametrize("kind", ["missing", "other"])
def test_a_worker_that_sees_another_disk_says_so_at_the_first_use(make, tmp_path, kind):
    if kind == "missing":
        (tmp_path / "token").unlink()
    else:
        (tmp_path / "token").write_bytes(b"of another driver")
    with pytest.raises(CheckpointError, match="checkpoint_dir"), make().save(1, None):
        pass
    with pytest.raises(CheckpointError, match="checkpoint_dir"):
        make(handover=Handover(str(tmp_path / "x"), 1, None)).restore()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["token"][: kind == "other"]


def run_at(url, tmp_path, handover=None, tell=print):
    place = CheckpointPlace(url, "token", "secret")
    run_place = RunPlace(place, "1-1", str(tmp_path / "here"))
    return RunCheckpoints(run_place, TRIAL, handover, print, tell)


def test_a_worker_without_the_stores_package_says_so_at_the_first_use(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ossfs", None)  # as if it were not installed
    run = run_at("oss://key:word@bucket/folder", tmp_path, Handover("x/checkpoints/1/a", 1, None))
    uses = [run.restore, lambda: run.save(1, None).__enter__()]
    for use in uses:
        with pytest.raises(CheckpointError, match=r"cannot read oss://.*checkpoint_dir") as caught:
            use()
        assert "word" not in str(caught.value)


def test_no_line_or_error_shows_the_credentials_of_the_store(tmp_path):
    url, lines = f"memory://key:word@{uuid.uuid4().hex}", []
    first = run_at(url, tmp_path, Handover("x/checkpoints/1/a", 1, None), lines.append)
    with pytest.raises(CheckpointError, match="does not find the driver's files") as caught:
        first.restore()
    FILES.write_bytes(f"{url}/token", b"secret")
    other = Handover("memory://user:pass@earlier/x/checkpoints/1/a", 1, None)
    for run in (first, run_at(url, tmp_path, other, lines.append)):
        assert run.restore() is None
    assert all("begins anew" in line for line in lines)
    shown = "".join([str(caught.value), *lines])
    assert "word" not in shown
    assert "pass@" not in shown


def test_a_checkpoint_that_is_gone_costs_a_line(make, tmp_path):
    for directory in ("a/checkpoints/1/x", f"{tmp_path}/a/checkpoints/1/x"):
        run = make(handover=Handover(directory, 1, None))
        assert run.restore() is None
        assert run.handover is None
        assert "begins anew, since its checkpoint cannot be restored" in make.lines.pop()


def test_a_store_that_is_away_costs_no_trial(make, monkeypatch):
    def refuse(self, path):
        raise ConnectionError("away")

    monkeypatch.setattr(AnyFiles, "read_bytes", refuse)
    run = make()
    for step in (1, 2):
        with run.save(step, None):  # the uploader tries again
            pass
    assert len(make.uploads) == 2
    (line,) = make.lines
    assert "This worker cannot read the driver's file in" in line
    assert "(ConnectionError: away)" in line
    assert "pass another checkpoint_dir" in line
    assert make(handover=Handover("a/checkpoints/1/x", 1, None)).restore() is None


def test_a_step_that_is_saved_again_changes_nothing_in_a_checkpoint_that_may_count(make):
    run = make("1-1")
    for text in ("first", "second", "third"):
        with run.save(4, None) as folder:
            (folder / "model").write_text(text)
    save_all(make.uploads)
    names = [item.name for item in make.uploads]
    assert names == ["4/1-1", "4/1-1_1", "4/1-1_2"]
    assert all(is_saved_by("1-1", name) for name in names)
    assert not any(is_saved_by(other, "4/1-11") for other in ("1-1", "1"))
    for item, text in zip(make.uploads, ("first", "second", "third"), strict=True):
        checkpoint = make("1-2", Handover(item.directory, 4, None)).restore()
        assert (checkpoint / "model").read_text() == text
