/*
 * Cells beside one another on one model: each comes to what it comes to alone, while other threads
 * complete and inspect.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

#define ROUNDS  4
#define RUNNERS 3

static const char prompts[] = "love = \"I love this movie because it is\"\n"
                              "hate = \"I hate this movie because it is\"";

static const char *const cells[] = {
    "csv(patch(into=love, from=hate, at=\"resid_post\", metric=logit(\" great\")))",
    "top(love, k=5)",
    "csv(attribute(love, target=\" great\"))",
    "r = run([love, hate]); csv(r[0].pattern[layer=1, head=0])",
    "generate(love, n=3)",
    "csv(run(love, edit=zero(\"z\", layer=1, head=0)).logits[pos=-1, token=\" great\"])",
};
enum { CELLS = sizeof cells / sizeof *cells };

static pb_session *new_session(bool load_default)
{
    static const char *const folders[] = {"models", "tests/models"};
    pb_session_options options = {.model_paths = folders,
                                  .n_model_paths = 2,
                                  .default_model = "reviews-4m",
                                  .load_default = load_default};
    pb_session *session = recorder_session(options);
    assert_non_null(session);
    return session;
}

/* A thread with a front end of its own. */
typedef struct runner {
    recorder recorder;
    pb_session *session;
    pthread_t thread;
    size_t number;
    char *const *expected;
    char *wrong; /* the first output that is not as expected; else NULL */
} runner;

static char *run(runner *r, const char *code)
{
    return recorder_run(&r->recorder, r->session, "cell 1", code, strlen(code));
}

static void start(runner *r, pb_session *session, void *(*work)(void *))
{
    r->session = session;
    recorder_start(&r->recorder);
    assert_int_equal(pthread_create(&r->thread, NULL, work, r), 0);
}

static void end(runner *r)
{
    pthread_join(r->thread, NULL);
    if (r->wrong)
        fail_msg("%s", r->wrong);
    recorder_end(&r->recorder);
}

static void *compute(void *user)
{
    runner *r = user;
    for (size_t i = 0; i < ROUNDS * CELLS && !r->wrong; i++) {
        size_t which = (i + r->number) % CELLS; /* each begins elsewhere */
        char *came = run(r, cells[which]);
        if (strcmp(came, r->expected[which]) == 0)
            free(came);
        else
            r->wrong = came;
    }
    return NULL;
}

typedef struct asker {
    pb_session *session;
    pthread_t thread;
    atomic_bool done;
    bool failed;
} asker;

static void *ask(void *user)
{
    static const char *const codes[] = {
        "r[0].", "load(\"",   "run(", "love", "model", "model.W", "patch(into=love, at=\"",
        "r",     "top(love, "};
    asker *a = user;
    for (size_t i = 0; !atomic_load(&a->done); i++) {
        const char *code = codes[i % (sizeof codes / sizeof *codes)];
        size_t length = strlen(code);
        pb_matches *matches = NULL;
        pb_bundle *found = NULL;
        a->failed =
            a->failed || pb_session_complete(a->session, code, length, length, &matches, NULL) ||
            pb_session_inspect(a->session, code, length, length, (int)(i % 2), &found, NULL);
        pb_matches_destroy(&matches);
        pb_bundle_destroy(&found);
    }
    return NULL;
}

static void cells_come_to_the_same_beside_others(void **state)
{
    (void)state;
    pb_session *session = new_session(false);
    runner alone = {.session = session}, beside[RUNNERS];
    char *expected[CELLS];
    recorder_start(&alone.recorder);
    free(run(&alone, "model = load(\"reviews-4m\");"));
    free(run(&alone, prompts));
    for (size_t i = 0; i < CELLS; i++) {
        expected[i] = run(&alone, cells[i]);
        if (strstr(expected[i], "Error"))
            fail_msg("%s", expected[i]);
    }
    asker a = {.session = session};
    assert_int_equal(pthread_create(&a.thread, NULL, ask, &a), 0);
    for (size_t i = 0; i < RUNNERS; i++) {
        beside[i] = (runner){.number = i, .expected = expected};
        start(&beside[i], session, compute);
    }
    for (size_t i = 0; i < RUNNERS; i++)
        end(&beside[i]);
    atomic_store(&a.done, true);
    pthread_join(a.thread, NULL);
    assert_false(a.failed);
    for (size_t i = 0; i < CELLS; i++)
        free(expected[i]);
    recorder_end(&alone.recorder);
    pb_session_destroy(&session);
}

static void *load(void *user)
{
    runner *r = user;
    char code[64];
    snprintf(code, sizeof code, "m%zu = load(); generate(\"I love\", n=1)", r->number);
    free(run(r, code));
    return NULL;
}

/* Two cells that need the same model at once share one. */
static void a_model_is_loaded_once(void **state)
{
    (void)state;
    pb_session *session = new_session(true);
    runner runners[RUNNERS], last = {.session = session};
    for (size_t i = 0; i < RUNNERS; i++) {
        runners[i] = (runner){.number = i};
        start(&runners[i], session, load);
    }
    for (size_t i = 0; i < RUNNERS; i++)
        end(&runners[i]);
    recorder_start(&last.recorder);
    char *came = run(&last, "[m0 == m1, m1 == m2]");
    assert_string_equal(came, "[True, True]\n");
    free(came);
    recorder_end(&last.recorder);
    pb_session_destroy(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_come_to_the_same_beside_others),
        cmocka_unit_test(a_model_is_loaded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
