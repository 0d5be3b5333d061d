"""What holds for models of any library, with the real Keras."""

import numpy as np
import pytest


@pytest.mark.slow
def test_a_weight_of_nan_is_found_and_other_objects_have_none():
    import keras

    from maggy.ablation.model_edits import has_nan_weights

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    assert not has_nan_weights(model)
    kernel, bias = model.get_weights()
    kernel[1, 1] = np.nan
    model.set_weights([kernel, bias])
    assert has_nan_weights(model)
    assert not has_nan_weights("a model")
    assert not has_nan_weights(keras.Sequential([keras.layers.Dense(2)]))
