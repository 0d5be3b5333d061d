"""Ablation studies of PyTorch models on a real Spark session: `tox -e torch`."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from maggy import experiment
from maggy.ablation import AblationStudy
from maggy.common.exceptions import AblationError
from maggy.common.seeding import TrainingSeed
from maggy.experiment_config import AblationConfig

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]


def model():
    from torch import nn

    return nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 1))


def rows():
    import torch

    return torch.ones(2, 3)


def count(model_function):
    return sum(weight.numel() for weight in model_function().parameters())


def study_of(*layers):
    study = AblationStudy(None, dataset_generator=lambda num_epochs, batch_size: None)
    study.model.set_base_model_generator(model)
    study.model.set_example_input(rows)
    study.model.layers.include(*layers)
    return study


def test_modules_are_left_out_on_the_workers(experiments):
    study = study_of("1")
    result = experiment.lagom(count, AblationConfig(study))
    assert [(d["ablated_layer"], d["metric"]) for d in result["differences"]] == [("1", 16)]
    assert sorted(path.read_text() for path in experiments.rglob("output.log"))[-1] == (
        "Left out: 1.\n"
    )
    study.model.layers.include("2")
    with pytest.raises(AblationError, match=r"Without layer '2' .*shape \(2, 3\).*\(2, 1\)"):
        experiment.lagom(count, AblationConfig(study))


def test_a_module_that_does_nothing_changes_no_number():
    def base():
        from torch import nn

        return nn.Sequential(
            nn.Linear(3, 8), nn.Dropout(0.5), nn.Identity(), nn.Linear(8, 1), nn.Dropout(0.1)
        )

    def train(model_function):
        import torch

        network = model_function()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(5):
            loss = network(torch.randn(16, 3)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss)

    study = AblationStudy(None, dataset_generator=lambda num_epochs, batch_size: None)
    study.model.set_base_model_generator(base)
    study.model.layers.include("2", "1")
    result = experiment.lagom(train, AblationConfig(study, direction="min", repeats=3, seed=1))
    nothing, dropout = result["differences"]
    assert (nothing["difference"], nothing["difference_std"]) == (0.0, 0.0)
    assert dropout["difference"] != 0


def test_a_plan_counts_the_parameters_and_changes_no_random_number():
    random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), float(torch.rand(1))
    random.seed(1)
    torch.manual_seed(1)
    parts = {part.component.label: part for part in study_of("1").plan().components}
    assert (random.random(), float(torch.rand(1))) == expected
    assert (parts["None"].parameters, parts["1"].parameters) == (28, 16)


def test_torch_is_seeded_where_a_trial_imports_it():
    code = """
import random, sys
from maggy.common.seeding import TrainingSeed

def draw():
    import torch
    return torch.rand(3).tolist()

seed = TrainingSeed(5)
assert "torch" not in sys.modules
trials = []
for _ in range(2):
    with seed.training():
        trials.append((draw(), random.random()))
assert trials[0] == trials[1]
with seed.training():
    model = seed.apart(draw)
    assert model() == model() == trials[0][0]
    assert (draw(), random.random()) == trials[0]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_callers_own_seed_survives_a_model_that_draws():
    with TrainingSeed(5).training():
        torch.manual_seed(7)
        expected = float(torch.rand(1))
        torch.manual_seed(7)
        TrainingSeed(5).apart(lambda: nn.Linear(9, 9))()
        assert float(torch.rand(1)) == expected


def test_a_torch_module_in_place_of_a_keras_layer_is_refused_with_the_way_out():
    import keras

    from maggy.ablation.keras_edit import Edit
    from maggy.ablation.keras_surgery import edit_model

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="first")])
    edit = Edit(replacements={"first": lambda: nn.Linear(4, 4)})
    with pytest.raises(AblationError, match=r"torch\.nn module Linear.*TorchModuleWrapper"):
        edit_model(model, edit)


def test_the_example_measures_blocks_and_a_choice(tmp_path, experiments):
    command = [sys.executable, str(EXAMPLES / "torch_ablation.py"), "--repeats", "2"]
    script = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    (path,) = experiments.glob("*/result.json")
    result = json.loads(path.read_text())
    assert (result["num_trials"], result["failed"]) == (10, 0)
    labels = [(entry["ablated_layer"], entry["ablated_choice"]) for entry in result["differences"]]
    assert labels == [
        ("blocks.0", "None"),
        ("blocks.1", "None"),
        ("blocks.0.norm", "None"),
        ("None", "shift=False"),
    ]
    assert result["base"]["metric_mean"] > 0.6  # chance is 0.1
    assert "10 trials in 2 repeats." in script.stdout
