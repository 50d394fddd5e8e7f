"""The ways of docs/jupyter.md, as they are written there: what others' tools make of Patchbay."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow

CELLS = ['load("reviews-4m");\nprompt = "I loved it because it was"\nk = 2', "top(prompt, k=k)",
         "print(len(prompt))", "40 + k"]


def needs(module: str):
    return pytest.mark.skipif(importlib.util.find_spec(module) is None,
                              reason=f"{module} is not installed (tools/test installs it)")


@pytest.fixture(scope="module")
def environment(binary, tmp_path_factory) -> dict[str, str]:
    """An environment to which Patchbay was installed: its program, its kernel, its package."""
    prefix = tmp_path_factory.mktemp("environment")
    packages = prefix / f"lib/python3.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    subprocess.run([binary, "install", "--prefix", prefix], check=True, capture_output=True)
    tools = Path(sys.executable).parent
    return {**os.environ, "JUPYTER_PATH": str(prefix / "share/jupyter"),
            "PYTHONPATH": str(packages), "PATCHBAY_HISTORY": str(prefix / "history"),
            "PATH": f"{prefix / 'bin'}:{tools}:{os.environ['PATH']}"}


@pytest.fixture
def analysis(tmp_path) -> Path:
    """A notebook with a text cell that would begin cells, a parameter and values in every cell."""
    made = nbformat.v4.new_notebook(metadata={
        "kernelspec": {"name": "patchbay", "display_name": "Patchbay", "language": "patchbay"},
        "language_info": {"name": "patchbay", "file_extension": ".pbay"}})
    made.cells = [nbformat.v4.new_markdown_cell("# A title\n\n%% and a line that begins oddly"),
                  nbformat.v4.new_raw_cell("raw\n1 +")]
    made.cells += [nbformat.v4.new_code_cell(source) for source in [*CELLS, ""]]
    made.cells[2].metadata["tags"] = ["parameters"]
    path = tmp_path / "analysis.ipynb"
    nbformat.write(made, path)
    return path


@pytest.fixture
def way(root, environment, analysis, patience):
    """Runs the line of docs/jupyter.md that begins so, in the notebook's folder."""
    lines = re.findall(r"^(?!```)[^\n#]+", "\n".join(
        re.findall(r"```sh\n(.*?)```", (root / "docs/jupyter.md").read_text(), re.DOTALL)), re.M)

    def run(begins: str, *more: str, code: int = 0) -> str:
        (line,) = [line.strip() for line in lines if line.startswith(begins)]
        done = subprocess.run([*shlex.split(line), *more], cwd=analysis.parent, env=environment,
                              capture_output=True, text=True, timeout=120 * patience)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    return run


def shown(path: Path) -> list[str]:
    """What each code cell of a notebook shows as text."""
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    return ["".join(output.get("text") or output["data"]["text/plain"] for output in cell.outputs)
            for cell in cells]


def test_run_a_notebook_and_its_script(way, analysis):
    text = way("patchbay run analysis.ipynb")
    assert text.startswith("The 2 likeliest next tokens") and text.endswith("\n25\n42\n")
    way("jupyter nbconvert --to notebook")
    assert "".join(f"{part.strip()}\n" for part in shown(analysis.with_suffix(".nbconvert.ipynb"))
                   if part) == text
    way("jupyter nbconvert --to script")
    script = analysis.with_suffix(".pbay").read_text()
    assert way("patchbay run analysis.pbay") == text
    assert script.split("# %%")[0] == ""
    assert re.findall("^# %%.*", script, re.M) == ["# %% [markdown]", "# %% [raw]", *["# %%"] * 5]
    assert "\n# # A title\n#\n#  %% and a line" in script
    assert [cell.strip() for cell in re.split(r"^# %%.*\n", script, flags=re.M)[3:]] == [*CELLS, ""]


def test_a_notebook_becomes_a_page_in_colours(way, analysis):
    way("jupyter nbconvert --to html")
    page = analysis.with_suffix(".html").read_text()
    assert '<span class="nb">top</span>' in page and "likeliest next tokens" in page


def test_jupyter_run(way, analysis):
    way("jupyter nbconvert --to script")
    assert way("jupyter run").rstrip().endswith("25\n42")


@needs("jupytext")
def test_jupytext_and_back(way, analysis):
    text = way("patchbay run analysis.ipynb")
    before = nbformat.read(analysis, 4)
    del before.cells[0]  # jupytext, too, takes a comment `# %%` for the beginning of a cell
    nbformat.write(before, analysis)
    way("jupytext --to py:percent")
    assert way("patchbay run analysis.py") == text
    analysis.unlink()
    way("jupytext --to ipynb")
    after = nbformat.read(analysis, 4)
    assert after.metadata.kernelspec.name == "patchbay"
    assert [(cell.cell_type, cell.source, cell.metadata.get("tags")) for cell in after.cells] == \
        [(cell.cell_type, cell.source, cell.metadata.get("tags")) for cell in before.cells]


VALUES = {"text": 'a "quoted" \\ é\n$$', "number": -2.5, "small": 1e-12, "count": 3, "yes": True,
          "nothing": None, "many": [1, [2.5, "x"], {}], "row": {"a b": [None, False]}}


@needs("papermill")
def test_papermill(way, tmp_path):
    way("papermill")
    made = nbformat.read(tmp_path / "outcome.ipynb", 4)
    assert "injected-parameters" in made.cells[3].metadata.tags
    text = shown(tmp_path / "outcome.ipynb")
    assert text[2].startswith("The 3 likeliest next tokens") and text[4] == "43"


@needs("papermill")
def test_parameters_of_every_kind(way, binary, tmp_path):
    (tmp_path / "values.yaml").write_text(
        json.dumps(VALUES).replace("1e-12", "1.0e-12")[:-1] + ', "big": .inf, "low": -.inf, "no": .nan}')
    way("papermill", "-f", "values.yaml")
    source = nbformat.read(tmp_path / "outcome.ipynb", 4).cells[3].source
    (tmp_path / "values.pbay").write_text(f"{source}\n[{', '.join(VALUES)}]\n# %%\n[big, low, no]")
    done = subprocess.run([binary, "run", tmp_path / "values.pbay"], capture_output=True, text=True)
    assert done.stdout == f"{list(VALUES.values())}\n[inf, -inf, nan]\n", done.stderr


@needs("papermill")
def test_papermill_without_the_package(way, environment, tmp_path):
    empty = tmp_path / "packages/patchbay_jupyter-1.0.dist-info"  # found first, with nothing in it
    empty.mkdir(parents=True)
    (empty / "METADATA").write_text("Name: patchbay-jupyter\nVersion: 1.0\n")
    (empty / "entry_points.txt").touch()
    environment = {**environment, "PYTHONPATH": str(empty.parent)}
    done = subprocess.run(["papermill", "analysis.ipynb", "out.ipynb", "-p", "k", "5"], cwd=tmp_path,
                          env=environment, capture_output=True, text=True)
    assert done.returncode != 0 and "No parameter translator" in done.stderr
    subprocess.run(["papermill", "analysis.ipynb", "out.ipynb", "-p", "k", "5", "--language",
                    "python"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert shown(tmp_path / "out.ipynb")[-2] == "45"


@needs("nbval")
def test_nbval(way, environment, analysis, tmp_path):
    way("jupyter nbconvert --to notebook")
    analysis.with_suffix(".nbconvert.ipynb").rename(analysis)
    assert "5 passed" in way("pytest --nbval", "-p", "no:cacheprovider")
    changed = analysis.read_text().replace('"42"', '"41"')
    analysis.write_text(changed)
    assert "1 failed" in way("pytest --nbval", "-p", "no:cacheprovider", code=1)
