"""Layers in nested models, by path, with the real Keras."""

import numpy as np
import pytest

from maggy.common.exceptions import AblationError

pytestmark = pytest.mark.slow


def backbone(kind="functional", name="backbone"):
    import keras

    layers = [
        keras.layers.Dense(4, name="stem"),
        keras.layers.Dense(4, name="block_1_expand"),
        keras.layers.Dense(4, name="block_1_project"),
        keras.layers.Dense(4, name="block_10"),
        keras.layers.Dense(4, name="top"),
    ]
    if kind == "sequential":
        return keras.Sequential(layers, name=name)
    x = inputs = keras.Input((4,))
    for layer in layers[:2]:
        x = layer(x)
    x = keras.layers.Add(name="skip")([x, layers[2](x)])
    for layer in layers[3:]:
        x = layer(x)
    return keras.Model(inputs, x, name=name)


def nested(outer="sequential", inner="functional"):
    """Return a model with a Dense layer before and after a nested model."""
    import keras

    layers = [
        keras.layers.Dense(4, name="first"),
        backbone(inner),
        keras.layers.Dense(2, name="last"),
    ]
    if outer == "unbuilt":
        return keras.Sequential(layers)
    if outer == "sequential":
        return keras.Sequential([keras.Input((4,)), *layers])
    x = inputs = keras.Input((4,))
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def perform(model, *paths, **replacements):
    from maggy.ablation.keras_edit import Edit
    from maggy.ablation.keras_surgery import perform_edit

    return perform_edit(model, Edit(frozenset(paths), replacements))


def names_of(model):
    import keras

    inputs = keras.layers.InputLayer
    return [layer.name for layer in model.layers if not isinstance(layer, inputs)]


@pytest.mark.parametrize("outer", ["sequential", "functional", "unbuilt"])
@pytest.mark.parametrize("inner", ["sequential", "functional"])
def test_a_path_reaches_into_a_nested_model_and_the_rest_keeps_its_weights(outer, inner):
    model = nested(outer, inner)
    edited = perform(model, "backbone/block_10")
    assert edited.removal == ("backbone/block_10",)
    assert edited.restarts == ()
    assert "block_10" not in names_of(edited.model.get_layer("backbone"))
    assert "block_10" in names_of(model.get_layer("backbone"))
    if outer == "unbuilt":
        assert edited.model(np.ones((1, 4))).shape == (1, 2)
        return
    data = x = np.random.default_rng(1).normal(size=(3, 4))
    old = model.get_layer("backbone").get_layer
    x = model.get_layer("first")(x)
    stem = old("block_1_expand")(old("stem")(x))
    x = old("block_1_project")(stem)
    x = stem + x if inner == "functional" else x
    expected = model.get_layer("last")(old("top")(x))
    np.testing.assert_allclose(edited.model(data), expected, rtol=1e-5)


def test_a_merge_that_goes_with_a_branch_is_among_the_layers_that_went():
    edited = perform(nested(), "backbone/block_1_project")
    assert edited.removal == ("backbone/block_1_project", "backbone/skip")


def test_an_operation_that_goes_with_a_branch_is_named_too():
    import keras

    numbers = keras.Input((3,))
    first = keras.layers.Dense(3, name="first")(numbers)
    gate = keras.layers.Dense(3, name="gate")(first)
    model = keras.Model(numbers, keras.layers.Dense(1, name="last")(first * gate))
    assert perform(model, "gate").removal == ("gate", "multiply")


def test_a_nested_model_in_several_places_loses_the_layer_in_all_of_them():
    import keras

    shared = backbone(name="shared")
    x = inputs = keras.Input((4,))
    middle = keras.layers.Dense(4, name="middle")(shared(x))
    around = keras.Sequential([keras.Input((4,)), shared, keras.layers.ReLU()], name="around")
    model = keras.Model(inputs, keras.layers.Dense(1, name="last")(around(shared(middle))))
    edited = perform(model, "shared/block_10")
    new = edited.model
    assert edited.removal == ("shared/block_10", "around/shared/block_10")
    assert new.get_layer("around").get_layer("shared") is new.get_layer("shared")
    assert new.count_params() == model.count_params() - 20


def test_layers_whose_weights_no_longer_fit_are_named():
    import keras

    inner = keras.Sequential(
        [keras.layers.Dense(8, name="wide"), keras.layers.Dense(3, name="narrow")], name="inner"
    )
    model = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(1, name="last")])
    edited = perform(model, "inner/narrow")
    assert (edited.removal, edited.restarts) == (("inner/narrow",), ("last",))
    model = nested("functional", "sequential")
    wide = keras.layers.Dense(6, name="wide")
    edited = perform(model, "backbone/block_10", **{"backbone/block_1_expand": lambda: wide})
    assert edited.replacements == ("backbone/block_1_expand",)
    assert edited.restarts == ("backbone/block_1_project",)
    assert edited.removal == ("backbone/block_10",)


def test_a_nested_layer_is_replaced():
    import keras

    edited = perform(nested(), **{"backbone/top": lambda: keras.layers.ReLU(name="relu")})
    assert names_of(edited.model.get_layer("backbone"))[-1] == "relu"
    assert (edited.removal, edited.replacements) == ((), ("backbone/top",))


def test_prefixes_reach_as_deep_as_they_are_written():
    from maggy.ablation.keras_paths import layers_with_prefix

    model = nested()
    assert layers_with_prefix(model, "Backbone/block_1") == [
        "backbone/block_1_expand",
        "backbone/block_1_project",
    ]
    assert len(layers_with_prefix(model, "backbone/")) == 6
    assert layers_with_prefix(model, "back") == ["backbone"]
    with pytest.raises(AblationError, match="begins with 'block'"):
        layers_with_prefix(model, "block")


def test_a_nested_model_that_loses_all_its_layers_is_removed():
    import keras

    x = inputs = keras.Input((4,))
    layers = [keras.layers.Dense(4, name="one"), keras.layers.ReLU(name="two")]
    for kind in ("sequential", "functional"):
        graph = keras.Model(inputs, layers[1](layers[0](x)), name="inner")
        inner = graph if kind == "functional" else keras.Sequential(layers, name="inner")
        first = keras.layers.Dense(4, name="first")(inputs)
        merged = keras.layers.Add(name="skip")([first, inner(first)])
        model = keras.Model(inputs, keras.layers.Dense(1, name="last")(merged))
        edited = perform(model, "inner/one", "inner/two")
        assert (names_of(edited.model), edited.removal) == (["first", "last"], ("inner", "skip"))


def test_the_first_and_last_layers_of_the_whole_model_stay_at_any_depth():
    import keras

    from maggy.ablation.keras_edit import Edit
    from maggy.ablation.keras_paths import layers_with_prefix
    from maggy.ablation.keras_surgery import perform_edit

    model = keras.Sequential([keras.Input((4,)), backbone(), backbone(name="head")])
    for path in ("backbone/stem", "head/top"):
        with pytest.raises(AblationError, match=f"'{path}' is the first or last layer"):
            perform(model, path)
    assert "backbone/stem" not in layers_with_prefix(model, "backbone/")
    assert "head/stem" in layers_with_prefix(model, "head/")
    edit = Edit(frozenset({"backbone/stem"}), may_remove_first=True)
    assert perform_edit(model, edit).removal == ("backbone/stem",)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("backbone/block_1_expnad", "'backbone/block_1_expand'"),
        ("top", "'backbone/top'"),
        ("backbon/top", "'backbone/top'"),
    ],
)
def test_a_mistyped_path_names_the_closest_one(path, hint):
    with pytest.raises(AblationError, match=rf"no layer '{path}'. Did you mean {hint}\?"):
        perform(nested(), path)


def test_the_layers_next_to_a_mistyped_path_are_listed():
    with pytest.raises(AblationError, match="layers of 'backbone' are: backbone/stem, backbone/bl"):
        perform(nested(), "backbone/nothing")


def test_an_adapted_normalization_in_a_nested_model_keeps_its_statistics():
    import keras

    norm = keras.layers.Normalization(name="norm")
    norm.adapt(np.array([[1.0] * 4, [5.0] * 4]))
    inner = keras.Sequential([norm, keras.layers.Dense(4, name="extra")], name="inner")
    model = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(1, name="last")])
    for path in ("inner/extra", "other"):
        if path == "other":
            model = keras.Sequential(
                [keras.Input((4,)), inner, keras.layers.ReLU(name="other"), model.layers[-1]]
            )
        new = perform(model, path).model.get_layer("inner").get_layer("norm")
        np.testing.assert_allclose(new(np.full((1, 4), 5.0)), np.ones((1, 4)), atol=1e-5)


@pytest.mark.parametrize("place", ["base", "nested"])
def test_a_functional_subclass_with_arguments_of_its_own_loses_layers(place):
    import keras

    class Net(keras.Model):
        def __init__(self, width, **kwargs):
            x = inputs = keras.Input((4,))
            x = keras.layers.Dense(width, name="one")(x)
            x = keras.layers.Dense(width, name="two")(x)
            super().__init__(inputs, keras.layers.Dense(4, name="three")(x), **kwargs)
            self.width = width

    model = Net(3, name="net")
    expected = model.get_layer("three")(model.get_layer("one")(np.ones((1, 4))))
    path = "two"
    if place == "nested":
        model = keras.Sequential([keras.Input((4,)), model, keras.layers.ReLU(name="relu")])
        path, expected = "net/two", keras.ops.relu(expected)
    new = perform(model, path).model
    np.testing.assert_allclose(new(np.ones((1, 4))), expected, rtol=1e-5)


def test_a_nested_functional_subclass_that_get_config_does_not_describe_is_copied_by_its_graph():
    import keras

    class Net(keras.Model):
        def __init__(self, size, **kwargs):
            inputs = keras.Input((4,))
            super().__init__(inputs, keras.layers.Dense(size.units)(inputs), **kwargs)

    net = Net(keras.layers.Dense(4), name="net")
    extra = keras.layers.Dense(4, name="extra")
    model = keras.Sequential([keras.Input((4,)), net, extra, keras.layers.Dense(1, name="last")])
    new = perform(model, "extra").model
    expected = model.get_layer("last")(net(np.ones((1, 4))))
    np.testing.assert_allclose(new(np.ones((1, 4))), expected, rtol=1e-5)
    assert new.get_layer("net") is not net


def test_a_functional_subclass_that_trains_by_itself_is_refused_with_the_reason():
    import keras

    class Net(keras.Model):
        def __init__(self, width):
            inputs = keras.Input((4,))
            super().__init__(inputs, keras.layers.Dense(width, name="one")(inputs))

        def train_step(self, *args, **kwargs):
            return super().train_step(*args, **kwargs)

    class Fixed(keras.Sequential):
        def __init__(self):
            super().__init__([keras.layers.Dense(1, name="one")])

    with pytest.raises(AblationError, match=r"Net.*overrides train_step\(\).*custom_model"):
        perform(Net(2), "one")
    with pytest.raises(AblationError, match=r"Fixed.*whose constructor does not take layers"):
        perform(Fixed(), "one")
