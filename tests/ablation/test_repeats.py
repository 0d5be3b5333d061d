"""Every trial of an ablator is run once for each repeat."""

from maggy.ablation.component import Component
from maggy.ablation.repeats import Repeats
from maggy.common.seeding import derive_seed
from maggy.trial import Trial


def trials(*components):
    return [Trial(component.params(), "ablation") for component in components]


def suggest_all(repeats):
    suggestions = []
    while isinstance(suggestion := repeats.next(None), Trial):
        suggestions.append(suggestion)
    return suggestions, suggestion


STUDY = (Component.base(), Component.feature("fare"), Component.layer("dense"))


def test_all_components_of_a_repeat_come_before_the_next_repeat():
    queue = trials(*STUDY)
    suggestions, end = suggest_all(Repeats(lambda _: queue.pop(0) if queue else None, 3, 7))
    assert end is None
    assert [trial.params for trial in suggestions] == [part.params() for part in STUDY] * 3
    assert [trial.repeat for trial in suggestions] == [0] * 3 + [1] * 3 + [2] * 3


def test_the_first_repeat_keeps_the_ids_and_the_others_have_a_suffix():
    queue = trials(*STUDY)
    suggestions, _ = suggest_all(Repeats(lambda _: queue.pop(0) if queue else None, 3, 7))
    first_ids = [trial.trial_id for trial in suggestions[:3]]
    assert first_ids[0] == "5b254f8048b3784d"
    assert [trial.trial_id for trial in suggestions[3:6]] == [f"{name}_2" for name in first_ids]
    assert [trial.trial_id for trial in suggestions[6:]] == [f"{name}_3" for name in first_ids]


def test_all_trials_of_a_repeat_have_one_seed():
    queue = trials(*STUDY)
    suggestions, _ = suggest_all(Repeats(lambda _: queue.pop(0) if queue else None, 2, 7))
    seeds = [trial.seed for trial in suggestions]
    assert seeds == [derive_seed(7, 0)] * 3 + [derive_seed(7, 1)] * 3


def test_without_a_seed_a_trial_has_no_notes():
    queue = trials(*STUDY)
    suggestions, _ = suggest_all(Repeats(lambda _: queue.pop(0) if queue else None, 1, None))
    assert [trial.info_dict for trial in suggestions] == [{}] * 3


def test_an_ablator_that_waits_gets_all_repeats_of_its_round():
    rounds = [trials(*STUDY[:2]), trials(STUDY[2])]

    def suggest(finished):
        if not rounds:
            return None
        if rounds[0]:
            return rounds[0].pop(0)
        if finished is not None:  # In this ablator any end ends the round.
            rounds.pop(0)
            return suggest(None)
        return "IDLE"

    repeats = Repeats(suggest, 2, 7)
    suggestions, end = suggest_all(repeats)
    assert end == "IDLE"
    assert [trial.repeat for trial in suggestions] == [0, 0, 1, 1]
    further = repeats.next(suggestions[0])
    assert further.params == STUDY[2].params()
    assert repeats.next(None).repeat == 1


def test_every_end_reaches_the_ablator_although_repeats_were_due():
    queue, ends = trials(*STUDY), []

    def suggest(finished):
        ends.append(finished)
        return queue.pop(0) if queue else None

    repeats = Repeats(suggest, 2, 7)
    first = repeats.next(None)
    second, third = repeats.next(None), repeats.next(None)
    repeats.next(first), repeats.next(second), repeats.next(third)
    repeats.next(None), repeats.next(None)
    assert ends == [None, None, None, first, second, third]


def test_a_component_that_is_withdrawn_takes_all_its_repeats():
    (trial,) = trials(Component.custom("small"))
    withdrawn = Repeats(lambda _: None, 3, 7).all_of(trial)
    assert [trial.repeat for trial in withdrawn] == [0, 1, 2]
    assert len({trial.trial_id for trial in withdrawn}) == 3
