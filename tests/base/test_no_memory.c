/*
 * What happens when memory runs out: every allocation of a piece of work fails in turn. The work
 * must come to PB_MEMORY or its equal, leave nothing behind (the sanitizers watch), and succeed
 * once nothing fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/map.h"
#include "failing_memory.h"

/* ---- the static error ---- */

/* Where not even an error fits there is the static one, which nothing changes. */
static bool fail_memory(void *unused)
{
    (void)unused;
    pb_error *error = NULL, *other = NULL;
    pb_source *source = pb_source_create("cell 1", "x", 1);
    if (pb_fail_memory(&error) != PB_MEMORY || pb_error_code(error) != PB_MEMORY)
        abort();
    pb_fail_memory(&other);
    bool same = error == other;
    if (source)
        pb_error_place(error, source, (pb_span){0, 1});
    pb_error_trail(error, source, (pb_span){0, 1}, "f");
    if (same && (pb_error_source(error) || !pb_error_hint_text(other)))
        abort();
    bool done = source && pb_error_source(error) == source && pb_error_hint_text(other);
    pb_error_destroy(&error);
    pb_error_destroy(&other);
    pb_source_release(&source);
    return done;
}

/* ---- the work: each returns whether it was done ---- */

static bool fill_buffer(void *unused)
{
    (void)unused;
    pb_buffer b = PB_BUFFER_EMPTY;
    for (int i = 0; i < 100; i++)
        pb_buffer_format(&b, "%d, ", i);
    char *text = pb_buffer_take(&b);
    bool done = text && strlen(text) == 390;
    free(text);
    return done;
}

static bool fill_map(void *unused)
{
    (void)unused;
    pb_map *map = pb_map_create(0);
    bool done = map != NULL;
    size_t count = 0;
    for (int i = 0; done && i < 50; i++) {
        done = pb_map_put(map, &i, sizeof i, (uint64_t)i);
        count += done;
        if (pb_map_count(map) != count) /* a put that failed changes nothing */
            abort();
    }
    pb_map_destroy(&map);
    return done;
}

static bool fill_arena(void *unused)
{
    (void)unused;
    pb_arena *arena = pb_arena_create();
    bool done = arena != NULL;
    for (int i = 0; done && i < 50; i++)
        done = pb_arena_alloc(arena, 1000) != NULL;
    pb_arena_destroy(&arena);
    return done;
}

static bool make_error(void *unused)
{
    (void)unused;
    pb_source *source = pb_source_create("cell 1", "f(x)", 4);
    pb_error *error = NULL;
    pb_fail(&error, PB_NAME, "there is no word '%s'", "f");
    pb_error_hint(error, "did you mean %s?", "g");
    if (source)
        pb_error_place(error, source, (pb_span){0, 1});
    pb_error_trail(error, source, (pb_span){0, 4}, "f");
    char *rendered = pb_error_render(error);
    bool done = source && rendered && pb_error_code(error) == PB_NAME &&
                pb_error_hint_text(error) && strstr(rendered, "in f, called at");
    if (!error || (pb_error_code(error) != PB_NAME && pb_error_code(error) != PB_MEMORY))
        abort(); /* an error is always made, if only the static one */
    free(rendered);
    pb_error_destroy(&error);
    pb_source_release(&source);
    return done;
}

static void test_buffer(void **state)
{
    (void)state;
    assert_survives_failing_memory(fill_buffer, NULL, 1000);
}

static void test_map(void **state)
{
    (void)state;
    assert_survives_failing_memory(fill_map, NULL, 1000);
}

static void test_arena(void **state)
{
    (void)state;
    assert_survives_failing_memory(fill_arena, NULL, 1000);
}

static void test_error(void **state)
{
    (void)state;
    assert_survives_failing_memory(make_error, NULL, 1000);
}

static void test_static_error(void **state)
{
    (void)state;
    assert_survives_failing_memory(fail_memory, NULL, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer),       cmocka_unit_test(test_map),
        cmocka_unit_test(test_arena),        cmocka_unit_test(test_error),
        cmocka_unit_test(test_static_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
