"""The syntax trees of the package keep its rules: imports, ``__all__``, docstrings, randomness."""

import ast
import importlib
import re
from pathlib import Path

import figures

import maggy

PACKAGE = Path(maggy.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# The rooms, from the ground up, as in docs/architecture.md. A module may import from its own floor
# and from lower ones, also inside a function. A new file belongs to the floor of its folder.
FLOORS = [
    ["common", "version"],
    ["trial", "searchspace", "records", "checkpoints", "datasets"],
    ["optuna_bridge", "ablation"],
    ["optimizer", "earlystop", "result", "tracking", "live"],
    ["experiment_config"],
    ["core.messages"],
    ["core.rpc", "core.reporter", "core.reporting"],
    ["core.executors", "core.experiment_driver", "core.environment", "core.cluster"],
    ["core.launch", "core.experiment_record", "core.plan", "core.resume"],
    ["experiment", "loading", "watching", "comparing", "cli", "__main__", "testing", "sklearn"],
]
# What training code calls on a worker may import these rooms only.
CALLED_BY_TRAINING = {"callbacks": {"common"}, "data": {"common"}, "tensorboard": {"common"}}
# Names of earlier releases import other names, and do nothing else.
ALIASES = {
    "__init__", "config", "constants", "distributed", "pruner", "util",
    "core.__init__", "core.exceptions", "core.patching",
}  # fmt: skip
# Heavy or optional packages, which only functions may import.
LATE = {
    "IPython",
    "anywidget",
    "argcomplete",
    "catboost",
    "fsspec",
    "google_crc32c",
    "hops",
    "ipywidgets",
    "jinja2",
    "keras",
    "lightgbm",
    "lightning",
    "matplotlib",
    "mlflow",
    "optuna",
    "optuna_dashboard",
    "pandas",
    "plotly",
    "pyarrow",
    "pyspark",
    "pytorch_lightning",
    "rich",
    "sklearn",
    "tensorboard",
    "tensorflow",
    "torch",
    "transformers",
    "xgboost",
}


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def imports_in(tree):
    """Yield the full name of each import in a tree, and whether the import is late.

    Late imports are inside a function, or are for type checkers only and never run.
    """
    late = set()
    for node in ast.walk(tree):
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if is_function or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            late |= {
                id(inner)
                for part in node.body
                for inner in ast.walk(part)
                if isinstance(inner, (ast.Import, ast.ImportFrom))
            }
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


ROOMS = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module):
    """Return the room that a module is in, or None."""
    name = module.removeprefix("maggy").removeprefix(".") or "__init__"
    while name and name not in ROOMS and name not in CALLED_BY_TRAINING and name not in ALIASES:
        name = name.rpartition(".")[0]
    return name or ("core.__init__" if module == "maggy.core" else None)


def own(name):
    """Return the module of this package that an imported name belongs to, or None."""
    while name and name not in TREES:
        name = name.rpartition(".")[0]
    return name or None


def importers(name):
    """Return the modules that import this module or a name in it."""
    return {
        m
        for m, imports in IMPORTS.items()
        if any(f"{target}.".startswith(f"{name}.") for target, _ in imports)
    }


def offenders(breaks):
    """Return the modules that break a rule, with the reasons."""
    faults = {module: sorted(breaks(module)) for module in TREES}
    return {module: what for module, what in faults.items() if what}


def test_every_file_is_in_a_room():
    assert [module for module in TREES if room_of(module) is None] == []


def test_a_module_imports_nothing_from_above():
    def breaks(module):
        room = room_of(module)
        if room in ALIASES:
            return
        for name, _ in IMPORTS[module]:
            other = own(name) and room_of(own(name))
            if other is None or other == room or other in ALIASES:
                continue
            if room in CALLED_BY_TRAINING:
                if other not in CALLED_BY_TRAINING[room]:
                    yield name
            elif other in CALLED_BY_TRAINING or ROOMS[other] > ROOMS[room]:
                yield name

    assert offenders(breaks) == {}


def test_no_modules_import_each_other():
    assert figures.import_cycles(PACKAGE, figures.modules(PACKAGE)) == []


def test_the_core_itself_has_few_files():
    assert len(list((PACKAGE / "core").glob("*.py"))) <= 9


def test_the_two_ends_do_not_know_each_other():
    workers, driver = "maggy.core.executors", "maggy.core.experiment_driver"
    assert not [module for module in importers(driver) if module.startswith(workers)]
    assert not [module for module in importers(workers) if module.startswith(driver)]


def test_policies_never_see_a_message_and_the_wire_no_policy():
    wire = ("maggy.core.messages", "maggy.core.rpc", "maggy.core.reporter")
    policies = (
        "maggy.optimizer",
        "maggy.earlystop",
        "maggy.ablation",
        "maggy.experiment_config",
        "maggy.trial",
    )
    assert not [
        (module, name) for name in wire for module in importers(name) if module.startswith(policies)
    ]
    assert not [(module, name) for name in policies for module in importers(name) if module in wire]


def test_the_bookkeeping_is_pure():
    forbidden = {
        "threading",
        "socket",
        "zmq",
        "time",
        "os",
        "queue",
        "logging",
        "random",
        "pathlib",
    }
    for name in (
        "assignments",
        "give_up",
        "instructions",
        "job_failures",
        "ledger",
        "losses",
        "notices",
        "places",
        "roster",
        "stop_checks",
        "trial_book",
        "trial_names",
        "trial_queue",
    ):
        module = f"maggy.core.experiment_driver.{name}"
        assert not forbidden & {name.split(".")[0] for name, _ in IMPORTS[module]}


def test_only_the_modules_about_spark_import_pyspark_and_only_one_zeromq():
    assert {m for m in importers("pyspark") if not m.startswith("maggy.core.cluster.")} == {
        "maggy.common.spark_files",
        "maggy.common.spark_session",
    }
    assert importers("zmq") == {"maggy.core.rpc.client", "maggy.core.rpc.server"}


def test_what_is_heavy_or_optional_is_imported_inside_functions_only():
    def breaks(module):
        return (name for name, late in IMPORTS[module] if not late and name.split(".")[0] in LATE)

    assert offenders(breaks) == {}


def test_a_module_begins_by_saying_what_it_is_for():
    def first_line(module):
        return (ast.get_docstring(TREES[module]) or "").split("\n")[0]

    assert [module for module in TREES if not first_line(module).endswith((".", ":"))] == []


def listed_in(module):
    """Return the names in the module's ``__all__``, or None without one."""
    for node in TREES[module].body:
        if isinstance(node, ast.Assign) and [
            getattr(target, "id", None) for target in node.targets
        ] == ["__all__"]:
            return ast.literal_eval(node.value)
    return None


def test_a_module_with_names_has_an_all_that_is_true():
    def breaks(module):
        names = listed_in(module)
        if names is None:
            return (
                ["no __all__"]
                if any(not isinstance(node, ast.Expr) for node in TREES[module].body)
                else []
            )
        package = importlib.import_module(module)
        return [name for name in names if not hasattr(package, name) or names.count(name) > 1]

    assert offenders(breaks) == {}


def test_an_all_names_everything_that_other_modules_take():
    targets = {name for imports in IMPORTS.values() for name, _ in imports}

    def breaks(module):
        names = listed_in(module) or []
        for node in TREES[module].body:
            is_taken = (
                isinstance(node, (ast.FunctionDef, ast.ClassDef))
                and f"{module}.{node.name}" in targets
            )
            if is_taken and node.name not in names:
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
    forbidden = {
        "time.sleep",
        "sleep",
        "pickle.loads",
        "pickle.load",
        "eval",
        "exec",
        "marshal.loads",
    }
    found = offenders(lambda module: CALLS[module] & forbidden)
    assert found.pop("maggy.testing.copies") == ["pickle.loads"]  # what it has pickled itself
    assert found == {}
    assert {module for module in TREES if "cloudpickle.loads" in CALLS[module]} == {
        "maggy.core.cluster.pickling",
        "maggy.core.cluster.release",  # on an executor, from the closure that contains it
    }
    # Only data that Spark transports is unpickled.
    executors = {
        f"maggy.core.executors.{name}"
        for name in ("trial_executor", "watchdog", "process_executor")
    }
    assert importers("maggy.core.cluster.loads") == executors
    assert importers("maggy.core.cluster.pickling.loads") == {
        "maggy.core.cluster",
        "maggy.core.cluster.connect",
    }


def test_no_handler_catches_what_it_does_not_name():
    def breaks(module):
        handlers = (node for node in ast.walk(TREES[module]) if isinstance(node, ast.ExceptHandler))
        return (str(handler.lineno) for handler in handlers if handler.type is None)

    assert offenders(breaks) == {}


def test_randomness_comes_from_a_generator_that_is_passed_in():
    def breaks(module):
        generators = {
            call
            for call in CALLS[module]
            if call.startswith(("random.", "np.random.", "numpy.random."))
        }
        return generators - {"random.Random", "np.random.default_rng"}

    found = offenders(breaks)
    # A contract test makes sure that an optimizer does not depend on the global generator.
    assert found.pop("maggy.testing.optimizers") == ["random.seed"]
    # A checkpoint has the states of the global generators of the user's training. It draws nothing.
    states = {
        "numpy.random.get_state",
        "numpy.random.set_state",
        "random.getstate",
        "random.setstate",
    }
    assert set(found.pop("maggy.callbacks.random_states")) == states
    assert found == {}


def test_only_the_contract_tests_need_pytest():
    modules = importers("pytest") | importers("hypothesis")
    assert modules
    assert all(module.startswith("maggy.testing.") for module in modules)
    assert not [module for module in importers("maggy.testing") if room_of(module) != "testing"]


def test_no_module_changes_its_own_globals():
    assert [
        m
        for m, tree in TREES.items()
        if any(isinstance(node, ast.Global) for node in ast.walk(tree))
    ] == []


def test_only_a_study_prints_and_because_it_was_asked_to():
    assert {
        module
        for module in TREES
        if "print" in CALLS[module] and not module.startswith("maggy.ablation.")
    } == set()


def test_every_test_environment_names_files_that_exist():
    root = Path(__file__).parents[1]
    paths = re.findall(
        r"\b(?:tests|examples)/[\w./]+", (root / "tox.ini").read_text(encoding="utf-8")
    )
    assert paths
    assert [name for name in paths if not (root / name).exists()] == []


def test_users_of_the_package_get_its_types():
    assert (PACKAGE / "py.typed").exists()
