"""Executes docs/notebook.ipynb and keeps its outputs: `python -m tests.helpers.notebook [TO]`.

Its cells run in a folder of their own, with the project on the path. They are kept in TO, or in the notebook
itself. What libraries say on standard error, of processors and clocks, is left out.
"""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
CELL_S = 300
"""No cell takes longer, on a busy machine too."""


def executed(folder: Path) -> Any:
    """Runs all cells from top to bottom in a folder and returns the notebook with its outputs."""
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient

    # The kernel of this Python, and not of whichever the user has installed one for.
    spec = folder / "kernels" / "here"
    spec.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "Python 3", "language": "python"})
    )
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=CELL_S, kernel_name="here", resources={"metadata": {"path": str(folder)}}
    )
    client.kernel_manager_class = "jupyter_client.AsyncKernelManager"
    client.create_kernel_manager()
    client.km.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(folder / "kernels")])
    client.km.kernel_name = "here"
    path = os.pathsep.join([str(NOTEBOOK.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    client.execute(env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"})
    return notebook


def main(to: Path) -> None:
    """Executes the notebook and writes it, with its outputs."""
    import nbformat

    with TemporaryDirectory() as folder:
        notebook = executed(Path(folder))
    notebook.metadata = {"language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    nbformat.write(notebook, to)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOK)
