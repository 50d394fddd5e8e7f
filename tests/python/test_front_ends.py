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


LONG = ("I watched this film with my whole family last night and although the beginning was slow and "
        "the music far too loud for my taste the story became so touching in the second half that my "
        "father who never cries at the cinema had tears in his eyes and we all agreed it was great")

VIEWS = ['load("reviews-4m")', f"long = {nasty.quoted(LONG)}", "tokens(long)",
         'tokens([long, long + " indeed"])', 'top(["I love it", "I hate it"], k=3)',
         'logits(["I love it", "I hate it"], [" great", " bad"])',
         'attention("I love this movie", layer=4)',
         '[bar(x=["a", "b"], y=[1, 2]), table(n=[1, 2]), tokens("I love it")]',
         '{"bars": bar(x=["a", "b"], y=[1, -2]), "rows": table(n=[1, 2]), "n": 3}',
         "help(patch)"]


@pytest.fixture(scope="module")
def lab(kernelspec, tmp_path_factory):
    """A browser on a JupyterLab that shows VIEWS, and a function that finds a cell's output."""
    made = nbformat.v4.new_notebook(metadata={
        "kernelspec": {"name": kernelspec, "display_name": "Patchbay", "language": "patchbay"}})
    made.cells = [nbformat.v4.new_code_cell(source) for source in VIEWS]
    NotebookClient(made, timeout=120, kernel_name=kernelspec).execute()
    path = tmp_path_factory.mktemp("views") / "views.ipynb"
    nbformat.write(made, path)
    with Lab(path.parent, "light") as server, Browser() as browser:
        server.trust(path)
        open_notebook(browser, server, path.name)
        wait_for("the views", lambda: browser.run(
            "!!document.querySelector('.pb-attention[data-ready]')"))
        yield browser


def output_of(source: str) -> str:
    """JavaScript for the output of the cell with this source."""
    return (f"document.querySelectorAll('.jp-Notebook .jp-Cell')[{VIEWS.index(source)}]"
            ".querySelector('.jp-OutputArea-output')")


@pytest.mark.parametrize("width", (1300, 700))
@pytest.mark.parametrize("source", VIEWS[2:4])
def test_tokens_wrap_to_the_width(lab, source, width):
    lab.resize(width, 1000)
    left, names, right, bounds, tops = lab.run(f"""(output => {{
        const chips = [...output.querySelectorAll('bdi')].map(chip => chip.getBoundingClientRect());
        const name = [...output.querySelectorAll('div')].find(found => found.textContent === 'position');
        return [Math.min(...chips.map(box => box.left)), name.getBoundingClientRect().right,
                Math.max(...chips.map(box => box.right)), output.getBoundingClientRect().right,
                new Set(chips.map(box => Math.round(box.top))).size];
    }})({output_of(source)})""")
    assert names <= left and right <= bounds
    assert tops > 2
    lab.resize(1300, 1000)


@pytest.mark.parametrize("source", VIEWS[4:6])
def test_a_copied_table_has_a_line_for_each_row(lab, source):
    text, rows = lab.run(f"""(table => {{
        getSelection().selectAllChildren(table);
        return [getSelection().toString(), table.rows.length];
    }})({output_of(source)}.querySelector('table'))""")
    lines = text.strip("\n").split("\n")
    assert len(lines) == rows, text
    assert len({line.count("\t") for line in lines[-2:]}) == 1


def test_a_list_of_displays_shows_each(lab):
    pictures, rows, tokens, tops = lab.run(f"""(output => [
        output.querySelectorAll('svg').length, output.querySelectorAll('tr').length,
        output.querySelectorAll('bdi').length,
        [...output.querySelectorAll('svg, table')].map(found => found.getBoundingClientRect().top),
    ])({output_of(VIEWS[7])})""")
    assert (pictures, rows, tokens) == (1, 3, 4)
    assert tops == sorted(tops) and len(set(tops)) == len(tops)


def test_a_record_shows_each_under_its_name(lab):
    tops = lab.run(f"""(output => [...output.querySelectorAll('div')]
        .filter(found => ['bars', 'rows', 'n'].includes(found.textContent)).concat(
            [...output.querySelectorAll('svg, table, pre')])
        .map(found => [found.getBoundingClientRect().top, found.tagName, found.textContent.trim()])
        .sort((a, b) => a[0] - b[0]).map(found => found[1] === 'DIV' ? found[2] : found[1].toLowerCase())
        )({output_of(VIEWS[8])})""")
    assert tops == ["bars", "svg", "rows", "table", "n", "pre"]


def test_the_value_of_a_bar_stands_clear_of_the_axis(lab):
    value, label = lab.run(f"""(texts => ['-2', 'b'].map(wanted => {{
        const box = texts.find(text => text.textContent === wanted).getBoundingClientRect();
        return [box.top, box.bottom];
    }}))([...{output_of(VIEWS[8])}.querySelectorAll('svg text')])""")
    assert value[1] <= label[0] + 1


def test_examples_in_help_are_in_the_languages_own_colours(lab):
    """As in cells: `from=` is a parameter as `into=` is."""
    lab.run("""(content => { content.activeCellIndex = 9;
        void window.jupyterapp.commands.execute('notebook:run-cell'); })(
        [...window.jupyterapp.shell.widgets('main')].find(widget => widget.sessionContext).content)""")
    cell = output_of(VIEWS[9]).removesuffix(".querySelector('.jp-OutputArea-output')")
    wait_for("the page", lambda: lab.run(f"{cell}.querySelectorAll('.jp-OutputArea pre span').length > 3"))
    kinds = dict(lab.run(f"""[...{cell}.querySelectorAll('.jp-OutputArea pre span')]
        .map(span => [span.textContent, span.className])"""))
    assert kinds["into"] == kinds["from"] != ""
    assert kinds["patch"] not in ("", kinds["into"])


def test_the_chosen_head_alone_is_bold(lab):
    weights = lab.run(f"""(output => {{
        const heads = [...output.querySelectorAll('.pb-head')];
        heads[2].dispatchEvent(new MouseEvent('click', {{bubbles: true}}));
        return heads.map(head => getComputedStyle(head.querySelector('text')).fontWeight);
    }})({output_of(VIEWS[6])})""")
    assert weights == ["600" if head == 2 else "400" for head in range(len(weights))]


@pytest.mark.parametrize(("kind", "key"), ((".pb-token", "ArrowDown"), (".pb-head", "ArrowRight"),
                                           (".pb-status button", "ArrowDown")))
def test_keys_pressed_in_the_attention_view_move_no_cells(lab, kind, key):
    output = output_of(VIEWS[6])
    active = f"{output}.closest('.jp-Cell').classList.contains('jp-mod-active')"
    lab.run(f"{output}.closest('.jp-Cell').dispatchEvent(new MouseEvent('mousedown', {{bubbles: true}}))")
    wait_for("the cell", lambda: lab.run(active))
    lab.run(f"{output}.querySelector({json.dumps(kind)}).focus()")
    lab.press(key)
    focused = lab.run(f"""[...{output}.querySelectorAll({json.dumps(kind)})]
        .indexOf(document.activeElement)""")
    assert focused == (0 if "button" in kind else 1)
    assert lab.run(active)


def test_cells_are_in_the_languages_own_type_and_colours(lab):
    """`from=` is a parameter as `into=` is, and no language server takes the cell for Python."""
    lab.run("""(content => { content.activeCellIndex = 0; content.activeCell.model.sharedModel.setSource(
        'patch(into=a, from=b)'); })([...window.jupyterapp.shell.widgets('main')]
        .find(widget => widget.sessionContext).content)""")
    cell = "document.querySelectorAll('.jp-Notebook .jp-Cell')[0]"
    wait_for("colours", lambda: lab.run(f"{cell}.querySelectorAll('.cm-line span').length > 3"))
    kinds = dict(lab.run(f"""[...{cell}.querySelectorAll('.cm-line span')]
        .map(span => [span.textContent, span.className])"""))
    assert kinds["into"] == kinds["from"] != ""
    assert kinds["patch"] not in ("", kinds["into"])
    assert lab.run("""[...window.jupyterapp.shell.widgets('main')]
        .find(widget => widget.sessionContext).content.codeMimetype""") == "text/x-patchbay"


def test_nothing_is_reported(lab):
    assert lab.console == []
