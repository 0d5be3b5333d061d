"""Notebooks, run in a kernel of their own, and what they show."""

import signal
import sys

import nbformat

__all__ = ["panels", "printed", "run_notebook", "tables"]


def run_notebook(path, directory, monkeypatch):
    """Run a notebook in a new kernel of this interpreter; return it with its outputs.

    Args:
        path: The notebook. The file stays as it is.
        directory: The working directory of the kernel.
        monkeypatch: The fixture of pytest. The kernel gets no variable that the tests set.
    """
    from jupyter_client import KernelManager
    from jupyter_client.kernelspec import KernelSpec
    from nbclient import NotebookClient

    for variable in (
        "MAGGY_LOG_DIR",
        "MAGGY_DATASET_DIR",
        "PYSPARK_PYTHON",
        "PYSPARK_GATEWAY_PORT",
        "TF_CPP_MIN_LOG_LEVEL",
    ):
        monkeypatch.delenv(variable, raising=False)
    manager = KernelManager(ip=str(directory / "kernel"), transport="ipc")
    # The installed kernel "python3" may belong to another interpreter.
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=command, display_name="Python 3", language="python")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    client = NotebookClient(
        notebook, km=manager, timeout=800, resources={"metadata": {"path": str(directory)}}
    )
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return client.execute()
    finally:
        # The client does not end a manager that it has not made, and its handlers stay.
        manager.shutdown_kernel(now=True)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def printed(notebook):
    """Return everything that a notebook's cells printed to standard output."""
    return "".join(
        output.text
        for output in _outputs(notebook)
        if output.output_type == "stream" and output.name == "stdout"
    )


def tables(notebook):
    """Return the HTML of each table that a notebook shows, without those of panels."""
    return [text for text in _html(notebook) if "<table" in text and "maggy-panel" not in text]


def panels(notebook):
    """Return the HTML of each panel that a notebook shows."""
    return [text for text in _html(notebook) if "maggy-panel" in text]


def _html(notebook):
    return [output.get("data", {}).get("text/html", "") for output in _outputs(notebook)]


def _outputs(notebook):
    return [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
