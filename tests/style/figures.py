"""Measure how a Python package reads: names, docstrings, comments, line and file lengths, imports.

    python tests/style/figures.py [package folder ...]

Prints one column for each folder, so that packages can be put side by side. The measures read the
source as text and syntax trees; they import and run nothing.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

_HERE = Path(__file__).parent
PARTICIPLES = frozenset((_HERE / "participles.txt").read_text().split())
"""Past participles that name a value by what happened to it, not by what it is.

Words that are nouns or verbs as well (``left``, ``read``, ``put``, ``bound``) are not among them.
"""
IMPERATIVES = frozenset((_HERE / "imperatives.txt").read_text().split())
"""The plain forms of verbs with which a docstring may begin."""
MAX_COLUMNS = 100


def modules(root: Path) -> dict[str, ast.Module]:
    """Return the syntax tree of every module below a folder, by its path; tests are left out."""
    return {
        path.relative_to(root.parent).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(root.rglob("*.py"))
        if not {"test", "tests", "_vendor", "externals"} & set(path.relative_to(root).parts)
    }


def bound_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every name that an assignment, a parameter or a loop binds, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.arg():
                yield node.arg, node.lineno


def participle_names(trees: dict[str, ast.Module]) -> list[str]:
    """Return the places where a bare past participle (or ``each``) is bound as a name."""
    words = PARTICIPLES | {"each"}
    return [
        f"{path}:{line} {name}"
        for path, tree in trees.items()
        for name, line in bound_names(tree)
        if name.lstrip("_") in words
    ]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def public_definitions(
    tree: ast.Module,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield the public functions, classes and methods of public classes of a module."""
    pending: list[ast.Module | ast.ClassDef] = [tree]
    while pending:
        for node in pending.pop().body:
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            if node.name.startswith("_"):
                continue
            yield node
            if isinstance(node, ast.ClassDef):
                pending.append(node)


def is_imperative(summary: str) -> bool:
    """Tell whether a docstring begins with a verb in its plain form.

    The rule looks at the first word only. An article, a noun and a verb in the third person fail.
    """
    word = re.match(r"[A-Za-z]+", summary.strip())
    if word is None:
        return False
    return word[0].lower() in IMPERATIVES


def longest_functions(trees: dict[str, ast.Module]) -> list[int]:
    """Return the length of every function in lines, its docstring left out."""
    lengths = []
    for tree in trees.values():
        for node in functions(tree):
            docstring = node.body[0] if ast.get_docstring(node) is not None else None
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if docstring is not None:
                lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
            lengths.append(lines)
    return sorted(lengths)


def comment_lines(source: str) -> int:
    """Return how many lines hold a comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return len({token.start[0] for token in tokens if token.type == tokenize.COMMENT})


def import_cycles(root: Path, trees: dict[str, ast.Module]) -> list[list[str]]:
    """Return the groups of modules that import each other, late imports included.

    Imports for type checkers only do not count.
    """
    names = {
        ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__"): tree
        for path, tree in trees.items()
    }
    edges = {name: _imports(name, tree, names) - {name} for name, tree in names.items()}
    return [sorted(group) for group in _strong_components(edges) if len(group) > 1]


def _imports(name: str, tree: ast.Module, names: dict[str, ast.Module]) -> set[str]:
    targets: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            targets |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                targets.add(inner if inner in names else node.module)
        pending += ast.iter_child_nodes(node)
    return {target for target in targets if target in names}


def _strong_components(edges: dict[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components of a graph (Kosaraju's algorithm)."""
    order: list[str] = []
    visited: set[str] = set()

    def visit(start: str, graph: dict[str, set[str]], out: list[str]) -> None:
        stack = [(start, iter(sorted(graph[start])))]
        visited.add(start)
        while stack:
            node, targets = stack[-1]
            target = next((target for target in targets if target not in visited), None)
            if target is None:
                out.append(node)
                stack.pop()
            else:
                visited.add(target)
                stack.append((target, iter(sorted(graph[target]))))

    for name in sorted(edges):
        if name not in visited:
            visit(name, edges, order)
    reverse: dict[str, set[str]] = {name: set() for name in edges}
    for name, targets in edges.items():
        for target in targets:
            reverse[target].add(name)
    visited = set()
    components = []
    for name in reversed(order):
        if name not in visited:
            members: list[str] = []
            visit(name, reverse, members)
            components.append(set(members))
    return components


def loose_types(trees: dict[str, ast.Module]) -> int:
    """Return how often code uses ``Any``, ``object`` or ``cast``, without the imports."""
    count = 0
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in ("Any", "cast"):
                count += 1
            elif isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
                count += sum(
                    isinstance(part, ast.Name) and part.id == "object"
                    for part in ast.walk(node.annotation)
                )
    return count


def figures(root: Path) -> dict[str, str]:
    """Return every measure of one package, as text by name."""
    trees = modules(root)
    sources = {path: (root.parent / path).read_text(encoding="utf-8") for path in trees}
    lines = [line for source in sources.values() for line in source.splitlines()]
    public = [node for tree in trees.values() for node in public_definitions(tree)]
    summaries = [
        docstring
        for tree in trees.values()
        for node in functions(tree)
        if (docstring := ast.get_docstring(node)) and not _is_property(node)
    ]
    lengths = longest_functions(trees)
    core = root / "core"
    return {
        "lines": f"{len(lines)}",
        "participle names": f"{len(participle_names(trees))}",
        "public names with a docstring": _percent(
            sum(bool(ast.get_docstring(node)) for node in public), len(public)
        ),
        "imperative docstrings": _percent(sum(map(is_imperative, summaries)), len(summaries)),
        "comment lines": _percent(sum(map(comment_lines, sources.values())), len(lines)),
        f"lines over {MAX_COLUMNS} columns": f"{sum(len(line) > MAX_COLUMNS for line in lines)}",
        "Any, object, cast in 1,000 lines": f"{1000 * loose_types(trees) / max(1, len(lines)):.1f}",
        "function length, median": f"{statistics.median(lengths or [0]):.0f}",
        "function length, p99": f"{lengths[int(len(lengths) * 0.99)] if lengths else 0}",
        "function length, longest": f"{lengths[-1] if lengths else 0}",
        "file length, longest": str(
            max((len(source.splitlines()) for source in sources.values()), default=0)
        ),
        "import cycles": f"{len(import_cycles(root, trees))}",
        "files in core/": f"{len(list(core.glob('*.py')))}" if core.is_dir() else "-",
    }


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"


def main(folders: list[str]) -> None:
    """Print the table."""
    columns = {Path(folder).name: figures(Path(folder).resolve()) for folder in folders}
    rows = list(next(iter(columns.values())))
    width = max(map(len, rows))
    print(" " * width, *(f"{name:>14}" for name in columns))
    for row in rows:
        print(f"{row:<{width}}", *(f"{column[row]:>14}" for column in columns.values()))


if __name__ == "__main__":
    main(sys.argv[1:] or [str(Path(__file__).parents[2] / "maggy")])
