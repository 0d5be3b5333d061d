"""Automatic layer names count from a fresh session, and the user's session stays as it is."""

import pytest

from maggy.common.keras_session import call_generator, fresh_names

pytestmark = pytest.mark.slow


@pytest.fixture
def keras():
    import keras

    keras.utils.clear_session(free_memory=False)
    yield keras
    keras.utils.clear_session(free_memory=False)


def dense(keras, count=1):
    return [keras.layers.Dense(1).name for _ in range(count)][-1]


def test_names_count_from_the_beginning_inside_and_go_on_outside(keras):
    dense(keras, 5)
    for _ in range(2):
        with fresh_names():
            assert [dense(keras), dense(keras)] == ["dense", "dense_1"]
    assert dense(keras) == "dense_5"


def test_a_layer_added_to_a_new_model_gets_a_name_of_its_own(keras):
    with fresh_names():
        model = keras.Sequential([keras.layers.Dense(1), keras.layers.Dense(1)])
    model.add(keras.layers.Dense(1))
    assert [layer.name for layer in model.layers] == ["dense", "dense_1", "dense_2"]


def test_names_that_are_not_kept_leave_no_trace(keras):
    dense(keras)
    with fresh_names(keep=False):
        dense(keras, 7)
    assert dense(keras) == "dense_1"


def test_the_names_are_put_back_after_an_error(keras):
    dense(keras, 3)
    with pytest.raises(ZeroDivisionError), fresh_names():
        dense(keras, 1 // 0)
    assert dense(keras) == "dense_3"


def test_nothing_else_of_the_session_changes(keras):
    keras.utils.set_random_seed(3)
    number = keras.random.uniform((1,)).numpy()
    keras.utils.set_random_seed(3)
    with fresh_names():
        assert keras.random.uniform((1,)).numpy() == number


def test_only_a_missing_name_gets_the_remedy():
    def local():
        if False:
            x = 1
        return x

    def unknown():
        return no_such_name  # noqa: F821

    with pytest.raises(UnboundLocalError):
        call_generator(local)
    with pytest.raises(
        NameError, match=r"import or define everything that it uses inside unknown\(\)"
    ):
        call_generator(unknown)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        call_generator(__import__, "no_such_module")
