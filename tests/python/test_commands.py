"""The program on a command line: run, eval, console, install, uninstall, and what they exit with."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import time

import pytest


@pytest.fixture
def patchbay(binary, patience):
    """Runs the program; gives what it wrote and its exit code."""

    def run(*arguments, **more) -> subprocess.CompletedProcess:
        return subprocess.run([binary, *arguments], capture_output=True, text=True,
                              encoding="utf-8", timeout=60 * patience, **more)

    return run


def test_version_and_help(patchbay):
    assert patchbay("--version").stdout.startswith("patchbay ")
    help_text = patchbay("--help").stdout
    for command in ("kernel", "run", "eval", "console", "fetch", "install", "uninstall"):
        assert f"patchbay {command}" in help_text
        own = patchbay(command, "--help")
        assert own.returncode == 0 and own.stdout.startswith(f"usage: patchbay {command}")


@pytest.mark.parametrize("arguments", [["nonsense"], ["run"], ["run", "a", "b"],
                                       ["run", "--keep-going"], ["eval"],
                                       ["kernel"], ["kernel", "-f"], ["console", "x"],
                                       ["install", "--prefix"], ["install", "--nonsense"],
                                       ["install", "--user", "--sys-prefix"],
                                       ["uninstall", "--link"],
                                       ["install", "--destdir"], ["uninstall", "--destdir", "x"]])
def test_wrong_calls_say_how(patchbay, arguments):
    done = patchbay(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(("usage: patchbay", "patchbay: there is no command"))


def test_eval(patchbay):
    done = patchbay("eval", 'print("é"); 6 * 7')
    assert (done.returncode, done.stdout, done.stderr) == (0, "é\n42\n", "")
    done = patchbay("eval", 'warn("w"); 1;')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "w\n")
    done = patchbay("eval", "(1 +\n nope)")
    assert done.returncode == 1 and done.stdout == ""
    assert "there is no name 'nope'" in done.stderr and "^^^^" in done.stderr


def test_output_that_cannot_be_written(binary):
    """A full disk is not success, whether it shows at the first byte or at the last."""
    for code in ("1", 'print("a" * 100000)'):
        with open("/dev/full", "w") as full:
            done = subprocess.run([binary, "eval", code], stdout=full, stderr=subprocess.PIPE,
                                  text=True)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr


def test_memory_that_runs_out(binary, root, patience):
    """However little there is: errors that say so and where, and what was named stays."""
    if patience > 1:
        pytest.skip("sanitizers take more address space than there is")
    words = """keep = [1, 2, 3]
model = load("reviews-4m");
long = random_tokens(120);
other = random_tokens(120, seed=1);
top(long, k=1).token[0] == ""
run(long).result.max() > 0
composition("Q").max() > 0
dot(model.W_U, model.W_E.rename(token="other")[other=slice(0, 4000)], over="d_model").max() > 0
patch(into=long, from=other, at="resid_post", metric=logit(" great")).max() > 0
tensor(range(100000), axes="a") + tensor(range(4000), axes="b")
sum(keep)
"""
    for megabytes in (*range(90, 200, 10), 250, 350, 500):
        limited = f"ulimit -v {megabytes * 1024} && exec {binary} console"
        done = subprocess.run(["bash", "-c", limited], cwd=root, input=words, text=True,
                              capture_output=True, timeout=60 * patience)
        assert done.returncode == 0, (megabytes, done.stderr[-500:])
        assert done.stdout.splitlines()[-1] == "6", megabytes
        assert "MemoryError: there is not enough memory" in done.stderr
        assert 'tensor(range(100000), axes="a") + tensor' in done.stderr  # the line it happened in


def test_run_stops_at_the_first_cell_that_fails(patchbay, tmp_path):
    script = tmp_path / "script.pbay"
    script.write_text("a = 1\na + 1\n# %% second\na + 2\nnope\n# %%\na + 3\n")
    done = patchbay("run", str(script))
    assert (done.returncode, done.stdout) == (1, "2\n")
    assert "cell 2, line 3" in done.stderr
    done = patchbay("run", "-", input="1\n# %%\n2\n")
    assert (done.returncode, done.stdout) == (0, "1\n2\n")
    done = patchbay("run", str(tmp_path / "none"))
    assert done.returncode == 1 and "cannot open" in done.stderr
    done = patchbay("run", "--keep-going", str(script))
    assert (done.returncode, done.stdout) == (1, "2\n4\n")
    assert "cell 2, line 3" in done.stderr
    script.write_text("a = 1\n# %%\na")
    assert patchbay("run", "--keep-going", str(script)).returncode == 0


def notebook(*sources, **more) -> str:
    cells = [{"cell_type": "code", "source": source} for source in sources]
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": cells} | more)


def test_run_of_a_notebook(patchbay, tmp_path):
    """Cells as front ends number them, in the notebook's folder; sources in both of their forms
    (nbformat 4.5's schema: multiline_string)."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "beside.txt").write_text("beside")
    book = folder / "one.ipynb"
    text = {"cell_type": "markdown", "source": "nope("}
    cells = json.loads(notebook(["a = 1\n", "a + 1"], "", " \n", 'read("beside.txt")', "\nnope", "'é'"))
    book.write_text(json.dumps(cells | {"cells": [text, *cells["cells"], {}, {"cell_type": "code"}]}))
    done = patchbay("run", str(book), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "2\n'beside'\n")
    assert "cell 3, line 2" in done.stderr
    done = patchbay("run", "--keep-going", "one.ipynb", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "2\n'beside'\n'é'\n")


@pytest.mark.parametrize(("written", "said"), [
    (notebook("1", metadata={"language_info": {"name": "python"}}), "is written in python"),
    (notebook("1", metadata={"kernelspec": {"language": "R"}}), "is written in R"),
    (notebook("1", nbformat=3), "jupyter nbconvert --to notebook"),
    (notebook("1", nbformat=5), "no notebook of format 4"),
    (notebook("1", cells={}), "no notebook of format 4"),
    ('{"nbformat": 4,', "line 1"), ("1", "one.ipynb"), ("", "one.ipynb")])
def test_what_is_no_notebook_of_patchbays(patchbay, tmp_path, written, said):
    (tmp_path / "one.ipynb").write_text(written)
    done = patchbay("run", str(tmp_path / "one.ipynb"))
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr, done.stderr


@pytest.mark.timed
def test_ctrl_c(binary, patience):
    code = 'print("on"); [sum([a * b for a in range(1000)]) for b in range(1000000)]'
    process = subprocess.Popen([binary, "eval", code], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    time.sleep(0.7 * patience)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20 * patience)
    assert time.monotonic() - begun < 1 * patience
    assert process.returncode == 130 and out == "on\n" and "Interrupted" in errors


def test_ask_reads_standard_input(patchbay):
    done = patchbay("eval", 'ask("who? ") + "!"', input="me\n")
    assert done.returncode == 0 and done.stdout == "who? 'me!'\n"
    done = patchbay("eval", 'ask("who? ")', input="")
    assert done.returncode == 1 and "no more lines" in done.stderr


def test_console_without_a_terminal(patchbay):
    done = patchbay("console", input="a = 20\n(a +\n3)\nnope\n[1,\n2]\nexit\n99\n")
    assert done.returncode == 0
    assert done.stdout == "23\n[1, 2]\n"
    assert "there is no name 'nope'" in done.stderr


def test_console_on_a_terminal(binary, patience):
    """Prompts, Ctrl-C at the prompt and in a cell, and Ctrl-D."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(binary, [str(binary), "console"])
    seen = ""

    def until(text: str) -> None:
        nonlocal seen
        end = time.monotonic() + 20 * patience
        while text not in seen:
            assert time.monotonic() < end, seen
            seen += os.read(terminal, 4096).decode()
        seen = seen.split(text, 1)[1]

    until("\n> ")
    os.write(terminal, b"40 + 2\n")
    until("42\r\n> ")
    os.write(terminal, b"(1 +\n")
    until(". ")
    os.write(terminal, b"\x03")
    until("\n> ")
    os.write(terminal, b"[sum([a * b for a in range(1000)]) for b in range(1000000)]\n")
    time.sleep(0.3 * patience)
    os.write(terminal, b"\x03")
    until("Interrupted")
    until("> ")
    os.write(terminal, b"1 + 1\n")
    until("2\r\n> ")
    os.write(terminal, b"\x04")
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0


def files_under(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_install_and_uninstall(patchbay, tmp_path, root):
    prefix = tmp_path / 'a "prefix"'
    done = patchbay("install", "--prefix", str(prefix), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    installed = files_under(prefix)
    model = {f"share/patchbay/models/reviews-4m/{path.name}"
             for path in (root / "models/reviews-4m").iterdir()}
    assert model < installed
    spec = json.loads((prefix / "share/jupyter/kernels/patchbay/kernel.json").read_text())
    program = prefix / "bin/patchbay"
    assert spec["argv"] == [str(program), "kernel", "-f", "{connection_file}"]
    assert spec["interrupt_mode"] == "message"
    assert spec["metadata"]["supported_encryption"] == ["curve"]

    away = {"PATH": os.environ["PATH"]} | {k: v for k, v in os.environ.items() if "SAN_" in k}
    done = subprocess.run([program, "eval", "load().name"], capture_output=True, text=True, env=away)
    assert done.returncode == 0 and "reviews-4m" in done.stdout, done.stderr

    again = tmp_path / "second"
    subprocess.run([program, "install", "--prefix", again], check=True, capture_output=True)
    assert files_under(again) == installed
    subprocess.run([program, "install", "--prefix", prefix], check=True, capture_output=True)
    assert files_under(prefix) == installed

    own = again / "share/patchbay/models/mine/config.json"
    own.parent.mkdir()
    own.write_text("{}")
    assert patchbay("uninstall", "--prefix", str(again)).returncode == 0
    assert files_under(again) == {"share/patchbay/models/mine/config.json"}
    assert patchbay("uninstall", "--prefix", str(again)).returncode == 0  # gone is gone


def built_by_cmake(binary) -> str:
    folder = binary.parents[2]
    if not (folder / "CMakeCache.txt").exists():
        pytest.skip("the program lies in no build folder")
    return str(folder)


def test_cmake_install(patchbay, binary, tmp_path):
    """All that install knows of, under a prefix that shells and CMake would stumble over."""
    prefix, other = tmp_path / """it's "a" $HOME\\n;prefix""", tmp_path / "other"
    subprocess.run(["cmake", "--install", built_by_cmake(binary), "--prefix", prefix], check=True,
                   capture_output=True)
    assert patchbay("install", "--prefix", str(other)).returncode == 0
    assert files_under(prefix) == files_under(other)
    spec = json.loads((prefix / "share/jupyter/kernels/patchbay/kernel.json").read_text())
    assert spec["argv"][0] == str(prefix / "bin/patchbay")
    done = subprocess.run([*spec["argv"][:1], "eval", "load().name"], capture_output=True, text=True)
    assert done.stdout == "'reviews-4m'\n", done.stderr
    assert patchbay("uninstall", "--prefix", str(prefix)).returncode == 0
    assert files_under(prefix) == set()


def test_cmake_install_for_a_package(binary, tmp_path):
    """DESTDIR is where a package is put together, and nothing in the package knows of it."""
    stage = tmp_path / "the stage"
    subprocess.run(["cmake", "--install", built_by_cmake(binary), "--prefix", "/usr"], check=True,
                   capture_output=True, env={**os.environ, "DESTDIR": str(stage)})
    spec = stage / "usr/share/jupyter/kernels/patchbay/kernel.json"
    assert json.loads(spec.read_text())["argv"][0] == "/usr/bin/patchbay"
    assert (stage / "usr/bin/patchbay").exists()
    assert not [path for path in stage.rglob("*") if path.is_file() and path.suffix != ".safetensors"
                and path.name != "patchbay" and str(stage).encode() in path.read_bytes()]


def test_what_python_caches_is_not_installed(patchbay, tmp_path):
    assert patchbay("install", "--prefix", str(tmp_path / "one")).returncode == 0
    module = tmp_path / "one/share/patchbay/kernelspec/python/patchbay_jupyter"
    (module / "__pycache__").mkdir()
    (module / "__pycache__/lexer.pyc").touch()
    subprocess.run([tmp_path / "one/bin/patchbay", "install", "--prefix", tmp_path / "two"],
                   check=True, capture_output=True)
    assert "lexer.py" in " ".join(files_under(tmp_path / "two"))
    assert "__pycache__" not in " ".join(files_under(tmp_path / "two"))


def test_hints_call_the_program_as_a_terminal_can(patchbay, binary, tmp_path):
    """By its name where PATH leads to it, by its path where it does not or leads to another."""
    home = {"HOME": str(tmp_path), "JUPYTER_DATA_DIR": str(tmp_path / "jupyter")} | \
        {name: value for name, value in os.environ.items() if "SAN_" in name}
    on_path = f"{binary.resolve().parent}:/usr/bin:/bin"
    other = tmp_path / "other/patchbay"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    for path, called in ((on_path, "patchbay"), ("/usr/bin:/bin", str(binary.resolve())),
                         (f"{other.parent}:{on_path}", str(binary.resolve()))):
        env = home | {"PATH": path}
        assert f"terminal: {called} fetch gpt2\n" in patchbay("eval", 'load("gpt2")', env=env).stderr
        assert f" {called} fetch gpt2\n" in patchbay("eval", "models()", env=env).stdout
    spaced = tmp_path / "it's here"
    env = home | {"PATH": "/usr/bin"}
    done = patchbay("install", "--prefix", str(spaced), env=env)
    assert f"{spaced}/bin/patchbay: put its folder on your PATH" in done.stdout
    done = subprocess.run([spaced / "bin/patchbay", "eval", 'load("gpt2")'], env=env,
                          capture_output=True, text=True)
    quoted = shlex.quote(str(spaced / "bin/patchbay")).replace("'\"'\"'", "'\\''")
    assert f"terminal: {quoted} fetch gpt2\n" in done.stderr
    env["PATH"] = f"{spaced / 'bin'}:/usr/bin"
    assert "PATH" not in patchbay("install", "--prefix", str(spaced), env=env).stdout


def test_a_mistyped_command_is_known(patchbay):
    for typed, meant in (("instal", "install"), ("evla", "eval"), ("Console", "console")):
        assert f"did you mean '{meant}'?" in patchbay(typed).stderr
    said = patchbay("frobnicate").stderr
    assert "did you mean" not in said and "there are kernel, run, eval" in said


def test_install_elsewhere(patchbay, tmp_path, binary):
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"),
           "JUPYTER_DATA_DIR": str(tmp_path / "jupyter")}
    assert patchbay("install", "--user", env=env).returncode == 0
    assert (tmp_path / "home/.local/bin/patchbay").exists()
    assert (tmp_path / "jupyter/kernels/patchbay/kernel.json").exists()
    assert patchbay("uninstall", env=env).returncode == 0
    assert files_under(tmp_path / "home") | files_under(tmp_path / "jupyter") == set()

    env["VIRTUAL_ENV"] = str(tmp_path / "venv")
    assert patchbay("install", "--sys-prefix", "--link", env=env).returncode == 0
    spec = tmp_path / "venv/share/jupyter/kernels/patchbay/kernel.json"
    assert json.loads(spec.read_text())["argv"][0] == str(binary.resolve())
    assert not (tmp_path / "venv/bin").exists()
    others = [tmp_path / "venv/bin/patchbay", tmp_path / "venv/share/patchbay/models/reviews-4m/x"]
    for other in others:  # a link's install did not put it there
        other.parent.mkdir(parents=True)
        other.write_text("")
    assert patchbay("uninstall", "--sys-prefix", env=env).returncode == 0
    assert not spec.exists() and all(other.exists() for other in others)

    del env["VIRTUAL_ENV"]
    done = patchbay("install", "--sys-prefix", env=env)
    assert done.returncode == 1 and "neither VIRTUAL_ENV nor CONDA_PREFIX" in done.stderr
    done = patchbay("install", "--prefix", "/proc/none")
    assert done.returncode == 1 and "cannot make the folder" in done.stderr


@pytest.mark.parametrize("prefix", ["{connection_file}", "a/x{prefix}y", "{resource_dir}", "{0}"])
def test_a_prefix_that_jupyter_would_change_is_refused(patchbay, tmp_path, prefix):
    """jupyter_client fills {words} of argv in (KernelManager.format_kernel_cmd)."""
    done = patchbay("install", "--prefix", str(tmp_path / prefix))
    assert done.returncode == 1 and "Jupyter may put something else in the place of" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert patchbay("install", "--prefix", str(tmp_path / "a{b c}{}")).returncode == 0


def test_a_prefix_that_is_no_text_is_refused(binary, tmp_path):
    prefix = os.fsencode(tmp_path) + b"/\xff"
    done = subprocess.run([binary, "install", "--prefix", prefix], capture_output=True)
    assert done.returncode == 1 and b"no UTF-8" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spec", [
    {"argv": ["/bin/sh", "-m", "kernel"]}, {"argv": ["/bin/sh"], "display_name": "@/bin/patchbay"},
    {"argv": []}, {}, [1], None, {"argv": ["/none/such", "kernel", "-f", "{connection_file}"]}])
def test_a_kernelspec_of_another_program_stays(patchbay, tmp_path, spec):
    assert patchbay("install", "--prefix", str(tmp_path)).returncode == 0
    kernelspec = tmp_path / "share/jupyter/kernels/patchbay/kernel.json"
    written = json.dumps(spec).replace("@", str(tmp_path)) if spec is not None else "no JSON"
    kernelspec.write_text(written)
    before = files_under(tmp_path)
    done = patchbay("uninstall", "--prefix", str(tmp_path))
    assert done.returncode == 1 and "not this program: nothing was removed" in done.stderr
    assert files_under(tmp_path) == before and kernelspec.read_text() == written


def test_the_reference_in_docs_is_current(patchbay, root):
    written = (root / "docs" / "reference.md").read_text(encoding="utf-8")
    assert patchbay("reference").stdout == written, "run: patchbay reference > docs/reference.md"


def test_calls_nest_as_deep_as_the_reference_says(patchbay, root, patience):
    """The bound is one of calls, the same whatever is between them, and it is in the error."""
    said = re.search(r"themselves, (\d+) deep",
                     (root / "docs" / "reference.md").read_text(encoding="utf-8"))
    deepest = int(said[1])
    assert deepest > 1200
    reached = deepest - 1 if patience == 1 else 1500  # sanitizers' calls take more stack
    for body in ("1 + f(n - 1)", "1 + map(f, [n - 1])[0]", "1 + [f(m) for m in [n - 1]][0]"):
        script = f"(f(n) = 0 if n == 0 else {body}; f({reached}))"
        assert patchbay("eval", script).stdout.strip() == str(reached)
    if os.environ.get("PATCHBAY_PRESET") == "thread":
        return  # its shadow of 10,000 calls is 16 GB
    endless = patchbay("eval", "(f(n) = 1 + f(n + 1); f(0))")
    assert endless.returncode == 1 and "nest too deeply" in endless.stderr
    if patience == 1:
        assert f"{deepest} functions at most" in endless.stderr


def test_a_text_longer_than_the_context_is_shown_as_tokens(patchbay):
    """reviews-4m reads 256 tokens (its config's n_positions); cutting a text needs no context."""
    shown = patchbay("eval", 'tokens(" word" * 300)').stdout
    assert shown.startswith("301 tokens; the context of reviews-4m ends after position 255,")
    assert len(re.findall("·word", shown)) == 300
    shown = patchbay("eval", 'tokens(" word" * 5000)').stdout
    assert "The first 4096 are shown; .ids has all." in shown
    assert len(re.findall("·word", shown)) == 4095
    assert "context" not in patchbay("eval", 'tokens(" word" * 255)').stdout
