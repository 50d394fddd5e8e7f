/*
 * A sweep keeps to its memory budget however many pairs it is over: what it computes together is
 * counted by the scratch memory of its passes, what it holds at once by its allocations.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

enum { FEW = 3, MANY = 24 };

/* ---- bytes at once; the linker puts these in place of malloc and its kin ---- */

static size_t held, most_held;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *data);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *data);

static void *count_in(void *data)
{
    held += malloc_usable_size(data);
    most_held = held > most_held ? held : most_held;
    return data;
}

static void count_out(void *data)
{
    size_t size = malloc_usable_size(data);
    held = size < held ? held - size : 0;
}

void *__wrap_malloc(size_t size)
{
    return count_in(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return count_in(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    count_out(old);
    return count_in(__real_realloc(old, size));
}

void __wrap_free(void *data)
{
    count_out(data);
    __real_free(data);
}

/* ---- sweeps over pairs ---- */

static fixture f;
static pb_run *kept_into[MANY], *kept_from[MANY], *bare_into[MANY], *bare_from[MANY];

static void make_runs(bool keep_qkv, pb_run *like, pb_run **runs)
{
    const pb_run_options options = {.keep_qkv = keep_qkv};
    pb_error *error = NULL;
    for (size_t i = 0; i < MANY; i++) {
        pb_prompt prompt = {.tokens = pb_run_tokens(like), .n = pb_run_length(like)};
        must(pb_run_create(f.model, &prompt, &options, NULL, &runs[i], &error), error);
    }
}

static int open_random(void **state)
{
    (void)state;
    f = fixture_open("random-3l5h");
    make_runs(true, f.into, kept_into);
    make_runs(true, f.from, kept_from);
    make_runs(false, f.into, bare_into);
    make_runs(false, f.from, bare_from);
    return 0;
}

static int close_random(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        pb_run_release(&kept_into[i]);
        pb_run_release(&kept_from[i]);
        pb_run_release(&bare_into[i]);
        pb_run_release(&bare_from[i]);
    }
    fixture_close(&f);
    return 0;
}

/* Bytes of a prompt's rows as the budget counts them. */
static size_t budget_of_prompts(size_t n)
{
    return n * pb_run_length(f.into) * 6 * pb_model_shape(f.model)->d_model * sizeof(float);
}

typedef struct cost {
    size_t scratch, held; /* bytes, at most */
} cost;

static cost cost_of(pb_patch_spec spec, size_t n)
{
    pb_error *error = NULL;
    pb_axis *prompts = NULL;
    pb_patch_result result;
    must(pb_axis_create("prompt", n, NULL, NULL, &prompts, &error), error);
    spec.prompts = prompts;
    spec.n_into = spec.n_from = n;
    pb_scratch *scratch = pb_scratch_create();
    const pb_context context = {.scratch = scratch};
    size_t before = most_held = held;
    must(pb_patch(&spec, &context, &result, &error), error);
    assert_int_equal(result.cells_done, result.cells);
    for (size_t i = 0; i < result.n_checks; i++)
        assert_true(result.checks[i].passed);
    if (spec.site == PB_SITE_RESID_POST)
        assert_int_equal(result.n_checks, 2);
    cost found = {pb_scratch_bytes(scratch), most_held - before};
    pb_patch_result_release(&result);
    pb_scratch_destroy(&scratch);
    pb_axis_release(&prompts);
    return found;
}

/* The check of a sweep computes a cell for each pair, in blocks like the others. */
static void checks_go_in_blocks(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    spec.into = kept_into;
    spec.from = kept_from;
    spec.memory_budget = budget_of_prompts(1);
    assert_int_equal(cost_of(spec, MANY).scratch, cost_of(spec, FEW).scratch);
    spec.memory_budget = 0; /* what all at once takes */
    assert_true(cost_of(spec, MANY).scratch > 2 * cost_of(spec, FEW).scratch);
}

/* So do the prompts that have not kept their queries, keys and values. */
static void prompts_go_in_blocks(void **state)
{
    (void)state;
    const pb_metric metric = good_logit(&f);
    pb_patch_spec spec = patch_of(&f, PB_SITE_RESID_POST, &metric);
    spec.into = bare_into;
    spec.from = bare_from;
    spec.memory_budget = budget_of_prompts(2);
    assert_int_equal(cost_of(spec, MANY).scratch, cost_of(spec, FEW).scratch);
}

/* A cell of one row reads a whole activation of from. What those of a block's cells take is in the
 * budget too; beside it a pair costs some hundred bytes, for its cells and its answer. */
static void sources_are_in_the_budget(void **state)
{
    (void)state;
    enum { BESIDE = 1024 };
    const pb_metric metric = good_logit(&f);
    const pb_select last = at_index(-1), each = each_of(&last);
    pb_patch_spec spec = patch_of(&f, PB_SITE_MLP_POST, &metric);
    spec.into = kept_into;
    spec.from = kept_from;
    spec.positions = &each;
    spec.memory_budget = budget_of_prompts(4); /* rows for 36 cells of 72 */
    size_t source = pb_run_activation_size(f.from, spec.site) * sizeof(float);
    size_t more = cost_of(spec, MANY).held - cost_of(spec, 1).held;
    assert_true(36 * source > 2 * spec.memory_budget);
    assert_true(more < spec.memory_budget + MANY * BESIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_go_in_blocks),
        cmocka_unit_test(prompts_go_in_blocks),
        cmocka_unit_test(sources_are_in_the_budget),
    };
    return cmocka_run_group_tests(tests, open_random, close_random);
}
