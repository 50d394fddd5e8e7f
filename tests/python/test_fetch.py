"""`patchbay fetch` against a hub that behaves, and one that fails, stalls, truncates and lies."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import time
from email.utils import formatdate
from pathlib import Path

import hub_server as server
import pytest
from fetching import (REPO, TOKEN, WEIGHTS, assert_unpublished, assert_whole, blobs, cache, fetch,
                      hub, incomplete, model, model_folder)
from hub_server import COMMIT, Hub

# ---- a hub that behaves --------------------------------------------------------------------------


def test_a_model_is_laid_out_as_hugging_face_does(fetch, hub, cache):
    done = fetch()
    assert done.returncode == 0, done.stderr
    folder = model_folder(cache) / "snapshots" / COMMIT
    assert done.stdout == f"{REPO} is here now: {folder}\n"
    assert f"{WEIGHTS}: fetched and checked, 1.5 MB" in done.stderr.splitlines()
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    assert_whole(cache, hub)


def test_only_main_is_asked_for_by_name(fetch, hub):
    fetch()
    revisions = [asked.path.split("/")[4] for asked in hub.asked if asked.server == "hub"]
    assert revisions[0] == "main" and set(revisions[1:]) == {COMMIT}


def test_what_was_fetched_loads(fetch, cache, binary, hub, root):
    assert fetch().returncode == 0
    done = subprocess.run([binary, "eval", f'load("{REPO}")'], capture_output=True, text=True,
                          cwd=root, env={**os.environ, "HF_HUB_CACHE": str(cache)})
    assert done.returncode == 0, done.stderr
    assert "GPT-2: 3 layers, 5 heads, d_model 40" in done.stdout
    assert COMMIT in done.stdout


def test_the_second_time_nothing_is_downloaded(fetch, hub, cache):
    fetch()
    hub.asked.clear()
    done = fetch()
    assert done.returncode == 0
    assert "was here already" in done.stdout
    assert [a for a in hub.asked if a.method == "GET"] == []
    assert_whole(cache, hub)


def test_a_new_commit_brings_only_what_changed(fetch, hub, cache):
    fetch()
    hub.asked.clear()
    hub.commit = "f" * 40
    hub.files["merges.txt"] += b"\n"
    assert fetch().returncode == 0
    assert {a.name for a in hub.asked if a.method == "GET"} == {"merges.txt"}
    assert (model_folder(cache) / "refs" / "main").read_text() == "f" * 40
    assert len(list((model_folder(cache) / "snapshots").iterdir())) == 2


def test_a_known_name_is_short_for_its_hub_id(fetch, hub, cache):
    hub.repo = "openai-community/gpt2"
    done = fetch("gpt2")
    assert done.returncode == 0, done.stderr
    assert (model_folder(cache, hub.repo) / "snapshots" / COMMIT / WEIGHTS).exists()


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/2"])
def test_a_revision(fetch, hub, cache, binary, root, revision):
    hub.branches, hub.commit = ("main", revision), "a" * 40
    done = fetch(f"{REPO}@{revision}")
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (model_folder(cache) / "refs").iterdir()} == {revision.split("/")[0]}
    assert (model_folder(cache) / "refs" / revision).read_text() == "a" * 40
    done = subprocess.run([binary, "eval", f'load("{REPO}@{revision}").path'], text=True, cwd=root,
                          capture_output=True, env={**os.environ, "HF_HUB_CACHE": str(cache)})
    assert f"snapshots/{'a' * 40}" in done.stdout, done.stderr


def test_a_commit_is_a_revision(fetch, hub, cache):
    done = fetch(f"{REPO}@{COMMIT}")
    assert done.returncode == 0, done.stderr
    assert (model_folder(cache) / "snapshots" / COMMIT / WEIGHTS).exists()
    assert not (model_folder(cache) / "refs").exists()


def test_a_revision_the_hub_does_not_have(fetch, hub, cache):
    done = fetch(f"{REPO}@v9")
    assert done.returncode == 1
    assert f"'{REPO}' on {hub.url()} has no revision 'v9'" in done.stderr
    done = fetch(f"{REPO}@../x")
    assert done.returncode == 1 and "'../x' is no revision" in done.stderr
    assert not cache.exists()


def test_a_tokenizer_in_one_file(fetch, hub, cache):
    for name in ("vocab.json", "merges.txt"):
        del hub.files[name]
    hub.files["tokenizer.json"] = b"{}"
    assert fetch().returncode == 0
    assert_whole(cache, hub)


def test_what_changes_how_text_is_read_comes_too(fetch, hub, cache):
    for name in ("added_tokens.json", "tokenizer_config.json", "special_tokens_map.json",
                 "generation_config.json"):
        hub.files[name] = b"{}"
    assert fetch().returncode == 0
    assert_whole(cache, hub)


def test_one_file_is_enough_where_all_are(fetch, hub, cache):
    hub.files["tokenizer.json"] = b"{}"
    assert fetch().returncode == 0
    for name in ("vocab.json", "merges.txt"):
        del hub.files[name]
    assert_whole(cache, hub)


def test_weights_in_several_files(fetch, hub, cache):
    whole = hub.files.pop(WEIGHTS)
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    hub.files[names[0]], hub.files[names[1]] = whole[:700000], whole[700000:]
    hub.files["model.safetensors.index.json"] = server.index_of(
        {"wte.weight": names[0], "wpe.weight": names[1], "ln_f.weight": names[0]})
    done = fetch()
    assert done.returncode == 0, done.stderr
    assert_whole(cache, hub)


def test_a_model_that_was_renamed_is_followed(fetch, hub, cache):
    hub.renamed, hub.token = "someone/old-name", TOKEN
    done = fetch(hub.renamed, HF_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    folder = model_folder(cache, hub.renamed) / "snapshots" / COMMIT
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == hub.files


# ---- the token -----------------------------------------------------------------------------------


def test_the_token_goes_to_the_hub_alone(fetch, hub, cache):
    hub.token = TOKEN
    done = fetch(HF_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert {a.server for a in hub.asked} == {"hub", "store"}
    for asked in hub.asked:
        expected = f"Bearer {TOKEN}" if asked.server == "hub" else None
        assert asked.headers.get("authorization") == expected, asked
    assert TOKEN not in done.stdout + done.stderr
    assert_whole(cache, hub)


@pytest.mark.parametrize("settings", [
    {"HF_TOKEN": f" {TOKEN}\n"},
    {"HUGGING_FACE_HUB_TOKEN": TOKEN},
    {"HF_HOME": "$HOME/kept"},
    {"XDG_CACHE_HOME": "/nowhere", "HF_HOME": "~/kept"},
    {"HF_TOKEN_PATH": "$HOME/kept/token"},
])
def test_where_a_token_is_found(fetch, hub, cache, settings):
    (cache.parent / "kept").mkdir()
    (cache.parent / "kept" / "token").write_text(f"{TOKEN}\n")
    hub.token = TOKEN
    done = fetch(**settings)
    assert done.returncode == 0, done.stderr
    assert_whole(cache, hub)


def test_a_stored_token_can_be_left_alone(fetch, hub, cache):
    stored = cache.parent / "token"
    stored.write_text(TOKEN)
    done = fetch(HF_HOME=str(cache.parent), HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
    assert done.returncode == 0, done.stderr
    assert all("authorization" not in asked.headers for asked in hub.asked)


def test_a_refused_stored_token_says_where_it_lies(fetch, hub, cache):
    stored = cache.parent / "token"
    stored.write_text("hf_old")
    hub.describe["config.json"] = lambda handler, headers: handler.answer(401, {})
    done = fetch(HF_HOME=str(cache.parent))
    assert f"refuses the token from {stored} for" in done.stderr


def test_a_token_that_would_break_a_header_is_refused(fetch, hub):
    done = fetch(HF_TOKEN="hf_a\r\nX-Evil: 1")
    assert done.returncode == 1
    assert "HF_TOKEN" in done.stderr and "Evil" not in done.stderr
    assert hub.asked == []


def test_a_model_that_wants_a_token_says_so(fetch, hub):
    hub.token = TOKEN
    without = fetch()
    assert without.returncode == 1
    assert f"has no model '{REPO}', or it is a private one" in without.stderr
    assert "HF_TOKEN" in without.stderr
    gated = fetch(HF_TOKEN="hf_other")
    assert gated.returncode == 1
    assert "open only to those who have accepted its terms" in gated.stderr
    assert f"{hub.url()}/{REPO}" in gated.stderr


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_says_so(fetch, hub, status):
    hub.describe["config.json"] = lambda handler, headers: handler.answer(status, {})
    done = fetch(HF_TOKEN=TOKEN)
    assert done.returncode == 1
    assert f"refuses the token from HF_TOKEN for '{REPO}' (status {status})" in done.stderr
    assert "/settings/tokens" in done.stderr


# ---- a line that fails ---------------------------------------------------------------------------


def test_two_failures_are_survived(fetch, hub, cache):
    hub.misbehave[WEIGHTS] = [server.fail(500), server.fail(503)]
    done = fetch()
    assert done.returncode == 0, done.stderr
    pauses = re.findall(r"trying again in ([\d.]+) s", done.stderr)
    assert pauses == ["0.5", "1.0"]  # each twice as long as the one before
    assert_whole(cache, hub)


def test_a_hub_that_asks_for_a_pause_gets_it(fetch, hub, cache):
    hub.misbehave["vocab.json"] = [server.fail(429, Retry_After="1")]
    done = fetch()
    assert done.returncode == 0
    assert "asks for a pause" in done.stderr and "trying again in 1.0 s" in done.stderr


@pytest.mark.parametrize("asked", [{"RateLimit": '"api";r=0;t=1'}, {"Retry-After": "date"}])
def test_other_ways_to_ask_for_a_pause(fetch, hub, cache, asked):
    if "Retry-After" in asked:
        asked = {"Retry-After": formatdate(time.time() + 3, usegmt=True)}
    hub.misbehave["vocab.json"] = [lambda handler, hub, name: handler.answer(429, asked)]
    done = fetch()
    assert done.returncode == 0
    (pause,) = re.findall(r"too many downloads \(status 429\); trying again in (\d)\.0 s", done.stderr)
    assert pause in "123" and ("RateLimit" not in asked or pause == "1")
    assert_whole(cache, hub)


def test_failures_without_end_are_given_up(fetch, hub, cache):
    hub.misbehave[WEIGHTS] = [server.fail(502)] * 10
    done = fetch("--tries", "2", REPO)
    assert done.returncode == 1
    assert "trouble of its own (status 502)" in done.stderr
    assert len(hub.gets(WEIGHTS)) == 2
    assert_unpublished(cache)


def test_a_cut_line_is_continued_where_it_ended(fetch, hub, cache):
    hub.misbehave[WEIGHTS] = [server.cut(1_000_000)]
    done = fetch()
    assert done.returncode == 0, done.stderr
    first, second = hub.gets(WEIGHTS)
    assert "range" not in first.headers
    assert second.headers["range"] == "bytes=1000000-"
    assert second.headers["if-range"] == f'"store-{hub.digest(WEIGHTS)}"'
    assert_whole(cache, hub)


def test_a_cut_small_file_is_continued_on_the_hub(fetch, hub, cache):
    hub.misbehave["merges.txt"] = [server.cut(5000)]
    assert fetch().returncode == 0
    second = hub.gets("merges.txt")[1]
    assert second.headers["if-range"] == f'"{hub.digest("merges.txt")}"'
    assert_whole(cache, hub)


def test_an_end_without_notice_is_continued(fetch, hub, cache):
    hub.misbehave[WEIGHTS] = [server.quietly_short]
    done = fetch()
    assert done.returncode == 0
    assert "ended after 1000 of its" in done.stderr
    assert_whole(cache, hub)


@pytest.mark.parametrize("stalling", [server.stall(900), server.trickle_headers])
def test_a_stall_ends_and_is_continued(fetch, hub, cache, stalling):
    hub.misbehave[WEIGHTS] = [stalling]
    started = time.monotonic()
    done = fetch()
    assert done.returncode == 0, done.stderr
    assert "stopped answering" in done.stderr
    assert time.monotonic() - started < 20
    assert_whole(cache, hub)


@pytest.mark.parametrize("again", [server.ignore_range, server.wrong_range, server.fail(416)])
def test_a_server_that_cannot_continue_starts_over(fetch, hub, cache, again):
    hub.misbehave[WEIGHTS] = [server.cut(1_200_000), again]
    done = fetch()
    assert done.returncode == 0, done.stderr
    assert_whole(cache, hub)


def test_no_network_is_said_at_once(fetch, cache):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        started = time.monotonic()
        done = fetch(HF_ENDPOINT=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 1
    assert "cannot reach http://127.0.0.1:" in done.stderr
    assert "is this machine online?" in done.stderr
    assert time.monotonic() - started < 10
    assert not model_folder(cache).exists()


def test_without_a_network_the_copy_from_before_is_named(fetch, hub, cache):
    fetch()
    done = fetch(HF_ENDPOINT="http://127.0.0.1:1")
    assert done.returncode == 1
    assert f'still loads: load("{REPO}")' in done.stderr


# ---- lies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [WEIGHTS, "vocab.json"])
def test_a_wrong_hash_removes_the_file(fetch, hub, cache, name):
    hub.misbehave[name] = [server.other_bytes]
    done = fetch()
    assert done.returncode == 1
    assert f"'{name}' came with another hash" in done.stderr
    assert not incomplete(cache, hub, name).exists()
    assert hub.digest(name) not in blobs(cache)
    assert_unpublished(cache)


def test_what_an_earlier_run_left_may_be_wrong(fetch, hub, cache):
    left = incomplete(cache, hub)
    left.parent.mkdir(parents=True)
    left.write_bytes(b"\0" * 500_000)
    done = fetch()
    assert done.returncode == 0, done.stderr
    assert [a.headers.get("range") for a in hub.gets(WEIGHTS)] == ["bytes=500000-", None]
    assert_whole(cache, hub)


@pytest.mark.parametrize("lie", [server.other_length(7), server.other_length(-7)])
def test_a_wrong_size_is_told(fetch, hub, cache, lie):
    hub.misbehave[WEIGHTS] = [lie]
    done = fetch()
    assert done.returncode == 1
    size = len(hub.files[WEIGHTS])
    assert f"'{WEIGHTS}' should have {size} bytes, and the server sends one of" in done.stderr
    assert not incomplete(cache, hub).exists()
    assert_unpublished(cache)


def test_a_file_without_end_is_ended(fetch, hub, cache):
    hub.misbehave[WEIGHTS] = [server.endless]
    done = fetch()
    assert done.returncode == 1
    assert f"'{WEIGHTS}' should have" in done.stderr
    assert max(map(len, blobs(cache).values())) <= len(hub.files[WEIGHTS])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"X-Repo-Commit": "../../../etc"}, "X-Repo-Commit"),
        ({"X-Repo-Commit": "0" * 39}, "X-Repo-Commit"),
        ({"ETag": '"../../../../evil"'}, "its hash"),
        ({"ETag": f'"{"a" * 40}/b"'}, "its hash"),
        ({"ETag": '"abc"'}, "its hash"),
        ({"X-Linked-Size": "-1"}, "its size"),
        ({"X-Linked-Size": "99999999999999999999999"}, "its size"),
        ({"X-Linked-Size": "1e3"}, "its size"),
    ],
)
def test_a_description_is_doubted(fetch, hub, cache, change, said):
    def describe(handler, headers):
        handler.answer(200, {**headers, **change}, length=len(hub.files["config.json"]))

    hub.describe["config.json"] = describe
    done = fetch()
    assert done.returncode == 1
    assert "does not say" in done.stderr and said in done.stderr
    assert "HF_ENDPOINT" in done.stderr
    assert not cache.exists()


def test_a_server_that_is_no_hub(fetch, hub, cache):
    hub.describe["config.json"] = lambda handler, headers: handler.answer(200, {}, b"<html>")
    assert "does not say the commit" in fetch().stderr
    hub.describe["config.json"] = lambda handler, headers: server.garbage(handler, hub, "")
    done = fetch("--tries", "1", REPO)
    assert done.returncode == 1
    assert "is not HTTP" in done.stderr
    assert "commit" not in done.stderr


def test_garbage_in_place_of_the_weights(fetch, hub, cache):
    hub.misbehave[WEIGHTS] = [server.garbage]
    done = fetch()
    assert done.returncode == 1
    assert "is not HTTP" in done.stderr
    assert_unpublished(cache)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("file:///etc/passwd", "no address of the web"),
        ("ftp://127.0.0.1/x", "no address of the web"),
        ("gopher://x", "no address of the web"),
        ("http://", "no address of the web"),
    ],
)
def test_a_redirect_leads_to_the_web_only(fetch, hub, cache, location, said):
    hub.redirect = location
    done = fetch()
    assert done.returncode == 1
    assert said in done.stderr
    assert_unpublished(cache)


def test_a_mirror_that_sends_everything_on(fetch, hub, cache):
    with Hub(REPO, {}, mirror_of=hub.url()) as mirror:
        done = fetch(HF_ENDPOINT=mirror.url() + "/", HF_TOKEN=TOKEN)
        assert done.returncode == 0, done.stderr
        assert {a.headers.get("authorization") for a in mirror.asked} == {f"Bearer {TOKEN}"}
        assert {a.headers.get("authorization") for a in hub.asked} == {None}
        assert_whole(cache, hub)
        hub.asked.clear()
        hub.token = TOKEN  # which the mirror does not pass on
        done = fetch(HF_ENDPOINT=mirror.url())
        assert f"{mirror.url()} has no model '{REPO}', or it is a private one" in done.stderr
        assert len(hub.asked) == 1


def test_a_proxy_is_used(fetch, hub, cache):
    proxy = hub.url()
    done = fetch(HF_ENDPOINT="http://hub.test", http_proxy=proxy, no_proxy="127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert {a.path.split("/resolve/")[0] for a in hub.asked if a.server == "hub"} == {
        f"http://hub.test/{REPO}"}
    assert_whole(cache, hub)


def test_a_page_in_place_of_the_weights(fetch, hub, cache):
    def login(handler, hub, name):
        handler.answer(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")

    hub.misbehave[WEIGHTS] = [login]
    done = fetch()
    assert done.returncode == 1
    assert "the server sends one of 26" in done.stderr
    assert "a login page of this network may be in between" in done.stderr
    assert_unpublished(cache)


def test_redirects_without_end_are_ended(fetch, hub):
    hub.redirect = f"{hub.url()}/{REPO}/resolve/{COMMIT}/{WEIGHTS}"
    done = fetch()
    assert done.returncode == 1
    assert "more than 5 times" in done.stderr
    assert len([a for a in hub.asked if a.name == WEIGHTS]) < 20


@pytest.mark.parametrize("index", [
    b"[]", b"{", b"{}", server.index_of({}), b'{"weight_map": {"a": 7}}',
    server.index_of({"a": "../../evil.safetensors"}), server.index_of({"a": ".safetensors"}),
    server.index_of({"a": "model.bin"}), server.index_of({"a": "a/b.safetensors"}),
    server.index_of({"a": "missing.safetensors"}),
])
def test_an_index_is_doubted(fetch, hub, cache, index):
    del hub.files[WEIGHTS]
    hub.files["model.safetensors.index.json"] = index
    done = fetch()
    assert done.returncode == 1
    assert "index of the weights" in done.stderr or "has no missing.safetensors" in done.stderr
    assert_unpublished(cache)


# ---- names, and models that are none -------------------------------------------------------------


def test_a_name_the_hub_does_not_know(fetch):
    done = fetch("openai-comunity/gpt2")
    assert done.returncode == 1
    assert "has no model 'openai-comunity/gpt2'" in done.stderr
    assert "did you mean openai-community/gpt2?" in done.stderr


@pytest.mark.parametrize("name", ["gtp2", "gpt-2"])
def test_a_name_near_a_known_one(fetch, hub, name):
    done = fetch(name)
    assert done.returncode == 1
    assert "did you mean gpt2?" in done.stderr
    assert hub.asked == []


@pytest.mark.parametrize("name", ["a/b/c", "../x", "a/..", "a/b?c", "a b/c", "a/b--c", "/abs"])
def test_names_that_could_lead_elsewhere(fetch, hub, cache, name):
    done = fetch(name)
    assert done.returncode == 1
    assert "ORG/NAME was expected" in done.stderr
    assert hub.asked == [] and not cache.exists()


@pytest.mark.parametrize("lacking", ["vocab.json", "merges.txt", WEIGHTS])
def test_a_model_that_lacks_a_file(fetch, hub, cache, lacking):
    del hub.files[lacking]
    done = fetch()
    assert done.returncode == 1
    assert f"'{REPO}' has no {lacking}" in done.stderr
    assert_unpublished(cache)


def test_a_model_that_only_pytorch_reads(fetch, hub, cache):
    hub.files["pytorch_model.bin"] = hub.files.pop(WEIGHTS)
    done = fetch()
    assert done.returncode == 1
    assert f"'{REPO}' has no {WEIGHTS}" in done.stderr and "safetensors format only" in done.stderr
    assert not any(a.name == "pytorch_model.bin" for a in hub.asked)
    assert_unpublished(cache)


def test_a_model_of_another_kind_is_refused_before_its_weights(fetch, hub):
    hub.files["config.json"] = b'{"model_type": "mamba", "hidden_size": 4096}'
    done = fetch()
    assert done.returncode == 1
    assert 'models of type "mamba"' in done.stderr and '"gpt2", ' in done.stderr
    assert {a.name for a in hub.asked} == {"config.json"}


@pytest.mark.parametrize("arguments", [("--tries",), ("--tries", "0", "x"), ("a", "b"), ("-x",)])
def test_arguments_that_make_no_sense(fetch, arguments):
    done = fetch(*arguments)
    assert done.returncode == 2
    assert "usage: patchbay fetch" in done.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"HF_ENDPOINT": "ftp://x"}, "is no address of a hub"),
        ({"HF_ENDPOINT": "not an address"}, "is no address of a hub"),
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
        ({"HF_HUB_OFFLINE": "Yes"}, "HF_HUB_OFFLINE is set"),
        ({"TRANSFORMERS_OFFLINE": "true"}, "TRANSFORMERS_OFFLINE is set"),
        ({"HF_HUB_DOWNLOAD_TIMEOUT": "soon"}, "HF_HUB_DOWNLOAD_TIMEOUT"),
    ],
)
def test_settings_that_make_no_sense(fetch, settings, said):
    done = fetch(**settings)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize("off", ["0", "false", "off", ""])
def test_settings_that_are_off(fetch, off):
    assert fetch(HF_HUB_OFFLINE=off, HF_HUB_DISABLE_IMPLICIT_TOKEN=off).returncode == 0


def test_offline_the_copy_from_before_is_named(fetch):
    fetch()
    done = fetch(HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert f'still loads: load("{REPO}")' in done.stderr


# ---- the disk ------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_gone_on_from(fetch, hub, cache):
    done = fetch(limit=1_000_000)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr and "HF_HUB_CACHE" in done.stderr
    assert 0 < incomplete(cache, hub).stat().st_size <= 1_000_000
    assert_unpublished(cache)
    assert fetch().returncode == 0
    assert_whole(cache, hub)


def test_a_file_larger_than_the_disk_is_not_begun(fetch, hub):
    def describe(handler, headers):
        handler.answer(302, {**headers, "X-Linked-Size": str(1 << 62)})

    hub.describe[WEIGHTS] = describe
    done = fetch()
    assert done.returncode == 1
    assert "left, and 4.6 EB are needed" in done.stderr
    assert hub.gets(WEIGHTS) == []


def test_a_vocabulary_of_gigabytes_is_refused(fetch, hub):
    hub.describe["vocab.json"] = lambda handler, headers: handler.answer(
        200, headers, length=5_000_000_000)
    done = fetch()
    assert done.returncode == 1
    assert "'vocab.json' is said to have 5.0 GB" in done.stderr


def test_a_cache_that_cannot_be_written(fetch, cache):
    cache.write_text("a file, where a folder should be")
    done = fetch()
    assert done.returncode == 1
    assert "cannot make the folder" in done.stderr


def test_a_link_in_the_place_of_a_revision_is_not_written_through(fetch, hub, cache):
    precious = cache.parent / "precious"
    precious.write_text("mine")
    refs = model_folder(cache) / "refs"
    refs.mkdir(parents=True)
    (refs / "main").symlink_to(precious)
    done = fetch()
    assert done.returncode == 0, done.stderr
    assert precious.read_text() == "mine"
    assert not (refs / "main").is_symlink() and (refs / "main").read_text() == hub.commit


@pytest.mark.parametrize("folder", ["blobs", "refs", "snapshots"])
def test_links_inside_a_models_folder_lead_nowhere(fetch, cache, folder):
    elsewhere = cache.parent / "elsewhere"
    elsewhere.mkdir()
    model_folder(cache).mkdir(parents=True)
    (model_folder(cache) / folder).symlink_to(elsewhere)
    done = fetch()
    assert done.returncode == 1 and "is a link, and a folder was expected" in done.stderr
    assert list(elsewhere.iterdir()) == []


def test_a_cache_may_lie_behind_links(fetch, hub, cache):
    """People keep models on another disk."""
    disk = cache.parent / "disk"
    (disk / "model").mkdir(parents=True)
    cache.symlink_to(disk)
    model_folder(cache).symlink_to("model")
    assert fetch().returncode == 0
    assert_whole(cache, hub)


@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_what_is_no_file_is_not_written_to(fetch, hub, cache, kind):
    partial = incomplete(cache, hub)
    partial.parent.mkdir(parents=True)
    precious = cache.parent / "precious"
    precious.write_text("mine")
    os.mkfifo(partial) if kind == "fifo" else partial.symlink_to(precious)
    assert fetch().returncode == 1
    assert precious.read_text() == "mine"
    assert_unpublished(cache)


def test_a_damaged_blob_is_fetched_again(fetch, hub, cache):
    fetch()
    blob = model_folder(cache) / "blobs" / hub.digest(WEIGHTS)
    blob.write_bytes(b"cut")
    assert fetch().returncode == 0
    assert_whole(cache, hub)


# ---- encryption ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate for 127.0.0.1 that nobody else trusts, with its key."""
    program = shutil.which("openssl")
    if not program:
        pytest.skip("there is no program openssl to make a certificate with")
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    subprocess.run([program, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=here",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out",
                    path.with_suffix(".crt")], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def secure_hub(hub, certificate):
    """The hub's port alone is encrypted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    plain = hub.servers["hub"].socket
    hub.servers["hub"].socket = context.wrap_socket(plain, server_side=True)
    hub.scheme["hub"] = "https"
    return hub


def test_a_certificate_nobody_vouches_for_is_refused(fetch, secure_hub, cache):
    done = fetch()
    assert done.returncode == 1
    assert "certificate" in done.stderr and "SSL_CERT_FILE" in done.stderr
    assert secure_hub.asked == []


def test_a_redirect_from_https_to_http_is_refused(fetch, secure_hub, cache, certificate):
    trusted = str(certificate.with_suffix(".crt"))
    done = fetch(SSL_CERT_FILE=trusted, HF_TOKEN=TOKEN)
    assert done.returncode == 1
    assert "from https to http" in done.stderr
    assert {a.server for a in secure_hub.asked} == {"hub"}
    assert_unpublished(cache)


def test_certificates_where_another_system_keeps_them(fetch, secure_hub, cache, certificate, binary,
                                                      tmp_path):
    """openSUSE's place, in a mount namespace in which Debian's is empty."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        pytest.skip("mounting apart is not allowed here")
    secure_hub.everything_small = True
    trusted = shlex.quote(str(certificate.with_suffix(".crt")))
    apart = tmp_path / "apart"
    apart.write_text(f"#!/bin/sh\nmount -t tmpfs tmpfs /etc/ssl && cp {trusted} /etc/ssl/ca-bundle.pem "
                     f'&& exec {shlex.quote(str(binary))} "$@"\n')
    apart.chmod(0o755)
    done = fetch(program=["unshare", "-m", apart])
    assert done.returncode == 0, done.stderr
    assert_whole(cache, secure_hub)


def test_encrypted_from_end_to_end(fetch, secure_hub, cache, certificate):
    secure_hub.everything_small = True  # so that the store, which is not encrypted, has nothing
    done = fetch(SSL_CERT_FILE=str(certificate.with_suffix(".crt")))
    assert done.returncode == 0, done.stderr
    assert_whole(cache, secure_hub)


# ---- interrupts, and two at once -----------------------------------------------------------------


def begin_and_stall(fetch, hub, cache, sent: int) -> subprocess.Popen:
    """A fetch that has got so many bytes of the weights, and gets no more."""
    hub.misbehave[WEIGHTS] = [server.stall(sent)]
    process = fetch.begin(HF_HUB_DOWNLOAD_TIMEOUT="60")
    deadline = time.monotonic() + 60
    while not hub.reached.is_set() or incomplete(cache, hub).stat().st_size < sent:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.timed
def test_ctrl_c_keeps_what_there_is(fetch, hub, cache, patience):
    process = begin_and_stall(fetch, hub, cache, 900_000)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 2 * patience
    assert process.returncode == 130
    assert "was stopped" in err and "goes on from there" in err
    assert incomplete(cache, hub).read_bytes() == hub.files[WEIGHTS][:900_000]
    assert_unpublished(cache)
    hub.asked.clear()
    done = fetch()
    assert done.returncode == 0, done.stderr
    assert "going on after 900.0 kB of 1.5 MB" in done.stderr
    assert [a.headers.get("range") for a in hub.gets(WEIGHTS)] == ["bytes=900000-"]
    assert_whole(cache, hub)


def test_a_kill_keeps_what_there_is(fetch, hub, cache):
    process = begin_and_stall(fetch, hub, cache, 900_000)
    process.kill()
    process.communicate()
    assert_unpublished(cache)
    assert fetch().returncode == 0
    assert_whole(cache, hub)


def test_a_whole_incomplete_file_is_only_checked(fetch, hub, cache):
    left = incomplete(cache, hub)
    left.parent.mkdir(parents=True)
    left.write_bytes(hub.files[WEIGHTS])
    assert fetch().returncode == 0
    assert hub.gets(WEIGHTS) == []
    assert_whole(cache, hub)


def read_until(process: subprocess.Popen, words: str) -> None:
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"it ended without '{words}'")


def test_two_at_once_download_once(fetch, hub, cache):
    first = begin_and_stall(fetch, hub, cache, 900_000)
    second = fetch.begin()
    read_until(second, f"{WEIGHTS}: another process is fetching it")
    hub.release.set()  # the first one's line breaks, and it goes on
    for process in (first, second):
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert [a.headers.get("range") for a in hub.gets(WEIGHTS)] == [None, "bytes=900000-"]
    assert_whole(cache, hub)


def test_waiting_for_another_process_can_be_stopped(fetch, hub, cache):
    locks = cache / ".locks" / model_folder(cache).name
    locks.mkdir(parents=True)
    with open(locks / f"{hub.digest('config.json')}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = fetch.begin()
        read_until(process, "another process")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 130
    assert fetch().returncode == 0


# ---- what a person sees --------------------------------------------------------------------------


def test_progress_on_a_terminal_is_one_line(fetch, hub, patience):
    hub.misbehave[WEIGHTS] = [server.slowly]
    mine, theirs = os.openpty()
    process = fetch.begin(stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(mine, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(mine)
    assert process.wait(timeout=30 * patience) == 0
    process.communicate()
    lines = shown.decode().split("\r\n")
    (line,) = [line for line in lines if line.endswith(f"{WEIGHTS}: fetched and checked, 1.5 MB")]
    assert line.startswith(f"\r\x1b[K{WEIGHTS}: ")
    drawn = line.split("\r\x1b[K")
    assert len(drawn) > 5
    assert any(re.fullmatch(rf"{WEIGHTS}: \d+\.\d kB of 1\.5 MB, \d+%", each) for each in drawn)
    timed = rf"{WEIGHTS}: .* of 1\.5 MB, \d+%, \d+\.\d [kM]B/s, \d+ s left"
    assert any(re.fullmatch(timed, each) for each in drawn)
