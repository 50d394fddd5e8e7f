"""What people's browsers make of outputs: JupyterLab, Notebook 7, and the pages of nbconvert.

Needs chromium, JupyterLab and Notebook; `tools/test browser` brings them. MathJax 2, which nbconvert's
pages load, is served from PATCHBAY_MATHJAX, a folder with npm's mathjax 2.7.9; its tests skip without.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

import nasty

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

for needed in ("jupyterlab", "notebook", "websocket"):
    pytest.importorskip(needed)
if not (shutil.which("chromium") or shutil.which("chromium-browser")):
    pytest.skip("chromium is not installed", allow_module_level=True)

from browser import Browser, wait_for  # noqa: E402
from screenshots import Lab, open_notebook  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SENTINEL = '<div class="sentinel">$\\alpha$ and \\(\\beta\\)</div>'


def explained(kernelspec: str) -> list:
    """What Shift+Tab says of a name that holds each text, as outputs."""
    manager, client = start_new_kernel(kernel_name=kernelspec)
    outputs = []
    for text in nasty.STRINGS:
        client.execute(f"subject = {nasty.quoted(text)}", reply=True, timeout=30)
        data = client.inspect("subject", 7, 1, reply=True, timeout=30)["content"]["data"]
        outputs.append(nbformat.v4.new_output("display_data", data=data))
    client.stop_channels()
    manager.shutdown_kernel()
    return outputs


@pytest.fixture(scope="module")
def shown(kernelspec, tmp_path_factory) -> Path:
    """The notebook of every display, run; then explanations as Markdown, and something to typeset."""
    made = NotebookClient(nasty.notebook(), timeout=120, kernel_name=kernelspec).execute()
    last = nbformat.v4.new_output("display_data", data={"text/html": SENTINEL})
    for outputs in (explained(kernelspec), [last]):
        made.cells.append(nbformat.v4.new_code_cell("subject", outputs=outputs))
    path = tmp_path_factory.mktemp("shown") / "shown.ipynb"
    nbformat.write(made, path)
    return path


def data_of(path: Path, mime: str) -> list[str]:
    """The outputs of a notebook that a browser shows in this form, in order."""
    return [output["data"][mime] for cell in nbformat.read(path, 4).cells
            for output in cell.get("outputs", []) if mime in output.get("data", {})]


TEXT = """
(node => {
  const copy = node.cloneNode(true);
  copy.querySelectorAll('script, style, .pb-status').forEach(found => found.remove());
  return copy.textContent;
})
"""

# Each HTML output beside what its own source says: text, links and elements of MathJax.
COMPARE = """
(([selector, sources]) => {
  const text = %s;
  const shown = [...document.querySelectorAll(selector)];
  return shown.map((node, index) => ({
    shown: text(node).trim(),
    meant: text(new DOMParser().parseFromString(sources[index], 'text/html').body).trim(),
    links: node.querySelectorAll('a').length,
    typeset: node.querySelectorAll('mjx-container, .MathJax, .MathJax_Preview, .MathJax_CHTML, script[type^=math]').length,
    visible: node.getBoundingClientRect().height > 0,
  }));
})(%s)
"""


def check_page(browser: Browser, path: Path, html: str, markdown: str) -> None:
    """Nothing in the page's outputs differs from what the kernel sent; the sentinel was typeset."""
    wait_for("typesetting", lambda: browser.run(
        "!!document.querySelector('.sentinel mjx-container, .sentinel .MathJax_CHTML, .sentinel .MathJax')"), 90)
    sources = data_of(path, "text/html")
    found = browser.run(COMPARE % (TEXT, json.dumps([html, sources])))
    assert len(found) == len(sources)
    assert found.pop()["typeset"] > 0
    for index, output in enumerate(found):
        assert output["shown"] == output["meant"], index
        assert (output["links"], output["typeset"], output["visible"]) == (0, 0, True), index
    for text in nasty.STRINGS:  # as themselves, wherever spaces are shown as they are
        assert any(text.strip() in output["shown"] for output in found), text
    check_markdown(browser, path, markdown)


def squeezed(text: str) -> str:
    """Without spaces, and with one backslash for two: JupyterLab halves those of `\\\\(` in any code."""
    return re.sub(r"\s+", "", text).replace("\\\\", "\\")


def check_markdown(browser: Browser, path: Path, selector: str) -> None:
    plain = [output["data"]["text/plain"] for cell in nbformat.read(path, 4).cells
             for output in cell.get("outputs", []) if "text/markdown" in output.get("data", {})]
    shown = browser.run(f"""[...document.querySelectorAll({json.dumps(selector)})].map(node =>
        [node.textContent, node.querySelectorAll('mjx-container, .MathJax, p a, pre a, img').length])""")
    assert len(shown) == len(plain) == len(nasty.STRINGS)
    for (text, made), meant in zip(shown, plain):
        said = meant.split("\nIt answers to")[0]
        assert squeezed(said) in squeezed(text), said
        assert made == 0, said


@pytest.mark.parametrize("trusted", (True, False), ids=("trusted", "untrusted"))
@pytest.mark.parametrize("module", ("jupyterlab", "notebook"))
def test_no_text_is_changed(shown, tmp_path, module, trusted):
    path = Path(shutil.copy(shown, tmp_path))
    with Lab(tmp_path, "light", module) as lab, Browser() as browser:
        if trusted:
            lab.trust(path)
        open_notebook(browser, lab, path.name)
        scripts = browser.run("document.querySelectorAll('.jp-OutputArea-output script').length")
        assert bool(scripts) == trusted
        check_page(browser, path, '.jp-OutputArea-output[data-mime-type="text/html"]',
                   '.jp-OutputArea-output[data-mime-type="text/markdown"]')


@pytest.fixture(scope="module")
def mathjax():
    """The address of MathJax 2, served from this machine."""
    folder = os.environ.get("PATCHBAY_MATHJAX")
    if not folder or not (Path(folder) / "MathJax.js").exists():
        pytest.skip("PATCHBAY_MATHJAX names no folder with MathJax 2")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/MathJax.js"
    server.shutdown()


PAGES = {
    "lab": ('.jp-OutputArea-output[data-mime-type="text/html"]',
            '.jp-OutputArea-output[data-mime-type="text/markdown"]'),
    "classic": ("div.output_html", "div.output_markdown"),
}


@pytest.mark.parametrize("template", PAGES)
def test_no_text_is_changed_in_exported_pages(shown, tmp_path, mathjax, template):
    page = tmp_path / "page.html"
    subprocess.run([sys.executable, "-m", "nbconvert", "--to", "html", "--template", template,
                    f"--HTMLExporter.mathjax_url={mathjax}?config=TeX-AMS_CHTML-full,Safe",
                    "--HTMLExporter.require_js_url=", "--HTMLExporter.jquery_url=",
                    "--output", page, shown], check=True, capture_output=True)
    with Browser() as browser:
        browser.open(page.as_uri())
        check_page(browser, shown, *PAGES[template])
