/*
 * Memory that runs out while a view is made: every allocation fails in turn, and each time the view
 * must come to PB_MEMORY with nothing left behind (the sanitizers watch), and never to a view with
 * something missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "samples.h"

static size_t allowed = SIZE_MAX; /* allocations until the one that fails */

static bool may_allocate(void)
{
    return allowed == SIZE_MAX || allowed-- > 0 || (allowed = 0, false);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
    return may_allocate() ? __real_realloc(old, size) : NULL;
}

/* How many allocations a sample makes. */
static size_t count_allocations(const sample *which)
{
    pb_bundle *bundle = NULL;
    size_t plenty = SIZE_MAX / 2;
    allowed = plenty;
    pb_status status = which->make(&bundle, NULL);
    size_t used = plenty - allowed;
    allowed = SIZE_MAX;
    assert_int_equal(status, PB_OK);
    pb_bundle_destroy(&bundle);
    return used;
}

#define TRIALS 300 /* of one sample, spread over its allocations */

static void every_view_survives_a_failed_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        if (strncmp(samples[i].name, "long", 4) == 0)
            continue; /* nothing new, and slow */
        size_t total = count_allocations(&samples[i]);
        size_t step = total / TRIALS + 1;
        for (size_t fails = 0; fails < total; fails += step) {
            pb_bundle *bundle = NULL;
            allowed = fails;
            pb_status status = samples[i].make(&bundle, NULL);
            allowed = SIZE_MAX;
            if (status != PB_MEMORY || bundle)
                fail_msg("%s: status %d when allocation %zu of %zu fails", samples[i].name,
                         (int)status, fails, total);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_survives_a_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
