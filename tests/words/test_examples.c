/* Every row of a built-in is whole, and its example gives what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dictionary/dictionary.h"
#include "eval/lexicon.h"
#include "recorder.h"

static pb_lexicon *lexicon;

static int gather(void **state)
{
    size_t count;
    const pb_word_table *const *tables = pb_dictionary(&count);
    (void)state;
    return pb_lexicon_create(tables, count, &lexicon, NULL) ? -1 : 0;
}

static int let_go(void **state)
{
    (void)state;
    pb_lexicon_destroy(&lexicon);
    return 0;
}

static void check_row(const pb_builtin *row)
{
    if (!row->category || !row->summary || !row->function || !row->result)
        fail_msg("%s: a row needs a category, a summary, a result and a function", row->name);
    if (row->summary[strlen(row->summary) - 1] != '.')
        fail_msg("%s: the summary is a sentence", row->name);
    if (pb_lexicon_builtin(lexicon, row->name) != row)
        fail_msg("%s: there are two words of this name", row->name);
    bool ended = false;
    for (size_t i = 0; i < PB_MAX_PARAMETERS; i++)
        ended = ended || !row->parameters[i].name;
    if (!ended)
        fail_msg("%s: too many parameters", row->name);
}

/* From the tables themselves: of two rows of one name the lexicon has but one. */
static void test_rows(void **state)
{
    size_t n_tables, count = 0;
    const pb_word_table *const *tables = pb_dictionary(&n_tables);
    (void)state;
    for (size_t t = 0; t < n_tables; t++)
        for (size_t i = 0; tables[t]->builtins[i]; i++)
            for (const pb_builtin *row = tables[t]->builtins[i]; row->name; row++, count++)
                check_row(row);
    assert_true(count > 50);
}

/* The words a row points to exist. */
static void test_see(void **state)
{
    (void)state;
    size_t row_at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(lexicon, &row_at));) {
        for (const char *at = row->see; at && *at;) {
            char word[64];
            size_t length = strcspn(at, " ");
            snprintf(word, sizeof word, "%.*s", (int)length, at);
            if (!pb_lexicon_builtin(lexicon, word) && !pb_lexicon_constant(lexicon, word))
                fail_msg("%s: see %s, which is no word", row->name, word);
            at += length + (at[length] == ' ');
        }
    }
}

static bool same_but_for_line_ends(const char *came, const char *expected)
{
    size_t a = strlen(came), b = strlen(expected);
    while (a > 0 && came[a - 1] == '\n')
        a--;
    while (b > 0 && expected[b - 1] == '\n')
        b--;
    return a == b && memcmp(came, expected, a) == 0;
}

static void test_examples(void **state)
{
    static const char *const paths[] = {"models"};
    pb_session_options options = {
        .model_paths = paths, .n_model_paths = 1, .default_model = "reviews-4m"};
    pb_session *session = recorder_session(options);
    recorder r;
    int failed = 0;
    (void)state;
    assert_non_null(session);
    recorder_start(&r);
    r.answer = "Ada";
    free(recorder_run(&r, session, "setup", "model = load();", 15));
    size_t row_at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(lexicon, &row_at));) {
        if (!row->example)
            continue;
        char *came = recorder_run(&r, session, row->name, row->example, strlen(row->example));
        const char *text = strncmp(came, "[stderr] ", 9) == 0 ? came + 9 : came;
        bool error = strstr(came, "Error: ") != NULL;
        bool differs = row->expected && !same_but_for_line_ends(text, row->expected);
        if (error || differs) {
            print_error("%s\n--- example\n%s\n--- expected\n%s\n--- came\n%s\n", row->name,
                        row->example, row->expected ? row->expected : "no error", came);
            failed++;
        }
        free(came);
    }
    recorder_end(&r);
    pb_session_destroy(&session);
    assert_int_equal(failed, 0);
}

static void test_reference(void **state)
{
    pb_session *session = recorder_session((pb_session_options){0});
    (void)state;
    assert_non_null(session);
    char *text = pb_session_reference_markdown(session);
    assert_non_null(text);
    size_t row_at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(lexicon, &row_at));) {
        char heading[80];
        snprintf(heading, sizeof heading, "\n### %s\n", row->name);
        if (!strstr(text, heading))
            fail_msg("%s is not in the reference", row->name);
    }
    free(text);
    pb_session_destroy(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_see),
                                       cmocka_unit_test(test_examples),
                                       cmocka_unit_test(test_reference)};
    return cmocka_run_group_tests(tests, gather, let_go);
}
