"""One cache for Patchbay and for Hugging Face's own library: each finds what the other has made."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from fetching import (REPO, SMALL, WEIGHTS, assert_whole, blobs, cache, fetch, hub, incomplete,
                      model, model_folder)
from hub_server import COMMIT

LOCAL = f"""
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
from huggingface_hub import try_to_load_from_cache
print(snapshot_download("{REPO}", local_files_only=True))
print(try_to_load_from_cache("{REPO}", "{WEIGHTS}"))
print(hf_hub_download("{REPO}", "config.json", local_files_only=True))
scanned = scan_cache_dir()
print([repo.repo_id for repo in scanned.repos], [str(warning) for warning in scanned.warnings])
"""


@pytest.fixture
def hugging_face(hub, cache):
    """Runs Python code with huggingface_hub, on the same hub and cache, and gives its lines."""

    def run(code: str, **settings) -> list[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(cache.parent),
                       "HF_ENDPOINT": hub.url(), "HF_HUB_CACHE": str(cache),
                       "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                       **settings}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True,
                              text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.fixture
def load(binary, cache, root, patience):
    """The folder that load(NAME) reads, or what it says."""

    def run(name: str = REPO, **settings) -> str:
        environment = {**os.environ, "HOME": str(cache.parent), "HF_HUB_CACHE": str(cache),
                       **settings}
        done = subprocess.run([binary, "eval", f'load("{name}").path'], env=environment,
                              capture_output=True, text=True, cwd=root, timeout=60 * patience)
        return done.stdout.strip().strip("'") if done.returncode == 0 else done.stderr

    return run


def download(*names: str, revision: str = "main") -> str:
    return "from huggingface_hub import hf_hub_download\n" + "".join(
        f'print(hf_hub_download("{REPO}", "{name}", revision="{revision}"))\n' for name in names)


def test_what_patchbay_fetched_is_found_by_hugging_face(fetch, hugging_face, cache):
    assert fetch().returncode == 0
    folder = str(model_folder(cache) / "snapshots" / COMMIT)
    assert hugging_face(LOCAL) == [folder, f"{folder}/{WEIGHTS}", f"{folder}/config.json",
                                   f"['{REPO}'] []"]


def test_hugging_face_downloads_nothing_again(fetch, hub, hugging_face):
    assert fetch().returncode == 0
    hub.asked.clear()
    hugging_face(download(*SMALL, WEIGHTS))
    assert {asked.method for asked in hub.asked} <= {"HEAD"}


def test_what_hugging_face_downloaded_is_found(hub, hugging_face, load, fetch, cache):
    paths = hugging_face(download(*SMALL, WEIGHTS))
    folder = str(Path(paths[0]).parent)
    assert load() == folder
    hub.asked.clear()
    done = fetch()
    assert done.returncode == 0
    assert done.stdout == f"{REPO} was here already: {folder}\n"
    assert {asked.method for asked in hub.asked} == {"HEAD"}
    assert blobs(cache) == {hub.digest(name): data for name, data in hub.files.items()}


def test_what_hugging_face_began_is_told_and_finished(hugging_face, load, fetch, hub, cache):
    hugging_face(download(*SMALL))
    assert f"snapshots/{COMMIT} (no {WEIGHTS} in it)" in load()
    assert f"patchbay fetch {REPO}" in load()
    hub.asked.clear()
    assert fetch().returncode == 0
    assert [asked.name for asked in hub.asked if asked.method == "GET"] == [WEIGHTS, WEIGHTS]
    assert_whole(cache, hub)


def test_a_revision_is_the_same_for_both(fetch, hugging_face, load, hub, cache):
    hub.branches, hub.commit = ("main", "v1"), "b" * 40
    (path, *_) = hugging_face(download(*SMALL, WEIGHTS, revision="v1"))
    assert load(f"{REPO}@v1") == str(Path(path).parent)
    hub.commit = "c" * 40
    assert fetch(f"{REPO}@v1").returncode == 0
    code = f'from huggingface_hub import snapshot_download\n' \
           f'print(snapshot_download("{REPO}", revision="v1", local_files_only=True))'
    assert hugging_face(code) == [load(f"{REPO}@v1")]
    assert load(f"{REPO}@v1").endswith("c" * 40)


def test_an_older_name_in_the_cache(load, cache, fetch):
    assert fetch().returncode == 0
    model_folder(cache).rename(cache / "models--gpt2")
    assert load("gpt2") == str(cache / "models--gpt2" / "snapshots" / COMMIT)


def test_while_a_fetch_is_not_done(fetch, load, hub, cache):
    left = incomplete(cache, hub)
    left.parent.mkdir(parents=True)
    left.write_bytes(hub.files[WEIGHTS][:1000])
    said = load()
    assert f"{model_folder(cache)} (a download into it has not ended)" in said
    assert f"patchbay fetch {REPO}" in said
    assert fetch().returncode == 0
    assert load() == str(model_folder(cache) / "snapshots" / COMMIT)


@pytest.fixture
def nobody(binary, hub, patience):
    """Runs `patchbay fetch` on a cache that it may not write to; root has to become nobody first."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        cache = Path(folder) / "cache"
        program = shutil.copy(binary, Path(folder) / "patchbay")

        def run(*arguments: str) -> subprocess.CompletedProcess:
            folders = [cache, *(path for path in cache.rglob("*") if path.is_dir())]
            for path in folders:
                path.chmod(0o555)
            user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
            done = subprocess.run([program, "fetch", *arguments], text=True, capture_output=True,
                                  env={"PATH": os.environ["PATH"], "HF_ENDPOINT": hub.url(),
                                       "HF_HUB_CACHE": str(cache)}, user=user,
                                  timeout=60 * patience)
            for path in folders:
                path.chmod(0o755)
            return done

        run.cache = cache
        yield run


def test_a_cache_that_may_only_be_read(nobody, hub, fetch):
    assert fetch(HF_HUB_CACHE=str(nobody.cache)).returncode == 0
    shutil.rmtree(nobody.cache / ".locks")
    done = nobody(REPO)
    assert done.returncode == 0, done.stderr
    assert "was here already" in done.stdout
    hub.commit = "d" * 40
    hub.files["merges.txt"] += b"\n"
    done = nobody(REPO)
    assert done.returncode == 1
    assert f"cannot make the folder '{nobody.cache}/.locks': Permission denied" in done.stderr
    assert "in HF_HUB_CACHE" in done.stderr
