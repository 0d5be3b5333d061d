"""Test what the driver relies on in an ablator. A test class inherits the tests."""

from __future__ import annotations

import pytest

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import AbstractAblator
from maggy.testing.copies import spark_copy
from maggy.testing.simulated_driver import Score, SimulatedDriver
from maggy.testing.spaces import objective
from maggy.trial import Trial

__all__ = ["AblatorContract"]


class AblatorContract:
    """Test an ablator. Derive a class whose name begins with ``Test``, and say how to make yours.

    Neither Spark nor TensorFlow is needed.

    Example:
        >>> from maggy import AblationStudy
        >>> from maggy.ablation.ablator import LOCO
        >>> class TestLoco(AblatorContract):
        ...     def make_study(self):
        ...         study = AblationStudy("titanic", label_name="survived")
        ...         study.features.include("age")
        ...         return study
        ...     def make(self, study, final_store):
        ...         return LOCO(study, final_store)
        >>> [trial.params["ablated_feature"] for trial in TestLoco().drive().suggestions]
        ['None', 'age']
    """

    def make_study(self) -> AblationStudy:
        """Return a new study with at least one component to leave out, equal in every call."""
        raise NotImplementedError

    def make(self, study: AblationStudy, final_store: list[Trial]) -> AbstractAblator:
        """Return a new ablator for this study."""
        raise NotImplementedError

    def start(self) -> AbstractAblator:
        """Return an ablator that is ready for the first trial."""
        ablator = self.make(self.make_study(), [])
        ablator.initialize()
        return ablator

    def drive(
        self,
        ablator: AbstractAblator | None = None,
        score: Score = lambda trial: objective(trial.params),
        in_flight: int = 1,
    ) -> SimulatedDriver[AbstractAblator]:
        """Run a whole study without training; see :class:`SimulatedDriver`."""
        ablator = self.start() if ablator is None else ablator
        # An ablator that waits for results reads both stores, as the driver updates them.
        ablator.final_store, ablator.trial_store = [], {}
        return SimulatedDriver(
            ablator,
            ablator.get_trial,
            score,
            in_flight,
            final_store=ablator.final_store,
            trial_store=ablator.trial_store,
        )

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_it_gives_as_many_trials_as_it_says(self, in_flight: int) -> None:
        """Suggest as many trials as ``get_number_of_trials`` says.

        An ablator that waits for results may suggest fewer.
        """
        ablator = self.start()
        count = ablator.get_number_of_trials()
        assert count >= 1
        number = len(self.drive(in_flight=in_flight).suggestions)
        assert number == count or (ablator.waits_for_results and number < count)

    def test_the_base_comes_first_and_once(self) -> None:
        """Suggest the trial that leaves nothing out first, and only once."""
        base = {"ablated_feature": "None", "ablated_layer": "None"}
        params = self.drive().params
        assert params[0] == base
        assert params.count(base) == 1

    def test_a_trial_carries_labels_only(self) -> None:
        """Put two labels into each trial, or the three of a choice, and nothing else."""
        for trial in self.drive().suggestions:
            assert trial.trial_type == "ablation"
            assert {*trial.params} - {"ablated_choice"} == {"ablated_feature", "ablated_layer"}
            assert all(isinstance(label, str) and label for label in trial.params.values())

    def test_components_are_those_of_its_trials_if_it_names_any(self) -> None:
        """Return the components of all trials in their order, or none, from ``components``."""
        components = self.start().components()
        assert [component.params() for component in components] in ([], self.drive().params)

    def test_no_two_trials_are_the_same(self) -> None:
        """Suggest no trial twice."""
        params = [tuple(sorted(labels.items())) for labels in self.drive().params]
        assert len(set(params)) == len(params)

    @pytest.mark.parametrize("in_flight", [1, 50])
    def test_the_order_is_fixed(self, in_flight: int) -> None:
        """Suggest the trials in an order that depends only on the study."""
        assert self.drive(in_flight=in_flight).params == self.drive().params

    def test_it_survives_failed_trials(self) -> None:
        """Suggest the same trials if trials fail, or end if trials depend on results."""
        params = self.drive(score=lambda trial: None).params
        if self.start().waits_for_results:
            assert params == self.drive().params[: len(params)]
        else:
            assert params == self.drive().params

    def test_after_the_end_there_is_nothing_more(self) -> None:
        """Return None for every further trial after the first None."""
        ablator = self.drive().source
        assert [ablator.get_trial() for _ in range(3)] == [None, None, None]

    def test_its_pickled_form_holds_no_trials(self) -> None:
        """Keep the trials on the driver when the ablator travels to the workers."""
        marker = Trial({"marker": "a trial that must stay on the driver"})
        ablator = self.make(self.make_study(), [marker])
        ablator.initialize()
        data, copy = spark_copy(ablator)
        assert b"must stay on the driver" not in data
        assert callable(copy.get_dataset_generator)
        assert callable(copy.get_model_generator)

    def test_its_name_is_one_line_of_text(self) -> None:
        """Return one printable line from ``name``."""
        name = self.start().name()
        assert isinstance(name, str)
        assert name
        assert name.isprintable()
