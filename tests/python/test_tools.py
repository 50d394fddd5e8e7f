"""The scripts in tools/: what they say and do on machines unlike this one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tools

NEEDED = ("bash", "dirname", "basename", "sed", "grep", "uname", "env", "cat", "head", "tail",
          "cut", "mkdir", "df", "awk", "sha256sum", "rm", "touch")


@pytest.fixture
def machine(tmp_path, root):
    """A machine with next to nothing on it: run(script, **commands) sources tools/lib.sh there.

    `commands` are further programs by name, each the body of a shell script; `calls` is what the
    program `apt-get` was asked, a line a call.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    calls = tmp_path / "calls"
    calls.touch()

    def run(script: str, **commands: str) -> subprocess.CompletedProcess:
        for name, body in commands.items():
            path = folder / name.replace("_", "-")
            path.write_text(f"#!{folder}/bash\ncalls={calls}\nroot={root}\n{body}\n")
            path.chmod(0o755)
        text = (f'source "{root}/tools/lib.sh"\nlogs="{tmp_path}/logs"\n'
                f'has_header() {{ [[ -e "{tmp_path}/installed" ]]; }}\n'
                f'find_python() {{ [[ -e "{tmp_path}/installed" ]]; }}\n' + script)
        return subprocess.run(["bash", "-c", text, "tools/demo"], env={"PATH": str(folder)},
                              executable=folder / "bash", capture_output=True, text=True)

    run.calls = calls
    return run


NOT_ROOT = "echo 1000"
ROOT_USER = "echo 0"
RECORD = 'echo "$DEBIAN_FRONTEND $*" >>"$calls"'


def test_missing_packages_are_one_line_and_nothing_is_run(machine):
    done = machine("need_packages build python test valgrind", id=NOT_ROOT, apt_get=RECORD, sudo="exit 1")
    assert done.returncode == 2
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    words = line.removeprefix("apt packages missing: ").split()
    for package in ("gcc", "cmake", "ninja-build", "libzmq3-dev", "libssl-dev", "libjansson-dev",
                    "libdnnl-dev", "liblapacke-dev", "libpcre2-dev", "libsqlite3-dev", "libcmocka-dev", "valgrind",
                    "python3-venv"):
        assert package in words
    assert machine.calls.read_text() == ""


def test_root_installs_what_is_missing(machine, tmp_path):
    install = RECORD + f'\n[[ $* == *install* ]] && touch "{tmp_path}/installed"\nexit 0'
    tools = {name: "exit 0" for name in ("gcc", "cmake", "ninja")}
    done = machine("need_packages build python", id=ROOT_USER, apt_get=install, **tools)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("apt packages missing: libc6-dev libzmq3-dev")
    update, install = machine.calls.read_text().splitlines()
    assert update.endswith(" update")
    for option in ("noninteractive", "DPkg::Lock::Timeout=", "--no-install-recommends", " -y "):
        assert option in install
    assert "libzmq3-dev" in install and "python3-venv" in install and "gcc" not in install.split()


def test_sudo_that_asks_nothing_is_used(machine, tmp_path):
    sudo = f'echo "sudo $*" >>"$calls"\n[[ $* == *install* ]] && touch "{tmp_path}/installed"\nexit 0'
    tools = {name: "exit 0" for name in ("gcc", "cmake", "make", "apt-get")}
    done = machine("need_packages build", id=NOT_ROOT, sudo=sudo, **tools)
    assert done.returncode == 0, done.stderr
    asked = machine.calls.read_text().splitlines()
    assert asked[0] == "sudo -n true"
    assert all(line.startswith("sudo -n ") for line in asked)


def test_an_install_that_leaves_something_out_is_an_error(machine):
    done = machine("need_packages build", id=ROOT_USER, apt_get="exit 0")
    assert done.returncode == 2
    assert "still missing" in done.stderr


def test_other_systems_are_told_plainly(machine):
    done = machine("need_packages build", id=ROOT_USER)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "not Debian" in line and "libzmq3-dev" in line


def test_nothing_missing_says_nothing(machine, tmp_path):
    (tmp_path / "installed").touch()
    tools = {name: "exit 0" for name in ("gcc", "cmake", "make")}
    done = machine("need_packages build python", id=NOT_ROOT, **tools)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("x: write failed: No space left on device", "the disk that holds"),
        ("<urllib3> NewConnectionError: Temporary failure in name resolution", "no network"),
        ("one\nfoo.c:3: error: expected ';'\ntwo", "foo.c:3: error: expected ';'"),
        ("just this", "just this"),
    ],
)
def test_a_step_that_fails_says_why_on_one_line(machine, output, said):
    done = machine(f"fails() {{ printf '%b\\n' {json.dumps(output)}; return 7; }}\n"
                   "step building fails")
    assert done.returncode == 7
    (line,) = done.stderr.splitlines()
    assert line.startswith("tools/demo: building failed: ") and said in line


def test_a_python_environment_is_made_once(tmp_path, root):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# none\n")
    script = (f'source "{root}/tools/lib.sh"; logs="{tmp_path}/logs"\n'
              f'need_python "{tmp_path}/venv" "{requirements}"')

    def run() -> str:
        return subprocess.run(["bash", "-c", script, "tools/demo"], check=True,
                              capture_output=True, text=True).stdout

    assert "installing" in run()
    assert run() == ""
    requirements.write_text("# none, differently\n")
    assert "installing" in run()


def test_an_environment_on_the_path_is_not_cleared(tmp_path, root):
    """A terminal in JupyterLab has the project's own environment on its PATH."""
    work = tmp_path / "project"
    shutil.copytree(root / "tools", work / "tools")
    script = (f'source "{work}/tools/lib.sh"; need_python "$build/venv"')

    def run(**more) -> None:
        subprocess.run(["bash", "-c", script, "tools/report"], check=True, env=os.environ | more)

    run()
    venv = work / "build/venv"
    (venv / "mark").touch()
    run(PATH=f"{venv}/bin:{os.environ['PATH']}", VIRTUAL_ENV=str(venv))
    assert (venv / "mark").exists()
    (venv / "bin/python").unlink()  # one that does not work is made anew, and not of itself
    run(PATH=f"{venv}/bin:{os.environ['PATH']}")
    assert not (venv / "mark").exists() and (venv / "bin/python").exists()
    assert f"{work}" not in (venv / "pyvenv.cfg").read_text().split("command")[0]


def test_the_lab_finds_the_program_on_its_path(tmp_path, root):
    work = tmp_path / "project"
    shutil.copytree(root / "tools", work / "tools")
    venv, stubs = work / "build/venv", tmp_path / "stubs"
    for script, body in ((venv / "bin/python", '[[ $2 != jupyterlab ]] || echo "PATH=$PATH"'),
                         (work / "build/release/kernel/app/patchbay", ""), (stubs / "cmake", "")):
        script.parent.mkdir(parents=True)
        script.write_text(f"#!/bin/bash\n{body}\n")
        script.chmod(0o755)
    (work / "notebooks").mkdir()
    (work / "build/release/build.ninja").touch()
    (venv / "patchbay-origin").write_text(f"{venv}\n")
    done = subprocess.run([work / "tools/lab"], check=True, capture_output=True, text=True,
                          env=os.environ | {"PATH": f"{stubs}:{os.environ['PATH']}"})
    assert f"PATH={venv}/bin:" in done.stdout


def tally(folder: Path, root: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, root / "tools" / "tally.py", folder],
                          capture_output=True, text=True)


def test_the_tally_adds_up_every_suite(tmp_path, root):
    (tmp_path / "a.xml").write_text(
        '<testsuite><testcase name="one"/><testcase name="two" status="run"/>'
        '<testcase name="three"><skipped/></testcase></testsuite>')
    (tmp_path / "b.xml").write_text('<testsuites><testsuite><testcase name="four"/></testsuite></testsuites>')
    done = tally(tmp_path, root)
    assert done.stdout.splitlines()[-1] == "3 passed, 0 failed, 1 skipped"
    assert done.returncode == 0


def test_the_tally_fails_for_failures_broken_suites_and_no_tests(tmp_path, root):
    assert tally(tmp_path, root).returncode == 1
    (tmp_path / "a.xml").write_text(
        '<testsuite><testcase name="one"/><testcase name="two"><failure/></testcase></testsuite>')
    (tmp_path / "b.broken").write_text("ended with status 139\n")
    done = tally(tmp_path, root)
    assert done.stdout.splitlines()[-1] == "1 passed, 2 failed"
    assert "b: ended with status 139" in done.stdout
    assert done.returncode == 1


def test_requirements_are_pinned_and_name_no_index(root):
    files = sorted((root / "tools").glob("requirements-*.txt"))
    assert len(files) >= 4
    for path in files:
        for line in path.read_text().splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                assert re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line), (path.name, line)


def test_scripts_name_no_index_and_no_host(root):
    for path in [*(root / "tools").iterdir(), root / ".ci" / "run"]:
        if path.is_file():
            text = path.read_text()
            assert "index-url" not in text and "find-links" not in text, path.name
            hosts = set(re.findall(r"https?://([^/:\s\"'{]+)", text))
            assert hosts <= {"127.0.0.1"}, (path.name, hosts)


def test_scripts_pass_bash_and_say_what_they_do(root):
    for name in ("demo", "test", "lab", "notebooks", "report", "screenshots", "wheel",
                 "words"):
        path = root / "tools" / name
        assert os.access(path, os.X_OK)
        subprocess.run(["bash", "-n", path], check=True)
        help_text = subprocess.run([path, "--help"], check=True, capture_output=True, text=True)
        assert f"tools/{name}" in help_text.stdout
