"""What can be left out of a PyTorch model, tried before any trial: `tox -e torch`."""

import random

import pytest
import torch
from torch import nn

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO
from maggy.common.exceptions import AblationError
from maggy.core.cluster import dumps, loads

pytestmark = pytest.mark.slow


def study_of(generator, *layers, example_input=None, group=None, prefix=None, **replacements):
    study = AblationStudy("t", label_name="y")
    study.model.set_base_model_generator(generator)
    study.model.layers.include(*layers)
    if group:
        study.model.layers.include_groups(group)
    if prefix:
        study.model.layers.include_groups(prefix=prefix)
    for name, factory in replacements.items():
        study.model.layers.replace(name, factory, label="new")
    if example_input:
        study.model.set_example_input(example_input)
    return study


def worker_of(study):
    ablator = LOCO(study, [])
    ablator.prepare(frozenset({"model_function"}))
    return loads(dumps(ablator))


def verify(*arguments, **keywords):
    worker_of(study_of(*arguments, **keywords)).verify()


def mlp():
    from collections import OrderedDict

    from torch import nn

    return nn.Sequential(
        OrderedDict(
            first=nn.Linear(4, 4),
            norm=nn.BatchNorm1d(4),
            wide=nn.Linear(4, 8),
            narrow=nn.Linear(8, 4),
            last=nn.Linear(4, 4),
        )
    )


def rows():
    import torch

    return torch.ones(3, 4)


def test_a_study_on_a_module_travels_and_each_trial_gets_its_model():
    study = study_of(
        mlp,
        "first",
        "last",
        group=["wide", "narrow"],
        prefix="n",
        example_input=rows,
        norm=lambda: torch.nn.Tanh(),
    )
    study.model.layers.exclude_groups(prefix="n")
    worker = worker_of(study)
    worker.verify()
    labels = [component.label for component in worker.components()]
    assert labels == ["None", "first", "last", "['narrow', 'wide']", "norm replaced by new"]
    models = [worker.get_model_generator(label)() for label in labels]
    kinds = [[type(module).__name__ for module in model] for model in models]
    assert kinds[0] == ["Linear", "BatchNorm1d", "Linear", "Linear", "Linear"]
    assert kinds[1] == ["Identity", *kinds[0][1:]]
    assert kinds[2] == [*kinds[0][:4], "Identity"]
    assert kinds[3] == [*kinds[0][:2], "Identity", "Identity", "Linear"]
    assert kinds[4][1] == "Tanh"


def test_a_removal_that_no_longer_fits_is_refused_if_there_is_an_example_input():
    verify(mlp, "wide")
    with pytest.raises(AblationError, match=r"Without layer 'wide'.*as a group.*PyTorch says: Run"):
        verify(mlp, "wide", example_input=rows)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda: torch.nn.Linear(4, 2), r"has the shape \(3, 2\).*base model has the shape \(3, 4"),
        (lambda: torch.nn.Linear(4, 4).double(), "PyTorch says"),
    ],
)
def test_a_changed_shape_is_refused_with_the_remedy(factory, message):
    with pytest.raises(AblationError, match=rf"With layer 'last' replaced .*{message}"):
        verify(mlp, example_input=rows, last=factory)


def test_a_changed_type_and_number_of_outputs_are_refused():
    class Double(nn.Module):
        def forward(self, x):
            return x.double()

    class Twice(nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(AblationError, match=r"type torch\.float64, .*type torch\.float32"):
        verify(mlp, example_input=rows, last=Double)
    with pytest.raises(AblationError, match="has 2 tensors, but that of the base model has 1,"):
        verify(mlp, example_input=rows, last=Twice)


class Memory(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 4, batch_first=True)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.gate = nn.Bilinear(4, 4, 4)
        self.encoder = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.last = nn.Linear(4, 1)

    def forward(self, x, scale=1.0):
        x, _ = self.lstm(x)
        x, _ = self.attention(x, x, x)
        x = self.gate(x, x)
        return {"logits": self.last(self.encoder(x)) * scale}


class KeepsTuple(nn.Module):
    def forward(self, x, *rest):
        return x, None


def sequences():
    import torch

    return {"x": torch.ones(2, 5, 4), "scale": 2.0}


@pytest.mark.parametrize("name", ["lstm", "attention", "gate"])
@pytest.mark.parametrize("example_input", [None, sequences])
def test_a_module_of_several_tensors_is_refused_with_replace_as_the_remedy(name, example_input):
    with pytest.raises(AblationError, match=rf"Layer '{name}' .*layers\.replace\('{name}', factor"):
        verify(Memory, name, example_input=example_input)
    if name != "gate":
        verify(Memory, example_input=example_input, **{name: KeepsTuple})


def test_an_example_input_shows_how_many_tensors_there_are():
    with pytest.raises(AblationError, match=r"'lstm' \(LSTM\) takes 1 tensor and returns 3 tensor"):
        verify(Memory, "lstm", example_input=sequences)
    with pytest.raises(AblationError, match=r"'encoder' .*set_example_input"):
        verify(Memory, "encoder")
    verify(Memory, "encoder", example_input=sequences)


def test_a_module_that_is_called_with_a_keyword_cannot_be_an_identity():
    class Doubled(nn.Module):
        def forward(self, numbers):
            return numbers * 2

    class Keyword(nn.Module):
        def __init__(self):
            super().__init__()
            self.middle = Doubled()

        def forward(self, x):
            return self.middle(numbers=x)

    with pytest.raises(AblationError, match=r"Without layer 'middle'.*unexpected keyword"):
        verify(Keyword, "middle", example_input=rows)


def test_an_attribute_that_the_model_reads_is_missed_before_any_trial():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(4, 4)
            self.last = nn.Linear(4, 4)

        def forward(self, x):
            return self.last(x) @ self.embed.weight

    with pytest.raises(AblationError, match="PyTorch says: AttributeError"):
        verify(Tied, "embed", example_input=rows)


def test_a_module_that_the_model_calls_from_a_list_of_python_is_refused():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Linear(4, 4)
            self.two = nn.Linear(4, 4)
            self.order = [self.one, self.two]

        def forward(self, x):
            for module in self.order:
                x = module(x)
            return x

    for change in ({"example_input": rows}, {"example_input": rows, "two": nn.Identity}):
        names = [] if "two" in change else ["two"]
        with pytest.raises(AblationError, match=r"'two' has been taken out, but .* still calls it"):
            verify(Listed, *names, **change)


def test_a_factory_and_a_generator_make_something_new_at_each_call():
    layer, model = nn.Linear(4, 4), mlp()
    with pytest.raises(AblationError, match=r"'last', \.\.\.\) must return a new layer at each"):
        verify(mlp, example_input=rows, last=lambda: layer)
    worker = worker_of(study_of(lambda: model, "norm"))
    worker.verify()
    with pytest.raises(AblationError, match="must build a new model at each call"):
        worker.get_model_generator("norm")()


def test_models_are_tried_as_an_evaluation_computes():
    # While it trains, batch normalization takes no single row.
    verify(mlp, "first", example_input=lambda: torch.ones(1, 4))


def test_lazy_modules_are_tried_before_they_know_their_shapes():
    def lazy():
        return nn.Sequential(nn.Linear(4, 8), nn.LazyLinear(3))

    verify(lazy, "0", example_input=rows)


def test_a_model_that_cannot_be_copied_is_built_anew():
    built = []

    class Single(nn.Sequential):
        def __deepcopy__(self, memo):
            raise RuntimeError("no copies")

    def single():
        built.append(1)
        return Single(nn.Linear(4, 4), nn.ReLU())

    from maggy.ablation.keras_edit import Edit
    from maggy.ablation.torch_checks import check_module_edits

    check_module_edits(single(), [Edit(frozenset({"1"}))], single, rows)
    assert len(built) == 3


@pytest.mark.parametrize(
    ("example_input", "message"),
    [
        (lambda: [1, 2], "must return a tensor, a tuple.*returned list"),
        (lambda rows: rows, "is called without arguments.*raises TypeError"),
        (lambda: torch.ones(3, 5), "base model cannot be called with what"),
        (lambda: torhc.ones(3, 4), "import or define everything"),  # noqa: F821
    ],
)
def test_an_example_input_that_does_not_fit_is_an_error(example_input, message):
    with pytest.raises((AblationError, NameError), match=message):
        verify(mlp, "norm", example_input=example_input)


def test_a_mistyped_module_and_prefix_are_errors_before_any_trial():
    for example_input in (None, rows):
        with pytest.raises(AblationError, match=r"no layer 'frist'. Did you mean 'first'\?"):
            verify(mlp, "frist", example_input=example_input)
        with pytest.raises(AblationError, match="begins with 'x'"):
            verify(mlp, prefix="x", example_input=example_input)


def test_the_check_draws_nothing_from_the_shared_generators():
    worker = worker_of(study_of(mlp, "norm", example_input=rows))
    model, build = mlp(), mlp
    from maggy.ablation.model_edits import check_edits

    edits = [worker._edit(part, model) for part in worker.components()[1:]]
    torch.manual_seed(3)
    random.seed(3)
    expected = torch.rand(1).item(), random.random()
    torch.manual_seed(3)
    random.seed(3)
    check_edits(model, edits, build, lambda: torch.rand(3, 4))
    assert (torch.rand(1).item(), random.random()) == expected
    assert model[1].running_mean.eq(0).all()
    assert model.training
