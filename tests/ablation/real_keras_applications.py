"""Removals from eight families of keras.applications: `tox -e applications`."""

import pytest
from ablation_scale import residual_network
from helpers.keras_applications import FAMILIES, check_family
from helpers.keras_graphs import check_removal


@pytest.mark.parametrize("family", FAMILIES)
def test_every_accepted_removal_gives_the_graph_that_is_computed_independently(family):
    check_family(family, count=5)


def test_without_squeeze_and_excite_a_block_is_not_squared():
    import keras

    from maggy.ablation.keras_surgery import remove_layers

    model = keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=10)
    parts = ("squeeze", "reshape", "reduce", "expand")
    removal = [f"block2a_se_{part}" for part in parts]
    new = remove_layers(model, removal)
    check_removal(model, new, removal)
    assert "block2a_se_excite" not in [layer.name for layer in new.layers]


def test_the_residual_network_of_the_benchmark_is_resnet50_at_its_width_and_depth():
    import keras

    network = residual_network(64, [3, 4, 6, 3])
    original = keras.applications.ResNet50(
        weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3)
    )
    assert network.count_params() == original.count_params()
    networks = [
        [(layer.name, layer.output.shape) for layer in model.layers[1:]]
        for model in (network, original)
    ]
    assert networks[0] == networks[1]
