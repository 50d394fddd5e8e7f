"""A kernel that cannot start says why in a sentence and ends with an exit code: it neither hangs
nor dies of a signal, whatever stands where the connection file should, and however little the
system gives it."""

import os
import resource
import signal
import subprocess

import pytest

from kernel_client import Client, command, connection

SANITIZED = os.environ.get("PATCHBAY_PRESET", "release") != "release"
release_only = pytest.mark.skipif(SANITIZED, reason="sanitizers need what is taken away here")


def start(path, limits=(), **options):
    """Runs a kernel that is expected to end by itself."""
    return subprocess.run(command("patchbay", path), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, preexec_fn=limiting(*limits), **options)


def limiting(*limits):
    def limit():
        for what, most in limits:
            resource.setrlimit(what, (most, most))
    return limit


def refused(done):
    """It ended by itself, and said why."""
    said = done.stderr.strip().splitlines()
    assert done.returncode == 1, (done.returncode, said)
    assert any(line.startswith("patchbay: ") and len(line) > 20 for line in said), said
    return done.stderr


@pytest.fixture(autouse=True)
def history(tmp_path, monkeypatch):
    path = tmp_path / "history.sqlite"
    monkeypatch.setenv("PATCHBAY_HISTORY", str(path))
    return path


# -- the connection file ---------------------------------------------------------------------------

def pipe(path):
    os.mkfifo(path)


def socket_file(path):
    os.mknod(path, 0o600 | 0o140000)


def endless(path):
    path.symlink_to("/dev/zero")


def terminal(path):
    path.symlink_to("/dev/ptmx")


def loop(path):
    path.symlink_to(path)


def dangling(path):
    path.symlink_to(path.parent / "nowhere")


def folder(path):
    path.mkdir()


def huge(path):
    with open(path, "wb") as file:
        file.truncate(20 << 30)


@pytest.mark.parametrize("make, why", [
    (pipe, "no regular file"), (folder, "no regular file"), (endless, "no regular file"),
    (terminal, "no regular file"), (socket_file, "cannot be opened"), (huge, "too large"),
    (loop, "cannot be opened"), (dangling, "cannot be opened")])
def test_what_is_no_connection_file(tmp_path, make, why):
    path = tmp_path / "file"
    make(path)
    assert why in refused(start(path))


def nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "file"
    path.write_text("{}")
    path.chmod(0)
    program = command("patchbay", path)[0]
    if subprocess.run([program, "--version"], preexec_fn=nobody, check=False,
                      capture_output=True).returncode != 0:
        pytest.skip("nobody may not run the program here")
    done = subprocess.run(command("patchbay", path), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, preexec_fn=nobody)
    assert "cannot be opened: Permission denied" in refused(done)


# -- what the system gives -------------------------------------------------------------------------

def test_few_descriptors(tmp_path):
    path, _ = connection(tmp_path)
    for most in (10, 16, 20, 24, 28, 32, 48, 60):
        said = refused(start(path, [(resource.RLIMIT_NOFILE, most)]))
        assert "file descriptors" in said and "ulimit -n" in said


@release_only
def test_little_stack(tmp_path):
    path, _ = connection(tmp_path)
    for most in (64, 128, 200):
        said = refused(start(path, [(resource.RLIMIT_STACK, most << 10)]))
        assert "stacks of 256 kB" in said and "ulimit -s" in said


@release_only
@pytest.mark.parametrize("what", [resource.RLIMIT_AS, resource.RLIMIT_DATA])
def test_little_memory(tmp_path, what):
    """Wherever memory ends, down to where the program cannot be loaded at all."""
    path, _ = connection(tmp_path)
    for most in (20, 60, 70, 80, 90, 100, 120, 140):
        done = subprocess.run(["timeout", "--kill-after=20", "5", *command("patchbay", path)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              preexec_fn=limiting((what, most << 20)))
        if done.returncode == 127:  # the loader's own word
            assert "shared libraries" in done.stderr
        elif done.returncode != 124:  # else it runs, and was told to end
            refused(done)


@release_only
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_few_threads(tmp_path):
    path, _ = connection(tmp_path)
    path.chmod(0o644)
    os.chmod(tmp_path, 0o755)
    program = command("patchbay", path)[0]
    if subprocess.run([program, "--version"], preexec_fn=nobody, check=False,
                      capture_output=True).returncode != 0:
        pytest.skip("nobody may not run the program here")

    def few(most):
        def limit():
            limiting((resource.RLIMIT_NPROC, most))()
            nobody()
        return limit

    for most in range(1, 10):
        done = subprocess.run(command("patchbay", path), stdin=subprocess.DEVNULL, timeout=60,
                              capture_output=True, text=True, preexec_fn=few(most))
        assert "thread" in refused(done)


def served(path, content, **options):
    """A kernel answers a cell and is told to end; gives its exit code and what it said."""
    process = subprocess.Popen(command("patchbay", path), stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, **options)
    client = Client(content)
    try:
        assert client.ready().run("1 + 1")[0]["status"] == "ok"
        client.send("shutdown_request", {"restart": False}, "control")
        said = process.communicate(timeout=20)[1]
    finally:
        process.kill()
        client.close()
    return process.returncode, said


@pytest.mark.skipif(os.environ.get("PATCHBAY_PRESET") == "thread",
                    reason="the thread sanitizer cannot start where it may write no file")
def test_files_that_may_not_grow(tmp_path):
    """Only the history is a file that is written: it is kept in memory then."""
    path, content = connection(tmp_path)
    code, said = served(path, content, preexec_fn=limiting((resource.RLIMIT_FSIZE, 0)))
    assert code == 0
    assert "kept in memory only" in said


def test_a_signal_ends_a_kernel_that_still_starts(tmp_path):
    """It waits for a port that is taken, and then says so; SIGTERM is not lost before."""
    path, _ = connection(tmp_path)
    process = subprocess.Popen(command("patchbay", path), stderr=subprocess.DEVNULL)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, -signal.SIGTERM)


def test_closed_standard_streams(tmp_path, history):
    """No file that is opened later is taken for them: the log does not end up in the history."""
    path, content = connection(tmp_path)
    path.chmod(0o644)  # a warning for the log
    process = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
                                *command("patchbay", path)])
    client = Client(content)
    try:
        client.ready()
        for _ in range(100):
            client.sockets["shell"].send_multipart([b"hello"])
        assert client.run("1 + 1")[0]["status"] == "ok"
        streams = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
        client.send("shutdown_request", {"restart": False}, "control")
        assert process.wait(20) == 0
    finally:
        process.kill()
        client.close()
    assert streams == ["/dev/null"] * 3
    assert history.read_bytes().startswith(b"SQLite format 3\0")
    assert b"dropped" not in history.read_bytes()
