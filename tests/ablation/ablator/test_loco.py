"""Leave One Component Out, as far as no TensorFlow is needed."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.ablator import LOCO
from maggy.ablation.component import Component
from maggy.common.exceptions import AblationError, SignatureError
from maggy.core.cluster import dumps, loads
from maggy.testing import AblatorContract

BOTH = frozenset({"dataset_function", "model_function"})
FRAME = pd.DataFrame({"age": [1.0], "fare": [2.0], "pclass": [3], "sibsp": [4], "survived": [1]})


def titanic():
    """Return the study of the example notebook."""
    study = AblationStudy(
        "titanic_train_dataset", training_dataset_version=1, label_name="survived"
    )
    study.features.include("pclass")
    study.features.include(["fare", "sibsp"])
    study.model.set_base_model_generator(lambda: "base")
    study.model.layers.include(
        "my_dense_two", "my_dense_three", "my_dense_four", "my_dense_sigmoid"
    )
    study.model.layers.include_groups(["my_dense_two", "my_dense_four"])
    study.model.layers.include_groups(prefix="my_dense")
    study.model.add_custom_model_generator(lambda: "custom", "a custom model")
    return study


def plain(features=(), **keywords):
    study = AblationStudy("t", label_name="survived", **keywords)
    study.features.include(*features)
    study.model.set_base_model_generator(lambda: "base")
    return study


def trials_of(study):
    ablator = LOCO(study, [])
    ablator.initialize()
    return list(iter(ablator.get_trial, None))


class TestLoco(AblatorContract):
    def make_study(self):
        return titanic()

    def make(self, study, final_store):
        return LOCO(study, final_store)


def test_order_and_labels_are_those_of_the_contract():
    labels = [tuple(trial.params.values()) for trial in trials_of(titanic())]
    assert labels == [
        ("None", "None"),
        ("pclass", "None"),
        ("fare", "None"),
        ("sibsp", "None"),
        ("None", "my_dense_two"),
        ("None", "my_dense_three"),
        ("None", "my_dense_four"),
        ("None", "my_dense_sigmoid"),
        ("None", "Layers prefixed my_dense"),
        ("None", "['my_dense_four', 'my_dense_two']"),
        ("None", "Custom model: a custom model"),
    ]
    assert LOCO(titanic(), []).get_number_of_trials() == 11


def test_components_are_those_of_the_trials():
    components = LOCO(titanic(), []).components()
    assert [component.params() for component in components] == [
        trial.params for trial in trials_of(titanic())
    ]
    assert [Component.from_params(component.params()) for component in components] == components


def test_the_base_has_the_id_of_every_release():
    base = trials_of(titanic())[0]
    assert base.trial_id == "5b254f8048b3784d"
    assert base.trial_type == "ablation"


def test_a_study_of_nothing_has_the_base_alone():
    assert [trial.trial_id for trial in trials_of(AblationStudy("t"))] == ["5b254f8048b3784d"]


def test_order_and_ids_do_not_depend_on_the_hash_seed():
    code = (
        "from maggy.ablation import AblationStudy\n"
        "from maggy.ablation.ablator import LOCO\n"
        "s = AblationStudy('t', label_name='y')\n"
        "s.features.include(*[f'f{i}' for i in range(20)])\n"
        "s.model.layers.include(*[f'l{i}' for i in range(20)])\n"
        "groups = [[f'g{i}', f'h{i}', f'i{i}'] for i in range(20)]\n"
        "s.model.layers.include_groups(*groups, prefix='p')\n"
        "a = LOCO(s, [])\n"
        "a.initialize()\n"
        "print([(t.trial_id, t.params) for t in iter(a.get_trial, None)])\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert runs[0].count("ablated_layer") == 62


def test_the_results_call_it_loco():
    assert LOCO(titanic(), []).name() == "LOCO"


def test_the_notebook_study_passes_on_the_driver_and_carries_its_data():
    register_training_dataset(FRAME, "titanic_train_dataset")
    ablator = LOCO(titanic(), [])
    ablator.prepare(BOTH)
    copy = loads(dumps(ablator))
    assert copy.get_model_generator("None")() == "base"
    assert copy.get_model_generator()() == "base"
    assert copy.get_model_generator("Custom model: a custom model")() == "custom"


def test_a_feature_that_does_not_exist_names_the_closest():
    register_training_dataset(FRAME, "t")
    with pytest.raises(AblationError, match=r"no feature 'pclas'. Did you mean 'pclass'\?"):
        LOCO(plain(["pclas"]), []).prepare(BOTH)


def test_the_label_cannot_be_ablated():
    register_training_dataset(FRAME, "t")
    with pytest.raises(AblationError, match="'survived' is the label"):
        LOCO(plain(["survived"]), []).prepare(BOTH)


def test_a_registered_data_set_needs_a_label():
    register_training_dataset(FRAME, "t")
    study = AblationStudy("t")
    with pytest.raises(AblationError, match="must name the column to predict"):
        LOCO(study, []).prepare(frozenset({"dataset_function"}))


def test_a_data_set_is_looked_up_only_if_the_training_function_takes_it():
    LOCO(plain(), []).prepare(frozenset({"model_function"}))
    with pytest.raises(AblationError, match="No training data set 't', version 1, is registered"):
        LOCO(plain(), []).prepare(BOTH)
    study = AblationStudy(None)
    with pytest.raises(AblationError, match="names no training data set"):
        LOCO(study, []).prepare(frozenset({"dataset_function"}))


def test_with_a_generator_of_the_users_nothing_is_looked_up():
    study = plain(
        ["no such feature"], dataset_generator=lambda num_epochs, batch_size, feature: feature
    )
    LOCO(study, []).prepare(BOTH)


def test_a_data_set_generator_gets_the_ablated_feature_whatever_its_name():
    def generator(num_epochs, batch_size, whatever):
        return num_epochs, batch_size, whatever

    ablator = loads(dumps(LOCO(plain(["fare"], dataset_generator=generator), [])))
    assert ablator.get_dataset_generator("fare")(5, 10) == (5, 10, "fare")
    assert ablator.get_dataset_generator("None")(5, 10) == (5, 10, None)
    assert ablator.get_dataset_generator()(num_epochs=5, batch_size=10) == (5, 10, None)


def test_a_data_set_generator_of_two_parameters_works_without_ablated_features():
    study = plain(dataset_generator=lambda num_epochs, batch_size: (num_epochs, batch_size))
    ablator = LOCO(study, [])
    ablator.prepare(BOTH)
    assert ablator.get_dataset_generator()(5, 10) == (5, 10)


def test_a_data_set_generator_of_two_parameters_cannot_ablate_features():
    study = plain(["fare"], dataset_generator=lambda num_epochs, batch_size: None)
    with pytest.raises(
        SignatureError,
        match=r"ablates features \(fare\), but its data set generator takes no feature",
    ):
        LOCO(study, []).prepare(BOTH)


@pytest.mark.parametrize(
    "generator",
    [
        lambda: None,
        lambda a: None,
        lambda a, b, c, d: None,
        lambda a, b, *, c: None,
        lambda **k: None,
    ],
)
def test_a_data_set_generator_takes_two_or_three_parameters(generator):
    with pytest.raises(SignatureError, match=r"must be f\(num_epochs, batch_size\) or"):
        LOCO(plain(dataset_generator=generator), []).prepare(BOTH)


def test_ablating_features_needs_a_training_function_that_takes_the_data():
    with pytest.raises(SignatureError, match=r"leaves out fare, .* does not take dataset_function"):
        LOCO(plain(["fare"]), []).prepare(frozenset({"model_function"}))


@pytest.mark.parametrize("kind", ["layer", "group", "prefix", "custom"])
def test_changing_the_model_needs_a_training_function_that_takes_it(kind):
    study = plain()
    layers = study.model.layers
    {
        "layer": lambda: layers.include("a"),
        "group": lambda: layers.include_groups(["a", "b"]),
        "prefix": lambda: layers.include_groups(prefix="a"),
        "custom": lambda: study.model.add_custom_model_generator(dict, "a"),
    }[kind]()
    with pytest.raises(SignatureError, match="does not take model_function"):
        LOCO(study, []).prepare(frozenset())


def test_a_base_model_is_needed_where_a_model_is():
    study = AblationStudy("t", label_name="survived")
    with pytest.raises(AblationError, match="set_base_model_generator"):
        LOCO(study, []).prepare(frozenset({"model_function"}))
    LOCO(study, []).prepare(frozenset())


def test_a_model_generator_takes_no_arguments():
    study = plain()
    study.model.add_custom_model_generator(lambda width: None, "wide")
    with pytest.raises(SignatureError, match="called without arguments"):
        LOCO(study, []).prepare(frozenset({"model_function"}))


def test_two_components_with_one_label_are_refused():
    study = plain()
    study.model.layers.include("Layers prefixed my")
    study.model.layers.include_groups(prefix="my")
    with pytest.raises(AblationError, match="two have 'Layers prefixed my'"):
        LOCO(study, []).prepare(frozenset({"model_function"}))


def test_an_unknown_label_is_an_error_and_not_the_base():
    with pytest.raises(
        AblationError, match=r"no model component 'my_dense_to'. Did you mean 'my_dense_two'\?"
    ):
        LOCO(titanic(), []).get_model_generator("my_dense_to")
    with pytest.raises(AblationError, match="no model component 'pclass'"):
        LOCO(titanic(), []).get_model_generator("pclass")


def test_a_feature_and_a_layer_may_have_the_same_name():
    register_training_dataset(FRAME, "t")
    study = plain(["age"])
    study.model.layers.include("age")
    LOCO(study, []).prepare(BOTH)
    assert len({trial.trial_id for trial in trials_of(study)}) == 3


def test_a_base_model_that_cannot_be_built_is_an_error_before_any_trial():
    study = plain()
    study.model.set_base_model_generator(lambda: tf.keras.Sequential())  # noqa: F821
    ablator = LOCO(study, [])
    ablator.prepare(frozenset({"model_function"}))
    with pytest.raises(
        AblationError, match=r"base model cannot be built.*add `import tensorflow as tf` inside"
    ):
        ablator.verify()


def test_a_custom_model_that_forgets_an_import_fails_in_its_own_trial_only():
    study = plain()

    def my_custom_model():
        return tf.keras.Sequential()  # noqa: F821

    study.model.add_custom_model_generator(my_custom_model, "c")
    ablator = LOCO(study, [])
    ablator.prepare(frozenset({"model_function"}))
    ablator.verify()
    with pytest.raises(
        NameError, match=r"add `import tensorflow as tf` inside my_custom_model\(\)"
    ) as caught:
        ablator.get_model_generator("Custom model: c")()
    assert type(caught.value) is NameError
    assert type(caught.value.__cause__) is NameError


def with_custom(**generators):
    study = plain()
    for name, generator in generators.items():
        study.model.add_custom_model_generator(generator, name)
    ablator = LOCO(study, [])
    ablator.prepare(frozenset({"model_function"}))
    ablator.initialize()
    return ablator


def test_custom_models_are_probed_by_their_labels():
    def broken():
        return tf.keras.Sequential()  # noqa: F821

    built = []
    probes = with_custom(good=lambda: built.append("good") or "a model", broken=broken).probes()
    assert list(probes) == ["Custom model: good", "Custom model: broken"]
    assert probes["Custom model: good"]() is None
    assert built == ["good"]
    with pytest.raises(NameError, match=r"add `import tensorflow as tf` inside broken\(\)"):
        probes["Custom model: broken"]()


def test_a_custom_model_generator_that_returns_nothing_is_an_error():
    def forgets():
        pass

    with pytest.raises(
        AblationError, match=r"forgets\(\) must return a model, but it returned None"
    ):
        with_custom(forgets=forgets).probes()["Custom model: forgets"]()


def test_no_custom_model_is_probed_if_the_training_function_takes_no_model():
    study = plain()
    study.model.custom_model_generators.append((dict, "mine"))
    assert LOCO(study, []).probes() == {}


def test_a_withdrawn_component_has_its_usual_trial_and_is_not_suggested_again():
    ablator = with_custom(a=lambda: "a", b=lambda: "b")
    trial = ablator.withdraw("Custom model: a")
    assert (trial.params, trial.trial_type) == (
        {"ablated_feature": "None", "ablated_layer": "Custom model: a"},
        "ablation",
    )
    assert [trial.params["ablated_layer"] for trial in iter(ablator.get_trial, None)] == [
        "None",
        "Custom model: b",
    ]
    assert ablator.withdraw("Custom model: a") is None


class Network:
    """A model as far as it holds weights."""

    trainable_variables = ()


class Slotted:
    """A model that cannot be referred to weakly."""

    __slots__ = ()
    trainable_variables = ()


def test_a_generator_that_returns_its_model_again_is_an_error():
    network = Network()
    study = plain()
    study.model.set_base_model_generator(lambda: network)
    study.model.add_custom_model_generator(lambda: network, "mine")
    ablator = LOCO(study, [])
    ablator.prepare(frozenset({"model_function"}))
    ablator.verify()
    with pytest.raises(AblationError, match="must build a new model at each call, but <lambda>"):
        ablator.get_model_generator()()
    with pytest.raises(AblationError, match="must build a new model"):
        ablator.probes()["Custom model: mine"]()


def test_a_generator_may_return_a_class_or_a_new_model_again_and_again():
    for model in (Network, "base", Slotted()):
        study = plain()
        study.model.set_base_model_generator(lambda model=model: model)
        build = LOCO(study, []).get_model_generator()
        assert build() is build() is model
    study.model.set_base_model_generator(Network)
    build = LOCO(study, []).get_model_generator()
    assert isinstance(build(), Network)
    assert isinstance(build(), Network)


def test_a_generator_without_tensorflow_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    study = plain()

    def generator():
        import tensorflow as tf

        return tf

    study.model.set_base_model_generator(generator)
    with pytest.raises(ImportError, match="pip install 'tensorflow>="):
        LOCO(study, []).get_model_generator()()


def test_a_model_of_any_library_can_be_the_base():
    study = plain(["fare"], dataset_generator=lambda num_epochs, batch_size, feature: feature)
    ablator = LOCO(study, [])
    ablator.prepare(BOTH)
    ablator.verify()
    assert ablator.get_model_generator()() == "base"
