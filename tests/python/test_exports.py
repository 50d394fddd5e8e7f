"""What nbconvert makes of notebooks beside HTML."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient


def executed(notebook, kernelspec: str, folder: Path) -> Path:
    NotebookClient(notebook, timeout=120, kernel_name=kernelspec).execute()
    path = folder / "executed.ipynb"
    nbformat.write(notebook, path)
    return path


def convert(path: Path, kind: str, *options: str) -> Path:
    """The file nbconvert writes beside a notebook, on a machine without Inkscape."""
    folder = path.parent / "bin"
    folder.mkdir(exist_ok=True)
    pandoc = shutil.which("pandoc")
    if pandoc and not (folder / "pandoc").exists():
        (folder / "pandoc").symlink_to(pandoc)
    subprocess.run([sys.executable, "-m", "nbconvert", "--to", kind, *options, path], check=True,
                   capture_output=True, env={**os.environ, "PATH": str(folder)})
    return path.with_suffix({"latex": ".tex", "script": ".pbay"}[kind])


@pytest.fixture(scope="module")
def pictures(kernelspec, tmp_path_factory) -> Path:
    """A notebook with a picture of every kind, run."""
    sources = ['load("reviews-4m")', 'bar(x=["a", "b"], y=[1, 2])', "line([1, 3, 2])",
               "heatmap([[1, 2], [3, 4]])", 'attention("I love it", layer=4)',
               'run("I love it").pattern[layer=4]', "table(n=[1, 2], ok=check([True, False]))"]
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return executed(made, kernelspec, tmp_path_factory.mktemp("pictures"))


def test_pictures_are_sent_as_html_and_text(pictures):
    for cell in nbformat.read(pictures, 4).cells:
        for output in cell.outputs:
            assert set(output["data"]) == {"text/html", "text/plain"}, cell.source


def test_latex_needs_no_inkscape(pictures):
    text = convert(pictures, "latex").read_text()
    assert "heatmap" in text and "L4H0" in text and "includegraphics" not in text.split("maketitle")[1]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pandoc"), reason="pandoc, which text cells need, is not here")
def test_the_tutorial_becomes_latex_and_a_pdf(root, kernelspec, tmp_path):
    made = nbformat.read(root / "notebooks" / "your-first-analysis.ipynb", 4)
    source = convert(executed(made, kernelspec, tmp_path), "latex")
    if not shutil.which("xelatex"):
        pytest.skip("xelatex is not installed; LaTeX itself was written")
    subprocess.run(["xelatex", "-interaction=batchmode", source.name], cwd=tmp_path, check=True,
                   capture_output=True)
    assert source.with_suffix(".pdf").stat().st_size > 20000
