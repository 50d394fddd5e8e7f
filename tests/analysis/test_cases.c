/*
 * Cells about models, and everything they come to, from text files. The cells of a file run one
 * after another in one session, whatever they fail with: the names they gave stay.
 *
 * With PATCHBAY_UPDATE_CASES set the files are written anew with what came; read the difference.
 * Files named on the command line are run instead of the ones in cases/.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "case_file.h"
#include "near.h"
#include "recorder.h"

#define CASES  "tests/analysis/cases"
#define MODELS "models"

static char **named;
static int n_named;

static pb_session *start_session(void)
{
    static const char *const folders[] = {MODELS, "tests/models"};
    pb_session_options options = {
        .model_paths = folders, .n_model_paths = 2, .default_model = "reviews-4m"};
    pb_session *session = recorder_session(options);
    assert_non_null(session);
    return session;
}

static void trim(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
}

static bool check_case(const char *path, const one_case *c, const char *came)
{
    if (near_text(came, c->expected))
        return true;
    print_error("%s: %s\n--- code\n%s\n--- expected\n%s\n--- came\n%s\n", path, c->title, c->code,
                c->expected, came);
    return false;
}

static int check_file(const char *path)
{
    case_file file;
    recorder r;
    int failed = 0;
    if (!case_file_read(path, &file))
        fail_msg("%s is no file of cases", path);
    FILE *update = getenv("PATCHBAY_UPDATE_CASES") ? fopen(path, "wb") : NULL;
    pb_session *session = start_session();
    recorder_start(&r);
    for (size_t i = 0; i < file.count; i++) {
        const one_case *c = &file.cases[i];
        char *came = recorder_run(&r, session, "cell 1", c->code, strlen(c->code));
        assert_non_null(came);
        trim(came);
        if (update)
            fprintf(update, "%s%%%% %s\n%s\n---\n%s\n", i ? "\n" : "", c->title, c->code, came);
        else
            failed += !check_case(path, c, came);
        free(came);
    }
    if (update)
        fclose(update);
    recorder_end(&r);
    pb_session_destroy(&session);
    case_file_free(&file);
    return failed;
}

static int ends_in_txt(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".txt") == 0;
}

static void test_cases(void **state)
{
    struct dirent **files = NULL;
    int failed = 0;
    (void)state;
    for (int i = 0; i < n_named; i++)
        failed += check_file(named[i]);
    int count = n_named ? 0 : scandir(CASES, &files, ends_in_txt, alphasort);
    assert_true(count + n_named > 0);
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, CASES "/%s", files[i]->d_name);
        failed += check_file(path);
        free(files[i]);
    }
    free(files);
    assert_int_equal(failed, 0);
}

static void test_numbers_may_differ_a_little(void **state)
{
    (void)state;
    assert_true(near_text("a 15.67 b", "a  15.69 b"));
    assert_true(near_text("+1.55e-06", "-2.1e-06"));
    assert_true(near_text("x \xE2\x96\x88\xE2\x96\x8A", "x \xE2\x96\x88"));
    assert_false(near_text("15.67", "15.70"));
    assert_false(near_text("layer 3", "layer 4"));
    assert_false(near_text("a\nb", "a b"));
    assert_false(near_text("a", "a b"));
    assert_false(near_text("1.5", "x"));
}

int main(int argc, char **argv)
{
    /* What messages say of places must not depend on the machine. */
    setenv("HF_HUB_CACHE", "hub", 1);
    unsetenv("PATCHBAY_MODELS");
    named = argv + 1;
    n_named = argc - 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers_may_differ_a_little),
                                       cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
