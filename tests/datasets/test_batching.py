"""Batches of arrays. What NumPy gives and what TensorFlow gives are compared."""

import inspect
import itertools

import numpy as np
import pytest

from maggy.datasets import batching
from maggy.datasets.batching import numpy_batches, tensor_batches, tensors_of


def arrays(count=5):
    features = np.arange(count * 2, dtype=np.float32).reshape(count, 2)
    return features, np.arange(count, dtype=np.float32)


def labels_of(batches):
    return [labels.astype(int).tolist() for _, labels in batches]


def test_rows_are_repeated_and_then_batched():
    assert labels_of(numpy_batches(arrays(), 2, 4)) == [[0, 1, 2, 3], [4, 0, 1, 2], [3, 4]]


def test_a_batch_may_hold_several_epochs():
    assert labels_of(numpy_batches(arrays(2), 3, 5)) == [[0, 1, 0, 1, 0], [1]]


@pytest.mark.parametrize("chunk", [1, 40, 100])
def test_batches_do_not_depend_on_how_many_are_copied_at_once(chunk, monkeypatch):
    expected = labels_of(numpy_batches(arrays(), 7, 3))
    monkeypatch.setattr(batching, "_CHUNK_BYTES", chunk)
    assert labels_of(numpy_batches(arrays(), 7, 3)) == expected
    assert [label for batch in expected for label in batch] == [0, 1, 2, 3, 4] * 7


def test_features_belong_to_their_labels():
    for features, labels in numpy_batches(arrays(), 3, 4):
        np.testing.assert_array_equal(features[:, 0], labels * 2)
        assert features.dtype == labels.dtype == np.float32


@pytest.mark.parametrize("num_epochs", [1, 2])
def test_a_training_function_may_change_a_batch(num_epochs):
    whole = arrays()
    for features, labels in numpy_batches(whole, num_epochs, 2):
        assert labels.max() < 5
        features += 100
        labels += 100
    assert labels_of(numpy_batches(whole, 1, 9)) == [[0, 1, 2, 3, 4]]
    np.testing.assert_array_equal(whole[0], arrays()[0])


def test_batches_are_a_generator_and_made_one_at_a_time():
    batches = numpy_batches(arrays(), 10**15, 2)
    assert inspect.isgenerator(batches)
    assert labels_of(itertools.islice(batches, 2)) == [[0, 1], [2, 3]]


@pytest.mark.slow
@pytest.mark.parametrize(("num_epochs", "batch_size"), [(1, 2), (1, 5), (1, 9), (3, 4), (3, 7)])
def test_tensorflow_gives_the_same_batches(num_epochs, batch_size):
    dataset = tensor_batches(tensors_of(arrays()), num_epochs, batch_size)
    expected = list(numpy_batches(arrays(), num_epochs, batch_size))
    batches = list(dataset.as_numpy_iterator())
    assert len(dataset) == len(batches) == len(expected)
    for batch, pair in zip(batches, expected, strict=True):
        np.testing.assert_array_equal(batch[0], pair[0])
        np.testing.assert_array_equal(batch[1], pair[1])


@pytest.mark.slow
def test_tensorflow_knows_the_width_and_any_number_of_epochs():
    for num_epochs in (1, 2, 10**19):
        dataset = tensor_batches(tensors_of(arrays()), num_epochs, 2)
        features, labels = dataset.element_spec
        assert features.shape.as_list() == [None, 2]
        assert labels.shape.as_list() == [None]
        assert next(iter(dataset))[1].numpy().tolist() == [0, 1]
