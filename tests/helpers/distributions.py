"""Distributions that register entry points, as pip would leave them in a folder."""

from __future__ import annotations


def install(folder, entry_points, modules=None, name="acme"):
    """Write a distribution without dependencies into a folder.

    Args:
        folder: A folder on ``sys.path``.
        entry_points: The targets by name, such as ``{"annealing": "acme.search:Annealing"}``, for
            each group.
        modules: The source of each module by its name.
        name: The name of the distribution.
    """
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, targets in entry_points.items():
        lines.append(f"[{group}]")
        lines += [f"{point} = {target}" for point, target in targets.items()]
    (metadata / "entry_points.txt").write_text("\n".join([*lines, ""]))
    for module, source in (modules or {}).items():
        (folder / f"{module}.py").write_text(source)
