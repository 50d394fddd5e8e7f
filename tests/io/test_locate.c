/* Finding models: the order of places, the layout of the hub's cache, and what is said in vain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/file.h"
#include "io/locate.h"
#include "scratch.h"

static void write_model(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/config.json", name);
    scratch_text(folder, path, "{}");
    snprintf(path, sizeof path, "%s/model.safetensors", name);
    scratch_text(folder, path, "");
}

/* A model in the hub's cache as it really is: files that are links into blobs. */
static void write_hub_model(const char *folder, const char *model, const char *commit)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    char path[512], target[64];
    snprintf(path, sizeof path, "hub/%s/refs/main", model);
    scratch_text(folder, path, commit);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "hub/%s/blobs/%zu", model, i);
        scratch_text(folder, path, "{}");
        snprintf(path, sizeof path, "hub/%s/snapshots/%s/.keep", model, commit);
        scratch_text(folder, path, "");
        snprintf(path, sizeof path, "hub/%s/snapshots/%s/%s", model, commit, files[i]);
        snprintf(target, sizeof target, "../../blobs/%zu", i);
        assert_int_equal(symlink(target, scratch_path(folder, path)), 0);
    }
}

/* PATCHBAY_MODELS is folder/one and folder/two, the hub folder/hub, home folder/home. */
static pb_locate_paths places(const char *folder)
{
    char models[1024], hub[512], home[512];
    pb_locate_paths paths;
    pb_error *error = NULL;
    snprintf(models, sizeof models, "%s/one:%s/two", folder, folder);
    snprintf(hub, sizeof hub, "%s/hub", folder);
    snprintf(home, sizeof home, "%s/home", folder);
    pb_locate_values values = {.patchbay_models = models, .hf_hub_cache = hub, .home = home};
    assert_ok(pb_locate_paths_from_values(&values, NULL, 0, &paths, &error), &error);
    return paths;
}

/* `expected` is below the scratch folder. */
static void assert_found(const char *folder, const pb_locate_paths *paths, const char *name,
                         const char *expected)
{
    char *found = NULL;
    pb_error *error = NULL;
    assert_ok(pb_locate(name, paths, &found, &error), &error);
    assert_string_equal(found, scratch_path(folder, expected));
    free(found);
}

static void assert_missing(const pb_locate_paths *paths, const char *name, const char *part)
{
    char *found = NULL;
    pb_error *error = NULL;
    assert_error(pb_locate(name, paths, &found, &error), &error, PB_IO, part);
    assert_null(found);
}

static void test_folders(void **state)
{
    const char *folder = *state;
    write_model(folder, "one/small");
    write_model(folder, "two/small");
    write_model(folder, "two/large");
    write_model(folder, "two/org/deep");
    write_model(folder, "two/gpt2");
    write_model(folder, "home/mine");
    pb_locate_paths paths = places(folder);
    assert_found(folder, &paths, "small", "one/small");
    assert_found(folder, &paths, "large", "two/large");
    assert_found(folder, &paths, "org/deep", "two/org/deep");
    assert_found(folder, &paths, "gpt2", "two/gpt2");
    assert_found(folder, &paths, "gpt2-small", "two/gpt2");
    assert_found(folder, &paths, "openai-community/gpt2", "two/gpt2");
    assert_found(folder, &paths, "~/mine", "home/mine");
    assert_found(folder, &paths, scratch_path(folder, "two/large"), "two/large");
    assert_missing(&paths, "smal", "did you mean 'small'?");
    assert_missing(&paths, "zzzzzzzz", "these models are there: small, gpt2, large");
    assert_missing(&paths, "./small", "    ./small (no such folder)");
    assert_missing(&paths, "some/body", "patchbay fetch some/body");
    assert_missing(&paths, scratch_path(folder, "one/small/config.json"),
                   "config.json (a file, and a folder was expected)");
    pb_locate_paths_free(&paths);
}

static void test_hub(void **state)
{
    const char *folder = *state;
    write_hub_model(folder, "models--gpt2", "aaaa");
    write_hub_model(folder, "models--distilbert--distilgpt2", "bbbb\n");
    write_hub_model(folder, "models--org--name", "cccc");
    pb_locate_paths paths = places(folder);
    assert_found(folder, &paths, "gpt2", "hub/models--gpt2/snapshots/aaaa");
    write_hub_model(folder, "models--openai-community--gpt2", "dddd");
    assert_found(folder, &paths, "gpt2", "hub/models--openai-community--gpt2/snapshots/dddd");
    assert_found(folder, &paths, "openai-community/gpt2",
                 "hub/models--openai-community--gpt2/snapshots/dddd");
    assert_found(folder, &paths, "org/name", "hub/models--org--name/snapshots/cccc");
    assert_missing(&paths, "gpt2-xl", "patchbay fetch gpt2-xl");
    assert_missing(&paths, "gpt2-xl", "hub/models--openai-community--gpt2-xl (no such folder)");
    assert_missing(&paths, "gpt2-xl", "hub/models--gpt2-xl (no such folder)");
    pb_locate_paths_free(&paths);
}

static void test_hub_refs(void **state)
{
    const char *folder = *state;
    pb_locate_paths paths = places(folder);
    write_hub_model(folder, "models--a--b", "aaaa");
    assert_int_equal(remove(scratch_path(folder, "hub/models--a--b/refs/main")), 0);
    assert_found(folder, &paths, "a/b", "hub/models--a--b/snapshots/aaaa");
    scratch_text(folder, "hub/models--a--b/refs/main", "../../../one");
    assert_found(folder, &paths, "a/b", "hub/models--a--b/snapshots/aaaa");
    scratch_text(folder, "hub/models--a--b/refs/main", "gone");
    assert_missing(&paths, "a/b", "snapshots/gone (no such folder)");
    scratch_text(folder, "hub/models--c--d/refs/other", "x");
    assert_missing(&paths, "c/d", "hub/models--c--d (no snapshot in it)");
    scratch_text(folder, "hub/models--c--d/blobs/abc.incomplete", "x");
    assert_missing(&paths, "c/d", "hub/models--c--d (a download into it has not ended)");
    pb_locate_paths_free(&paths);
}

static void test_what_is_a_revision(void **state)
{
    (void)state;
    static const char *const right[] = {"main", "v1.0", "refs/pr/2", "a", "0123abc", "x_y-z"};
    static const char *const wrong[] = {"",     "/etc/passwd", ".git", "-x",  "main/", "v1.",
                                        "a..b", "a//b",        "a b",  "a~1", "a\nb"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_true(pb_locate_is_revision(right[i]));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(pb_locate_is_revision(wrong[i]));
}

/* A file of refs/ leads to a snapshot, and a commit is one. */
static void test_hub_revisions(void **state)
{
    static const char commit[] = "0123456789abcdef0123456789abcdef01234567";
    const char *folder = *state;
    char snapshot[128];
    snprintf(snapshot, sizeof snapshot, "hub/models--a--b/snapshots/%s", commit);
    pb_locate_paths paths = places(folder);
    write_hub_model(folder, "models--a--b", "aaaa");
    write_hub_model(folder, "models--a--b", commit);
    scratch_text(folder, "hub/models--a--b/refs/main", "aaaa");
    scratch_text(folder, "hub/models--a--b/refs/v1.0", commit);
    scratch_text(folder, "hub/models--a--b/refs/refs/pr/2", commit);
    write_hub_model(folder, "models--openai-community--gpt2", "cccc");
    write_model(folder, "one/a@b");
    assert_found(folder, &paths, "a/b", "hub/models--a--b/snapshots/aaaa");
    assert_found(folder, &paths, "a/b@main", "hub/models--a--b/snapshots/aaaa");
    assert_found(folder, &paths, "a/b@v1.0", snapshot);
    assert_found(folder, &paths, "a/b@refs/pr/2", snapshot);
    assert_found(folder, &paths, "a/b@0123456789abcdef0123456789abcdef01234567", snapshot);
    assert_found(folder, &paths, "gpt2@main", "hub/models--openai-community--gpt2/snapshots/cccc");
    assert_found(folder, &paths, "a@b", "one/a@b");
    assert_missing(&paths, "a/b@v2", "hub/models--a--b (no snapshot of that revision in it)");
    assert_missing(&paths, "a/b@v2", "patchbay fetch a/b@v2");
    assert_missing(&paths, "a/b@aaaa", "hub/models--a--b (no snapshot of that revision in it)");
    assert_missing(&paths, "a/b@../../../one", "these places were looked at:");
    assert_missing(&paths, "a/b@fedcba9876543210fedcba9876543210fedcba98", "98 (no such folder)");
    assert_missing(&paths, "gpt2@v9", "patchbay fetch gpt2@v9");
    pb_locate_paths_free(&paths);
}

/* Links lead to blobs, and in a cache with a shared store those are links too. */
static void test_hub_links(void **state)
{
    const char *folder = *state;
    pb_locate_paths paths = places(folder);
    write_hub_model(folder, "models--a--b", "aaaa");
    const char *blob = "hub/models--a--b/blobs/1";
    scratch_text(folder, "hub/shared/weights", "");
    assert_int_equal(remove(scratch_path(folder, blob)), 0);
    assert_missing(&paths, "a/b", "snapshots/aaaa (no model.safetensors in it)");
    assert_int_equal(symlink("../../shared/weights", scratch_path(folder, blob)), 0);
    assert_found(folder, &paths, "a/b", "hub/models--a--b/snapshots/aaaa");
    pb_locate_paths_free(&paths);
}

static void test_torch_only(void **state)
{
    const char *folder = *state;
    pb_locate_paths paths = places(folder);
    scratch_text(folder, "one/old/config.json", "{}");
    scratch_text(folder, "one/old/pytorch_model.bin", "");
    scratch_text(folder, "two/gpt2/config.json", "{}");
    scratch_text(folder, "two/gpt2/pytorch_model.bin.index.json", "{}");
    assert_missing(&paths, "old", "one/old (no model.safetensors in it, only pytorch_model.bin)");
    assert_missing(&paths, "old", "one/old\").save_pretrained(");
    assert_missing(&paths, "gpt2", "two/gpt2 (no model.safetensors in it, only pytorch_model.bin)");
    assert_missing(&paths, "gpt2", "patchbay fetch gpt2");
    pb_locate_paths_free(&paths);
}

static void test_incomplete(void **state)
{
    const char *folder = *state;
    pb_locate_paths paths = places(folder);
    scratch_text(folder, "one/bare/README.md", "");
    assert_missing(&paths, "bare", "one/bare (no config.json in it)");
    scratch_text(folder, "one/bare/config.json", "{}");
    assert_missing(&paths, "bare", "one/bare (no model.safetensors in it)");
    scratch_text(folder, "one/bare/model.safetensors.index.json", "{}");
    assert_found(folder, &paths, "bare", "one/bare");
    pb_error *error = NULL;
    char *found = NULL;
    assert_error(pb_locate("", &paths, &found, &error), &error, PB_VALUE, "is empty");
    pb_locate_paths_free(&paths);
}

static void test_all(void **state)
{
    const char *folder = *state;
    write_model(folder, "one/small");
    write_model(folder, "two/small");
    write_model(folder, "two/big");
    scratch_text(folder, "two/notes.txt", "");
    write_hub_model(folder, "models--openai-community--gpt2", "aaaa");
    write_hub_model(folder, "models--org--name", "bbbb");
    scratch_text(folder, "hub/datasets--x/refs/main", "cccc");
    pb_locate_paths paths = places(folder);
    pb_located *models = NULL;
    size_t count = 0;
    pb_error *error = NULL;
    assert_ok(pb_locate_all(&paths, &models, &count, &error), &error);
    static const char *const expected[] = {"small", "big", "gpt2", "org/name"};
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        char *found = NULL;
        assert_string_equal(models[i].name, expected[i]);
        assert_ok(pb_locate(models[i].name, &paths, &found, &error), &error);
        assert_string_equal(models[i].folder, found);
        free(found);
    }
    pb_located_free(models, count);
    pb_locate_paths_free(&paths);
}

/* A folder of PATCHBAY_MODELS that is itself a model goes by its own name. */
static void test_folder_that_is_a_model(void **state)
{
    const char *folder = *state;
    write_model(folder, "one");
    pb_locate_paths paths = places(folder);
    assert_found(folder, &paths, "one", "one");
    pb_located *models = NULL;
    size_t count = 0;
    pb_error *error = NULL;
    assert_ok(pb_locate_all(&paths, &models, &count, &error), &error);
    assert_int_equal(count, 1);
    assert_string_equal(models[0].name, "one");
    pb_located_free(models, count);
    pb_locate_paths_free(&paths);
}

static void assert_hub(pb_locate_values values, const char *expected)
{
    pb_locate_paths paths;
    pb_error *error = NULL;
    assert_ok(pb_locate_paths_from_values(&values, NULL, 0, &paths, &error), &error);
    if (expected)
        assert_string_equal(paths.hub, expected);
    else
        assert_null(paths.hub);
    pb_locate_paths_free(&paths);
}

static void test_values(void **state)
{
    (void)state;
    assert_hub((pb_locate_values){0}, NULL);
    assert_hub((pb_locate_values){.home = "/h"}, "/h/.cache/huggingface/hub");
    assert_hub((pb_locate_values){.home = "/h", .xdg_cache_home = "/c"}, "/c/huggingface/hub");
    assert_hub((pb_locate_values){.home = "/h", .hf_home = "~/hf"}, "/h/hf/hub");
    assert_hub((pb_locate_values){.hf_home = "/hf", .hf_hub_cache = "/x"}, "/x");
    assert_int_equal(setenv("PB_TEST_DISK", "/disk", 1), 0);
    assert_hub((pb_locate_values){.hf_home = "$PB_TEST_DISK/hf"}, "/disk/hf/hub");
    assert_hub((pb_locate_values){.hf_hub_cache = "/x${PB_TEST_DISK}y$"}, "/x/disky$");
    assert_hub((pb_locate_values){.hf_hub_cache = "/$PB_TEST_NONE/${PB_TEST_DISK"},
               "/$PB_TEST_NONE/${PB_TEST_DISK");
    assert_hub((pb_locate_values){.hf_home = "", .hf_hub_cache = "", .home = "/h"},
               "/h/.cache/huggingface/hub");

    pb_locate_paths paths;
    pb_error *error = NULL;
    static const char *const extra[] = {"/installed"};
    pb_locate_values values = {
        .patchbay_models = "/a::~/b:/a:/installed", .home = "/h", .hf_hub_cache = "/x"};
    assert_ok(pb_locate_paths_from_values(&values, extra, 1, &paths, &error), &error);
    assert_int_equal(paths.n_folders, 3);
    assert_string_equal(paths.folders[0], "/a");
    assert_string_equal(paths.folders[1], "/h/b");
    assert_string_equal(paths.folders[2], "/installed");
    assert_string_equal(paths.huggingface, "/h/.cache/huggingface");
    pb_locate_paths_free(&paths);
}

static void test_known_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < pb_known_model_count(); i++) {
        const pb_known_model *model = pb_known_model_at(i);
        assert_ptr_equal(pb_known_model_find(model->name), model);
        assert_ptr_equal(pb_known_model_find(model->hub_id), model);
        for (const char *const *alias = model->aliases; *alias; alias++)
            assert_ptr_equal(pb_known_model_find(*alias), model);
    }
    assert_null(pb_known_model_find("gpt3"));
    char *folder = pb_locate_hub_folder("/hub/", "openai-community/gpt2");
    assert_string_equal(folder, "/hub/models--openai-community--gpt2");
    free(folder);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_set_up, scratch_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(test_folders),
        WITH_SCRATCH(test_hub),
        WITH_SCRATCH(test_hub_refs),
        WITH_SCRATCH(test_incomplete),
        cmocka_unit_test(test_what_is_a_revision),
        WITH_SCRATCH(test_hub_revisions),
        WITH_SCRATCH(test_hub_links),
        WITH_SCRATCH(test_torch_only),
        WITH_SCRATCH(test_all),
        WITH_SCRATCH(test_folder_that_is_a_model),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_known_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
