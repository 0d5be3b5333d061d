"""What the driver writes down of checkpoints, and what it removes."""

import pytest

from maggy import Trial
from maggy.checkpoints.keeping import CheckpointKeeper, CheckpointRecord, read_checkpoint_record
from maggy.checkpoints.run import CheckpointPlace
from maggy.checkpoints.saved import CheckpointPair, SavedCheckpoint
from maggy.common.exceptions import CheckpointError
from maggy.common.files import AnyFiles

FILES = AnyFiles()
NEWEST, BEST = SavedCheckpoint(3, 0.5, "3/1-17", 1000, 2.5), SavedCheckpoint(1, 0.9, "1/1-17")


@pytest.fixture
def keeper(tmp_path):
    place = CheckpointPlace(str(tmp_path), "token", "secret")
    return CheckpointKeeper(FILES, place, lambda name: f"{tmp_path}/{name}", keep_all=False)


def make_trial():
    trial = Trial({"x": 1}, info_dict={"rung": 2})
    trial.number, trial.attempts, trial.parent = 7, 2, "b" * 16
    for step, value in enumerate([0.1, 0.9, 0.4, 0.5, 0.6]):
        trial.append_point(step, value)
    return trial


def test_what_is_written_down_is_read_back_with_the_points_up_to_there(keeper):
    trial = make_trial()
    assert keeper.read(trial.trial_id) == CheckpointRecord(CheckpointPair())
    steps, values = trial.step_history[:4], trial.metric_history[:4]
    trial.reset()  # its worker was lost before the writer came to the record
    keeper.record(trial, CheckpointPair(NEWEST, BEST), steps, values)
    found = keeper.read(trial.trial_id)
    assert found.pair == CheckpointPair(NEWEST, BEST)
    assert found.trial.metric_history == [0.1, 0.9, 0.4, 0.5]
    assert (found.trial.trial_id, found.trial.number, found.trial.attempts) == (
        trial.trial_id, 7, 2,
    )  # fmt: skip
    assert (found.trial.params, found.trial.rung, found.trial.parent) == ({"x": 1}, 2, "b" * 16)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"newest": 3}', '{"newest": [1, 0.5, "../../up"]}', "[" * 5000, '{"trial": {}}'],
    ids=["empty", "list", "number", "elsewhere", "deep", "no_trial"],
)
def test_a_damaged_record_is_noticed_and_counts_as_none(text, tmp_path, keeper):
    (tmp_path / "t1").mkdir()
    (tmp_path / "t1" / "checkpoints.json").write_text(text)
    with pytest.raises(CheckpointError):
        read_checkpoint_record(FILES, str(tmp_path / "t1"))
    assert keeper.read("t1") == CheckpointRecord(CheckpointPair())


def test_what_lost_runs_have_left_at_a_step_goes_with_it(tmp_path, keeper):
    for name in ("1/a", "1/lost", "3/a", "3/b"):
        (tmp_path / "t1" / "checkpoints" / name).mkdir(parents=True)
    pair = CheckpointPair(SavedCheckpoint(3, 0.5, "3/b"))
    keeper.remove("t1", [SavedCheckpoint(1, 0.5, "1/a"), SavedCheckpoint(3, 0.4, "3/a")], pair)
    left = sorted((tmp_path / "t1" / "checkpoints").rglob("*"))
    assert [path.name for path in left] == ["3", "b"]


def test_a_name_that_leads_elsewhere_removes_nothing(tmp_path, keeper):
    (tmp_path / "precious").mkdir()
    with pytest.raises(CheckpointError, match="relative paths"):
        keeper.remove(
            "t1",
            [SavedCheckpoint(1, 0.5, "../../precious")],
            CheckpointPair(SavedCheckpoint(1, 0.5, "1/a")),
        )
    assert (tmp_path / "precious").exists()


def test_a_store_that_is_away_has_no_checkpoints(keeper, monkeypatch):
    def refuse(self, folder, name):
        raise ConnectionError("away")

    monkeypatch.setattr(AnyFiles, "read_inside", refuse)
    assert keeper.read("t1") == CheckpointRecord(CheckpointPair())
