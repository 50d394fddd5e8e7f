"""Runs a notebook in a real JupyterLab and photographs the output of every cell, in both themes.

    screenshots.py NOTEBOOK FOLDER [--report PAGE.html] [--width 1300] [--theme light|dark]

Writes FOLDER/light/NN-ID.png, FOLDER/dark/NN-ID.png for the outputs, notebook.png for the whole, and
report.png for a report. Prints a line for each output that is an error, a warning or wider than its place, and
for what a page reported or asked of other machines; exit status 1 if there is any.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import Browser, free_port, wait_for

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

PANEL = "[...window.jupyterapp.shell.widgets('main')].find(widget => widget.sessionContext)"

OUTPUTS = """
[...document.querySelectorAll('.jp-Notebook .jp-Cell')].map((cell, index) => {
  const area = cell.querySelector('.jp-OutputArea');
  if (!area || !area.children.length) return null;
  const box = area.getBoundingClientRect();
  if (!box.height) return null;
  const wide = [...area.querySelectorAll('.jp-OutputArea-output')]
    .some(o => o.scrollWidth > o.clientWidth + 1);
  const error = area.querySelector('[data-mime-type="application/vnd.jupyter.stderr"]');
  return {index: index, x: box.x, y: box.y, width: box.width, height: box.height, wide: wide,
          error: error ? error.innerText : ''};
}).filter(found => found)
"""


class Lab:
    """A JupyterLab of its own on a folder, with one theme and no network; a context manager.

    `module` is the front end that is started: jupyterlab, or notebook for Notebook 7.
    """

    def __init__(self, folder: Path, theme: str, module: str = "jupyterlab"):
        self._path = "lab/tree" if module == "jupyterlab" else "notebooks"
        self._scratch = Path(tempfile.mkdtemp(prefix="patchbay-lab-"))
        self._settings(theme)
        self.port = free_port()
        self.environment = {**os.environ,
                            "JUPYTERLAB_SETTINGS_DIR": str(self._scratch / "settings"),
                            "JUPYTERLAB_WORKSPACES_DIR": str(self._scratch / "workspaces"),
                            "JUPYTER_DATA_DIR": str(self._scratch / "data"),
                            "JUPYTER_CONFIG_DIR": str(self._scratch / "config"),
                            "JUPYTER_RUNTIME_DIR": str(self._scratch / "runtime")}
        self._log = (self._scratch / "log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, "--no-browser", "--allow-root",
             "--expose-app-in-browser", f"--port={self.port}", "--ip=127.0.0.1",
             "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"],
            env=self.environment, stdout=self._log, stderr=subprocess.STDOUT)

    def _settings(self, theme: str) -> None:
        values = {
            "apputils-extension/themes": {"theme": THEMES[theme]},
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False,
                                                "doNotDisturbMode": True},
            "notebook-extension/tracker": {"windowingMode": "none"},
        }
        for name, value in values.items():
            path = self._scratch / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def address(self, notebook: str) -> str:
        return f"http://127.0.0.1:{self.port}/{self._path}/{notebook}?reset"

    def trust(self, notebook: Path) -> None:
        """Signs a notebook, so that its outputs are shown with their scripts."""
        subprocess.run([sys.executable, "-m", "nbformat.sign", notebook], check=True,
                       env=self.environment, capture_output=True)


def open_notebook(browser: Browser, lab: Lab, name: str) -> None:
    def reached() -> bool:
        try:
            browser.open(lab.address(name))
            return browser.run("location.protocol") == "http:"
        except (RuntimeError, TimeoutError):
            return False

    wait_for("starting JupyterLab", reached, 90)
    wait_for("opening the notebook", lambda: browser.run(
        "!!(window.jupyterapp && document.querySelector('.jp-Notebook .jp-Cell'))"), 90)
    wait_for("starting the kernel", lambda: browser.run(f"""
        (panel => panel && panel.sessionContext.kernelDisplayStatus === 'idle' &&
         (window.jupyterapp.shell.activateById(panel.id), true))({PANEL})"""), 90)


def run_all(browser: Browser) -> None:
    browser.run("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    wait_for("the first cell", lambda: browser.run(
        "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
        ".some(prompt => /[*0-9]/.test(prompt.textContent))"))
    wait_for("the last cell", lambda: browser.run(
        "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
        ".every(prompt => !prompt.textContent.includes('*'))"), 300)


def unroll(browser: Browser) -> None:
    """Makes the window as tall as the notebook, with the side bars closed."""
    browser.run("window.jupyterapp.shell.collapseLeft(), window.jupyterapp.shell.collapseRight()")
    for _ in range(2):  # pictures may grow when they come into view
        height = browser.run("""
            (boxes => boxes[boxes.length - 1].bottom - boxes[0].top)(
              [...document.querySelectorAll('.jp-Notebook .jp-Cell')]
                .map(cell => cell.getBoundingClientRect()))""")
        browser.resize(browser.width, int(height) + 300)
        browser.run("document.querySelector('.jp-Notebook .jp-Cell').scrollIntoView()")
        browser.run("new Promise(done => setTimeout(() => done(true), 1000))")


def photograph(notebook: Path, folder: Path, theme: str, width: int) -> list[str]:
    trouble = []
    with tempfile.TemporaryDirectory(prefix="patchbay-notebook-") as place:
        shutil.copy(notebook, place)
        ids = [cell.get("id", "") for cell in json.loads(notebook.read_text())["cells"]]
        with Lab(Path(place), theme) as lab, \
                Browser(width, 1000, dark=theme == "dark") as browser:
            open_notebook(browser, lab, notebook.name)
            run_all(browser)
            unroll(browser)
            browser.picture(folder / theme / "notebook.png")
            for found in browser.run(OUTPUTS):
                index = found.pop("index")
                name = f"{index:02}-{ids[index]}"
                if found.pop("wide"):
                    trouble.append(f"{theme}: {name} is wider than its place")
                error = found.pop("error")
                if error:
                    trouble.append(f"{theme}: {name} is an error\n{error}")
                browser.picture(folder / theme / f"{name}.png", found)
            trouble += complaints(browser, theme, f"http://127.0.0.1:{lab.port}")
    return trouble


def photograph_report(page: Path, folder: Path, theme: str, width: int) -> list[str]:
    address = page.resolve().as_uri()
    with Browser(width, 1000, dark=theme == "dark") as browser:
        browser.open(address)
        browser.resize(width, browser.run("document.documentElement.scrollHeight"))
        browser.picture(folder / theme / "report.png")
        return complaints(browser, f"{theme} report", address)


def complaints(browser: Browser, where: str, here: str) -> list[str]:
    """What a page reported, and what it asked for that is not from `here`."""
    own = (here, "data:", "blob:", "about:")
    return [f"{where}: the page asked for {address}" for address in browser.requests
            if not address.startswith(own)] + \
        [f"{where}: the page reported: {text}" for text in browser.console]


def main() -> int:
    arguments = argparse.ArgumentParser(description="Photograph a notebook in JupyterLab.")
    arguments.add_argument("notebook", type=Path)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--report", type=Path)
    arguments.add_argument("--width", type=int, default=1300)
    arguments.add_argument("--theme", choices=list(THEMES), action="append")
    given = arguments.parse_args()
    trouble = []
    for theme in given.theme or THEMES:
        trouble += photograph(given.notebook, given.folder, theme, given.width)
        if given.report:
            trouble += photograph_report(given.report, given.folder, theme, given.width)
    for line in trouble:
        print(line)
    print(f"{len(list(given.folder.rglob('*.png')))} pictures in {given.folder}")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
