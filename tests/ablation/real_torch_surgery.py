"""PyTorch models without some of their modules, with the real PyTorch: `tox -e torch`."""

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from maggy.ablation.keras_edit import Edit
from maggy.common.exceptions import AblationError

pytestmark = pytest.mark.slow


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.Linear(4, 4)
        self.output = nn.Linear(4, 4)

    def forward(self, x):
        return x + self.output(torch.relu(self.attention(x)))


class Encoder(nn.Module):
    def __init__(self, blocks=12):
        super().__init__()
        self.stem = nn.Linear(4, 4)
        self.layer = nn.ModuleList([Block() for _ in range(blocks)])
        self.Layer_norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        x = self.stem(x)
        for block in self.layer:
            x = block(x)
        return self.head(self.Layer_norm(x))


class Model(nn.Module):
    def __init__(self, blocks=12):
        super().__init__()
        self.encoder = Encoder(blocks)

    def forward(self, x):
        return self.encoder(x)


def perform(model, *names, **replacements):
    from maggy.ablation.torch_surgery import edit_module

    return edit_module(model, Edit(frozenset(names), replacements))


def with_prefix(prefix, model=None):
    from maggy.ablation.torch_models import modules_with_prefix

    return modules_with_prefix(model or Model(), prefix)


def identities(model):
    modules = model.named_modules(remove_duplicate=False)
    return [name for name, module in modules if isinstance(module, nn.Identity)]


def test_an_identity_stands_where_a_module_was_and_all_else_stays():
    model = Model()
    weights = dict(model.state_dict())
    edited = perform(model, "encoder.layer.3")
    assert edited.model is model
    assert (edited.removal, edited.restarts) == (("encoder.layer.3",), ())
    assert identities(model) == ["encoder.layer.3"]
    assert all(
        torch.equal(weights[name], value) for name, value in edited.model.state_dict().items()
    )
    assert len(model.state_dict()) == len(weights) - 4
    assert model(torch.ones(1, 4)).shape == (1, 2)


def test_a_prefix_takes_the_topmost_modules_and_heeds_digits():
    assert (
        with_prefix("encoder.layer.1")
        == [
            "encoder.layer.1",
            "encoder.layer.10",
            "encoder.layer.11",
        ][:1]
    )
    assert with_prefix("Encoder.LAYER.1.") == [
        "encoder.layer.1.attention",
        "encoder.layer.1.output",
    ]
    assert with_prefix("encoder.layer") == ["encoder.layer", "encoder.Layer_norm"]
    assert with_prefix("enc") == ["encoder"]
    with pytest.raises(AblationError, match=r"begins with 'encoder\.lyer'.*'encoder\.layer'"):
        with_prefix("encoder.lyer")


def test_the_modules_of_a_list_stand_for_it():
    model = Model(2)
    edited = perform(model, "encoder.layer")
    assert edited.removal == ("encoder.layer.0", "encoder.layer.1")
    assert model(torch.ones(1, 4)).shape == (1, 2)


def test_a_module_inside_a_removed_one_is_not_listed_twice():
    edited = perform(Model(), "encoder.layer.0.output", "encoder.layer.0")
    assert edited.removal == ("encoder.layer.0",)


def test_a_shared_module_changes_under_all_its_names():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    model.again = model[0]
    assert perform(model, "0").removal == ("0", "again")
    assert model[0] is model.again
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    model.again = model[0]
    perform(model, again=nn.Tanh)
    assert isinstance(model[0], nn.Tanh)
    assert model[0] is model.again


def test_a_module_is_replaced_and_takes_over_whether_it_trains():
    model = Model(2).eval()
    edited = perform(model, **{"encoder.stem": lambda: nn.Dropout(0.5)})
    assert (edited.removal, edited.replacements) == ((), ("encoder.stem",))
    assert not model.encoder.stem.training


@pytest.mark.parametrize("wrong", ["a module", "keras"])
def test_a_replacement_by_something_else_is_an_error(wrong):
    if wrong == "keras":
        wrong = pytest.importorskip("keras").layers.Dense(1)
    with pytest.raises(AblationError, match=r"must return a new torch\.nn\.Module"):
        perform(Model(2), **{"encoder.stem": lambda: wrong})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("encoder.laier.3", "encoder.layer.3"),
        ("output", "encoder.layer.0.output"),
        ("encoder.layer.3.atention", "encoder.layer.3.attention"),
    ],
)
def test_a_mistyped_name_names_the_closest(name, hint):
    with pytest.raises(AblationError, match=rf"no layer '{name}'. Did you mean '{hint}'\?"):
        perform(Model(), name)


def test_the_modules_next_to_a_mistyped_name_are_listed():
    with pytest.raises(AblationError, match=r"layers of 'encoder' are: encoder\.stem, encoder\.la"):
        perform(Model(), "encoder.nothing")
    with pytest.raises(AblationError, match=r"Its layers are: encoder\."):
        perform(Model(), "nothing")


def test_a_keras_layer_is_no_torch_module_even_if_it_is_one(monkeypatch):
    from maggy.ablation.torch_models import is_torch_module

    class Layer(nn.Module):
        """A layer as Keras has it with KERAS_BACKEND=torch."""

    keras = SimpleNamespace(layers=SimpleNamespace(Layer=Layer))
    monkeypatch.setitem(sys.modules, "keras", keras)
    assert is_torch_module(nn.ReLU())
    assert not is_torch_module(Layer())
    assert not is_torch_module("a model")
