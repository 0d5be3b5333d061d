"""Random inputs for models, with the real Keras."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def batches_of(model):
    import keras

    from maggy.ablation.keras_batches import batches

    return [
        keras.tree.map_structure(keras.ops.convert_to_numpy, batch)
        for batch in batches(keras, model)
    ]


def test_whole_numbers_are_below_the_size_of_the_smallest_embedding():
    import keras

    layers = keras.layers
    words = keras.Sequential([layers.Embedding(5, 3), layers.Embedding(9, 2)], name="inner")
    for dtype, kinds in (("int32", 1), ("float32", 2)):
        batches = batches_of(keras.Sequential([keras.Input((50,), dtype=dtype), words]))
        assert len(batches) == kinds
        assert sorted(np.unique(batches[-1]).tolist()) == [0, 1, 2, 3, 4]
        assert batches[-1].dtype == dtype


def test_every_input_of_a_model_gets_its_shape_type_and_place():
    import keras

    image = keras.Input((4, 4, 1), name="image")
    flag = keras.Input(batch_shape=(2, 1), dtype="bool", name="flag")
    both = keras.layers.Flatten()(image), keras.ops.cast(flag, "float32")
    model = keras.Model({"image": image, "more": [flag]}, keras.layers.Concatenate()(both))
    first, _ = batches_of(model)
    assert first["image"].shape == (2, 4, 4, 1)
    assert (first["more"][0].shape, first["more"][0].dtype) == ((2, 1), bool)


def test_batches_are_always_the_same():
    import keras

    model = keras.Sequential([keras.Input((None, 2)), keras.layers.Dense(1)])
    for one, two in zip(batches_of(model), batches_of(model), strict=True):
        np.testing.assert_array_equal(one, two)
