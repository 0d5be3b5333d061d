"""A copy of a model must compute what the model does, with the real Keras."""

import random

import numpy as np
import pytest

from maggy.common.exceptions import AblationError

pytestmark = pytest.mark.slow


def scale_class(forgets=True):
    import keras

    class Scale(keras.layers.Layer):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor

        def get_config(self):
            config = super().get_config()
            return config if forgets else {**config, "factor": self.factor}

    return Scale


def check(model):
    from maggy.ablation.keras_selfcheck import check_copy

    check_copy(model)


def model_of(*layers, shape=(6,), dtype=None):
    import keras

    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers, keras.layers.Dense(1)])


def faulty(**arguments):
    import keras

    scale = scale_class()(10, name="scale")
    return model_of(keras.layers.Dense(3, name="first"), scale, **arguments)


MESSAGE = r"beginning with layer 'scale' \(Scale\).*lacks an argument.*: factor\..*Let get_config"


def test_an_argument_that_get_config_forgets_is_an_error_that_names_the_layer_and_the_argument():
    with pytest.raises(AblationError, match=MESSAGE):
        check(faulty())


def test_a_layer_that_returns_all_its_arguments_passes():
    check(model_of(scale_class(forgets=False)(10, name="scale")))


@pytest.mark.parametrize("kind", ["functional", "nested"])
def test_the_layer_is_named_by_its_path(kind):
    import keras

    numbers = keras.Input((4,), name="numbers")
    text = keras.Input((None,), dtype="int32", name="words")
    words = keras.layers.Embedding(5, 4)(text)
    x = keras.layers.Concatenate()([numbers, keras.layers.GlobalAveragePooling1D()(words)])
    scale = scale_class()(10, name="scale")
    layer = keras.Sequential([scale], name="inner") if kind == "nested" else scale
    model = keras.Model({"a": numbers, "b": text}, keras.layers.Dense(1)(layer(x)))
    path = "inner/scale" if kind == "nested" else "scale"
    with pytest.raises(AblationError, match=f"beginning with layer '{path}'"):
        check(model)


def test_a_nested_model_whose_code_calls_its_layers_is_one_layer():
    import keras

    class Inner(keras.Model):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor
            self.dense = keras.layers.Dense(6)

        def call(self, x):
            return self.factor * self.dense(x)

        def get_config(self):
            return {"name": self.name}

    with pytest.raises(AblationError, match=r"beginning with layer 'inner' \(Inner\)"):
        check(model_of(Inner(10, name="inner"), keras.layers.Lambda(lambda x: 0 * x)))


def test_a_call_that_belongs_to_one_layer_stays():
    import keras

    layer = keras.layers.ReLU()
    layer.call = own_call = lambda x: keras.ops.relu(x)
    check(model_of(keras.layers.Dense(3), layer))
    assert layer.call is own_call


def test_a_difference_that_the_output_hides_is_an_error_too():
    import keras

    dead = keras.layers.Lambda(lambda x: 0 * x)
    with pytest.raises(AblationError, match="'scale'"):
        check(model_of(scale_class()(10, name="scale"), dead))


def test_models_of_keras_layers_pass():
    import keras

    layers = keras.layers
    check(
        model_of(
            layers.Rescaling(1 / 255),
            layers.RandomFlip(),
            layers.Conv2D(4, 5, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(4),
            layers.Dropout(0.3),
            layers.GlobalAveragePooling2D(),
            shape=(None, None, 3),
        )
    )
    check(
        model_of(
            layers.Embedding(7, 4, mask_zero=True), layers.Bidirectional(layers.LSTM(3)), shape=(9,)
        )
    )
    if keras.backend.backend() != "tensorflow":
        return
    vocabulary = layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=4)
    embedding = layers.Embedding(4, 3)
    check(model_of(vocabulary, embedding, layers.Flatten(), shape=(), dtype="string"))


def test_a_model_of_which_a_copy_would_train_other_weights_is_refused():
    import keras

    layers = keras.layers
    shared = layers.Dense(4, name="shared")
    wrapped = [layers.TimeDistributed(shared, name=name) for name in ("one", "two")]
    nested = [keras.Sequential([keras.Input((4,)), shared], name=name) for name in ("one", "two")]
    frozen = layers.Dense(4, name="frozen")
    half_frozen = model_of(frozen)
    frozen.kernel.trainable = False
    models = [
        (model_of(*wrapped, shape=(3, 4)), "trains 45 parameters, but the base model trains 25"),
        (model_of(*nested, shape=(4,)), "trains 45 parameters, but the base model trains 25"),
        (half_frozen, "trains 33 parameters, but the base model trains 9"),
    ]
    for model, message in models:
        with pytest.raises(AblationError, match=message):
            check(model)
    twice = keras.Input((4,))
    check(keras.Model(twice, layers.Dense(1)(shared(layers.ReLU()(shared(twice))))))


def test_a_batch_that_is_too_small_for_the_model_is_not_tried():
    import keras

    from maggy.ablation.keras_batches import batches

    # A pooling layer with such an input ends the process.
    pooling = keras.layers.MaxPooling2D(40)
    model = model_of(pooling, keras.layers.GlobalAveragePooling2D(), shape=(None, None, 1))
    assert {batch.shape[1] for batch in batches(keras, model)} == {128}


def sampling_class(is_random=True):
    import keras

    class Sampling(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.generator = keras.random.SeedGenerator(7)

        def call(self, x):
            return x + is_random * keras.random.normal((6,), seed=self.generator)

    return Sampling


def test_a_model_whose_outputs_vary_is_exempt():
    check(model_of(scale_class()(10), sampling_class()()))


def test_the_check_changes_neither_the_model_nor_the_shared_generators():
    import keras

    from maggy.common.seeding import TrainingSeed

    model = model_of(
        keras.layers.BatchNormalization(), sampling_class()(), keras.layers.Dropout(0.5)
    )

    def values():
        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.variables]

    before = values()
    draws = []
    for is_checked in (False, True):
        with TrainingSeed(3).training():
            if is_checked:
                check(model)
            draws.append(
                [random.random(), float(np.random.random()), float(keras.random.uniform(()))]
            )
    for now, value in zip(values(), before, strict=True):
        np.testing.assert_array_equal(now, value)
    assert draws[0] == draws[1]
    assert model.layers[0].call.__func__ is keras.layers.BatchNormalization.call


@pytest.mark.parametrize("reason", ["size", "call"])
def test_arguments_are_compared_where_outputs_are_not(reason, monkeypatch):
    import keras

    if reason == "size":
        monkeypatch.setattr("maggy.ablation.keras_selfcheck._MAX_BYTES", 3)
        numbers = keras.Input((6,))
        inner = keras.Model(numbers, keras.layers.Dense(3)(numbers))
        model, good = faulty(), model_of(scale_class(forgets=False)(10), inner)
    else:

        def fails(x):
            import tensorflow as tf

            if tf.executing_eagerly():
                raise ValueError("no data")
            return x

        model = faulty()
        model = model_of(keras.layers.Lambda(fails), *model.layers)
        good = model_of(keras.layers.Lambda(fails), scale_class(forgets=False)(10))
    check(good)
    with pytest.raises(AblationError, match=MESSAGE):
        check(model)


def test_what_cannot_be_copied_is_left_to_the_components():
    import keras

    class Mine(keras.layers.Dense):
        def __init__(self, size, **kwargs):
            super().__init__(size.units, **kwargs)

    check(model_of(Mine(keras.layers.Dense(4))))


def test_a_study_is_refused_before_any_trial():
    from maggy.ablation import AblationStudy
    from maggy.ablation.ablator import LOCO

    study = AblationStudy("t", label_name="y")
    study.model.set_base_model_generator(faulty)
    ablator = LOCO(study, [])
    ablator.prepare(frozenset({"model_function"}))
    ablator.verify()
    study.model.layers.include("first")
    with pytest.raises(AblationError, match=MESSAGE):
        ablator.verify()
