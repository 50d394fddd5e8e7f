"""The wheel that tools/wheel built: into a fresh environment by pip alone, used there, and away again.

Nothing here has a network or a compiler: pip is given the one file, and no PATH but its own.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from test_commands import files_under
from test_committed_outputs import same, texts

# What manylinux lets a wheel expect of every system (auditwheel's policies, lib_whitelist).
SYSTEMS = re.compile(r"(linux-vdso|ld-linux[\w-]*|lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\+\+|z))\.so")

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel() -> Path:
    if "PATCHBAY_WHEEL" not in os.environ:
        pytest.skip("no wheel is named: tools/test wheel builds one and names it")
    return Path(os.environ["PATCHBAY_WHEEL"])


def without_network(*command) -> list[str]:
    apart = ["unshare", "-n"]
    able = subprocess.run([*apart, "true"], capture_output=True).returncode == 0
    return [*(apart if able else []), *map(str, command)]


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A fresh environment with the wheel in it; `before` is what was there without it."""
    prefix = tmp_path_factory.mktemp("wheel") / "an environment"
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
    pip = [prefix / "bin/python", "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "--version"], check=True, capture_output=True)  # compiles itself
    before = files_under(prefix)
    env = {"PATH": str(prefix / "bin"), "HOME": str(prefix.parent)}
    subprocess.run(without_network(*pip, "install", "--no-index", "--no-deps", wheel),
                   env=env | {"PATH": f"{prefix / 'bin'}:/usr/bin"}, check=True, capture_output=True)
    return prefix, before, env


def patchbay(environment, *arguments, **more) -> subprocess.CompletedProcess:
    prefix, _, env = environment
    return subprocess.run([prefix / "bin/patchbay", *arguments], env=env, capture_output=True,
                          text=True, **more)


def test_its_name_and_what_is_in_it(wheel, root):
    assert re.fullmatch(r"patchbay_kernel-\d+\.\d+\.\d+-py3-none-manylinux_2_\d+_\w+\.whl", wheel.name)
    assert wheel.stat().st_size < 60_000_000
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        (entries,) = [name for name in names if name.endswith("dist-info/entry_points.txt")]
        said = configparser.ConfigParser()
        said.read_string(packed.read(entries).decode())
    assert any(name.endswith("models/reviews-4m/model.safetensors") for name in names)
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    ours = configparser.ConfigParser()  # what `patchbay install` gives an environment
    ours.read(root / "kernelspec/python/patchbay_jupyter-1.0.dist-info/entry_points.txt")
    for group in ours.sections():
        assert dict(said[group]) == dict(ours[group])


def test_it_brings_its_libraries(environment):
    program = next(environment[0].glob("lib/*/site-packages/patchbay_jupyter/bin/patchbay"))
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    assert "not found" not in listed
    for line in listed.splitlines():
        assert SYSTEMS.search(line) or str(environment[0]) in line, line


def test_the_command(environment, tmp_path):
    assert patchbay(environment, "--version").stdout.startswith("patchbay ")
    done = patchbay(environment, "eval", "load().name", cwd=tmp_path)
    assert done.stdout == "'reviews-4m'\n", done.stderr
    assert patchbay(environment, "frobnicate").returncode == 2
    done = patchbay(environment, "doctor")
    spec = environment[0] / "share/jupyter/kernels/patchbay/kernel.json"
    assert done.returncode == 0, done.stdout
    env = environment[2] | {"JUPYTER_PATH": str(environment[0] / "share/jupyter")}
    done = patchbay((environment[0], None, env), "doctor")
    assert re.search(rf"^  starts +{re.escape(str(spec))}$", done.stdout, re.M), done.stdout


def test_the_tutorial_runs(environment, root, monkeypatch, tmp_path):
    """With Jupyter's own packages, and outputs that are the committed ones."""
    monkeypatch.setenv("JUPYTER_PATH", str(environment[0] / "share/jupyter"))
    monkeypatch.setenv("PATCHBAY_HISTORY", str(tmp_path / "history"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    committed = nbformat.read(root / "notebooks/your-first-analysis.ipynb", 4)
    ran = nbformat.from_dict(committed)
    NotebookClient(ran, timeout=120, kernel_name="patchbay",
                   resources={"metadata": {"path": str(root / "notebooks")}}).execute()
    for before, now in zip(committed.cells, ran.cells):
        for (_, was), (kind, shown) in zip(texts(before), texts(now)):
            if kind.endswith("plain") and "\nfrom  " not in was:  # where the model lies
                assert same(was, shown), before.source


def test_what_jupyters_tools_find(environment):
    packages = next(environment[0].glob("lib/*/site-packages"))
    env = os.environ | {"PYTHONPATH": str(packages)}
    asked = "from pygments.lexers import get_lexer_by_name as g; print(g('patchbay').name)"
    done = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, text=True)
    assert done.stdout == "Patchbay\n", done.stderr


def test_the_extension_is_listed(environment):
    pytest.importorskip("jupyterlab")
    env = os.environ | {"JUPYTER_PATH": str(environment[0] / "share/jupyter")}
    done = subprocess.run([sys.executable, "-m", "jupyterlab.labextensions", "list"], env=env,
                          capture_output=True, text=True)
    listed = done.stdout + done.stderr
    assert re.search(r"patchbay-labextension v[\d.]+ .*enabled.*OK.*\(python, patchbay-kernel\)",
                     listed), listed


def test_it_is_not_copied_from_where_its_libraries_are(environment, tmp_path):
    done = patchbay(environment, "install", "--prefix", tmp_path / "x")
    assert done.returncode == 1 and "came by pip" in done.stderr and "--link" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert patchbay(environment, "install", "--link", "--prefix", tmp_path).returncode == 0
    spec = json.loads((tmp_path / "share/jupyter/kernels/patchbay/kernel.json").read_text())
    assert spec["argv"][0].endswith("patchbay_jupyter/bin/patchbay")


def test_uninstall_leaves_nothing(environment):
    """Runs last: the environment is empty afterwards."""
    prefix, before, env = environment
    subprocess.run([prefix / "bin/python", "-m", "pip", "uninstall", "-y", "patchbay-kernel"],
                   env=env, check=True, capture_output=True)
    assert files_under(prefix) == before
    assert not list(prefix.rglob("*patchbay*"))
