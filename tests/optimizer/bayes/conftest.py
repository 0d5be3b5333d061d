"""The Gaussian process is an extra of its own, with tests that need it: ``tox -e gp`` runs them."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["test_gp.py"]
