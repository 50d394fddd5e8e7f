/* Sessions: names across cells, interrupts, bounds, what the host hears, and threads beside a run.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "eval/lexicon.h"
#include "recorder.h"

typedef struct fixture {
    pb_session *session;
    recorder recorder;
} fixture;

static int start(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_non_null(f->session = recorder_session((pb_session_options){0}));
    recorder_start(&f->recorder);
    *state = f;
    return 0;
}

static int end(void **state)
{
    fixture *f = *state;
    recorder_end(&f->recorder);
    pb_session_destroy(&f->session);
    assert_null(f->session);
    free(f);
    return 0;
}

static void expect(fixture *f, const char *code, const char *expected)
{
    char *came = recorder_run(&f->recorder, f->session, "cell 1", code, strlen(code));
    assert_string_equal(came, expected);
    free(came);
}

static void expect_error(fixture *f, const char *code, const char *part)
{
    char *came = recorder_run(&f->recorder, f->session, "cell 1", code, strlen(code));
    if (!strstr(came, part))
        fail_msg("%s\n%s", code, came);
    free(came);
}

static void test_names_live_on(void **state)
{
    fixture *f = *state;
    expect(f, "a = 1; f(x) = x + a", "");
    expect(f, "f(1)", "2\n");
    expect(f, "a = 10", "");
    expect(f, "f(1)", "11\n");
    expect_error(f, "a = 5\nb = nope", "there is no name 'nope'");
    expect(f, "a", "5\n");
    expect_error(f, "a = (", "not closed");
    expect(f, "a", "5\n");
}

/* A function outlives the cell and the program it was written in. */
static void test_functions_outlive_cells(void **state)
{
    fixture *f = *state;
    expect(f, "make(n) = lambda x: (k = n * 2; x + k)\nadd = make(3)", "");
    expect(f, "make = 0", "");
    expect(f, "add(1)", "7\n");
    expect(f, "add", "lambda x: (k = n * 2; x + k)\n");
}

static void test_host(void **state)
{
    fixture *f = *state;
    expect_error(f, "ask(\"Name? \")", "no input line");
    f->recorder.answer = "Ada";
    expect(f, "name = ask(\"Name? \"); name", "[ask] Name? \n'Ada'\n");
    expect(f, "ask(\"Key: \", secret=True);", "[ask secretly] Key: \n");
    expect(f, "clear(wait=True)", "[clear, wait]\n");
    expect_error(f, "help(range)", "[page]\nrange(stop) or (start, stop, step=1)");
    expect_error(f, "range?", "[page]\nrange");
    expect_error(f, "help()", "- Text: str, repr, ");
}

static void test_evaluate(void **state)
{
    fixture *f = *state;
    pb_bundle *bundle = NULL;
    pb_error *error = NULL;
    expect(f, "a = 2", "");
    assert_int_equal(pb_session_evaluate(f->session, "a * 3", 5, NULL, &bundle, &error), PB_OK);
    assert_string_equal(pb_bundle_find(bundle, "text/plain"), "6");
    pb_bundle_destroy(&bundle);
    assert_int_equal(pb_session_evaluate(f->session, "nope", 4, NULL, &bundle, &error), PB_NAME);
    assert_null(bundle);
    pb_error_destroy(&error);
}

/* NULs and bytes that are no UTF-8 are content. */
static void test_bytes(void **state)
{
    fixture *f = *state;
    static const char code[] = "len(\"a\0b\")";
    char *came = recorder_run(&f->recorder, f->session, "cell 1", code, sizeof code - 1);
    assert_string_equal(came, "3\n");
    free(came);
    expect(f, "\"\xff\"", "'\\xff'\n");
    expect_error(f, "a \xff b", "not valid UTF-8");
    expect(f, "print(\"a\xff\xfe z\")", "a\xef\xbf\xbd\xef\xbf\xbd z\n");
}

/* ---- interrupts ---- */

static void *interrupt_soon(void *user)
{
    fixture *f = user;
    struct timespec pause = {0, 100 * 1000 * 1000};
    nanosleep(&pause, NULL);
    atomic_store(&f->recorder.stop, true);
    return NULL;
}

static void expect_interrupted(fixture *f, const char *code)
{
    pthread_t thread;
    atomic_store(&f->recorder.stop, false);
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, f), 0);
    expect_error(f, code, "Interrupted");
    pthread_join(thread, NULL);
    atomic_store(&f->recorder.stop, false);
    expect(f, "1 + 1", "2\n");
}

static void test_interrupt(void **state)
{
    fixture *f = *state;
    expect_interrupted(f, "len([0 for a in range(4000) for b in range(4000) for c in range(4000) "
                          "if False])");
    expect_interrupted(f, "f(n) = 0 if n == 0 else f(n - 1) + f(n - 1)\nf(60)");
    expect_interrupted(f, "sum(sum(range(1000000)) for x in range(100000))");
    expect_interrupted(f, "map(lambda x: sorted(range(100000), key=lambda y: -y), range(100000))");
}

/* Lists of the same list are small, and without an end to what walks them: no evaluator looks up.
 */
static void test_interrupt_of_one_word(void **state)
{
    fixture *f = *state;
    static const char *const codes[] = {
        "a == b",
        "a < b",
        "a in [b]",
        "[b].index(a)",
        "[b].count(a)",
        "unique([a, b])",
        "sorted([a, b]);",
        "max([a, b]);",
        "{\"x\": a} == {\"x\": b}",
        "table(x=a) == table(x=b)",
    };
    expect(f, "deep() = [[[[1] * 2000] * 2000] * 2000] * 2000\na = deep(); b = deep()", "");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        expect_interrupted(f, codes[i]);
    expect(f, "len(a) + len(b)", "4000\n");
}

/* ---- bounds ---- */

static void test_bounds(void **state)
{
    fixture *f = *state;
    expect_error(f, "f(x) = f(x + 1)\nf(0)", "LimitError");
    expect_error(f, "f(x) = [f(x + 1) for y in [1]]\nf(0)", "LimitError");
    expect_error(f, "f(x) = map(f, [x])\nf(0)", "LimitError");
    expect_error(f, "f(x) = x.f()\nf(0)", "LimitError");
    expect_error(f, "[0] * 5000000", "LimitError");
    expect_error(f, "\"abc\" * 30000000", "LimitError");
    expect_error(f,
                 "nest(n, x) = x if n == 0 else nest(n - 1, [x])\na = nest(400, 1)\n"
                 "b = nest(400, a)\nc = nest(400, b)",
                 "nest at most");
    expect(f, "len(nest(300, 1))", "1\n");
}

/* A cell that eats memory ends with an error, and gives it back. */
static void test_memory(void **state)
{
    fixture *f = *state;
    pb_session_options options = {.memory = 800u << 20};
    pb_session *session = recorder_session(options);
    assert_non_null(session);
    static const char *const codes[] = {
        "[\"x\" * 20000000 for i in range(100000)]",
        "f(n, x) = x if n == 0 else f(n - 1, x + [\"x\" * (n + 20000000)])\nf(200, [])",
        "map(lambda n: [\"x\" * (n + 10000000)], range(100000))"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char *came = recorder_run(&f->recorder, session, "cell 1", codes[i], strlen(codes[i]));
        if (!strstr(came, "the session's values may hold"))
            fail_msg("%s\n%s", codes[i], came);
        free(came);
        came = recorder_run(&f->recorder, session, "cell 2", "1 + 1", 5);
        assert_string_equal(came, "2\n");
        free(came);
    }
    pb_session_destroy(&session);
}

static void test_megabyte(void **state)
{
    fixture *f = *state;
    pb_buffer code = PB_BUFFER_EMPTY;
    pb_buffer_text(&code, "x = [");
    while (code.length < 1000000)
        pb_buffer_text(&code, "1, ");
    pb_buffer_text(&code, "2]\nlen(x)");
    char *came = recorder_run(&f->recorder, f->session, "cell 1", code.data, code.length);
    assert_string_equal(came, "333333\n");
    free(came);
    pb_buffer_free(&code);
}

/* ---- threads beside a run ---- */

typedef struct beside {
    fixture *f;
    atomic_bool done;
} beside;

static void *complete_all_along(void *user)
{
    beside *b = user;
    while (!atomic_load(&b->done)) {
        pb_matches *matches = NULL;
        pb_bundle *found = NULL;
        assert_int_equal(pb_session_complete(b->f->session, "na", 2, 2, &matches, NULL), PB_OK);
        assert_true(matches->count > 0);
        pb_matches_destroy(&matches);
        assert_int_equal(pb_session_inspect(b->f->session, "name", 4, 4, 1, &found, NULL), PB_OK);
        pb_bundle_destroy(&found);
        pb_session_is_complete("f(1,", 4, NULL);
    }
    return NULL;
}

static void test_threads(void **state)
{
    fixture *f = *state;
    beside b = {.f = f};
    pthread_t thread;
    expect(f, "name = table(n=[1])", "");
    assert_int_equal(pthread_create(&thread, NULL, complete_all_along, &b), 0);
    for (int i = 0; i < 200; i++) {
        expect(f, "name = table(n=[1, 2, 3]); name.m = name.n * 2", "");
        expect(f, "name = {\"a\": [1, 2]}; other = name.a", "");
    }
    atomic_store(&b.done, true);
    pthread_join(thread, NULL);
}

/* ---- cells beside one another ---- */

typedef struct runner {
    recorder recorder;
    pb_session *session;
    pthread_t thread;
    size_t number;
    char *wrong; /* what came that should not have */
} runner;

static void run_and_compare(runner *r, const char *code, const char *expected)
{
    char *came = recorder_run(&r->recorder, r->session, "cell", code, strlen(code));
    if (!r->wrong && !strstr(came, expected)) {
        r->wrong = came;
        return;
    }
    free(came);
}

/* All set the same names; whoever reads one finds what some cell put there, and all of it. */
static void *share_names(void *user)
{
    runner *r = user;
    char code[160], own[40];
    for (int i = 0; i < 150; i++) {
        snprintf(code, sizeof code,
                 "xs = [%zu] * 50; f(n) = [n] * %zu; t = table(n=range(%zu)); own_%zu = %d",
                 r->number, r->number, r->number, r->number, i);
        run_and_compare(r, code, "");
        snprintf(code, sizeof code, "own_%zu", r->number);
        snprintf(own, sizeof own, "%d\n", i);
        run_and_compare(r, code, own);
        run_and_compare(r, "len(unique(xs))", "1\n");
        run_and_compare(r, "all([x == 7 for x in f(7)])", "True\n");
        run_and_compare(r, "whole(t)", "True\n");
        run_and_compare(r, "xs.no_such_member", "no_such_member");
    }
    return NULL;
}

static void test_cells_beside_one_another(void **state)
{
    fixture *f = *state;
    runner runners[3];
    expect(f,
           "name = 1; xs = [0]; f(n) = [n]; t = table(n=[0])\n"
           "whole(t) = sum(t.n) * 2 == len(t) * (len(t) - 1)",
           "");
    beside b = {.f = f};
    pthread_t questions;
    assert_int_equal(pthread_create(&questions, NULL, complete_all_along, &b), 0);
    for (size_t i = 0; i < 3; i++) {
        runners[i] = (runner){.session = f->session, .number = i + 1};
        recorder_start(&runners[i].recorder);
        assert_int_equal(pthread_create(&runners[i].thread, NULL, share_names, &runners[i]), 0);
    }
    for (size_t i = 0; i < 3; i++)
        pthread_join(runners[i].thread, NULL);
    atomic_store(&b.done, true);
    pthread_join(questions, NULL);
    for (size_t i = 0; i < 3; i++) {
        if (runners[i].wrong)
            fail_msg("%s", runners[i].wrong);
        recorder_end(&runners[i].recorder);
    }
}

static void *wait_for_stop(void *user)
{
    run_and_compare(user, "[0 for a in range(4000) for b in range(4000) for c in range(4000)]",
                    "Interrupted");
    return NULL;
}

/* Each cell has its own stop flag, and one that loops keeps no other from running. */
static void test_one_of_two_cells_is_interrupted(void **state)
{
    fixture *f = *state;
    runner r = {.session = f->session};
    recorder_start(&r.recorder);
    assert_int_equal(pthread_create(&r.thread, NULL, wait_for_stop, &r), 0);
    expect(f, "beside = 3; beside + 1", "4\n");
    atomic_store(&r.recorder.stop, true);
    pthread_join(r.thread, NULL);
    if (r.wrong)
        fail_msg("%s", r.wrong);
    recorder_end(&r.recorder);
}

/* ---- is it complete? ---- */

static void expect_state(const char *code, pb_parse state, const char *indent)
{
    char *came = NULL;
    pb_parse found = pb_session_is_complete(code, strlen(code), &came);
    if (found != state)
        fail_msg("%s: %d", code, (int)found);
    if (indent)
        assert_string_equal(came, indent);
    else
        assert_null(came);
    free(came);
}

static void test_complete(void **state)
{
    (void)state;
    expect_state("a = 1", PB_PARSE_COMPLETE, NULL);
    expect_state("", PB_PARSE_COMPLETE, NULL);
    expect_state("# only a comment", PB_PARSE_COMPLETE, NULL);
    expect_state("top([love,", PB_PARSE_INCOMPLETE, "    ");
    expect_state("top(love, k=", PB_PARSE_INCOMPLETE, "    ");
    expect_state("top(\n      love,", PB_PARSE_INCOMPLETE, "      ");
    expect_state("'''text", PB_PARSE_INCOMPLETE, "");
    expect_state("a = 1 + \\", PB_PARSE_INCOMPLETE, "");
    expect_state("(a = 1;", PB_PARSE_INCOMPLETE, "    ");
    expect_state("{'a': 1,", PB_PARSE_INCOMPLETE, "    ");
    expect_state("[x for x in", PB_PARSE_INCOMPLETE, "    ");
    expect_state("f(lambda x", PB_PARSE_INCOMPLETE, "    ");
    expect_state("a = 'open", PB_PARSE_INVALID, NULL);
    expect_state("a = ", PB_PARSE_INVALID, NULL);
    expect_state("f(1))", PB_PARSE_INVALID, NULL);
    expect_state("for x in y:", PB_PARSE_INVALID, NULL);
    expect_state("f(a b", PB_PARSE_INVALID, NULL);
    expect_state("f(]", PB_PARSE_INVALID, NULL);
    expect_state("f(x) = (\n    a = x", PB_PARSE_INCOMPLETE, "    ");
    expect_state("{k: v for k, (v,", PB_PARSE_INCOMPLETE, "    ");
    expect_state("[*a,", PB_PARSE_INCOMPLETE, "    ");
}

/* ---- words ---- */

static pb_status call_twice(pb_call *call, pb_value **result, pb_error **error)
{
    return pb_value_number(2 * pb_argument_number(call, "x"), PB_INTEGER, result, error);
}

/* The machinery has no words of its own: a session knows those it was made with, and no others. */
static void test_words_are_handed_in(void **state)
{
    static const pb_builtin rows[] = {{.name = "twice",
                                       .parameters = {{.name = "x", .types = PB_TAKES_NUMBER}},
                                       .function = call_twice},
                                      {0}};
    static const pb_builtin *const builtins[] = {rows, NULL};
    const pb_word_table table = {.builtins = builtins};
    const pb_word_table *tables[] = {&table};
    const pb_session_options options = {.words = tables, .n_words = 1};
    pb_session *session = NULL;
    pb_matches *matches = NULL;
    recorder r;
    (void)state;
    assert_int_equal(pb_session_create(&options, &session, NULL), PB_OK);
    recorder_start(&r);
    char *came = recorder_run(&r, session, "cell", "twice(4)", 8);
    assert_string_equal(came, "8\n");
    free(came);
    came = recorder_run(&r, session, "cell", "len([1])", 8);
    assert_non_null(strstr(came, "there is no word 'len' to call"));
    free(came);
    came = recorder_run(&r, session, "cell", "twice = 3; twice", 16);
    assert_string_equal(came, "3\n"); /* the user's name comes before the word */
    free(came);
    assert_int_equal(pb_session_complete(session, "twi", 3, 3, &matches, NULL), PB_OK);
    assert_int_equal(matches->count, 1);
    pb_matches_destroy(&matches);
    recorder_end(&r);
    pb_session_destroy(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_live_on, start, end),
        cmocka_unit_test_setup_teardown(test_functions_outlive_cells, start, end),
        cmocka_unit_test_setup_teardown(test_host, start, end),
        cmocka_unit_test_setup_teardown(test_evaluate, start, end),
        cmocka_unit_test_setup_teardown(test_bytes, start, end),
        cmocka_unit_test_setup_teardown(test_interrupt, start, end),
        cmocka_unit_test_setup_teardown(test_interrupt_of_one_word, start, end),
        cmocka_unit_test_setup_teardown(test_bounds, start, end),
        cmocka_unit_test_setup_teardown(test_memory, start, end),
        cmocka_unit_test_setup_teardown(test_megabyte, start, end),
        cmocka_unit_test_setup_teardown(test_threads, start, end),
        cmocka_unit_test_setup_teardown(test_cells_beside_one_another, start, end),
        cmocka_unit_test_setup_teardown(test_one_of_two_cells_is_interrupted, start, end),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_words_are_handed_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
