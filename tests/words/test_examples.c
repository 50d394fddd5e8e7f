/* Every row of a built-in is whole, and its example gives what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assist/grammar.h"
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
    size_t count = 0;
    for (size_t i = 0; i < PB_MAX_PARAMETERS; i++)
        ended = ended || !row->parameters[i].name;
    while (ended && pb_builtin_parameter(row, count))
        count++;
    if (!ended || count > PB_MAX_PARAMETERS)
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

/* The rules of the language, whose examples stand on the first page of the reference. */
static void test_grammar(void **state)
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
    free(recorder_run(&r, session, "setup", "model = load();", 15));
    for (const pb_grammar_row *row = pb_grammar_rows; row->title; row++) {
        char *came = recorder_run(&r, session, row->title, row->example, strlen(row->example));
        if (!same_but_for_line_ends(came, row->expected)) {
            print_error("%s\n--- expected\n%s\n--- came\n%s\n", row->title, row->expected, came);
            failed++;
        }
        free(came);
    }
    recorder_end(&r);
    pb_session_destroy(&session);
    assert_int_equal(failed, 0);
}

/* ---- habits ---- */

/* The line with what a cell with two prompts puts in; NULL where another hole stays open. */
static char *line_of_cell(const char *line)
{
    static const struct {
        const char *hole, *text;
    } holes[] = {{"{prompt}", "love"}, {"{other}", "hate"}, {"{word}", "\" great\""}};
    static const char *const open[] = {"{x}",      "{args}",   "{first}",  "{second}", "{third}",
                                       "{call",    "{value}",  "{run}",    "{axis}",   "{last}",
                                       "{turned}", "{column}", "{number}", "{cell}",   "{shared}"};
    pb_buffer out = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (strstr(line, open[i]))
            return NULL;
    while (*line) {
        size_t which = 0;
        while (which < 3 && strncmp(line, holes[which].hole, strlen(holes[which].hole)) != 0)
            which++;
        if (which < 3) {
            pb_buffer_text(&out, holes[which].text);
            line += strlen(holes[which].hole);
        } else {
            pb_buffer_byte(&out, *line++);
        }
    }
    return pb_buffer_take(&out);
}

static int check_habit(recorder *r, pb_session *session, const pb_habit *row)
{
    char *line = row->given ? line_of_cell(row->given) : row->line ? line_of_cell(row->line) : NULL;
    int failed = 0;
    if (row->why && strstr(row->why, ": "))
        failed +=
            fprintf(stderr, "%s: a why ends where the line begins, at its colon\n", row->typed);
    /* what writes files is run elsewhere, where they may lie */
    if (line && strncmp(line, "save(", 5) != 0) {
        char *came = recorder_run(r, session, row->typed, line, strlen(line));
        if (strstr(came, "Error: "))
            failed += fprintf(stderr, "%s: %s\n%s\n", row->typed, line, came);
        free(came);
    }
    free(line);
    return failed;
}

/* Whatever a row proposes where it is not known what is written around the place runs as it is. */
static void test_habits(void **state)
{
    static const char *const paths[] = {"models"};
    static const char setup[] = "model = load(\"reviews-4m\");\n"
                                "love = \"I love this movie because it is\"\n"
                                "hate = \"I hate this movie because it is\"";
    pb_session_options options = {.model_paths = paths, .n_model_paths = 1};
    pb_session *session = recorder_session(options);
    recorder r;
    int failed = 0;
    size_t at = 0, count = 0;
    (void)state;
    assert_non_null(session);
    recorder_start(&r);
    r.answer = "Ada";
    free(recorder_run(&r, session, "setup", setup, sizeof setup - 1));
    for (const pb_habit *row; (row = pb_lexicon_next_habit(lexicon, &at)); count++)
        if (row->kind != PB_HABIT_CODE)
            failed += check_habit(&r, session, row);
    recorder_end(&r);
    pb_session_destroy(&session);
    assert_int_equal(failed, 0);
    assert_true(count > 150);
}

/* ---- strings with a NUL ---- */

/* Something that a parameter takes, as code. */
static const char *sample(const pb_parameter *parameter)
{
    static const struct {
        unsigned type;
        const char *code;
    } samples[] = {
        {PB_TAKES_FUNCTION, "lambda x: x"},
        {PB_TAKES_TEXT, "\" great\""},
        {PB_TAKES_STRING, "\"a\""},
        {PB_TAKES_LIST, "[1, 2]"},
        {PB_TAKES_NUMBER, "1"},
        {PB_TAKES_INTEGER, "1"},
        {PB_TAKES_TENSOR, "tensor([1, 2], axes=\"a\")"},
        {PB_TAKES_TABLE, "table(a=[1, 2])"},
        {PB_TAKES_RECORD, "{\"a\": 1}"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        if ((parameter->types & samples[i].type) == samples[i].type)
            return samples[i].code;
    if (parameter->types == 0 && parameter->objects[0] &&
        strcmp(parameter->objects[0]->name, "circuit") == 0)
        return "ov(\"L5H1\")";
    return "None";
}

/* A call of the word in which one parameter is given this value. What stands before it without a
 * name, and all that is needed, is given too. */
static void write_call(const pb_builtin *row, size_t which, const char *value, pb_buffer *code)
{
    const char *between = "";
    pb_buffer_format(code, "%s(", row->name);
    const pb_parameter *parameter;
    for (size_t i = 0; (parameter = pb_builtin_parameter(row, i)); i++) {
        bool rest = parameter->mode == PB_PARAMETER_REST;
        if (i != which && (parameter->fallback || parameter->mode > PB_PARAMETER_KEYWORD))
            continue;
        pb_buffer_text(code, between);
        if (!rest)
            pb_buffer_format(code, "%s=", parameter->name);
        if (i != which && parameter->choices)
            pb_buffer_format(code, "\"%.*s\"", (int)strcspn(parameter->choices, " "),
                             parameter->choices);
        else
            pb_buffer_text(code, i == which ? value : sample(parameter));
        between = ", ";
    }
    pb_buffer_byte(code, ')');
}

static char *come_to(pb_session *session, recorder *r, const pb_builtin *row, size_t which,
                     const char *value)
{
    pb_buffer code = PB_BUFFER_EMPTY;
    write_call(row, which, value, &code);
    char *came = recorder_run(r, session, row->name, code.data, code.length);
    char *place = strstr(came, "\n  ");
    if (place && strstr(came, "Error: ")) /* the line that is at fault differs anyway */
        *place = '\0';
    pb_buffer_free(&code);
    return came;
}

/* Where a string and its beginning may well come to the same, a call in which they do not. */
typedef struct own_call {
    const char *word, *parameter, *code, *expected;
} own_call;

static const own_call own_calls[] = {
    {"argmax", "x", "argmax([\"a\", \"a\\x00z\"])", "1"},
    {"argmin", "x", "argmin([\"a\\x00z\", \"a\"])", "1"},
    {"where", "condition", "where(\"\\x00\", 1, 2)", "1"},
    {"where", "b", "where(False, 1, \"a\\x00z\")", "'a\\x00z'"},
    {"check", "condition", "check(\"\\x00\")", "True"},
    {"any", "x", "any([\"\\x00\"])", "True"},
    {"all", "x", "all([\"\\x00\"])", "True"},
    {"bool", "x", "bool(\"\\x00\")", "True"},
    {"len", "x", "len(\"a\\x00z\")", "3"},
    {"count", "x", "count([\"a\\x00z\"], \"a\")", "0"},
    {"get", "default", "get({\"a\": 1}, \"b\", \"a\\x00z\")", "'a\\x00z'"},
    {"strip", "characters", "strip(\"z\\x00az\", \"\\x00z\")", "'a'"},
    {"lstrip", "characters", "lstrip(\"z\\x00az\", \"\\x00z\")", "'az'"},
    {"rstrip", "characters", "rstrip(\"az\\x00z\", \"\\x00z\")", "'a'"},
    {"startswith", "text", "startswith(\"a\\x00z\", \"a\\x00\")", "True"},
    {"startswith", "start", "startswith(\"a\", \"a\\x00z\")", "False"},
    {"endswith", "text", "endswith(\"a\\x00z\", \"z\")", "True"},
    {"endswith", "end", "endswith(\"za\", \"a\\x00z\")", "False"},
    {"find", "x", "find(\"a\\x00z\", \"z\")", "2"},
    {"split", "by", "split(\"a\\x00z\", \"a\\x00\")", "['', 'z']"},
    {"type", "x", "type(\"a\\x00z\")", "'string'"},
    {"print", "sep", "print(1, 2, sep=\"|\\x00\")", "1|"}, /* the rest: tests/python/test_nul.py */
    {"print", "end", "print(1, end=\"|\\x00\")", "1|"},
    {"warn", "sep", "warn(1, 2, sep=\"|\\x00\")", "[stderr] 1|"},
    {"warn", "end", "warn(1, end=\"|\\x00\")", "[stderr] 1|"},
};

static bool comes_to_its_own(pb_session *session, recorder *r, const char *word,
                             const char *parameter)
{
    bool found = false;
    for (size_t i = 0; i < sizeof own_calls / sizeof *own_calls; i++) {
        const own_call *own = &own_calls[i];
        if (strcmp(own->word, word) != 0 || strcmp(own->parameter, parameter) != 0)
            continue;
        char *came = recorder_run(r, session, word, own->code, strlen(own->code));
        found = same_but_for_line_ends(came, own->expected);
        free(came);
    }
    return found;
}

/* A string that ends at its NUL would be another one. A name with one is refused; content comes to
 * something else than its beginning does, to an error, or to what its own call says. */
static bool is_whole(pb_session *session, recorder *r, const pb_builtin *row, size_t which,
                     const char *whole, const char *cut)
{
    const pb_parameter *parameter = pb_builtin_parameter(row, which);
    char *came = come_to(session, r, row, which, whole);
    char *other = come_to(session, r, row, which, cut);
    bool fine = strstr(came, "and no name has one") != NULL;
    if (parameter->types & PB_TAKES_NUL)
        fine = strcmp(came, other) != 0 || strstr(came, "Error: ") ||
               comes_to_its_own(session, r, row->name, parameter->name);
    if (!fine)
        print_error("%s(%s=%s): %s\nas with %s: %s\n", row->name, parameter->name, whole, came, cut,
                    other);
    free(came);
    free(other);
    return fine;
}

static void test_no_string_ends_at_a_nul(void **state)
{
    static const char *const paths[] = {"models"};
    pb_session_options options = {
        .model_paths = paths, .n_model_paths = 1, .default_model = "reviews-4m"};
    pb_session *session = recorder_session(options);
    recorder r;
    size_t failed = 0, tried = 0;
    (void)state;
    assert_non_null(session);
    recorder_start(&r);
    r.answer = "Ada";
    free(recorder_run(&r, session, "setup", "model = load();", 15));
    size_t row_at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(lexicon, &row_at));) {
        const pb_parameter *parameter;
        for (size_t i = 0; (parameter = pb_builtin_parameter(row, i)); i++) {
            unsigned types = parameter->types;
            if (types & PB_TAKES_STRING)
                failed += !is_whole(session, &r, row, i, "\"a\\x00z\"", "\"a\"");
            if (types & PB_TAKES_LIST)
                failed += !is_whole(session, &r, row, i, "[\"a\\x00z\"]", "[\"a\"]");
            tried += types & (PB_TAKES_STRING | PB_TAKES_LIST) ? 1 : 0;
        }
    }
    recorder_end(&r);
    pb_session_destroy(&session);
    assert_int_equal(failed, 0);
    assert_true(tried > 100);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_see),
        cmocka_unit_test(test_examples), cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_habits),   cmocka_unit_test(test_no_string_ends_at_a_nul),
        cmocka_unit_test(test_reference)};
    return cmocka_run_group_tests(tests, gather, let_go);
}
