"""The house rules, read off the syntax trees: who may import whom, what is imported late, what every module says."""

import ast
import importlib
from pathlib import Path

import maggy

PACKAGE = Path(maggy.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a module may import from its own floor and those below. The longest matching name counts, so a
# new module is on its package's floor, and one directly in maggy or maggy.core on the lowest.
VALUES, POLICIES, CONFIGS, WIRE, ENDS, TOP = range(6)
FLOORS = {
    "maggy": VALUES,
    "maggy.searchspace": VALUES,
    "maggy.trial": VALUES,
    "maggy.result": VALUES,
    "maggy.core": VALUES,
    "maggy.core.exceptions": VALUES,
    "maggy.core.optional": VALUES,
    "maggy.core.plain": VALUES,
    "maggy.core.parameter": VALUES,
    "maggy.core.registry": VALUES,
    "maggy.core.plots": VALUES,
    "maggy.core.signature": VALUES,
    "maggy.core.spark": VALUES,
    "maggy.core.cluster": VALUES,
    "maggy.tensorboard": VALUES,
    "maggy.optimizer": POLICIES,
    "maggy.pruner": POLICIES,
    "maggy.earlystop": POLICIES,
    "maggy.ablation": POLICIES,
    "maggy.experiment_config": CONFIGS,
    "maggy.config": CONFIGS,
    "maggy.core.messages": WIRE,
    "maggy.core.rpc": WIRE,
    "maggy.core.reporter": WIRE,
    "maggy.callbacks": WIRE,
    "maggy.core.executors": ENDS,
    "maggy.core.experiment_driver": ENDS,
    "maggy.core.store": ENDS,
    "maggy.core.ownership": ENDS,
    "maggy.core.record_reading": ENDS,
    "maggy.core.writer": ENDS,
    "maggy.core.events": ENDS,
    "maggy.core.environment": ENDS,
    "maggy.core.launch": TOP,
    "maggy.core.packing": TOP,
    "maggy.core.resume": TOP,
    "maggy.core.plan": TOP,
    "maggy.experiment": TOP,
}
# Heavy or optional: never imported when a module is.
LATE = {
    "IPython",
    "fsspec",
    "google_crc32c",
    "hops",
    "keras",
    "matplotlib",
    "optuna",
    "pandas",
    "pyarrow",
    "pyspark",
    "sklearn",
    "tensorboard",
    "tensorflow",
}


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def imports_in(tree):
    """What a tree imports: the full name of each module or of each thing out of it, and whether inside a function."""
    late = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            late |= {id(inner) for inner in ast.walk(node) if isinstance(inner, (ast.Import, ast.ImportFrom))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in late
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", id(node) in late


IMPORTS = {module: list(imports_in(tree)) for module, tree in TREES.items()}
CALLS = {
    module: {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for module, tree in TREES.items()
}


def floor_of(module):
    while module not in FLOORS:
        module = module.rpartition(".")[0]
    return FLOORS[module]


def own(name):
    """The module of ours that an imported name stands for or is in; None for others."""
    while name and name not in TREES:
        name = name.rpartition(".")[0]
    return name or None


def importers(name):
    """The modules that import this, or something out of it."""
    return {m for m, found in IMPORTS.items() if any(f"{each}.".startswith(f"{name}.") for each, _ in found)}


def offenders(breaks):
    """For each module what breaks a rule there; modules that keep it are left out."""
    found = {module: sorted(breaks(module)) for module in TREES}
    return {module: what for module, what in found.items() if what}


def test_a_module_imports_nothing_from_above():
    def breaks(module):
        for name, _ in IMPORTS[module]:
            if (found := own(name)) is not None and floor_of(found) > floor_of(module):
                yield name

    assert offenders(breaks) == {}


def test_the_two_ends_do_not_know_each_other():
    workers, driver = "maggy.core.executors", "maggy.core.experiment_driver"
    assert not [module for module in importers(driver) if module.startswith(workers)]
    assert not [module for module in importers(workers) if module.startswith(driver)]


def test_policies_never_see_a_message_and_the_wire_no_policy():
    wire = ("maggy.core.messages", "maggy.core.rpc", "maggy.core.reporter")
    policies = ("maggy.optimizer", "maggy.earlystop", "maggy.ablation", "maggy.experiment_config", "maggy.trial")
    assert not [(module, name) for name in wire for module in importers(name) if module.startswith(policies)]
    assert not [(module, name) for name in policies for module in importers(name) if module in wire]


def test_the_bookkeeping_is_pure():
    forbidden = {"threading", "socket", "zmq", "time", "os", "queue", "logging", "random", "pathlib"}
    for module in ("maggy.core.experiment_driver.ledger", "maggy.core.experiment_driver.instructions"):
        assert not forbidden & {name.split(".")[0] for name, _ in IMPORTS[module]}


def test_only_the_modules_about_spark_import_pyspark_and_only_one_zeromq():
    assert {m for m in importers("pyspark") if not m.startswith("maggy.core.cluster.")} == {"maggy.core.spark"}
    assert importers("zmq") == {"maggy.core.rpc"}


def test_what_is_heavy_or_optional_is_imported_inside_functions_only():
    def breaks(module):
        return (name for name, late in IMPORTS[module] if not late and name.split(".")[0] in LATE)

    assert offenders(breaks) == {}


def test_a_module_begins_by_saying_what_it_is_for():
    def first_line(module):
        return (ast.get_docstring(TREES[module]) or "").split("\n")[0]

    assert [module for module in TREES if not first_line(module).endswith((".", ":"))] == []


def listed_in(module):
    """What the module's ``__all__`` lists; None without one."""
    for node in TREES[module].body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == ["__all__"]:
            return ast.literal_eval(node.value)
    return None


def test_a_module_with_names_has_an_all_that_is_true():
    def breaks(module):
        listed = listed_in(module)
        if listed is None:
            return ["no __all__"] if any(not isinstance(node, ast.Expr) for node in TREES[module].body) else []
        loaded = importlib.import_module(module)
        return [name for name in listed if not hasattr(loaded, name) or listed.count(name) > 1]

    assert offenders(breaks) == {}


def test_an_all_names_everything_that_other_modules_take():
    taken = {name for found in IMPORTS.values() for name, _ in found}

    def breaks(module):
        listed = listed_in(module) or []
        for node in TREES[module].body:
            is_taken = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and f"{module}.{node.name}" in taken
            if is_taken and node.name not in listed:
                yield node.name

    assert offenders(breaks) == {}


def test_nobody_imports_what_is_private_to_another_module():
    def breaks(module):
        for name, _ in IMPORTS[module]:
            last = name.rpartition(".")[2]
            if name.startswith("maggy.") and last.startswith("_") and not last.startswith("__"):
                yield name

    assert offenders(breaks) == {}


def test_nothing_sleeps_and_nothing_is_evaluated_or_unpickled():
    forbidden = {"time.sleep", "sleep", "pickle.loads", "pickle.load", "eval", "exec", "marshal.loads"}
    assert offenders(lambda module: CALLS[module] & forbidden) == {}
    assert {module for module in TREES if "cloudpickle.loads" in CALLS[module]} == {"maggy.core.cluster.pickling"}
    # It is called with what Spark brought: on the executors, and with what their tasks returned.
    executors = {f"maggy.core.executors.{name}" for name in ("trial_executor", "watchdog", "process_executor")}
    assert importers("maggy.core.spark.loads") == executors
    assert importers("maggy.core.cluster.pickling.loads") == {"maggy.core.spark", "maggy.core.cluster.connect"}


def test_no_handler_catches_what_it_does_not_name():
    def breaks(module):
        handlers = (node for node in ast.walk(TREES[module]) if isinstance(node, ast.ExceptHandler))
        return (str(handler.lineno) for handler in handlers if handler.type is None)

    assert offenders(breaks) == {}


def test_randomness_comes_from_a_generator_that_is_passed_in():
    def breaks(module):
        drawn = {call for call in CALLS[module] if call.startswith(("random.", "np.random.", "numpy.random."))}
        return drawn - {"random.Random", "np.random.default_rng"}

    assert offenders(breaks) == {}


def test_no_module_changes_its_own_globals():
    assert [m for m, tree in TREES.items() if any(isinstance(node, ast.Global) for node in ast.walk(tree))] == []


def test_only_a_study_prints_and_because_it_was_asked_to():
    assert {
        module for module in TREES if "print" in CALLS[module] and not module.startswith("maggy.ablation.")
    } == set()


def test_users_of_the_package_get_its_types():
    assert (PACKAGE / "py.typed").exists()
