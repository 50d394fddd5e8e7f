"""A long sweep in a real JupyterLab: it says how far it is, and Stop stops Run All.

Needs chromium and JupyterLab; `tools/test browser` brings them."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

for needed in ("jupyterlab", "websocket"):
    pytest.importorskip(needed)
if not (shutil.which("chromium") or shutil.which("chromium-browser")):
    pytest.skip("chromium is not installed", allow_module_level=True)

from browser import Browser, wait_for  # noqa: E402
from screenshots import PANEL, Lab, open_notebook  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SWEEP = 'sweep = patch(into=long, from=other, at="z", layer={}, pos=each, metric=logit(" great"))'
CELLS = ['load();\nlong = "I love this movie because it is" * 30\n'
         'other = "I hate this movie because it is" * 30',
         'print("before")\n' + SWEEP, 'print("not run")', "after = 1"]
PROMPTS = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(found => found.textContent)"
OUTPUTS = """[...document.querySelectorAll('.jp-CodeCell')[1].querySelectorAll('.jp-OutputArea-output')]
    .map(output => [output.dataset.mimeType, output.textContent])"""


def write_notebook(tmp_path, monkeypatch, root, kernelspec, layers):
    monkeypatch.setenv("PATCHBAY_MODELS", str(root / "models"))
    made = nbformat.v4.new_notebook(metadata={
        "kernelspec": {"name": kernelspec, "display_name": "Patchbay", "language": "patchbay"}})
    made.cells = [nbformat.v4.new_code_cell(source.replace("{}", layers)) for source in CELLS]
    nbformat.write(made, tmp_path / "long.ipynb")


def run(browser: Browser, command: str) -> None:
    browser.run(f"void window.jupyterapp.commands.execute('{command}')")


def progress(browser: Browser) -> str:
    """The line of progress, as it stands: nothing is left in it of a longer one."""
    shown = "".join(text for kind, text in browser.run(OUTPUTS) if kind.endswith("stdout"))
    said = shown.removeprefix("before\n").rstrip(" ")
    assert not said or re.fullmatch(r"patch: \d+ of \d+ steps, (\d+ min )?\d+ s left", said), said
    return said


def saved(browser: Browser, path: Path) -> list:
    """What each cell of the saved notebook holds."""
    browser.run(f"{PANEL}.context.save().then(() => true)")
    return [[(one.output_type, one.get("text")) for one in cell.outputs]
            for cell in nbformat.read(path, 4).cells]


def test_stop_stops_run_all(tmp_path, monkeypatch, root, kernelspec):
    write_notebook(tmp_path, monkeypatch, root, kernelspec, "each")
    with Lab(tmp_path, "light") as lab, Browser() as browser:
        open_notebook(browser, lab, "long.ipynb")
        run(browser, "notebook:run-all-cells")
        line = wait_for("progress", lambda: progress(browser), 60)
        wait_for("more of it", lambda: progress(browser) not in ("", line))
        assert browser.run(PROMPTS) == ["[1]:", "[*]:", "[*]:", "[*]:"]
        run(browser, "notebook:interrupt-kernel")
        wait_for("the end", lambda: "[*]:" not in browser.run(PROMPTS))
        assert browser.run(PROMPTS) == ["[1]:", "[2]:", "[ ]:", "[ ]:"]
        text, part, error = browser.run(OUTPUTS)
        assert text == ["application/vnd.jupyter.stdout", "before\n"]
        assert part[0] == "text/html" and "cells were computed, the others are empty" in part[1]
        assert re.fullmatch(r"Interrupted: the sweep was stopped after \d+ of 7596 cells, in line 2; "
                            r"sweep holds what was computed", error[1].strip())
        assert saved(browser, tmp_path / "long.ipynb") == [
            [], [("stream", "before\n"), ("display_data", None), ("error", None)], [], []]


def test_nothing_is_left_of_progress(tmp_path, monkeypatch, root, kernelspec):
    write_notebook(tmp_path, monkeypatch, root, kernelspec, "[0, 1, 2]")
    with Lab(tmp_path, "light") as lab, Browser() as browser:
        open_notebook(browser, lab, "long.ipynb")
        run(browser, "notebook:run-all-cells")
        wait_for("progress", lambda: progress(browser), 60)
        wait_for("the end", lambda: "[*]:" not in browser.run(PROMPTS), 120)
        assert browser.run(PROMPTS) == ["[1]:", "[2]:", "[3]:", "[4]:"]
        assert browser.run(OUTPUTS) == [["application/vnd.jupyter.stdout", "before\n"]]
        assert saved(browser, tmp_path / "long.ipynb") == [
            [], [("stream", "before\n")], [("stream", "not run\n")], []]
        assert browser.console == []
