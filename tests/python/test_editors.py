"""What editors and exports know of the language: its type, its words, its colours."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from pygments.token import Token

from test_exports import convert

CODE = ('a = "x"  # y\nf(x, y=1) = x if x is not None else lambda q: q\n'
        'patch(into=love, from=hate, at="resid_post").pattern[layer=2]\n'
        "r'\\d' + '''a\nb''' + 1.5e-3 == True\n")


def words(root: Path) -> dict:
    return json.loads((root / "kernelspec/python/patchbay_jupyter/words.json").read_text())


def test_the_words_are_the_kernels(root, binary, tmp_path):
    fresh = tmp_path / "words.json"
    subprocess.run([sys.executable, root / "kernelspec/words.py", binary, fresh], check=True)
    assert json.loads(fresh.read_text()) == words(root), "run: tools/words"
    assert len(words(root)["words"]) > 80


def test_keywords_are_no_names(root, binary):
    known = words(root)
    for word in known["keywords"] + ["True", "False", "None"]:
        done = subprocess.run([binary, "eval", f"{word} = 1"], capture_output=True, text=True)
        assert done.returncode == 1 and "SyntaxError" in done.stderr, word
    for word in known["words"]:
        done = subprocess.run([binary, "eval", f"{word} == 1"], capture_output=True, text=True)
        assert "SyntaxError" not in done.stderr and "NameError" not in done.stderr, word


@pytest.fixture(scope="module")
def lexer(root):
    path = root / "kernelspec/python/patchbay_jupyter/lexer.py"
    spec = importlib.util.spec_from_file_location("patchbay_lexer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PatchbayLexer(stripnl=False, ensurenl=False)


def test_the_lexer_knows_the_language(lexer):
    found = list(lexer.get_tokens(CODE))
    assert "".join(text for _, text in found) == CODE
    kinds = {text: kind for kind, text in found}
    assert kinds["into"] == kinds["from"] == kinds["layer"] == Token.Name.Variable
    assert kinds["patch"] == Token.Name.Builtin
    assert kinds["pattern"] == Token.Name.Attribute
    assert kinds["None"] == kinds["True"] == Token.Keyword.Constant
    assert {kinds[word] for word in ("if", "else", "is", "not", "lambda")} == {Token.Keyword}
    assert kinds["# y"] == Token.Comment.Single and kinds['"resid_post"'] == Token.Literal.String
    assert not any(kind in Token.Error for kind in kinds.values())


def test_notebooks_say_what_the_kernel_says(root, kernelspec):
    manager, client = start_new_kernel(kernel_name=kernelspec)
    info = client.kernel_info(reply=True, timeout=30)["content"]["language_info"]
    client.stop_channels()
    manager.shutdown_kernel()
    for path in (root / "notebooks").glob("*.ipynb"):
        assert nbformat.read(path, 4).metadata["language_info"] == info, path.name


@pytest.fixture
def prefix(binary, tmp_path):
    """Where the program was installed: with two Pythons, and [odd] characters in the name."""
    folder = tmp_path / "the [prefix]*"
    for version in ("3.11", "3.14"):
        (folder / f"lib/python{version}/site-packages").mkdir(parents=True)
    subprocess.run([binary, "install", "--prefix", folder], check=True, capture_output=True)
    return folder


def test_install_brings_the_colours_and_uninstall_takes_them(prefix):
    extension = prefix / "share/jupyter/labextensions/patchbay-labextension"
    package = json.loads((extension / "package.json").read_text())
    assert (extension / package["jupyterlab"]["_build"]["load"]).exists()
    for packages in prefix.glob("lib/*/site-packages"):
        found = subprocess.run(
            [sys.executable, "-c", "from pygments.lexers import get_lexer_by_name as g, "
             "get_lexer_for_filename as f; print(g('patchbay').name, f('a.pbay').name)"],
            env={"PYTHONPATH": str(packages)}, check=True, capture_output=True, text=True)
        assert found.stdout == "Patchbay Patchbay\n"
    subprocess.run([prefix / "bin/patchbay", "uninstall", "--prefix", prefix], check=True,
                   capture_output=True)
    assert [path for path in prefix.rglob("*") if path.is_file()] == []
    assert not extension.exists() and not (prefix / "share/patchbay").exists()


def test_scripts_of_notebooks_end_in_pbay(tmp_path, binary):
    made = nbformat.v4.new_notebook(metadata={"language_info": {"name": "patchbay",
                                                                "file_extension": ".pbay"}})
    made.cells = [nbformat.v4.new_code_cell(source) for source in ("a = 20", "a + 1")]
    nbformat.write(made, tmp_path / "one.ipynb")
    script = convert(tmp_path / "one.ipynb", "script")
    done = subprocess.run([binary, "run", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "21\n"), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_the_committed_extension_is_what_its_source_builds(root, tmp_path):
    folder = tmp_path / "kernelspec"
    shutil.copytree(root / "kernelspec", folder, ignore=shutil.ignore_patterns("node_modules", "built"))
    where = folder / "labextension"
    fetched = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=where,
                             capture_output=True, text=True)
    if fetched.returncode != 0:
        pytest.skip("npm could not fetch the builder")
    subprocess.run(["npm", "run", "build"], cwd=where, check=True, capture_output=True)
    files = [path for path in (where / "built").rglob("*") if path.is_file()]
    committed = root / "kernelspec/labextension/built"
    assert {path.relative_to(where / "built") for path in files} == \
        {path.relative_to(committed) for path in committed.rglob("*") if path.is_file()}
    for path in files:
        assert path.read_bytes() == (committed / path.relative_to(where / "built")).read_bytes(), \
            "run: tools/words"
