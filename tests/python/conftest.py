"""Fixtures all Python tests share: the program, and a kernelspec of its own for the run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes long; left out under sanitizers")
    config.addinivalue_line("markers", "timed: says how soon; in a release build it runs by itself")
    config.addinivalue_line("markers", "tools: about the scripts, not about the kernel")
    config.addinivalue_line("markers", "wheel: about the wheel; `tools/test wheel`")
    config.addinivalue_line("markers", "browser: in a real browser; `tools/test browser`")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def smollm2(root) -> Path:
    """SmolLM2-135M-Instruct, a real model, where tools/fetch-smollm2 puts it."""
    path = root / "build/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf"
    if not path.exists() and not os.environ.get("PATCHBAY_REQUIRE_TOKENIZERS"):
        pytest.skip("SmolLM2 is not there: run tools/fetch-smollm2")
    return path


@pytest.fixture(scope="module", params=["your-first-analysis", pytest.param("in-the-wild", marks=pytest.mark.slow)])
def notebook_path(request, root):
    """Each notebook of notebooks/, with the model it loads where a kernel finds it."""
    path = root / "notebooks" / f"{request.param}.ipynb"
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "in-the-wild":
            patch.setenv("PATCHBAY_MODELS", str(request.getfixturevalue("smollm2").parent))
        yield path


@pytest.fixture(scope="session")
def binary() -> Path:
    """The program under test: PATCHBAY_BINARY, or the release build's."""
    path = Path(os.environ.get("PATCHBAY_BINARY", ROOT / "build/release/kernel/app/patchbay"))
    if not path.exists():
        pytest.fail(f"there is no program at {path}; tools/test builds it", pytrace=False)
    return path


@pytest.fixture(scope="session")
def kernelspec(binary, tmp_path_factory) -> str:
    """Installs the program's kernelspec where only this run sees it, and gives its name."""
    prefix = tmp_path_factory.mktemp("prefix")
    history = tmp_path_factory.mktemp("history") / "history.sqlite"
    os.environ["PATCHBAY_HISTORY"] = str(history)
    os.environ["JUPYTER_PATH"] = str(prefix / "share" / "jupyter")
    subprocess.run([binary, "install", "--prefix", prefix], check=True, capture_output=True)
    return "patchbay"


@pytest.fixture(scope="session")
def patience() -> float:
    """How much longer things may take than in a release build; sanitizers are slow."""
    return 1.0 if os.environ.get("PATCHBAY_PRESET", "release") == "release" else 10.0


@pytest.fixture(scope="session")
def run_script(binary, tmp_path_factory, root, patience):
    """Runs a script with `patchbay run` and gives what it wrote to stdout."""

    def run(script: str, check: bool = True) -> str:
        path = tmp_path_factory.mktemp("script") / "script.pbay"
        path.write_text(script, encoding="utf-8")
        done = subprocess.run([binary, "run", path], cwd=root, capture_output=True, text=True,
                              encoding="utf-8", timeout=60 * patience)
        if check:
            assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout

    return run
