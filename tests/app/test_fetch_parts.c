/* The parts of fetching that need no network: addresses, names, sizes, hashes, the cache, memory
 * that runs out. What happens on a line is in tests/python/test_fetch.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checksum.h"
#include "failing_memory.h"
#include "fetch/fetch.h"
#include "hub.h"
#include "io/file.h"
#include "io/locate.h"
#include "scratch.h"
#include "store.h"
#include "url.h"

/* ---- addresses ---- */

static CURLU *parse(const char *text)
{
    CURLU *url = NULL;
    pb_error *error = NULL;
    assert_int_equal(fetch_url_parse(text, &url, &error), PB_OK);
    return url;
}

static bool same_origin(const char *one, const char *other)
{
    CURLU *a = parse(one), *b = parse(other);
    bool same = fetch_url_same_origin(a, b);
    curl_url_cleanup(a);
    curl_url_cleanup(b);
    return same;
}

static void test_origin(void **state)
{
    (void)state;
    assert_true(same_origin("https://huggingface.co/a", "https://huggingface.co/b?c"));
    assert_true(same_origin("https://huggingface.co", "https://HuggingFace.co:443/"));
    assert_true(same_origin("http://127.0.0.1:80/", "http://127.0.0.1"));
    assert_false(same_origin("https://huggingface.co", "http://huggingface.co"));
    assert_false(same_origin("https://huggingface.co", "https://huggingface.co:8443"));
    assert_false(same_origin("https://huggingface.co", "https://cdn.huggingface.co"));
    assert_false(same_origin("https://huggingface.co", "https://huggingface.co.evil.org"));
    assert_false(same_origin("https://huggingface.co", "https://huggingface.co@evil.org"));
    assert_false(same_origin("https://huggingface.co", "https://evil.org/huggingface.co"));
    assert_false(same_origin("http://127.0.0.1:8000", "http://localhost:8000"));
}

static void test_origin_in_words(void **state)
{
    (void)state;
    CURLU *url = parse("https://me:secret@huggingface.co:444/a?token=1");
    char *text = fetch_url_origin(url);
    assert_string_equal(text, "https://huggingface.co:444");
    free(text);
    curl_url_cleanup(url);
}

static void assert_follows(const char *from, const char *location, const char *to)
{
    CURLU *url = parse(from);
    char *text = NULL;
    assert_int_equal(fetch_url_follow(url, location, NULL), PB_OK);
    assert_int_equal(curl_url_get(url, CURLUPART_URL, &text, 0), CURLUE_OK);
    assert_string_equal(text, to);
    curl_free(text);
    curl_url_cleanup(url);
}

static void assert_refuses(const char *from, const char *location, const char *part)
{
    CURLU *url = parse(from);
    pb_error *error = NULL;
    pb_status status = fetch_url_follow(url, location, &error);
    assert_error(status, &error, PB_IO, part);
    curl_url_cleanup(url);
}

static void test_redirects(void **state)
{
    (void)state;
    assert_follows("https://a.b/c/d", "/e", "https://a.b/e");
    assert_follows("https://a.b/c/d", "e", "https://a.b/c/e");
    assert_follows("https://a.b/c/d", "https://x.y/z?q=1", "https://x.y/z?q=1");
    assert_follows("http://a.b/c", "https://a.b/c", "https://a.b/c");
    assert_refuses("https://a.b/c", "http://a.b/c", "from https to http");
    assert_refuses("https://a.b/c", "HTTP://x.y/c", "from https to http");
    assert_refuses("http://a.b/c", "file:///etc/passwd", "no address of the web");
    assert_refuses("http://a.b/c", "scp://a.b/c", "no address of the web");
    assert_refuses("http://a.b/c", "http://a.b:99999/", "no address of the web");
}

static void test_no_addresses(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "huggingface.co", "ftp://a.b", "file:///a", "https://"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CURLU *url = NULL;
        pb_error *error = NULL;
        pb_status status = fetch_url_parse(wrong[i], &url, &error);
        assert_null(url);
        assert_error(status, &error, PB_VALUE, "no address of a hub");
    }
}

/* ---- names and numbers ---- */

static void assert_id(const char *name, const char *expected, const char *expected_revision)
{
    char *id = NULL;
    const char *revision = NULL;
    assert_int_equal(fetch_hub_id(name, &id, &revision, NULL), PB_OK);
    assert_string_equal(id, expected);
    assert_string_equal(revision, expected_revision);
    free(id);
}

static void assert_no_id(const char *name, const char *part)
{
    char *id = NULL;
    const char *revision;
    pb_error *error = NULL;
    pb_status status = fetch_hub_id(name, &id, &revision, &error);
    assert_error(status, &error, PB_NAME, part);
    assert_null(id);
}

static void test_ids(void **state)
{
    (void)state;
    assert_id("gpt2", "openai-community/gpt2", "main");
    assert_id("gpt2-small", "openai-community/gpt2", "main");
    assert_id("distilgpt2", "distilbert/distilgpt2", "main");
    assert_id("openai-community/gpt2-xl", "openai-community/gpt2-xl", "main");
    assert_id("some-one/My_model.v2", "some-one/My_model.v2", "main");
    assert_id("gpt2@v1.0", "openai-community/gpt2", "v1.0");
    assert_id("a/b@refs/pr/3", "a/b", "refs/pr/3");
    static const char *const wrong[] = {"",     "x",    "/",      "a/",   "/b",    "a/b/c",  "../b",
                                        "a/..", "-a/b", "a/b--c", "a/.b", "a/b\n", "a/b%2e", "@b"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_no_id(wrong[i], "ORG/NAME was expected");
    static const char *const wrong_revisions[] = {"gpt2@",  "a/b@..", "a/b@x/../../y", "a/b@/x",
                                                  "a/b@x/", "a/b@-x", "a/b@x?y",       "a/b@x@y"};
    for (size_t i = 0; i < sizeof wrong_revisions / sizeof *wrong_revisions; i++)
        assert_no_id(wrong_revisions[i], "is no revision; a branch, a tag or a commit");
}

static void test_addresses_of_files(void **state)
{
    (void)state;
    pb_fetch_options options = pb_fetch_defaults();
    char *url = fetch_hub_url(&options, "a/b", "main", "config.json");
    assert_string_equal(url, "https://huggingface.co/a/b/resolve/main/config.json");
    free(url);
    url = fetch_hub_url(&options, "a/b", "refs/pr/1", "config.json");
    assert_string_equal(url, "https://huggingface.co/a/b/resolve/refs%2Fpr%2F1/config.json");
    free(url);
    options.endpoint = "https://mirror.org/hf//";
    url = fetch_hub_url(&options, "a/b", "main", "config.json");
    assert_string_equal(url, "https://mirror.org/hf/a/b/resolve/main/config.json");
    free(url);
}

static void test_sizes(void **state)
{
    (void)state;
    char text[PB_FETCH_SIZE];
    uint64_t size = 0;
    assert_string_equal(pb_fetch_size(0, text), "0 bytes");
    assert_string_equal(pb_fetch_size(999, text), "999 bytes");
    assert_string_equal(pb_fetch_size(1000, text), "1.0 kB");
    assert_string_equal(pb_fetch_size(999949, text), "999.9 kB");
    assert_string_equal(pb_fetch_size(999950, text), "1.0 MB");
    assert_string_equal(pb_fetch_size(548105171, text), "548.1 MB");
    assert_string_equal(pb_fetch_size(UINT64_MAX, text), "18.4 EB");
    assert_true(fetch_hub_size("0", &size) && size == 0);
    assert_true(fetch_hub_size("9223372036854775807", &size) && size == INT64_MAX);
    static const char *const wrong[] = {
        "", "-1", "+1", " 1", "1 ", "0x10", "1e3", "9223372036854775808", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(fetch_hub_size(wrong[i], &size));
    assert_false(fetch_hub_size(NULL, &size));
}

/* ---- files ---- */

/* The hashes are what `git hash-object` and `sha256sum` say. */
static void test_hashes(void **state)
{
    bool same = false;
    const struct {
        const char *text, *hash;
    } known[] = {
        {"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"},
        {"hello\n", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"},
        {"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        fetch_file file = {.name = (char[]){"file"}, .size = strlen(known[i].text)};
        snprintf(file.hash, sizeof file.hash, "%s", known[i].hash);
        const char *path = scratch_text(*state, "file", known[i].text);
        assert_int_equal(fetch_checksum(path, &file, NULL, &same, NULL), PB_OK);
        assert_true(same);
        path = scratch_text(*state, "file", "hallo\n");
        assert_int_equal(fetch_checksum(path, &file, NULL, &same, NULL), PB_OK);
        assert_false(same);
    }
}

static void test_a_stop_ends_a_checksum(void **state)
{
    const char *path = scratch_text(*state, "file", "hello\n");
    atomic_bool stop = true;
    const pb_fetch_listener listener = {.stop = &stop};
    fetch_file file = {.name = (char[]){"file"}, .size = 6};
    pb_error *error = NULL;
    bool same = true;
    pb_status status = fetch_checksum(path, &file, &listener, &same, &error);
    assert_error(status, &error, PB_INTERRUPTED, "was stopped");
    assert_false(same);
}

static const char commit[] = "0123456789abcdef0123456789abcdef01234567";

/* What is published is what pb_locate() finds. */
static void test_published_models_are_found(void **state)
{
    fetch_store store;
    fetch_file files[] = {
        {(char[]){"config.json"}, 6, "ce013625030ba8dba906f756967f9e9ca394464a"},
        {(char[]){"model.safetensors"}, 6,
         "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"},
    };
    const pb_locate_paths paths = {.hub = *state};
    char *folder = NULL;
    assert_int_equal(fetch_store_open(*state, "a/b", &store, NULL), PB_OK);
    for (size_t i = 0; i < 2; i++) {
        char *partial = fetch_store_partial(&store, &files[i]);
        assert_int_equal(pb_file_write(partial, "hello\n", 6, NULL, NULL), PB_OK);
        assert_int_equal(fetch_store_left(&store, &files[i]), 6);
        assert_false(fetch_store_has(&store, &files[i]));
        assert_int_equal(fetch_store_keep(&store, &files[i], NULL), PB_OK);
        assert_true(fetch_store_has(&store, &files[i]));
        assert_int_equal(fetch_store_left(&store, &files[i]), 0);
        free(partial);
    }
    assert_int_equal(pb_locate("a/b", &paths, &folder, NULL), PB_IO);
    for (int i = 0; i < 2; i++) /* the second time finds all as it should be */
        assert_int_equal(fetch_store_publish(&store, "main", commit, files, 2, NULL), PB_OK);
    assert_int_equal(pb_locate("a/b", &paths, &folder, NULL), PB_OK);
    char *expected = fetch_store_snapshot(&store, commit);
    assert_string_equal(folder, expected);
    free(expected);
    free(folder);
    fetch_store_close(&store);
}

static void test_one_lock_at_a_time(void **state)
{
    fetch_store store;
    const fetch_file file = {.name = (char[]){"a"}, .hash = "ab"};
    atomic_bool stop = true;
    const pb_fetch_listener stopped = {.stop = &stop};
    int one = -1, two = -1;
    pb_error *error = NULL;
    assert_int_equal(fetch_store_open(*state, "a/b", &store, NULL), PB_OK);
    assert_int_equal(fetch_store_lock(&store, &file, NULL, &one, NULL), PB_OK);
    assert_true(one >= 0);
    pb_status status = fetch_store_lock(&store, &file, &stopped, &two, &error);
    assert_error(status, &error, PB_INTERRUPTED, "was stopped");
    fetch_store_unlock(one);
    assert_int_equal(fetch_store_lock(&store, &file, NULL, &two, NULL), PB_OK);
    fetch_store_unlock(two);
    fetch_store_close(&store);
}

/* ---- memory ---- */

static pb_fetch_options to_nowhere(const char *hub)
{
    pb_fetch_options options = pb_fetch_defaults();
    options.endpoint = "http://127.0.0.1:1"; /* where nobody listens */
    options.hub = hub;
    options.token = "hf_x";
    return options;
}

/* Done once it comes as far as the network. */
static bool fetch_from_nowhere(void *folder)
{
    const pb_fetch_options options = to_nowhere(folder);
    char *fetched = NULL;
    pb_error *error = NULL;
    pb_status status = pb_fetch("gpt2", &options, NULL, &fetched, &error);
    assert_true(status == PB_MEMORY || status == PB_IO);
    assert_null(fetched);
    assert_non_null(error);
    bool reached = status == PB_IO && strstr(pb_error_text(error), "cannot reach") != NULL;
    pb_error_destroy(&error);
    return reached;
}

static void test_memory_on_the_way_out(void **state)
{
    assert_survives_failing_memory(fetch_from_nowhere, *state, 200);
}

static bool publish(void *folder)
{
    fetch_store store;
    fetch_file file = {(char[]){"config.json"}, 6, "ce013625030ba8dba906f756967f9e9ca394464a"};
    pb_status status = fetch_store_open(folder, "a/b", &store, NULL);
    if (!status)
        status = fetch_store_publish(&store, "refs/pr/1", commit, &file, 1, NULL);
    assert_true(!status || status == PB_MEMORY);
    fetch_store_close(&store);
    return !status;
}

static void test_memory_in_the_cache(void **state)
{
    assert_survives_failing_memory(publish, *state, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_origin_in_words),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_no_addresses),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_addresses_of_files),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test_setup_teardown(test_hashes, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_a_stop_ends_a_checksum, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_published_models_are_found, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_one_lock_at_a_time, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_memory_on_the_way_out, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_memory_in_the_cache, scratch_set_up,
                                        scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
