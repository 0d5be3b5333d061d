"""Leave One Component Out with the real Keras: names verified, models built and trained."""

from pathlib import Path

import pandas as pd
import pytest

from maggy.ablation import AblationStudy, register_training_dataset
from maggy.ablation.ablator import LOCO
from maggy.common.exceptions import AblationError
from maggy.core.cluster import dumps, loads

pytestmark = pytest.mark.slow
BOTH = frozenset({"dataset_function", "model_function"})


def base_model_generator():
    import tensorflow as tf

    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Dense(64, activation="relu"))
    model.add(tf.keras.layers.Dense(64, name="my_dense_two", activation="relu"))
    model.add(tf.keras.layers.Dense(32, name="my_dense_three", activation="relu"))
    model.add(tf.keras.layers.Dense(32, name="my_dense_four", activation="relu"))
    model.add(tf.keras.layers.Dense(2, name="my_dense_sigmoid", activation="sigmoid"))
    model.add(tf.keras.layers.Dense(1, activation="linear"))
    return model


def automatic_names():
    import keras

    return keras.Sequential([keras.layers.Dense(size) for size in (4, 5, 6, 1)])


def with_input():
    import keras

    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(2, 3, name="first"),
            keras.layers.Conv2D(2, 3, name="conv"),
            keras.layers.Reshape((32,), name="reshape"),
            keras.layers.Dense(1, name="last"),
        ]
    )


def study_of(generator=base_model_generator, **options):
    study = AblationStudy("titanic_train_dataset", label_name="survived", **options)
    study.model.set_base_model_generator(generator)
    return study


def prepared(study, function_names=frozenset({"model_function"})):
    ablator = LOCO(study, [])
    ablator.prepare(function_names)
    return loads(dumps(ablator))


def test_the_notebook_study_trains_eleven_different_trials():
    frame = pd.DataFrame(
        {name: range(8) for name in ("age", "fare", "parch", "pclass", "sex", "sibsp")}
        | {"survived": [0, 1] * 4}
    )
    register_training_dataset(frame, "titanic_train_dataset")

    def my_custom_model():
        import tensorflow as tf

        model = tf.keras.Sequential()
        model.add(tf.keras.layers.Dense(64, activation="relu"))
        model.add(tf.keras.layers.Dense(64, activation="relu"))
        model.add(tf.keras.layers.Dense(2, activation="sigmoid"))
        model.add(tf.keras.layers.Dense(1, activation="linear"))
        return model

    study = study_of()
    study.features.include("pclass", ["fare", "sibsp"])
    study.model.layers.include(
        "my_dense_two", "my_dense_three", "my_dense_four", "my_dense_sigmoid"
    )
    study.model.layers.include_groups(["my_dense_two", "my_dense_four"])
    study.model.layers.include_groups(prefix="my_dense")
    study.model.add_custom_model_generator(my_custom_model, "a custom model")
    worker = prepared(study, BOTH)
    worker.verify()
    worker.initialize()
    shapes = []
    for trial in iter(worker.get_trial, None):
        dataset_function = worker.get_dataset_generator(trial.params["ablated_feature"])
        model_function = worker.get_model_generator(trial.params["ablated_layer"])
        model = model_function()
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        history = model.fit(dataset_function(5, 4), epochs=1, steps_per_epoch=2, verbose=0)
        assert 0 <= history.history["accuracy"][-1] <= 1
        shapes.append((model.input_shape[-1], [layer.units for layer in model.layers]))
    assert shapes == [
        (6, [64, 64, 32, 32, 2, 1]),
        (5, [64, 64, 32, 32, 2, 1]),
        (5, [64, 64, 32, 32, 2, 1]),
        (5, [64, 64, 32, 32, 2, 1]),
        (6, [64, 32, 32, 2, 1]),
        (6, [64, 64, 32, 2, 1]),
        (6, [64, 64, 32, 2, 1]),
        (6, [64, 64, 32, 32, 1]),
        (6, [64, 1]),
        (6, [64, 32, 2, 1]),
        (6, [64, 64, 2, 1]),
    ]


@pytest.mark.parametrize("kind", ["layer", "group"])
def test_a_mistyped_layer_is_an_error_before_any_trial(kind):
    study = study_of()
    include = {
        "layer": lambda: study.model.layers.include("my_dense_tow"),
        "group": lambda: study.model.layers.include_groups(["my_dense_tow", "my_dense_four"]),
    }
    include[kind]()
    with pytest.raises(
        AblationError, match=r"no layer 'my_dense_tow'. Did you mean 'my_dense_two'\?"
    ):
        prepared(study).verify()


def test_a_prefix_of_nothing_is_an_error_before_any_trial():
    study = study_of()
    study.model.layers.include_groups(prefix="your_dense")
    with pytest.raises(AblationError, match="begins with 'your_dense'"):
        prepared(study).verify()


@pytest.mark.parametrize("name", ["dense", "dense_1"])
def test_the_first_and_last_layer_cannot_be_included(name):
    study = study_of()
    study.model.layers.include(name)
    with pytest.raises(AblationError, match=f"'{name}' is the first or last layer"):
        prepared(study).verify()


def test_a_shape_that_no_longer_fits_is_an_error_before_any_trial():
    study = study_of(with_input)
    study.model.layers.include("conv")
    with pytest.raises(
        AblationError, match="Without layer 'conv' the rest of the model no longer fits"
    ):
        prepared(study).verify()


def test_layers_of_something_else_than_keras_cannot_be_removed():
    study = study_of(lambda: "a model")
    study.model.layers.include("a")
    with pytest.raises(AblationError, match="must return a Keras model"):
        prepared(study).verify()


def test_automatic_names_count_afresh_whatever_was_built_before():
    import keras

    keras.utils.clear_session(free_memory=False)
    for _ in range(3):
        automatic_names()
    study = study_of(automatic_names)
    study.model.layers.include("dense_1")
    study.model.layers.include_groups(prefix="Dense_")
    worker = prepared(study)
    worker.verify()
    assert keras.layers.Dense(1).name == "dense_12"
    for _ in range(2):
        without = worker.get_model_generator("dense_1")()
        assert [(layer.name, layer.units) for layer in without.layers] == [
            ("dense", 4),
            ("dense_2", 6),
            ("dense_3", 1),
        ]
    assert [
        layer.units for layer in worker.get_model_generator("Layers prefixed Dense_")().layers
    ] == [4, 1]
    assert [layer.name for layer in worker.get_model_generator()().layers] == [
        "dense",
        "dense_1",
        "dense_2",
        "dense_3",
    ]
    assert keras.layers.Dense(1).name == "dense_13"


def test_layers_can_be_added_to_what_model_function_returns():
    import keras

    keras.utils.clear_session(free_memory=False)
    model = prepared(study_of(automatic_names)).get_model_generator()()
    model.add(keras.layers.Dense(1))
    assert model.layers[-1].name == "dense_4"


def test_each_call_builds_a_new_model_with_new_weights():
    worker = prepared(study_of(with_input))
    first, second = worker.get_model_generator()(), worker.get_model_generator()()
    assert first is not second
    assert (first.layers[0].get_weights()[0] != second.layers[0].get_weights()[0]).any()


def test_verifying_checks_the_features_of_tfrecord(tmp_path):
    import tensorflow as tf

    number = tf.train.Feature(float_list=tf.train.FloatList(value=[1.0]))
    example = tf.train.Example(
        features=tf.train.Features(feature={"age": number, "fare": number, "survived": number})
    )
    with tf.io.TFRecordWriter(str(tmp_path / "part-r-00000")) as writer:
        writer.write(example.SerializeToString())
    register_training_dataset(str(tmp_path / "part-r-*"), "titanic_train_dataset")
    study = study_of()
    study.features.include("far")
    worker = prepared(study, BOTH)
    with pytest.raises(AblationError, match=r"no feature 'far'. Did you mean 'fare'\?"):
        worker.verify()


def test_a_spark_frame_is_registered(tmp_path, spark):
    frame = spark.createDataFrame(
        [(42, 7.5, True), (None, 8.5, False)], "age int, fare double, survived boolean"
    )
    register_training_dataset(frame, "titanic_train_dataset")
    assert "data.npz" in [path.name for path in Path(tmp_path).rglob("*")]
    worker = prepared(study_of(missing="keep"), BOTH)
    features, label = next(iter(worker.get_dataset_generator()(1, 2)))
    assert label.numpy().tolist() == [1, 0]
    assert features.numpy()[0].tolist() == [42, 7.5]
    with pytest.raises(ValueError, match="column 'sex' holds text, for example 'male'"):
        register_training_dataset(spark.createDataFrame([("male",)], "sex string"), "text")


def blocks():
    import keras

    names = ("block_1_expand", "block_1", "block_10_expand", "Block_1_project")
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(4, name="stem"),
            *(keras.layers.Dense(4, name=name) for name in names),
            keras.layers.Dense(1, name="last"),
        ]
    )


def layer_names(worker, label):
    return [layer.name for layer in worker.get_model_generator(label)().layers]


def test_a_prefix_that_ends_in_a_digit_spares_names_that_continue_with_a_digit():
    study = study_of(blocks)
    study.model.layers.include_groups(prefix="block_1")
    study.model.layers.include_groups(prefix="block_")
    worker = prepared(study)
    worker.verify()
    assert layer_names(worker, "Layers prefixed block_1") == ["stem", "block_10_expand", "last"]
    assert layer_names(worker, "Layers prefixed block_") == ["stem", "last"]


def test_the_first_layer_is_removed_if_it_is_named_and_the_model_knows_its_input():
    study = study_of(blocks)
    study.model.layers.include("stem")
    worker = prepared(study)
    worker.verify()
    assert "stem" not in layer_names(worker, "stem")
    for include in (["stem", "block_1"], ["last"]):
        other = study_of(blocks)
        if len(include) > 1:
            other.model.layers.include_groups(include)
        else:
            other.model.layers.include(*include)
        with pytest.raises(AblationError, match="first or last layer"):
            prepared(other).verify()


def test_the_first_layer_stays_where_the_model_does_not_know_its_input():
    study = study_of(automatic_names)
    study.model.layers.include("dense")
    with pytest.raises(AblationError, match="first or last layer"):
        prepared(study).verify()


def test_a_replacement_is_a_component_with_a_label_of_its_own():
    def narrow():
        import keras

        return keras.layers.Dense(3)

    study = study_of()
    study.model.layers.replace("my_dense_three", narrow)
    study.model.layers.replace("my_dense_three", narrow, label="again")
    worker = prepared(study)
    worker.verify()
    assert [component.label for component in worker.components()] == [
        "None",
        "my_dense_three replaced by narrow",
        "my_dense_three replaced by again",
    ]
    model = worker.get_model_generator("my_dense_three replaced by narrow")()
    assert [layer.units for layer in model.layers] == [64, 64, 3, 32, 2, 1]


def test_a_replacement_that_is_the_same_layer_at_each_call_is_an_error_before_any_trial():
    import keras

    layer = keras.layers.Dense(1)
    study = study_of(with_input)
    study.model.layers.replace("last", lambda: layer, label="one")
    ablator = LOCO(study, [])
    ablator.prepare(frozenset({"model_function"}))
    with pytest.raises(AblationError, match=r"layers\.replace\('last', .*the same one twice"):
        ablator.verify()


def test_a_replacement_of_a_layer_that_does_not_exist_is_an_error_before_any_trial():
    study = study_of()
    study.model.layers.replace("my_dense_tow", base_model_generator)
    with pytest.raises(AblationError, match=r"no layer 'my_dense_tow'. Did you mean"):
        prepared(study).verify()


def nested():
    import keras

    inner = keras.Sequential(
        [
            keras.layers.Dense(4, name="block_1_expand"),
            keras.layers.Dense(6, name="block_1_project"),
            keras.layers.Dense(4, name="block_10"),
        ],
        name="backbone",
    )
    first = keras.layers.Dense(4, name="first")
    return keras.Sequential([keras.Input((4,)), first, inner, keras.layers.Dense(1, name="last")])


def test_layers_of_nested_models_are_components_and_what_they_cost_is_told():
    from maggy.ablation.edited_model import edits_told_to

    study = study_of(nested)
    study.model.layers.include("backbone/block_10")
    study.model.layers.include_groups(prefix="backbone/block_1")
    study.model.layers.include_groups(["backbone/block_1_project", "backbone/block_10"])
    worker = prepared(study)
    worker.verify()
    edits = []
    for component in worker.components():
        with edits_told_to(edits.append):
            model_function = worker.get_model_generator(component.label)
        model_function()
    assert [(edit.removal, edit.restarts) for edit in edits] == [
        (("backbone/block_10",), ("last",)),
        (("backbone/block_1_expand", "backbone/block_1_project"), ("backbone/block_10",)),
        (("backbone/block_1_project", "backbone/block_10"), ()),
    ]


def test_a_mistyped_path_is_an_error_before_any_trial():
    study = study_of(nested)
    study.model.layers.include("block_10")
    with pytest.raises(
        AblationError, match=r"no layer 'block_10'. Did you mean 'backbone/block_10"
    ):
        prepared(study).verify()
