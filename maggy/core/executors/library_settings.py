"""Remember and restore the settings of loaded libraries. No library is imported for it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from types import ModuleType

from maggy.core.executors.settings import AnySetting, Setting, Settings, make_attribute_setting
from maggy.core.executors.standard_library import STANDARD_LIBRARY

__all__ = ["LibrarySettings"]


class LibrarySettings:
    """Remember the settings of the libraries that are loaded, and restore them after each trial.

    A library that is loaded when this is made gets the settings that it has then. One that is
    loaded later gets those that it begins with.
    """

    def __init__(self) -> None:
        self._settings = Settings([])
        self._remaining = dict(_LIBRARIES)
        self._module_count = 0
        self._look(are_initial=False)

    def restore(self) -> None:
        """Set the settings of all loaded libraries to what they were."""
        if len(sys.modules) != self._module_count:
            self._look(are_initial=True)
        self._settings.restore()

    def _look(self, are_initial: bool) -> None:
        """Remember the settings of libraries that were loaded since the last look."""
        self._module_count = len(sys.modules)
        for name, settings_of in list(self._remaining.items()):
            if name not in sys.modules:
                continue
            # A library whose import has failed is loaded in part, and has no settings yet.
            with contextlib.suppress(Exception):
                self._settings.extend(Settings(settings_of(sys.modules[name]), are_initial))
                del self._remaining[name]


def _list_numpy_settings(numpy: ModuleType) -> list[AnySetting]:
    errors = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
    return [
        Setting(numpy.geterr, lambda values: numpy.seterr(**values), errors),
        Setting(numpy.geterrcall, numpy.seterrcall),
    ]


def _list_keras_settings(config: ModuleType) -> list[AnySetting]:
    # What the file keras.json says takes precedence over Keras' own values.
    file = getattr(config, "_config", {})
    settings: list[AnySetting] = [
        Setting(config.floatx, config.set_floatx, file.get("floatx", "float32")),
        Setting(config.epsilon, config.set_epsilon, file.get("epsilon", 1e-7)),
        Setting(
            config.image_data_format,
            config.set_image_data_format,
            file.get("image_data_format", "channels_last"),
        ),
    ]
    return settings + [
        make_attribute_setting(config, name) for name in ("_MAX_EPOCHS", "_MAX_STEPS_PER_EPOCH")
    ]


def _list_tensorflow_settings(tensorflow: ModuleType) -> list[AnySetting]:
    from tensorflow.python.framework.config import disable_op_determinism, is_op_determinism_enabled

    config = tensorflow.config
    experimental = config.experimental

    def set_determinism(is_on: bool) -> None:
        (experimental.enable_op_determinism if is_on else disable_op_determinism)()

    # One for each thread: where tf.summary writes after set_as_default(), and at which step.
    summary = sys.modules["tensorflow.python.ops.summary_ops_v2"]._summary_state
    return [
        Setting(config.functions_run_eagerly, config.run_functions_eagerly, False),
        Setting(
            experimental.tensor_float_32_execution_enabled,
            experimental.enable_tensor_float_32_execution,
            True,
        ),
        Setting(is_op_determinism_enabled, set_determinism, False),
        *_list_tensorflow_context_settings(tensorflow),
        make_attribute_setting(
            sys.modules["tensorflow.python.ops.stateful_random_ops"], "global_generator"
        ),
        make_attribute_setting(summary, "writer"),
        make_attribute_setting(summary, "step"),
    ]


def _list_tensorflow_context_settings(tensorflow: ModuleType) -> list[AnySetting]:
    """Return settings that are read from TensorFlow's context.

    The public functions that read them take 30 microseconds.
    """
    from tensorflow.python.eager.context import context

    config = tensorflow.config

    def set_jit(value: bool | None) -> None:
        config.optimizer.set_jit(bool(value))
        # None is not the same as False, but the public function takes only booleans.
        context()._optimizer_jit = value

    def set_options(options: dict[str, bool]) -> None:
        context()._optimizer_experimental_options.clear()
        config.optimizer.set_experimental_options(options)

    return [
        Setting(lambda: context()._optimizer_jit, set_jit),
        Setting(lambda: dict(context()._optimizer_experimental_options), set_options, {}),
        Setting(
            lambda: context()._soft_device_placement is not False,
            config.set_soft_device_placement,
            True,
        ),
        Setting(
            lambda: bool(context()._log_device_placement),
            tensorflow.debugging.set_log_device_placement,
            False,
        ),
    ]


def _list_torch_settings(torch: ModuleType) -> list[AnySetting]:
    cudnn = torch.backends.cudnn
    device = sys.modules["torch.utils._device"]

    def set_determinism(value: tuple[bool, bool]) -> None:
        torch.use_deterministic_algorithms(value[0], warn_only=value[1])

    return [
        Setting(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
        Setting(torch.is_grad_enabled, torch.set_grad_enabled, True),
        Setting(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, False),
        Setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
        Setting(
            lambda: (
                torch.are_deterministic_algorithms_enabled(),
                torch.is_deterministic_algorithms_warn_only_enabled(),
            ),
            set_determinism,
            (False, False),
        ),
        Setting(lambda: device.CURRENT_DEVICE, torch.set_default_device),
        make_attribute_setting(cudnn, "benchmark", False),
        make_attribute_setting(cudnn, "deterministic", False),
    ]


def _list_mlflow_store_settings(utils: ModuleType) -> list[AnySetting]:
    return [make_attribute_setting(utils, "_tracking_uri")]


def _list_mlflow_experiment_settings(fluent: ModuleType) -> list[AnySetting]:
    return [make_attribute_setting(fluent, "_active_experiment_id")]


_LIBRARIES: dict[str, Callable[[ModuleType], list[AnySetting]]] = {
    **STANDARD_LIBRARY,
    "numpy": _list_numpy_settings,
    "keras.src.backend.config": _list_keras_settings,
    "tensorflow": _list_tensorflow_settings,
    "torch": _list_torch_settings,
    "mlflow.tracking._tracking_service.utils": _list_mlflow_store_settings,
    "mlflow.tracking.fluent": _list_mlflow_experiment_settings,
}
