"""How Sphinx builds the documentation: ``tox -e docs``.

Nothing is fetched from the network, neither while the site is built nor while it is read.
"""

import inspect
import re
import runpy
import sys
from pathlib import Path

from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import make_refnode

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

project = "Maggy"
author = "The Maggy authors"
copyright = "the Maggy authors, Apache License 2.0"  # noqa: A001  (Sphinx reads this name)
release = version = runpy.run_path(str(ROOT / "maggy" / "version.py"))["__version__"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
templates_path = ["_templates"]

# Markdown: links to headings work across pages, and tables may stand in lists.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# The reference: reference/api.md lists every public object, and each gets a page of its own.
autosummary_generate = True
autodoc_default_options = {
    "members": True,
    # Inherited methods are part of what a class offers, but not those of Python's own bases.
    "inherited-members": "dict,BaseException",
    "member-order": "bysource",
}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
# Docstrings are read in an editor too, where single backticks are as good as double ones.
default_role = "code"

html_theme = "furo"
html_title = f"Maggy {release}"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
# Sphinx would note the time of the build on every page, so that no two builds were equal.
html_last_updated_fmt = None


def setup(app):
    """Register what makes the reference easier to read."""
    app.connect("autodoc-process-docstring", describe_constant)
    app.connect("autodoc-process-docstring", name_bases)
    app.connect("autodoc-process-signature", show_init)
    app.connect("missing-reference", link_public_object)


def describe_constant(app, what, name, obj, options, lines):
    """Show the text below a constant where Sphinx would show that of its type.

    Sphinx looks for the text only in the module of the public path, which imports the constant.
    """
    if what != "data":
        return
    package, _, constant = name.rpartition(".")
    for module in sorted(part for part in sys.modules if part.startswith(f"{package}.")):
        if getattr(sys.modules[module], constant, None) is obj:
            texts = ModuleAnalyzer.for_module(module).find_attr_docs()
            if ("", constant) in texts:
                lines[:] = texts["", constant]


def name_bases(app, what, name, obj, options, lines):
    """Add a line with the base classes of Maggy's own, except private ones."""
    if what not in ("class", "exception"):
        return
    bases = [base for base in obj.__bases__ if base.__module__.startswith("maggy.")]
    names = [
        f":class:`~{base.__module__}.{base.__name__}`" for base in bases if base.__name__[0] != "_"
    ]
    if names:
        lines += ["", f"Derives from {' and '.join(names)}."]


def show_init(app, what, name, obj, options, signature, return_annotation):
    """Show the parameters of ``__init__`` where ``__new__`` takes anything, as for callbacks."""
    if what != "class" or not re.fullmatch(r"\(\*\w+, \*\*\w+\)", signature or ""):
        return None
    parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(plain)), return_annotation


def link_public_object(app, env, node, contnode):
    """Return a link to the public object with this last name; None if there is none.

    Annotations name the module that defines a class, ``maggy.searchspace.space.Searchspace``.
    Its page has the public path, ``maggy.searchspace.Searchspace``.
    """
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"].rpartition(".")[2]
    for path, entry in env.domaindata["py"]["objects"].items():
        is_public = entry.docname.startswith("reference/generated/") and path.count(".") >= 2
        if is_public and entry.docname.endswith(f".{name}") and path.endswith(f".{name}"):
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode)
    return None
