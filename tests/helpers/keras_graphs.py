"""The graph of a functional Keras model, and what must remain of it without some layers.

It is computed from the model's configuration, and shares no code with the library.
"""

import numpy as np

__all__ = ["check_removal", "connections", "expected_connections"]

MERGES = {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"}


def connections(model):
    """Return for each layer the names of the layers whose outputs it gets, in order."""
    return {
        layer["name"]: [
            name for node in layer["inbound_nodes"] for name in _sources([node["args"]])
        ]
        for layer in model.get_config()["layers"]
    }


def _sources(value):
    if isinstance(value, dict):
        if "keras_history" in value.get("config", {}):
            return [value["config"]["keras_history"][0]]
        return _sources(list(value.values()))
    if isinstance(value, (list, tuple)):
        return [name for item in value for name in _sources(item)]
    return []


def expected_connections(model, removal):
    """Return the connections of the model without some layers, each of which has one input."""
    classes = {layer["name"]: layer["class_name"] for layer in model.get_config()["layers"]}
    stand_ins = {}  # What a consumer of a layer that is gone gets instead.
    result = {}
    for name, inputs in connections(model).items():  # Keras lists layers before their consumers.
        new_inputs = [stand_ins.get(source, source) for source in inputs]
        if name in removal:
            (stand_ins[name],) = set(new_inputs)
            continue
        if classes[name] in MERGES and len(set(new_inputs)) < len(set(inputs)):
            new_inputs = list(dict.fromkeys(new_inputs))
            if len(new_inputs) == 1:
                (stand_ins[name],) = new_inputs
                continue
        result[name] = new_inputs
    return result


def check_removal(model, new, removal):
    """Check the connections of a new model, and that every weight that fits was kept."""
    assert connections(new) == expected_connections(model, removal)
    old_layers = {layer.name: layer for layer in model.layers}
    for layer in new.layers:
        weights, old_weights = layer.get_weights(), old_layers[layer.name].get_weights()
        if [weight.shape for weight in weights] == [weight.shape for weight in old_weights]:
            for weight, old_weight in zip(weights, old_weights, strict=True):
                np.testing.assert_array_equal(weight, old_weight)
