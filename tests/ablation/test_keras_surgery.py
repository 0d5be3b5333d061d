"""Models without some of their layers, with the real Keras."""

import numpy as np
import pytest

from maggy.common.exceptions import AblationError

pytestmark = pytest.mark.slow
SCALE = 3.0


def scaled(x):
    return x * SCALE


def remove(model, *names):
    from maggy.ablation.keras_surgery import remove_layers

    return remove_layers(model, names)


def names_of(model):
    return [layer.name for layer in model.layers]


def units(model):
    return [layer.units for layer in model.layers if hasattr(layer, "units")]


def sequential(state, *middle):
    """Return a model of Dense(6), the layers in the middle and Dense(1).

    Args:
        state: ``unbuilt``, ``built``, ``called`` with data, or with an ``input`` layer.
        *middle: The layers in the middle.
    """
    import keras

    first = [keras.Input((5,), name="passengers")] if state == "input" else []
    model = keras.Sequential(
        [*first, keras.layers.Dense(6, name="first"), *middle, keras.layers.Dense(1, name="last")]
    )
    if state == "built":
        model.build((None, 5))
    if state == "called":
        model(np.ones((2, 5)))
    return model


def hidden():
    import keras

    return [keras.layers.Dense(8, name="wide"), keras.layers.Dense(3, name="narrow")]


STATES = ["unbuilt", "built", "called", "input"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("removal", "remaining"),
    [(["wide"], [6, 3, 1]), (["narrow"], [6, 8, 1]), (["wide", "narrow"], [6, 1])],
)
def test_sequential_of_any_widths_and_state(state, removal, remaining):
    model = remove(sequential(state, *hidden()), *removal)
    assert units(model) == remaining
    assert model.name.startswith("sequential")
    assert model.built == (state != "unbuilt")
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 5)), np.ones((2, 1)), verbose=0)


def test_an_input_keeps_shape_type_and_name():
    import keras

    model = keras.Sequential(
        [
            keras.Input(batch_shape=(2, 5), dtype="float16", name="passengers"),
            *hidden(),
            keras.layers.Dense(1),
        ]
    )
    with pytest.raises(AblationError, match="'wide' is the first or last layer"):
        remove(model, "wide")
    tensor = remove(model, "narrow").inputs[0]
    assert (tensor.shape, tensor.dtype, tensor.name) == ((2, 5), "float16", "passengers")


def test_weights_that_fit_are_copied_and_the_others_start_fresh():
    model = sequential("input", *hidden())
    before = {layer.name: layer.get_weights() for layer in model.layers}
    after = {layer.name: layer.get_weights() for layer in remove(model, "wide").layers}
    np.testing.assert_array_equal(after["first"][0], before["first"][0])
    np.testing.assert_array_equal(after["last"][0], before["last"][0])
    assert after["narrow"][0].shape == (6, 3)


def test_the_new_model_shares_no_weight_with_the_old_one():
    model = sequential("input", *hidden())
    new = remove(model, "wide")
    new.layers[0].set_weights([weight * 0 for weight in new.layers[0].get_weights()])
    assert np.abs(model.layers[0].get_weights()[0]).sum() > 0


def test_an_adapted_normalization_keeps_its_statistics():
    import keras

    norm = keras.layers.Normalization(name="norm")
    norm.adapt(np.array([[1.0] * 6, [5.0] * 6]))
    for state in ("unbuilt", "input"):
        model = remove(sequential(state, norm, *hidden()), "wide")
        np.testing.assert_allclose(
            model.get_layer("norm")(np.full((1, 6), 5.0)), np.ones((1, 6)), atol=1e-5
        )


@pytest.mark.parametrize("state", STATES)
def test_lambdas_and_functions_of_the_users_keep_their_globals(state):
    import keras

    middle = [
        *hidden(),
        keras.layers.Lambda(lambda x: x * SCALE, name="anonymous"),
        keras.layers.Lambda(scaled, name="named"),
        keras.layers.Dense(2, activation=scaled, name="activated"),
    ]
    model = remove(sequential(state, *middle), "wide")
    assert model.get_layer("named")(np.ones((1, 1))).numpy().tolist() == [[3.0]]
    assert np.isfinite(model.predict(np.ones((1, 5)), verbose=0)).all()
    assert "anonymous" not in names_of(
        remove(sequential("unbuilt", *middle[2:], *hidden()), "anonymous")
    )


@pytest.mark.parametrize("state", STATES)
def test_layer_classes_of_the_users_need_not_be_registered(state):
    import keras

    class Mine(keras.layers.Layer):
        def __init__(self, width):
            super().__init__()
            self.width = width

        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], self.width))

        def call(self, x):
            return x @ self.kernel

    mine = Mine(4)
    model = remove(sequential(state, *hidden(), mine), "narrow")
    assert names_of(model) == ["first", "wide", mine.name, "last"]
    assert model.predict(np.ones((1, 5)), verbose=0).shape == (1, 1)
    assert names_of(remove(sequential("unbuilt", *hidden(), Mine(2)), "wide"))[1] == "narrow"


def test_a_layer_class_that_cannot_be_made_anew_is_an_error_with_the_remedy():
    import keras

    class Mine(keras.layers.Dense):
        def __init__(self, size, **kwargs):
            super().__init__(size.units, **kwargs)

    size = keras.layers.Dense(4)
    with pytest.raises(AblationError, match=r"'mine'.*cannot be made anew.*get_config"):
        remove(sequential("input", *hidden(), Mine(size, name="mine")), "wide")


def images(kernel=3):
    import keras

    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(2, 3, name="first"),
            keras.layers.Conv2D(4, kernel, name="conv"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(3, name="dense"),
            keras.layers.Dense(1, name="last"),
        ]
    )


def test_convolutions_in_front_of_flatten():
    model = remove(images(), "conv")
    assert model.get_layer("dense").get_weights()[0].shape == (6 * 6 * 2, 3)
    assert model.predict(np.ones((1, 8, 8, 1)), verbose=0).shape == (1, 1)


def test_a_shape_that_no_longer_fits_is_an_error():
    import keras

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(2, 3, name="first"),
            keras.layers.Conv2D(2, 3, name="conv"),
            keras.layers.Reshape((32,), name="reshape"),
            keras.layers.Dense(1, name="last"),
        ]
    )
    with pytest.raises(
        AblationError, match="Without layer 'conv' the rest of the model no longer fits together"
    ):
        remove(model, "conv")


def test_nested_models_and_wrappers_are_made_anew_with_their_weights():
    import keras

    class Inner(keras.layers.Dense):
        pass

    inner = keras.Sequential(
        [keras.layers.Dense(4, activation=scaled), keras.layers.Lambda(scaled)], name="inner"
    )
    stack = [
        *hidden(),
        inner,
        keras.layers.Reshape((2, 2)),
        keras.layers.TimeDistributed(Inner(2), name="wrapped"),
    ]
    model = sequential("input", *stack)
    before = inner.get_weights()
    new = remove(model, "wide")
    assert new.get_layer("inner") is not inner
    np.testing.assert_array_equal(new.get_layer("inner").get_weights()[0], before[0])
    assert type(new.get_layer("wrapped").layer) is Inner


@pytest.mark.parametrize("state", ["unbuilt", "input"])
def test_a_compiled_model_gives_a_compiled_one(state):
    model = sequential(state, *hidden())
    model.compile("adam", "mse", metrics=["mae"])
    new = remove(model, "wide")
    new.fit(np.ones((2, 5)), np.ones((2, 1)), verbose=0)


def test_a_subclass_of_sequential_keeps_its_class():
    import keras

    class Mine(keras.Sequential):
        pass

    model = Mine([keras.layers.Dense(2), *hidden(), keras.layers.Dense(1)])
    assert type(remove(model, "wide")) is Mine


def functional():
    import keras

    image = keras.Input((8, 8, 3), name="image")
    first = keras.layers.Conv2D(4, 3, padding="same", name="first")(image)
    second = keras.layers.Conv2D(4, 3, padding="same", name="second")(first)
    second = keras.layers.Dropout(0.2, name="drop")(second)
    skip = keras.layers.Add(name="skip")([first, second]) * 2.0
    flat = keras.layers.Flatten(name="flat")(skip)
    wide = keras.layers.Dense(7, name="wide")(flat)
    both = keras.layers.Concatenate(name="both")([keras.layers.Dense(2, name="narrow")(wide), wide])
    return keras.Model(image, keras.layers.Dense(1, name="last")(both), name="net")


@pytest.mark.parametrize(
    ("removal", "merges"),
    [
        (["second"], []),
        (["drop"], []),
        (["second", "drop"], ["skip"]),
        (["wide"], []),
        (["narrow"], ["both"]),
    ],
)
def test_functional_models_lose_layers_of_one_input_and_one_output(removal, merges):
    model = functional()
    new = remove(model, *removal)
    assert set(names_of(model)) - set(names_of(new)) == {*removal, *merges}
    assert (new.name, new.inputs[0].name) == ("net", "image")
    assert new.predict(np.ones((1, 8, 8, 3)), verbose=0).shape == (1, 1)


def test_the_rest_of_a_functional_model_computes_as_before():
    import keras

    numbers = keras.Input((3,))
    first = keras.layers.Dense(3, name="first")(numbers)
    middle = keras.layers.Dense(3, name="middle")(first)
    model = keras.Model(
        numbers, keras.layers.Dense(1, name="last")(keras.layers.Add()([first, middle]) + 1.0)
    )
    new = remove(model, "middle")
    data = np.ones((2, 3))
    activated = model.get_layer("first")(data)
    np.testing.assert_allclose(new(data), model.get_layer("last")(activated + 1.0), rtol=1e-5)
    assert new.layers[0].name == model.layers[0].name


@pytest.mark.parametrize("name", ["skip", "both"])
def test_layers_of_several_inputs_are_refused(name):
    with pytest.raises(AblationError, match=f"'{name}' has 2 inputs.*add_custom_model_generator"):
        remove(functional(), name)


def test_self_attention_has_one_input_and_a_state_has_several_outputs():
    import keras

    words = keras.Input((8, 4))
    first = keras.layers.Dense(4, name="first")(words)
    attended = keras.layers.MultiHeadAttention(2, 2, name="attention")(first, first)
    output, *_ = keras.layers.LSTM(3, return_state=True, name="memory")(attended)
    model = keras.Model(words, keras.layers.Dense(1)(output))
    assert "attention" not in names_of(remove(model, "attention"))
    with pytest.raises(AblationError, match="'memory' has several outputs"):
        remove(model, "memory")


def test_a_layer_used_in_several_places_is_removed_from_all():
    import keras

    numbers = keras.Input((4,))
    shared = keras.layers.Dense(4, name="shared")
    first = keras.layers.Dense(4, name="first")(numbers)
    model = keras.Model(numbers, keras.layers.Dense(1)(shared(keras.layers.ReLU()(shared(first)))))
    assert "shared" not in names_of(remove(model, "shared"))


def test_every_output_layer_stays():
    import keras

    numbers = keras.Input((4,))
    first = keras.layers.Dense(4, name="first")(numbers)
    model = keras.Model(
        numbers,
        [keras.layers.Dense(1, name="early")(first), keras.layers.Dense(1, name="late")(first)],
    )
    for name in ("early", "late"):
        with pytest.raises(AblationError, match=f"'{name}' is the first or last layer"):
            remove(model, name)


def test_subclassed_models_and_other_things_are_refused():
    import keras

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2, name="dense")

        def call(self, x):
            return self.dense(x)

    with pytest.raises(
        AblationError, match="Sequential and functional models, but the base model is a"
    ):
        remove(Mine(), "dense")
    with pytest.raises(AblationError, match=r"must return a Keras model.*returned str"):
        remove("model", "dense")
    with pytest.raises(AblationError, match="returned NoneType"):
        remove(None, "dense")


@pytest.mark.parametrize("state", ["unbuilt", "input"])
def test_the_first_and_the_last_layer_stay(state):
    for name in ("first", "last"):
        with pytest.raises(AblationError, match=f"Layer '{name}' is the first or last layer"):
            remove(sequential(state, *hidden()), name)


@pytest.mark.parametrize(
    "make", [lambda: sequential("unbuilt", *hidden()), lambda: sequential("input", *hidden())]
)
def test_a_mistyped_layer_names_the_closest_and_all(make):
    with pytest.raises(
        AblationError, match=r"no layer 'wid'. Did you mean 'wide'\? Its layers are: first, wide,"
    ):
        remove(make(), "wid")


def test_frozen_layers_stay_frozen_at_any_depth():
    import keras

    inner = keras.Sequential(
        [keras.layers.Dense(4, name="frozen"), keras.layers.Dense(4)], name="inner"
    )
    wrapped = keras.layers.TimeDistributed(keras.layers.Dense(2, trainable=False), name="wrapped")
    lone = keras.layers.Dense(4, name="lone", trainable=False)
    inner.get_layer("frozen").trainable = False
    model = sequential("input", *hidden(), lone, inner, keras.layers.Reshape((2, 2)), wrapped)
    expected = len(model.trainable_variables) - 2
    new = remove(model, "wide")
    assert len(new.trainable_variables) == expected
    assert not new.get_layer("lone").trainable
    assert not new.get_layer("inner").get_layer("frozen").trainable


def edit(model, **replacements):
    from maggy.ablation.keras_edit import Edit
    from maggy.ablation.keras_surgery import edit_model

    return edit_model(model, Edit(replacements=replacements))


def sequence(*layers):
    import keras

    return keras.Sequential([keras.Input((6, 4)), *layers, keras.layers.Dense(1, name="last")])


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "Flatten", "GlobalAveragePooling1D"])
def test_a_removal_that_changes_the_shape_of_the_output_is_refused(layer):
    import keras

    arguments = {"units": 3} if layer in ("LSTM", "GRU") else {}
    model = sequence(
        keras.layers.Dense(3, name="first"), getattr(keras.layers, layer)(name="x", **arguments)
    )
    with pytest.raises(AblationError, match=r"\(None, 6, 1\).*\(None, 1\).*layers\.replace"):
        remove(model, "x")


def test_every_output_keeps_its_shape_and_type():
    import keras

    numbers = keras.Input((4,))
    wide = keras.layers.Reshape((2, 2), name="wide")(keras.layers.Dense(4, name="first")(numbers))
    late = keras.layers.Flatten(name="flat")(wide)
    outputs = [keras.layers.Dense(1, name="early")(numbers), keras.layers.ReLU(name="late")(late)]
    model = keras.Model(numbers, outputs)
    with pytest.raises(AblationError, match=r"\(None, 2, 2\).*\(None, 4\).*layers\.replace"):
        remove(model, "flat")
    with pytest.raises(AblationError, match=r"type float16, but that of the base .* float32"):
        edit(model, early=lambda: keras.layers.Dense(1, dtype="float16"))


@pytest.mark.parametrize("masking", ["embedding", "layer"])
@pytest.mark.parametrize("name", ["one", "two"])
def test_layers_that_get_a_mask_can_be_removed(masking, name):
    import keras

    if masking == "embedding":
        inputs = keras.Input((6,), dtype="int32")
        x = keras.layers.Embedding(9, 4, mask_zero=True, name="words")(inputs)
        data = np.array([[1, 2, 3, 0, 0, 0]])
    else:
        inputs = keras.Input((6, 4))
        x = keras.layers.Masking(name="words")(inputs)
        data = np.array([[[1.0] * 4] * 3 + [[0.0] * 4] * 3])
    x = keras.layers.LSTM(4, return_sequences=True, name="one")(x)
    x = keras.layers.LSTM(4, return_sequences=True, name="two")(x)
    x = keras.layers.LSTM(3, name="three")(x)
    model = keras.Model(inputs, keras.layers.Dense(1, name="last")(x))
    new = remove(model, name)
    # What is masked must still not matter.
    other = np.array(data)
    other[:, 3:] = 0
    shorter = new.predict(other, verbose=0)
    np.testing.assert_allclose(new.predict(data, verbose=0), shorter, rtol=1e-6)
    x = model.get_layer("words")(data)
    mask = model.get_layer("words").compute_mask(data)
    for layer in ("one", "two", "three"):
        if layer != name:
            x = model.get_layer(layer)(x, mask=mask)
    np.testing.assert_allclose(shorter, model.get_layer("last")(x), rtol=1e-5)


def own_loss(y_true, y_pred):
    import keras

    return keras.ops.mean(keras.ops.abs(y_true - y_pred))


@pytest.mark.parametrize("kind", ["function", "lambda", "class"])
@pytest.mark.parametrize("make", ["sequential", "functional"])
def test_a_model_compiled_with_losses_and_metrics_of_the_users_keeps_them(kind, make):
    import keras

    class OwnLoss(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.mean(keras.ops.square(y_true - y_pred))

    class OwnMetric(keras.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_pred)

    loss = {"function": own_loss, "lambda": lambda y, z: own_loss(y, z), "class": OwnLoss()}[kind]
    layers = [keras.layers.Dense(4, name="first"), keras.layers.Dense(3, name="wide")]
    if make == "sequential":
        model = keras.Sequential([keras.Input((5,)), *layers, keras.layers.Dense(1, name="last")])
    else:
        inputs = keras.Input((5,))
        model = keras.Model(
            inputs, keras.layers.Dense(1, name="last")(layers[1](layers[0](inputs)))
        )
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))
    model.compile(optimizer, loss, metrics=[own_loss, OwnMetric(name="own")])
    new = remove(model, "wide")
    history = new.fit(np.ones((2, 5)), np.ones((2, 1)), verbose=0).history
    assert {"own_loss", "own"} <= set(history)
    assert new.optimizer is not model.optimizer
    assert new.optimizer.get_config() == model.optimizer.get_config()
    assert model.compiled


@pytest.mark.parametrize("merge", ["Add", "Multiply", "Subtract", "Average", "Maximum"])
def test_the_inputs_of_a_merge_that_became_equal_are_one(merge):
    import keras

    numbers = keras.Input((3,))
    first = keras.layers.Dense(3, name="first")(numbers)
    branch = keras.layers.Dense(3, name="branch")(first)
    merged = getattr(keras.layers, merge)(name="merge")([first, branch])
    model = keras.Model(numbers, keras.layers.Dense(1, name="last")(merged))
    new = remove(model, "branch")
    assert names_of(new)[1:] == ["first", "last"]
    data = np.ones((2, 3))
    expected = model.get_layer("last")(model.get_layer("first")(data))
    np.testing.assert_allclose(new(data), expected, rtol=1e-6)


@pytest.mark.parametrize("operation", ["multiply", "divide", "true_divide", "subtract"])
def test_operations_of_a_branch_that_is_gone_go_too(operation):
    import keras

    numbers = keras.Input((3,))
    first = keras.layers.Dense(3, name="first")(numbers)
    gate = keras.layers.Dense(3, activation="sigmoid", name="gate")(first)
    merged = getattr(keras.ops, operation)(first, gate)
    model = keras.Model(numbers, keras.layers.Dense(1, name="last")(merged))
    data = np.ones((2, 3))
    expected = model.get_layer("last")(model.get_layer("first")(data))
    np.testing.assert_allclose(remove(model, "gate")(data), expected, rtol=1e-6)


def test_a_merge_of_three_keeps_what_differs_and_one_of_a_tensor_with_itself_stays():
    import keras

    numbers = keras.Input((3,))
    first = keras.layers.Dense(3, name="first")(numbers)
    other = keras.layers.Dense(3, name="other")(first)
    branch = keras.layers.Dense(3, name="branch")(first)
    doubled = keras.layers.Add(name="double")([other, other])
    merged = keras.layers.Add(name="merge")([first, branch, doubled])
    model = keras.Model(numbers, keras.layers.Dense(1, name="last")(merged))
    new = remove(model, "branch")
    data = np.ones((2, 3))
    activated = model.get_layer("first")(data)
    expected = model.get_layer("last")(activated + 2 * model.get_layer("other")(activated))
    np.testing.assert_allclose(new(data), expected, rtol=1e-5)


@pytest.mark.parametrize("names", [["branch"], ["other"], ["branch", "other"]])
def test_a_square_of_the_users_stays_a_square_beside_a_branch_that_is_gone(names):
    import keras

    numbers = keras.Input((3,))
    first = keras.layers.Dense(3, name="first")(numbers)
    branch = keras.layers.Dense(3, name="branch")(first)
    other = keras.layers.Dense(3, name="other")(first)
    squares = [first * first, keras.layers.Multiply(name="square")([other, other])]
    merged = keras.layers.Add(name="merge")([branch, *squares])
    model = keras.Model(numbers, keras.layers.Dense(1, name="last")(merged))
    data = np.ones((2, 3))
    new = remove(model, *names)

    def without(name, x):
        return x if name in names else model.get_layer(name)(x)

    x = model.get_layer("first")(data)
    expected = without("branch", x) + x * x + without("other", x) ** 2
    np.testing.assert_allclose(new(data), model.get_layer("last")(expected), rtol=1e-5)


def test_a_layer_is_replaced_and_the_rest_keeps_its_weights():
    import keras

    model = sequence(keras.layers.Dense(3, name="first"), keras.layers.LSTM(3, name="memory"))
    new = edit(model, memory=lambda: keras.layers.GlobalAveragePooling1D(name="pool"))
    assert names_of(new) == ["first", "pool", "last"]
    assert new.output_shape == (None, 1)
    np.testing.assert_array_equal(
        new.get_layer("last").get_weights()[0], model.get_layer("last").get_weights()[0]
    )


def test_a_layer_of_a_functional_model_is_replaced_in_all_places():
    import keras

    numbers = keras.Input((4,))
    shared = keras.layers.Dense(4, name="shared")
    x = keras.layers.ReLU(name="relu")(shared(numbers))
    model = keras.Model(numbers, keras.layers.Dense(1, name="last")(shared(x)))
    new = edit(model, shared=lambda: keras.layers.Dense(4, name="new"), last=last_layer)
    assert [name for name in names_of(new) if name != new.layers[0].name] == ["new", "relu", "out"]
    assert new.count_params() == 20 + 5


def last_layer():
    import keras

    return keras.layers.Dense(1, name="out")


def test_a_replacement_by_something_else_is_an_error():
    with pytest.raises(
        AblationError, match=r"layers\.replace\('wide'.*must return.*it returned str"
    ):
        edit(sequential("input", *hidden()), wide=lambda: "dense")
    with pytest.raises(AblationError, match=r"no layer 'wdie'.*'wide'"):
        edit(sequential("input", *hidden()), wdie=last_layer)


def test_random_augmentation_draws_the_same_without_a_layer_that_does_nothing():
    import keras

    from maggy.common.seeding import TrainingSeed

    def base():
        layers = keras.layers
        parts = [
            layers.Rescaling(1.0),
            layers.Identity(name="nothing"),
            layers.RandomFlip(),
            layers.RandomRotation(0.5),
            layers.RandomContrast(0.5),
            layers.SpatialDropout2D(0.5),
            layers.ReLU(),
        ]
        return keras.Sequential([keras.Input((8, 8, 1)), *parts])

    data = np.random.default_rng(1).normal(size=(4, 8, 8, 1)).astype("float32")
    outputs = []
    for names in ([], ["nothing"]):
        model = TrainingSeed(3).apart(
            lambda names=names: remove(base(), *names) if names else base()
        )()
        images = [model(data, training=True) for _ in range(2)]
        outputs.append(np.array([keras.ops.convert_to_numpy(image) for image in images]))
    np.testing.assert_array_equal(*outputs)
    assert (outputs[0][0] != outputs[0][1]).any()


@pytest.mark.parametrize("make", ["sequential", "functional"])
def test_removing_a_layer_that_does_nothing_changes_no_number(make):
    import keras

    from maggy.common.seeding import TrainingSeed

    def base():
        layers = [
            keras.layers.Dense(8, activation="relu", name="first"),
            keras.layers.Dropout(0.5, name="drop"),
            keras.layers.Activation("linear", name="nothing"),
            keras.layers.GaussianNoise(0.1, name="noise"),
            keras.layers.Dense(4, name="second"),
            keras.layers.Dense(1, name="last"),
        ]
        if make == "sequential":
            return keras.Sequential([keras.Input((5,)), *layers])
        x = inputs = keras.Input((5,))
        for layer in layers:
            x = layer(x)
        return keras.Model(inputs, x)

    data = np.random.default_rng(1).normal(size=(64, 5))
    seed = TrainingSeed(3)
    losses = []
    for names in ([], ["nothing"]):
        with seed.training():
            model = seed.apart(lambda names=names: remove(base(), *names) if names else base())()
            model.compile("adam", "mse")
            losses.append(model.fit(data, data[:, :1], epochs=2, verbose=0).history["loss"])
    assert losses[0] == losses[1]
