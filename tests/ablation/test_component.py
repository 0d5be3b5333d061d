"""Components of a study, and the labels of their trials."""

import pytest

from maggy.ablation.component import Component, parts_of
from maggy.ablation.labels import NOTHING, ablated_labels
from maggy.trial import Trial

# A component, the labels of its feature and its layer, and the text that results show.
LABELS = [
    (Component.base(), ("None", "None"), "base"),
    (Component.feature("fare"), ("fare", "None"), "feature fare"),
    (
        Component.feature_prefix("sex_"),
        ("Features prefixed sex_", "None"),
        "Features prefixed sex_",
    ),
    (
        Component.feature_regex("^a|b$"),
        ("Features matching ^a|b$", "None"),
        "Features matching ^a|b$",
    ),
    (
        Component.feature_group(["a", "it's"]),
        ("""['a', "it's"]""", "None"),
        """features ['a', "it's"]""",
    ),
    (Component.layer("dense_1"), ("None", "dense_1"), "layer dense_1"),
    (Component.prefix("block_3"), ("None", "Layers prefixed block_3"), "Layers prefixed block_3"),
    (Component.group(["a", "it's"]), ("None", """['a', "it's"]"""), """layers ['a', "it's"]"""),
    (
        Component.replacement("flatten", "max pool"),
        ("None", "flatten replaced by max pool"),
        "layer flatten replaced by max pool",
    ),
    (Component.custom("a b"), ("None", "Custom model: a b"), "Custom model: a b"),
    (
        Component.combination(map(Component.feature, ("fare", "age"))),
        ("fare + age", "None"),
        "feature fare, feature age",
    ),
    (
        Component.combination([Component.group(["a + b", "c"]), Component.prefix("d")]),
        ("None", "['a + b', 'c'] + Layers prefixed d"),
        "layers ['a + b', 'c'], Layers prefixed d",
    ),
    (
        Component.from_params({"ablated_feature": "fare", "ablated_layer": "dense_1"}),
        ("fare", "dense_1"),
        "feature fare, layer dense_1",
    ),
]
KINDS = [component.kind for component, _, _ in LABELS]


def params_of(feature, layer):
    return {"ablated_feature": feature, "ablated_layer": layer}


@pytest.mark.parametrize(("component", "labels", "_"), LABELS, ids=KINDS)
def test_the_labels_of_a_trial_are_those_of_the_contract(component, labels, _):
    assert component.params() == params_of(*labels)


@pytest.mark.parametrize(("component", "labels", "_"), LABELS, ids=KINDS)
def test_a_component_is_read_from_the_labels_of_its_trial(component, labels, _):
    assert Component.from_params(params_of(*labels)) == component
    assert hash(Component.from_params(params_of(*labels))) == hash(component)


@pytest.mark.parametrize(("component", "_", "text"), LABELS, ids=KINDS)
def test_results_say_in_words_what_is_left_out(component, _, text):
    assert component.describe() == text


@pytest.mark.parametrize(
    ("component", "names"),
    [
        (Component.base(), ()),
        (Component.feature("fare"), ("fare",)),
        (Component.feature_prefix("sex_"), ("sex_",)),
        (Component.feature_regex("^a|b$"), ("^a|b$",)),
        (Component.feature_group(["a", "b"]), ("a", "b")),
        (Component.prefix("block_3"), ("block_3",)),
        (Component.group(["a", "b"]), ("a", "b")),
        (Component.custom("mine"), ("mine",)),
    ],
)
def test_names_are_without_the_words_of_the_label(component, names):
    assert component.names == names
    assert Component.from_params(component.params()).names == names


def test_only_the_base_leaves_nothing_out():
    assert [component.is_base for component, _, _ in LABELS] == [True] + [False] * (len(LABELS) - 1)
    assert Component.base().label == NOTHING


def test_the_id_of_the_base_trial_stays_as_it_was():
    assert Trial(Component.base().params(), "ablation").trial_id == "5b254f8048b3784d"


def test_the_parts_of_a_combination_are_components():
    component = Component.from_params(params_of("fare", "Layers prefixed a"))
    assert component.parts == (Component.feature("fare"), Component.prefix("a"))
    assert component.label == "fare + Layers prefixed a"


@pytest.mark.parametrize("params", [{}, {"ablated_layer": None}, {"ablated_feature": "None"}])
def test_a_missing_label_leaves_nothing_out(params):
    assert Component.from_params(params) == Component.base()
    assert ablated_labels(params) == (None, None)


def test_labels_that_are_no_text_are_read_as_text():
    assert Component.from_params({"ablated_feature": 3}) == Component.feature("3")
    assert ablated_labels({"ablated_feature": 3}) == (3, None)


def test_only_the_kinds_of_features_are_of_features():
    kinds = [component.kind for component, _, _ in LABELS if component.is_of_features]
    assert kinds == ["feature", "feature_prefix", "feature_regex", "feature_group"]


@pytest.mark.parametrize("label", ["[", "[3]", "[a, b]", "['a'] and more"])
def test_a_column_may_have_a_name_that_only_looks_like_a_group(label):
    assert Component.from_params(params_of(label, "None")) == Component.feature(label)


def test_the_label_of_a_feature_alone_gives_its_component():
    assert Component.from_feature_label(None) == Component.base()
    assert Component.from_feature_label("None") == Component.base()
    assert Component.from_feature_label("Features prefixed a") == Component.feature_prefix("a")


@pytest.mark.parametrize("label", ["[", "[3]", "['a'] and more", "[" * 500, "[a, b]"])
def test_a_label_that_only_looks_like_a_group_is_shown_as_it_is(label):
    component = Component.from_params(params_of("None", label))
    assert (component.kind, component.names) == ("group", (label,))
    assert component.params() == params_of("None", label)
    assert component.describe() == f"layers {label}"


def test_a_choice_has_a_third_label():
    component = Component.choice("names", "a + b")
    assert component.params() == {**params_of("None", "None"), "ablated_choice": "names='a + b'"}
    assert Component.from_params(component.params()) == component
    assert component.describe() == "choice names='a + b'"


def test_choices_are_read_one_by_one_although_values_hold_the_separator():
    component = Component.combination(
        [Component.choice("names", "a + b"), Component.choice("rate", 1)]
    )
    assert Component.from_params(component.params()) == component


def test_a_combination_of_nothing_is_the_base_and_of_one_is_itself():
    fare = Component.feature("fare")
    assert Component.combination([]) == Component.base()
    assert Component.combination([Component.base(), fare, fare]) == fare


def test_a_label_is_split_into_the_components_of_the_study_only():
    components = {name: Component.feature(name) for name in ("a", "a + b", "b")}
    assert parts_of("a + b", components) == [components["a + b"]]
    assert parts_of("b + a + b", components) == [components["b"], components["a + b"]]
    assert parts_of("a + c", components) is None


def test_a_kind_that_nobody_knows_has_no_text():
    with pytest.raises(AssertionError, match="'block'"):
        Component("block", "block 3").describe()
