"""What tests of `patchbay fetch` share: a model, a hub that has it, a cache, and running it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest
from hub_server import Hub

REPO = "someone/tiny-gpt2"
WEIGHTS = "model.safetensors"
SMALL = ("config.json", "vocab.json", "merges.txt")
TOKEN = "hf_secret"


@pytest.fixture(scope="module")
def model(root) -> dict[str, bytes]:
    """The files of a real model: small ones, and weights of 1.5 MB."""
    folder = root / "tests" / "models" / "random-3l5h"
    return {name: (folder / name).read_bytes() for name in (*SMALL, WEIGHTS)}


@pytest.fixture
def hub(model):
    with Hub(REPO, dict(model)) as hub:
        yield hub


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def fetch(binary, hub, cache, patience):
    """Runs `patchbay fetch`; settings are environment variables. `begin` only starts it."""

    def begin(*arguments: str, **settings) -> subprocess.Popen:
        limit = settings.pop("limit", None)
        stderr = settings.pop("stderr", subprocess.PIPE)
        program = settings.pop("program", [binary])
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(cache.parent), "HF_ENDPOINT": hub.url(),
            "HF_HUB_CACHE": str(cache), "HF_HUB_DOWNLOAD_TIMEOUT": "1",
            **{key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")},
            **settings,
        }

        def limit_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.Popen([*program, "fetch", *(arguments or (REPO,))], env=environment,
                                stdout=subprocess.PIPE, stderr=stderr, text=True,
                                preexec_fn=limit_files if limit else None)

    def run(*arguments: str, **settings) -> subprocess.CompletedProcess:
        process = begin(*arguments, **settings)
        try:
            out, err = process.communicate(timeout=30 * patience)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    run.begin = begin
    return run


def model_folder(cache: Path, repo: str = REPO) -> Path:
    return cache / ("models--" + repo.replace("/", "--"))


def blobs(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (model_folder(cache) / "blobs").iterdir()}


def incomplete(cache: Path, hub: Hub, name: str = WEIGHTS) -> Path:
    return model_folder(cache) / "blobs" / f"{hub.digest(name)}.incomplete"


def assert_whole(cache: Path, hub: Hub) -> None:
    """The cache holds the model, and nothing besides, as Hugging Face's library lays it out."""
    folder = model_folder(cache)
    assert blobs(cache) == {hub.digest(name): data for name, data in hub.files.items()}
    assert (folder / "refs" / "main").read_text() == hub.commit
    links = {path.name: os.readlink(path) for path in (folder / "snapshots" / hub.commit).iterdir()}
    assert links == {name: f"../../blobs/{hub.digest(name)}" for name in hub.files}


def assert_unpublished(cache: Path) -> None:
    assert not (model_folder(cache) / "snapshots").exists()
    assert not (model_folder(cache) / "refs" / "main").exists()
