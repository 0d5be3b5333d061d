"""What an edit has changed, and who hears of it."""

import threading

from maggy.ablation.edited_model import EditedModel, current_listener, edits_told_to


def test_the_changes_are_sentences_and_no_change_is_no_text():
    edited = EditedModel("m", ("conv", "add"), ("flat",), ("dense",))
    assert edited.describe() == (
        "Left out: conv, add. Replaced: flat. "
        "Weights that start anew, because their shapes changed: dense."
    )
    assert EditedModel("m").describe() == ""


def test_a_listener_hears_inside_its_block_and_in_its_thread_only():
    edits = []
    heard_elsewhere = []
    assert current_listener() is None
    with edits_told_to(edits.append):
        current_listener()(EditedModel("m"))
        thread = threading.Thread(target=lambda: heard_elsewhere.append(current_listener()))
        thread.start()
        thread.join()
    assert current_listener() is None
    assert [edit.model for edit in edits] == ["m"]
    assert heard_elsewhere == [None]
