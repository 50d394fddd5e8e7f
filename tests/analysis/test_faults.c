/*
 * What a session survives: an interrupt in the middle of a sweep, folders that are no models, a
 * prompt of a megabyte. Names stay, and the next cell runs.
 */
#include <limits.h>
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

#include "recorder.h"

typedef struct fixture {
    pb_session *session;
    recorder recorder;
    int prints_left; /* then the cell is interrupted; negative: never */
} fixture;

static void (*plain_text)(void *user, int fd, const char *text, size_t length);

/* Counts what a metric of the test prints: once for each cell of the sweep. */
static void count_prints(void *user, int fd, const char *text, size_t length)
{
    fixture *f = (fixture *)((char *)user - offsetof(fixture, recorder));
    if (fd == 1 && f->prints_left > 0 && --f->prints_left == 0)
        atomic_store(&f->recorder.stop, true);
    plain_text(user, fd, text, length);
}

static int start(void **state)
{
    static const char *const folders[] = {"models", "tests/models"};
    pb_session_options options = {
        .model_paths = folders, .n_model_paths = 2, .default_model = "reviews-4m"};
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_non_null(f->session = recorder_session(options));
    recorder_start(&f->recorder);
    plain_text = f->recorder.host.text;
    f->recorder.host.text = count_prints;
    f->prints_left = -1;
    *state = f;
    return 0;
}

static int end(void **state)
{
    fixture *f = *state;
    recorder_end(&f->recorder);
    pb_session_destroy(&f->session);
    free(f);
    return 0;
}

static char *run(fixture *f, const char *code)
{
    char *came = recorder_run(&f->recorder, f->session, "cell 1", code, strlen(code));
    assert_non_null(came);
    atomic_store(&f->recorder.stop, false);
    return came;
}

static void expect(fixture *f, const char *code, const char *expected)
{
    char *came = run(f, code);
    if (!strstr(came, expected))
        fail_msg("%s\n--- expected\n%s\n--- came\n%s", code, expected, came);
    free(came);
}

static void prepare(fixture *f)
{
    expect(f,
           "model = load(\"reviews-4m\");\n"
           "love = \"I love this movie because it is\"\n"
           "hate = \"I hate this movie because it is\"\n"
           "counted(r) = (print(\".\"); r.logits[pos=-1, token=\" great\"])",
           "");
}

static void an_interrupted_sweep_keeps_what_it_has(void **state)
{
    fixture *f = *state;
    prepare(f);
    f->prints_left = 12;
    char *came = run(f, "p = patch(into=love, from=hate, at=\"mlp_out\", metric=counted)");
    assert_non_null(strstr(came, "Interrupted: the sweep was stopped after "));
    assert_non_null(strstr(came, "; p holds what was computed\n"));
    free(came);
    expect(f, "p.partial", "True");
    expect(f, "p", "Interrupted: ");
    expect(f, "[p.into > 15, p[layer=0, pos=0] > 15]", "[True, True]");
    expect(f, "csv(p)", "5,7,\" is\",nan");
    expect(f, "heatmap(p)", "Interrupted: ");
    expect(f, "line(p)", "Interrupted: ");
    expect(f, "p.change", "Interrupted: what was not computed is empty.");
    expect(f, "love", "I love this movie because it is");
    expect(f, "patch(into=love, from=hate, at=\"mlp_out\", layer=0, metric=counted).partial",
           "False");
}

/* Three axes: the panels say so too, and the values that are missing are blank. */
static void an_interrupted_sweep_of_three_axes_says_so(void **state)
{
    fixture *f = *state;
    prepare(f);
    f->prints_left = 12;
    char *came = run(f, "p = patch(into=love, from=hate, at=\"z\", pos=each, metric=counted)");
    assert_non_null(strstr(came, "Interrupted: the sweep was stopped after "));
    assert_non_null(strstr(came, "; p holds what was computed\n"));
    free(came);
    expect(f, "p", "Interrupted: ");
    expect(f, "heatmap(p, facet=\"pos\")", "Interrupted: ");
    expect(f, "heatmap(p)", "5            15.67  15.67\n");
    expect(f, "heatmap(p.change)", "Interrupted: what was not computed is empty.");
}

static void a_sweep_interrupted_at_once_is_an_error(void **state)
{
    fixture *f = *state;
    prepare(f);
    f->prints_left = 1;
    expect(f, "q = 3; p = patch(into=love, from=hate, at=\"mlp_out\", metric=counted)",
           "Interrupted");
    expect(f, "q", "3");
    expect(f, "generate(love, n=2)", "great.");
}

/* ---- folders ---- */

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void link_file(const char *folder, const char *name)
{
    char path[512], whole[PATH_MAX];
    snprintf(path, sizeof path, "models/reviews-4m/%s", name);
    assert_non_null(realpath(path, whole));
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(symlink(whole, path), 0);
}

static void remove_file(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

/* A model's folder in which one file holds `text`, or is missing if that is NULL. */
static void expect_of_folder(fixture *f, const char *name, const char *text, const char *expected)
{
    static const char *const names[] = {"config.json", "vocab.json", "merges.txt",
                                        "model.safetensors"};
    char folder[] = "/tmp/patchbay-model-XXXXXX", code[128];
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < 4; i++)
        if (strcmp(names[i], name) != 0)
            link_file(folder, names[i]);
    if (text)
        write_text(folder, name, text);
    snprintf(code, sizeof code, "load(\"%s\")", folder);
    char *came = run(f, code);
    if (!strstr(came, expected) || !strstr(came, "\n         ^^^"))
        fail_msg("%s %s\n--- expected\n%s\n--- came\n%s", name, text ? text : "missing", expected,
                 came);
    free(came);
    for (size_t i = 0; i < 4; i++)
        remove_file(folder, names[i]);
    assert_int_equal(rmdir(folder), 0);
}

static void folders_that_are_no_models(void **state)
{
    fixture *f = *state;
    prepare(f);
    expect_of_folder(f, "config.json", NULL, "no config.json in it");
    expect_of_folder(f, "vocab.json", NULL, "vocab.json': No such file");
    expect_of_folder(f, "merges.txt", NULL, "merges.txt': No such file");
    expect_of_folder(f, "model.safetensors", NULL, "no model.safetensors in it");
    expect_of_folder(f, "model.safetensors", "", "has 0 bytes");
    expect_of_folder(f, "model.safetensors", "0123456789", "FormatError");
    expect_of_folder(f, "config.json", "{\"n_layer\": 6,,}", "is not valid JSON");
    expect_of_folder(f, "config.json", "{\"model_type\": \"mamba\"}",
                     "models of type \"mamba\", as model_type in");
    expect_of_folder(f, "vocab.json", "{\"a\": 0, \"b\": 0}", "two pieces that are tokens");
    expect(f, "top(love, 1).token[0]", "great");
}

/* A folder is another model once a file of it is another, and the same one by any path. */
static void a_model_that_changes_is_read_again(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {"config.json", "vocab.json", "merges.txt",
                                        "model.safetensors"};
    char folder[] = "/tmp/patchbay-model-XXXXXX", code[256];
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < 4; i++)
        link_file(folder, names[i]);
    snprintf(code, sizeof code,
             "a = load(\"%s\"); [load(\"%s/.\") == a, load(\"reviews-4m\") == a]", folder, folder);
    expect(f, code, "[True, True]");
    remove_file(folder, "config.json");
    write_text(folder, "config.json",
               "{\"model_type\": \"gpt2\", \"n_layer\": 6, \"n_head\": 4, \"n_embd\": 192, "
               "\"n_positions\": 256, \"vocab_size\": 8192}");
    snprintf(code, sizeof code, "b = load(\"%s\"); [b == a, a.n_heads, b.n_heads]", folder);
    expect(f, code, "[False, 6, 4]");
    for (size_t i = 0; i < 4; i++)
        remove_file(folder, names[i]);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- size ---- */

static void a_prompt_of_a_megabyte(void **state)
{
    fixture *f = *state;
    prepare(f);
    expect(f, "top(\"word \" * 200000)", "reviews-4m reads at most 256");
    expect(f, "logit(love, \"word\" * 200000)", "and one was expected");
    expect(f, "top(love, 1).token[0]", "great");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_interrupted_sweep_keeps_what_it_has, start, end),
        cmocka_unit_test_setup_teardown(an_interrupted_sweep_of_three_axes_says_so, start, end),
        cmocka_unit_test_setup_teardown(a_sweep_interrupted_at_once_is_an_error, start, end),
        cmocka_unit_test_setup_teardown(folders_that_are_no_models, start, end),
        cmocka_unit_test_setup_teardown(a_model_that_changes_is_read_again, start, end),
        cmocka_unit_test_setup_teardown(a_prompt_of_a_megabyte, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
