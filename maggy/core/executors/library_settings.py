"""Settings of libraries, of those only that are loaded. No library is imported for it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

from maggy.core.executors.settings import Setting, Settings, attribute_setting

__all__ = ["LibrarySettings"]


class LibrarySettings:
    """The settings of the libraries that are loaded, to be put back after each trial.

    What a library was set to when this was made is put back; of one that was loaded later, what it is set to at first.
    """

    def __init__(self) -> None:
        self._settings: dict[str, Settings] = {}
        self._look(are_initial=False)

    def put_back(self) -> None:
        """Have the settings of all loaded libraries as they were."""
        self._look(are_initial=True)
        for settings in self._settings.values():
            settings.put_back()

    def _look(self, are_initial: bool) -> None:
        for name, settings_of in _LIBRARIES.items():
            if name in self._settings or name not in sys.modules:
                continue
            # A library that is loaded in part, since its import has failed, has no settings yet.
            with contextlib.suppress(Exception):
                self._settings[name] = Settings(settings_of(sys.modules[name]), are_initial)


def _numpy(numpy: Any) -> list[Setting]:
    errors = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
    return [
        Setting(numpy.geterr, lambda kept: numpy.seterr(**kept), errors),
        Setting(numpy.geterrcall, numpy.seterrcall),
    ]


def _keras(config: Any) -> list[Setting]:
    # Keras keeps what its file keras.json says.
    file: dict[str, Any] = getattr(config, "_config", {})
    settings = [
        Setting(config.floatx, config.set_floatx, file.get("floatx", "float32")),
        Setting(config.epsilon, config.set_epsilon, file.get("epsilon", 1e-7)),
        Setting(
            config.image_data_format,
            config.set_image_data_format,
            file.get("image_data_format", "channels_last"),
        ),
    ]
    return settings + [
        attribute_setting(config, name) for name in ("_MAX_EPOCHS", "_MAX_STEPS_PER_EPOCH")
    ]


def _tensorflow(tensorflow: Any) -> list[Setting]:
    from tensorflow.python.eager.context import context
    from tensorflow.python.framework.config import disable_op_determinism, is_op_determinism_enabled

    config = tensorflow.config
    experimental = config.experimental

    def set_determinism(is_on: bool) -> None:
        (experimental.enable_op_determinism if is_on else disable_op_determinism)()

    def set_jit(value: Any) -> None:
        config.optimizer.set_jit(bool(value))
        context()._optimizer_jit = value  # None is not the same as False

    # Read from the context where the public functions take 30 microseconds.
    return [
        Setting(config.functions_run_eagerly, config.run_functions_eagerly, False),
        Setting(
            experimental.tensor_float_32_execution_enabled,
            experimental.enable_tensor_float_32_execution,
            True,
        ),
        Setting(is_op_determinism_enabled, set_determinism, False),
        Setting(lambda: context()._optimizer_jit, set_jit),
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
        attribute_setting(
            sys.modules["tensorflow.python.ops.stateful_random_ops"], "global_generator"
        ),
    ]


def _torch(torch: Any) -> list[Setting]:
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
        attribute_setting(cudnn, "benchmark", False),
        attribute_setting(cudnn, "deterministic", False),
    ]


def _start_method(context: Any) -> list[Setting]:
    # None: the first use of multiprocessing settles the method, which nobody may change from then on.
    default = context._default_context

    def write(method: str | None) -> None:
        default.set_start_method(method, force=True)

    return [Setting(lambda: default.get_start_method(allow_none=True), write)]


def _mlflow_store(utils: Any) -> list[Setting]:
    return [attribute_setting(utils, "_tracking_uri")]


def _mlflow_experiment(fluent: Any) -> list[Setting]:
    return [attribute_setting(fluent, "_active_experiment_id")]


_LIBRARIES: dict[str, Callable[[Any], list[Setting]]] = {
    "numpy": _numpy,
    "keras.src.backend.config": _keras,
    "tensorflow": _tensorflow,
    "torch": _torch,
    "multiprocessing.context": _start_method,
    "mlflow.tracking._tracking_service.utils": _mlflow_store,
    "mlflow.tracking.fluent": _mlflow_experiment,
}
