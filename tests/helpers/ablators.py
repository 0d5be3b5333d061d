"""An ablator that does nothing, for tests to derive from."""

from maggy.ablation.ablator import AbstractAblator


class PlainAblator(AbstractAblator):
    """An ablator that has only the methods of release 1."""

    def get_number_of_trials(self):
        return 1

    def initialize(self):
        pass

    def get_trial(self, ablation_trial=None):
        return None

    def get_dataset_generator(self, ablated_feature=None):
        return None

    def get_model_generator(self, layer_identifier=None):
        return None

    def finalize_experiment(self, trials):
        pass
