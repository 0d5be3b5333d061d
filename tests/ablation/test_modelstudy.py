"""Layers, groups and models of a study."""

import pytest

from maggy.ablation.modelstudy import LayerStudy, ModelStudy
from maggy.common.exceptions import BadArgumentsError


def test_single_layers_are_printed_one_a_line(capsys):
    layers = LayerStudy()
    layers.include("my_dense_two", ["my_dense_three"], "my_dense_two")
    layers.print_all()
    assert (
        capsys.readouterr().out == "Included single layers are: \n\nmy_dense_two\nmy_dense_three\n"
    )


def test_groups_are_printed_prefixes_first_and_sorted_inside(capsys):
    layers = LayerStudy()
    layers.include_groups(["my_dense_two", "my_dense_four"])
    layers.include_groups(prefix="my_dense")
    layers.print_all_groups()
    assert capsys.readouterr().out == (
        "Included layer groups are: \n\n"
        '---- All layers prefixed "my_dense"\n'
        "--- Layer group ['my_dense_four', 'my_dense_two']\n"
    )


def test_an_empty_study_prints_that_it_has_no_layers(capsys):
    LayerStudy().print_all()
    LayerStudy().print_all_groups()
    assert capsys.readouterr().out == (
        "There are no single layers in this ablation study configuration.\n"
        "There are no layer groups in this ablation study configuration.\n"
    )


def test_layers_can_be_excluded():
    layers = LayerStudy()
    layers.include("a", "b", "c")
    layers.exclude(["a"], "c")
    assert layers.included_layers == ["b"]


@pytest.mark.parametrize("wrong", [1, None, ("a",), [1], "", {"a": 1}])
def test_layers_are_strings_or_lists_of_strings(wrong):
    layers = LayerStudy()
    for change in (layers.include, layers.exclude):
        with pytest.raises(ValueError, match="Layer"):
            change("good", wrong)
    assert layers.included_layers == []


def test_the_same_group_in_another_order_counts_once():
    layers = LayerStudy()
    layers.include_groups(["b", "a"], ["a", "b"], prefix="p")
    layers.include_groups(["a", "b", "a"], prefix="p")
    assert (layers.included_groups, layers.included_prefixes) == ([["a", "b"]], ["p"])


def test_groups_can_be_excluded_in_any_order_and_by_prefix():
    layers = LayerStudy()
    layers.include_groups(["a", "b"], ["c", "d"], prefix="p")
    layers.exclude_groups(["b", "a"], prefix="p")
    assert (layers.included_groups, layers.included_prefixes) == ([["c", "d"]], [])


@pytest.mark.parametrize("short", [["a"], [], ["a", "a"]])
def test_a_group_of_one_points_to_include(short):
    with pytest.raises(ValueError, match=r"For a single layer use include\(\)"):
        LayerStudy().include_groups(short)


@pytest.mark.parametrize("wrong", ["my_dense", ("a", "b"), {"a", "b"}, 3, None, [1, 2], ["a", ""]])
def test_a_group_is_a_list_of_names(wrong):
    layers = LayerStudy()
    for change in (layers.include_groups, layers.exclude_groups):
        with pytest.raises(ValueError, match=r"[Ll]ayer"):
            change(["good", "list"], wrong)
    assert layers.included_groups == []


@pytest.mark.parametrize("wrong", [3, "", ["my"], ("my",), True])
def test_a_prefix_is_a_string_that_is_not_empty(wrong):
    layers = LayerStudy()
    for change in (layers.include_groups, layers.exclude_groups):
        with pytest.raises(ValueError, match="A prefix must be a string"):
            change(["a", "b"], prefix=wrong)
    assert layers.included_groups == []


def test_a_group_of_nothing_is_refused():
    with pytest.raises(ValueError, match="got neither"):
        LayerStudy().include_groups()


@pytest.mark.parametrize("wrong", [None, 3, "model", object()])
def test_generators_must_be_functions(wrong):
    model = ModelStudy()
    with pytest.raises(ValueError, match="The base model generator must be a function"):
        model.set_base_model_generator(wrong)
    with pytest.raises(ValueError, match="A custom model generator must be a function"):
        model.add_custom_model_generator(wrong, "x")
    with pytest.raises(ValueError, match="The example input must be a function"):
        model.set_example_input(wrong)


@pytest.mark.parametrize("wrong", [None, 3, ""])
def test_an_identifier_is_a_string_that_is_not_empty(wrong):
    with pytest.raises(ValueError, match="identifier must be a string"):
        ModelStudy().add_custom_model_generator(dict, wrong)


def test_the_same_identifier_replaces_the_generator():
    model = ModelStudy()
    model.add_custom_model_generator(dict, "a")
    model.add_custom_model_generator(set, "b")
    model.add_custom_model_generator(list, "a")
    assert model.custom_model_generators == [(list, "a"), (set, "b")]


def average():
    return None


def test_a_replacement_is_named_by_its_function_or_its_label():
    layers = LayerStudy()
    layers.replace("flatten", average)
    layers.replace("flatten", lambda: None, label="max")
    layers.replace("flatten", average)
    assert [replacement.key for replacement in layers.replacements] == [
        ("flatten", "average"),
        ("flatten", "max"),
    ]


def test_a_lambda_needs_a_label_and_a_factory_must_be_a_function():
    with pytest.raises(BadArgumentsError, match="needs a label"):
        LayerStudy().replace("flatten", lambda: None)
    with pytest.raises(BadArgumentsError, match="must be a function, but got str"):
        LayerStudy().replace("flatten", "pool")
    with pytest.raises(BadArgumentsError, match="label of a replacement must be a string"):
        LayerStudy().replace("flatten", average, label="")
