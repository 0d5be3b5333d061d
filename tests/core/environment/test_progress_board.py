"""The figures of a running experiment for readers in other threads."""

from maggy.core.environment.progress_board import ProgressBoard


def test_the_size_of_the_board_is_limited_and_nan_is_never_shown():
    board = ProgressBoard()
    for _ in range(30):
        board.write("x" * 100_000)
    assert len(board.read()["ex_logs"]) <= 1_000_100
    board.update(num_trials=None, num_ended=3, num_stopped=0, best_metric=float("nan"))
    assert board.read() == {
        "num_trials": 3,
        "to_date": 3,
        "stopped": 0,
        "metric": 0.0,
        "ex_logs": None,
    }
