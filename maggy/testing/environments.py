"""Test what the driver relies on in an environment. A test class inherits the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from maggy.common.exceptions import AblationError
from maggy.core.environment import Environment, ExperimentCard, ExperimentEnd
from maggy.testing.copies import spark_copy

__all__ = ["EnvironmentContract"]


class EnvironmentContract:
    """Test an environment. Derive a class whose name begins with ``Test``.

    The tests write below pytest's temporary folder, as :meth:`root` translates it. A test class for
    a platform needs a fixture that plays the platform.

    Example:
        >>> from maggy.core.environment import find_environment
        >>> class TestLocalEnvironment(EnvironmentContract):
        ...     def make(self):
        ...         return find_environment("local")
        >>> TestLocalEnvironment().test_its_name_can_be_written_in_a_variable()
    """

    def make(self) -> Environment:
        """Return a new environment."""
        raise NotImplementedError

    def root(self, environment: Environment, folder: Path) -> str:
        """Return the directory of all experiments for a folder that the user chose."""
        return environment.root(folder / "experiments")

    def test_its_name_can_be_written_in_a_variable(self) -> None:
        """Have a name of lower-case letters, which is a value of ``MAGGY_ENVIRONMENT``."""
        name = self.make().name
        assert name.isidentifier()
        assert name == name.lower()

    def test_the_user_chooses_the_directory(self, tmp_path: Path) -> None:
        """Return the same directory for a text, for a path, and for the directory itself."""
        environment = self.make()
        root = self.root(environment, tmp_path)
        assert environment.root(str(tmp_path / "experiments")) == root
        assert environment.root(root) == root
        assert environment.root(str(tmp_path / "others")) != root

    def test_there_is_a_directory_without_the_users_choice(self) -> None:
        """Return a directory if the user chooses none."""
        root = self.make().root()
        assert isinstance(root, str)
        assert root

    def test_it_reads_what_it_has_written(self, tmp_path: Path) -> None:
        """Keep files, and find them again."""
        environment = self.make()
        files = environment.files
        folder = files.join(self.root(environment, tmp_path), "app_1")
        files.make_directory(folder)
        path = files.join(folder, "trial.json")
        files.write_bytes(path, b"{}")
        files.write_bytes(path, b"[]")
        assert files.read_bytes(path) == b"[]"
        assert files.list(folder) == ["trial.json"]

    def test_a_new_experiment_gets_a_name_of_its_own(self, tmp_path: Path) -> None:
        """Name all earlier experiments in ``experiments``; there may be none, and no directory."""
        environment = self.make()
        root = self.root(environment, tmp_path)
        assert "app_1" not in environment.experiments(root)
        environment.files.make_directory(environment.files.join(root, "app_1"))
        assert "app_1" in environment.experiments(root)

    def test_its_variables_are_text(self) -> None:
        """Return environment variables with names and values of text."""
        variables = self.make().variables("app_1")
        assert all(
            isinstance(name, str) and isinstance(value, str) for name, value in variables.items()
        )

    def test_an_experiment_is_shown_from_its_beginning_to_its_end(self) -> None:
        """Register an experiment without an error, and say at most one sentence."""
        card = ExperimentCard("app_1", "app", "a name", "", "RandomSearch", "max", "metric", 0.0)
        sentences: list[str] = []
        registration = self.make().register(card, sentences.append)
        try:
            registration.serve_progress("127.0.0.1", "127.0.0.1")
        finally:
            registration.close(ExperimentEnd("FINISHED", 1.0, "a trial", 0.5))
        assert len(sentences) <= 1
        assert all(isinstance(sentence, str) for sentence in sentences)

    def test_a_training_data_set_that_does_not_exist_is_an_error_that_names_it(self) -> None:
        """Raise `AblationError` with the name if there is no such training data set."""
        with pytest.raises(AblationError, match="there_is_none"):
            self.make().find_training_dataset("there_is_none", 1, None)

    def test_it_travels_to_the_workers(self, tmp_path: Path) -> None:
        """Work after pickling, since a worker may read its own data."""
        environment = self.make()
        _, copy = spark_copy(environment)
        assert copy.name == environment.name
        assert self.root(copy, tmp_path) == self.root(environment, tmp_path)
