"""The program on a command line: run, eval, console, install, uninstall, and what they exit with."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import shutil
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


COMMANDS = ["kernel", "run", "eval", "console", "fetch", "install", "uninstall", "doctor",
            "reference", "manual", "completion"]


def test_version_and_help(patchbay):
    version = patchbay("--version").stdout
    assert re.match(r"patchbay \d+\.\d+\.\d+\nbuilt by (gcc|clang) \d", version)
    for library in ("oneDNN", "ZeroMQ", "OpenSSL", "jansson", "PCRE2", "SQLite", "curl", "utf8proc",
                    "libedit"):
        assert re.search(rf"^{library} \d+\.\d", version, re.M), version
    help_text = patchbay("--help").stdout
    assert re.findall(r"^  patchbay (\w+)", help_text, re.M) == COMMANDS
    for command in COMMANDS:
        own = patchbay(command, "--help")
        assert own.returncode == 0 and own.stdout.startswith(f"usage: patchbay {command}")
        assert patchbay("help", command).stdout == own.stdout
        for option in re.findall(r"--?[a-z-]+", own.stdout.splitlines()[0]):
            assert re.search(rf"^  {option}\b", own.stdout, re.M), (command, option)
    assert "did you mean 'install'" in patchbay("help", "instal").stderr


def test_a_mistyped_option_is_known(patchbay):
    for command, typed, meant in (("install", "--sys-prefx", "--sys-prefix"),
                                  ("run", "--keepgoing", "--keep-going"), ("fetch", "--trys", "--tries")):
        done = patchbay(command, typed, "x")
        assert done.returncode == 2
        assert done.stderr.startswith(f"patchbay: there is no option '{typed}'; did you mean "
                                      f"'{meant}'?\nusage: patchbay {command} ")


@pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
def test_the_manual_page(patchbay, tmp_path):
    page = tmp_path / "patchbay.1"
    page.write_text(patchbay("manual").stdout)
    done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True,
                          env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    for command in COMMANDS:
        assert f"patchbay {command}" in done.stdout
    assert "--sys-prefix" in done.stdout and "# %%" in done.stdout and "PATCHBAY_LOG" in done.stdout


def completed(script: str, *words: str) -> list[str]:
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in words)
    asked = f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _patchbay\n" \
            'printf "%s\\n" "${COMPREPLY[@]}"'
    return subprocess.run(["bash", "-c", asked], check=True, capture_output=True,
                          text=True).stdout.split()


def test_shells_complete(patchbay, tmp_path):
    bash = patchbay("completion", "bash").stdout
    assert completed(bash, "patchbay", "in") == ["install"]
    assert set(completed(bash, "patchbay", "")) == {*COMMANDS, "--help", "--version"}
    assert completed(bash, "patchbay", "install", "--sys") == ["--sys-prefix"]
    assert completed(bash, "patchbay", "completion", "") == ["--help", "bash", "zsh", "fish"]
    for shell in ("zsh", "fish"):
        script = tmp_path / shell
        script.write_text(patchbay("completion", shell).stdout)
        assert all(command in script.read_text() for command in COMMANDS)
        if shutil.which(shell):
            subprocess.run([shell, "-n", script], check=True)
    assert patchbay("completion", "csh").returncode == 2


def test_doctor(patchbay, tmp_path):
    prefix = tmp_path / "a prefix"
    assert patchbay("install", "--prefix", str(prefix)).returncode == 0
    env = {**os.environ, "HOME": str(tmp_path), "JUPYTER_PATH": f"/none::{prefix}/share/jupyter",
           "PATCHBAY_MEMORY": "2G", "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    for name in ("JUPYTER_DATA_DIR", "VIRTUAL_ENV", "CONDA_PREFIX"):
        env.pop(name, None)
    front_end = tmp_path / "bin/jupyter-lab"
    front_end.parent.mkdir()
    front_end.write_text("#!/bin/sh\n")
    front_end.chmod(0o755)
    done = patchbay("doctor", env=env)
    spec = prefix / "share/jupyter/kernels/patchbay/kernel.json"
    assert done.returncode == 0, done.stdout
    assert re.search(rf"^  starts +{re.escape(str(spec))}$", done.stdout, re.M)
    assert re.search(r"^  reviews-4m +/", done.stdout, re.M)
    assert re.search(rf"^  jupyter-lab +{front_end}$", done.stdout, re.M)
    assert re.search(r"^  for values +2G$", done.stdout, re.M) and "oneDNN" in done.stdout
    for program, said in (("/none/such", "cannot start"), ("/bin/true", "ended at once")):
        spec.write_text(json.dumps({"argv": [program]}))
        done = patchbay("doctor", env=env)
        assert done.returncode == 1 and "does not start" in done.stdout and said in done.stdout
        assert done.stdout.endswith("\nSomething is wrong: see above.\n")




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
    assert done.stderr.startswith(("usage: patchbay", "patchbay: there is no command",
                                   "patchbay: there is no option"))


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
    # the program and its libraries, LAPACK among them, take some 80 of them before the first line
    for megabytes in (*range(110, 200, 10), 250, 350, 500):
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


class Console:
    """A person at `patchbay console`: types, and waits for what the terminal shows."""

    def __init__(self, binary, patience, **settings):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.environ.update(settings)
            os.execv(binary, [str(binary), "console"])
        self.patience, self.seen = patience, ""
        self.until("Ctrl-D.\r\n> ")

    def until(self, text: str) -> str:
        end = time.monotonic() + 6 * self.patience
        while text not in self.seen:
            assert time.monotonic() < end, (text, self.seen)
            if select.select([self.terminal], [], [], 0.5)[0]:
                self.seen += os.read(self.terminal, 4096).decode(errors="replace")
        before, self.seen = self.seen.split(text, 1)
        return before

    def type(self, text: str, answer: str) -> str:
        """Types, and gives what the terminal shows until the answer."""
        os.write(self.terminal, text.encode())
        return self.until(answer)

    def leave(self, word: str = "\x04") -> int:
        os.write(self.terminal, word.encode())
        _, status = os.waitpid(self.process, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def console(binary, patience, tmp_path):
    settings = {"TERM": "xterm", "PATCHBAY_HISTORY": str(tmp_path / "history.sqlite"),
                "EDITRC": "/dev/null"}
    return lambda **more: Console(binary, patience, **{**settings, **more})


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_console_on_a_terminal(console, kind, patience):
    """Prompts, Ctrl-C at the prompt and in a cell, and Ctrl-D; with editing and without."""
    shown = console(TERM=kind)
    shown.type("40 + 2\n", "42\r\n> ")
    shown.type("(1 +\n", ". ")
    shown.type("\x03", "\n> ")
    os.write(shown.terminal, b"[sum([a * b for a in range(1000)]) for b in range(1000000)]\n")
    time.sleep(0.3 * patience)
    shown.type("\x03", "Interrupted")
    shown.until("> ")
    shown.type('ask("who? ") + "!"\nme\n', "'me!'\r\n> ")  # typed ahead
    shown.type("1 + 1\n", "2\r\n> ")
    assert shown.leave() == 0
    assert console(TERM=kind).leave("quit\n") == 0


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_the_console_edits_lines(console, locale):
    shown = console(LC_ALL=locale)
    shown.type("'é→😀'\x7f\x7f ü'\n", "'é→ ü'\r\n> ")  # the last two characters taken back
    shown.type("1 + 1\x1b[D\x1b[D\x1b[D\x1b[D2\n", "13\r\n> ")
    shown.type("9 * 9\x01100 + \n", "181\r\n> ")
    assert shown.leave("exit\n") == 0


def test_the_console_completes(console):
    shown = console()
    shown.type("headroom = 7\n", "> ")
    shown.type("headr\t\n", "7\r\n> ")
    shown.type("[headroom,\n", ". ")
    shown.type("headr\t + 1]\n", "[7, 8]\r\n> ")
    listed = shown.type("hea\t", "> hea").split()
    assert {"headroom", "heatmap"} <= set(listed)
    shown.type("\x15(1 +\n", ". ")
    assert "\x1b[7G" in shown.type("\t2)\n", "3\r\n> ")  # column 7: four behind the prompt
    assert shown.leave("exit()\n") == 0


def test_the_console_remembers_across_sessions(console):
    shown = console()
    shown.type("a = 20\n", "> ")
    shown.type("[a,\n", ". ")
    shown.type("1]\n", "[20, 1]\r\n> ")
    assert shown.leave() == 0
    shown = console()
    shown.type("\x1b[A\x1b[A\n", "> ")  # a = 20
    shown.type("\x1b[A\x1b[A\n", "[20, 1]\r\n> ")  # a cell of two lines comes whole
    shown.type("a +\x15", "> ")
    shown.type("\x12a,\n", "[20, 1]\r\n> ")  # found backwards
    assert shown.leave() == 0


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
    assert {"share/man/man1/patchbay.1", "share/bash-completion/completions/patchbay",
            "share/zsh/site-functions/_patchbay",
            "share/fish/vendor_completions.d/patchbay.fish"} < installed
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
