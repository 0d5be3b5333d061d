"""Uploads beside the training: one at a time, the newest next, and a store that goes away."""

import threading

import pytest

from maggy.checkpoints.transfer import read_manifest
from maggy.checkpoints.uploader import Upload, Uploader
from maggy.common.files import AnyFiles


class Store(AnyFiles):
    """A disk whose writing the test can hold up and refuse."""

    def __init__(self):
        super().__init__()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()
        self.failures = 0

    def open_to_write(self, path):
        self.has_begun.set()
        assert self.may_go_on.wait(60)
        if self.failures:
            self.failures -= 1
            raise ConnectionError("refused")
        return super().open_to_write(path)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def work(store, tmp_path):
    """Return what submits the checkpoint of a step, the uploader, the saved steps, the errors."""
    saved, errors = [], []
    uploader = Uploader(
        store, lambda upload, manifest, seconds: saved.append(upload.step), errors.append
    )

    def submit(step):
        folder = tmp_path / f"saved-{step}"
        folder.mkdir()
        (folder / "file").write_bytes(b"x" * step)
        uploader.submit(
            Upload(str(folder), str(tmp_path / "store" / str(step)), "a" * 16, "1/a", step, 0.5)
        )
        return folder

    yield submit, uploader, saved, errors
    store.may_go_on.set()
    uploader.close(60)


def test_a_checkpoint_is_whole_when_it_counts_as_saved(work, store, tmp_path):
    submit, uploader, saved, errors = work
    folder = submit(3)
    assert uploader.wait(60)
    assert saved == [3]
    assert not errors
    assert read_manifest(store, str(tmp_path / "store" / "3")).size == 3
    assert not folder.exists()


def test_the_newest_one_replaces_those_that_wait(work, store, tmp_path):
    submit, uploader, saved, _ = work
    store.may_go_on.clear()
    submit(1)
    assert store.has_begun.wait(60)
    second, third = submit(2), submit(3)
    assert not uploader.wait(0)
    assert (second.exists(), third.exists()) == (False, True)
    store.may_go_on.set()
    assert uploader.wait(60)
    assert saved == [1, 3]
    assert uploader.replaced == 1
    assert store.list(str(tmp_path / "store")) == ["1", "3"]


def test_a_store_that_is_away_for_a_moment_costs_nothing(work, store):
    submit, uploader, saved, errors = work
    store.failures = 2
    submit(1)
    assert uploader.wait(60)
    assert saved == [1]
    assert len(errors) == 1
    assert "Checkpoints cannot be written at the moment (ConnectionError: refused)" in errors[0]
    assert "kept on this machine's disk" in errors[0]


def test_while_the_store_is_away_a_newer_checkpoint_takes_the_place(work, store):
    submit, uploader, saved, _ = work
    store.failures = 1
    store.may_go_on.clear()
    first = submit(1)
    assert store.has_begun.wait(60)
    submit(2)
    store.may_go_on.set()
    assert uploader.wait(60)
    assert saved == [2]
    assert not first.exists()


def test_what_no_store_can_keep_costs_only_itself(work, tmp_path):
    submit, uploader, saved, errors = work
    folder = tmp_path / "with_link"
    folder.mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    uploader.submit(Upload(str(folder), str(tmp_path / "store" / "9"), "a" * 16, "9/a", 9, None))
    assert uploader.wait(60)
    submit(10)
    assert uploader.wait(60)
    assert saved == [10]
    assert "link" in errors[0]


def test_what_is_given_up_is_named_once_and_does_not_count_as_replaced(store, tmp_path, request):
    errors = []
    uploader = Uploader(store, lambda *saved: None, errors.append, patience=0.0)
    request.addfinalizer(lambda: uploader.close(60))
    store.failures = 1
    for step in (1, 2):
        folder = tmp_path / f"saved-{step}"
        folder.mkdir()
        (folder / "file").write_bytes(b"x")
        directory = str(tmp_path / "store" / str(step))
        uploader.submit(Upload(str(folder), directory, "a" * 16, f"{step}/a", step, None))
        assert uploader.wait(60)
        assert uploader.is_away == (step == 1)
        assert not folder.exists()
    assert [upload.step for upload in uploader.take_lost()] == [1]
    assert uploader.take_lost() == []
    assert uploader.replaced == 0
    assert len(errors) == 1


def test_closing_uploads_what_waits(work):
    submit, uploader, saved, _ = work
    submit(1)
    uploader.close(60)
    assert saved == [1]
    with pytest.raises(RuntimeError, match="closed"):
        submit(2)
