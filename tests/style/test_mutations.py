"""The list of mutations fits the code: a rename must reach it, or the script would stop there."""

import mutations
import pytest

MUTATIONS = mutations.load()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.old.strip()[:40])
def test_a_mutation_changes_one_place_of_its_file_and_its_tests_exist(mutation):
    source = (mutations.ROOT / "maggy" / mutation.file).read_text(encoding="utf-8")
    assert source.count(mutation.old) == 1
    assert mutation.new not in (mutation.old, "")
    assert [path for path in mutation.tests.split() if not (mutations.ROOT / path).exists()] == []


def test_there_are_at_least_twenty_mutations():
    assert len(MUTATIONS) >= 20
