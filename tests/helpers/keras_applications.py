"""Real architectures, and removals from them."""

import random

from helpers.keras_graphs import check_removal
from maggy.common.exceptions import AblationError

__all__ = ["FAMILIES", "check_family"]

FAMILIES = {
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "InceptionV3": 75,
    "MobileNetV2": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "VGG16": 32,
    "Xception": 71,
}
"""Families of keras.applications, with the smallest size of their images."""
MAX_TRIES = 60


def check_family(family, count):
    """Remove layers, one by one and in pairs, until enough removals were accepted; check each."""
    import keras

    from maggy.ablation.keras_surgery import remove_layers

    size = FAMILIES[family]
    model = getattr(keras.applications, family)(
        weights=None, input_shape=(size, size, 3), classes=10
    )
    names = [layer.name for layer in model.layers[2:-1]]
    rng = random.Random(7)
    num_accepted = 0
    for number in range(MAX_TRIES):
        removal = rng.sample(names, 1 + number % 2)
        try:
            new = remove_layers(model, removal)
        except AblationError:
            continue  # It says why; what is accepted must be right.
        check_removal(model, new, removal)
        num_accepted += 1
        if num_accepted == count:
            return
    raise AssertionError(f"Only {num_accepted} of {MAX_TRIES} removals were accepted.")
