"""Models as a study sees them, with the real Keras."""

import pytest

from maggy.common.exceptions import AblationError

pytestmark = pytest.mark.slow


def test_a_prefix_fits_in_any_case_and_spares_the_ends():
    import keras

    from maggy.ablation.keras_paths import layers_with_prefix

    names = ["My_first", "MY_dense", "other", "my_drop", "my_last"]
    model = keras.Sequential([keras.layers.Dense(2, name=name) for name in names])
    assert layers_with_prefix(model, "mY") == ["MY_dense", "my_drop"]
    with pytest.raises(AblationError, match=r"begins with 'mu'.*Its layers are: My_first"):
        layers_with_prefix(model, "mu")
    with pytest.raises(
        AblationError, match=r"fits only the first or last layer of the base model \(my_last\)"
    ):
        layers_with_prefix(model, "my_la")


def test_a_model_without_layers_of_its_own_is_sequential_also_as_a_subclass():
    import keras

    from maggy.ablation.keras_models import is_functional, is_sequential

    class Plain(keras.Sequential):
        pass

    class Fixed(keras.Sequential):
        def __init__(self):
            super().__init__([keras.layers.Dense(1)])

    assert is_sequential(keras, Plain([keras.layers.Dense(1)]))
    assert not is_sequential(keras, Fixed())
    numbers = keras.Input((2,))
    assert is_functional(keras.Model(numbers, keras.layers.Dense(1)(numbers)))
    assert not is_functional(Fixed())


@pytest.mark.parametrize("has_one", [True, False])
def test_a_sequential_model_knows_its_input_if_it_begins_with_one(has_one):
    import keras

    from maggy.ablation.keras_models import has_input

    first = [keras.Input((2,))] if has_one else []
    assert has_input(keras.Sequential([*first, keras.layers.Dense(1)])) is has_one
