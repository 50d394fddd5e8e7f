"""Runs a notebook from top to bottom with the kernel it names, and saves it with its outputs.

    execute.py NOTEBOOK OUTPUT [--model MODEL]

One line for each cell that fails, with its error, and exit status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config


def first_line(source: str) -> str:
    return next((line.strip() for line in source.splitlines() if line.strip()), "")


def use_model(notebook: nbformat.NotebookNode, model: str) -> None:
    """Makes the cells that load the default model load another one."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.replace('load("reviews-4m")', f"load({json.dumps(model)})")


def execute(notebook: nbformat.NotebookNode, folder: Path, timeout: int) -> None:
    """Runs every code cell; the kernel's working directory is `folder`.

    When each ran is not kept: the same notebook gives the same file. Over ipc sockets: they need no network, not even a loopback, and leave no port to others.
    """
    with tempfile.TemporaryDirectory(prefix="patchbay-") as sockets:
        NotebookClient(
            notebook,
            timeout=timeout,
            record_timing=False,
            startup_timeout=60,
            kernel_name=notebook.metadata.kernelspec.name,
            resources={"metadata": {"path": str(folder)}},
            config=Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/k"}),
        ).execute()


def main() -> int:
    arguments = argparse.ArgumentParser(description="Run a notebook and save it with its outputs.")
    arguments.add_argument("notebook", type=Path)
    arguments.add_argument("output", type=Path)
    arguments.add_argument("--model", help="what load(...) loads instead of reviews-4m")
    arguments.add_argument("--timeout", type=int, default=300, help="seconds a cell may take")
    given = arguments.parse_args()
    notebook = nbformat.read(given.notebook, as_version=4)
    if given.model:
        use_model(notebook, given.model)
    began = time.monotonic()
    failure = ""
    try:
        execute(notebook, given.notebook.resolve().parent, given.timeout)
    except CellExecutionError as error:
        cell = next((c for c in notebook.cells if any(
            output.output_type == "error" for output in c.get("outputs", []))), None)
        where = first_line(cell.source) if cell else "a cell"
        failure = f"error in the cell `{where}`: {error.ename}: {error.evalue}"
    except CellTimeoutError:
        failure = f"error: a cell took longer than {given.timeout} s"
    except DeadKernelError:
        failure = "error: the kernel died"
    given.output.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, given.output)
    if failure:
        print(failure)
        return 1
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    print(f"{cells} cells in {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
