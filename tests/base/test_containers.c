/* Buffers, arenas, maps and sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/room.h"
#include "base/sort.h"
#include "base/source.h"

/* ---- room ---- */

/* Systems promise twice what they have; we do not ask them to. */
static void test_room(void **state)
{
    (void)state;
    double left = pb_room_left();
    assert_true(pb_room_for(1 << 20));
    void *small = pb_malloc(1, 1 << 20);
    assert_non_null(small);
    free(small);
    if (left < 0) /* the system does not tell */
        return;
    size_t much = (size_t)(2 * left) + PB_ROOM_WORTH_ASKING;
    assert_false(pb_room_for(much));
    assert_null(pb_malloc(much / 8, 8));
    assert_null(pb_calloc(much / 8, 8));
    small = pb_malloc(1, 8);
    assert_null(pb_realloc(small, much / 8, 8)); /* leaves what there was */
    free(small);
}

/* ---- buffers ---- */

static void test_buffer(void **state)
{
    (void)state;
    pb_buffer b = PB_BUFFER_EMPTY;
    pb_buffer_text(&b, "a");
    pb_buffer_byte(&b, 'b');
    pb_buffer_repeat(&b, 'c', 3);
    pb_buffer_code_point(&b, 0x20AC);
    pb_buffer_format(&b, "%d-%s", 7, "x");
    pb_buffer_append(&b, "\0z", 2);
    assert_int_equal(b.length, 13);
    assert_memory_equal(b.data,
                        "abccc\xE2\x82\xAC"
                        "7-x\0z",
                        14);
    pb_buffer_clear(&b);
    assert_int_equal(b.length, 0);
    assert_string_equal(b.data, "");
    char *taken = pb_buffer_take(&b);
    assert_string_equal(taken, "");
    free(taken);
    taken = pb_buffer_take(&b); /* nothing was ever appended */
    assert_string_equal(taken, "");
    free(taken);
}

static void test_buffer_overflow(void **state)
{
    (void)state;
    pb_buffer b = PB_BUFFER_EMPTY;
    pb_buffer_text(&b, "kept");
    pb_buffer_repeat(&b, 'x', SIZE_MAX - 2);
    assert_true(b.failed);
    pb_buffer_text(&b, "ignored");
    pb_error *error = NULL;
    assert_int_equal(pb_buffer_status(&b, &error), PB_MEMORY);
    assert_int_equal(pb_error_code(error), PB_MEMORY);
    pb_error_destroy(&error);
    assert_null(pb_buffer_take(&b));
    assert_false(b.failed); /* taking starts over */
    pb_buffer_free(&b);
}

/* ---- sorting ---- */

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Numbers in no order, each of them once. */
static uint32_t *shuffled(size_t count)
{
    uint32_t *numbers = calloc(count + 1, sizeof *numbers);
    assert_non_null(numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (uint32_t)(i * 7919 % count); /* a prime that divides none of the counts */
    return numbers;
}

static void test_sort(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 4095, 4096, 4097, 8192, 12289, 100000};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        uint32_t *numbers = shuffled(counts[k]);
        assert_int_equal(pb_sort(numbers, counts[k], sizeof *numbers, by_number, NULL, NULL),
                         PB_OK);
        for (size_t i = 0; i < counts[k]; i++)
            assert_int_equal(numbers[i], i);
        free(numbers);
    }
}

static struct {
    atomic_bool stop;
    size_t compared;
} sorting;

static int stop_after_some(const void *a, const void *b)
{
    if (++sorting.compared == 200000)
        atomic_store(&sorting.stop, true);
    return by_number(a, b);
}

static void test_sort_stops(void **state)
{
    (void)state;
    const pb_watch watch = {.stop = &sorting.stop};
    pb_error *error = NULL;
    uint32_t *numbers = shuffled(100000); /* some 1.5 million comparisons */
    assert_int_equal(pb_sort(numbers, 100000, sizeof *numbers, stop_after_some, &watch, &error),
                     PB_INTERRUPTED);
    assert_int_equal(pb_error_code(error), PB_INTERRUPTED);
    assert_true(sorting.compared < 300000);
    pb_error_destroy(&error);
    free(numbers);
}

/* ---- arenas ---- */

static void test_arena(void **state)
{
    (void)state;
    pb_arena *arena = pb_arena_create();
    assert_non_null(arena);
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *memory = pb_arena_alloc(arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xAA, size);
    }
    char *text = pb_arena_text(arena, "a\0b", 3);
    assert_memory_equal(text, "a\0b", 4);
    assert_non_null(pb_arena_array(arena, 10, 1 << 20));
    assert_null(pb_arena_array(arena, SIZE_MAX / 2, 3));
    assert_null(pb_arena_alloc(arena, SIZE_MAX));
    assert_true(pb_arena_used(arena) > 10 << 20);
    pb_arena_destroy(&arena);
    assert_null(arena);
    pb_arena_destroy(&arena);
}

/* ---- maps ---- */

/* Ten thousand random puts and removes beside the plainest possible map. */
static void test_map_against_array(void **state)
{
    (void)state;
    enum { KEYS = 500, STEPS = 20000 };
    bool there[KEYS] = {false};
    uint64_t values[KEYS] = {0};
    size_t count = 0;
    uint32_t random = 1;
    pb_map *map = pb_map_create(0);
    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525u + 1013904223u;
        size_t key = (random >> 8) % KEYS;
        char text[16];
        size_t length = (size_t)snprintf(text, sizeof text, "k%zu", key);
        if (random >> 31) {
            assert_true(pb_map_put(map, text, length, (uint64_t)step));
            count += !there[key];
            there[key] = true;
            values[key] = (uint64_t)step;
        } else {
            assert_int_equal(pb_map_remove(map, text, length), there[key]);
            count -= there[key];
            there[key] = false;
        }
        uint64_t value = 0;
        assert_int_equal(pb_map_get(map, text, length, &value), there[key]);
        if (there[key])
            assert_int_equal(value, values[key]);
        assert_int_equal(pb_map_count(map), count);
    }
    size_t walked = 0, cursor = 0, length;
    const char *key;
    uint64_t value;
    while (pb_map_next(map, &cursor, &key, &length, &value)) {
        assert_int_equal(value, values[atoi(key + 1)]);
        assert_int_equal(strlen(key), length);
        walked++;
    }
    assert_int_equal(walked, count);
    pb_map_destroy(&map);
    assert_null(map);
}

static void test_map_order_and_keys(void **state)
{
    (void)state;
    pb_map *map = pb_map_create(2);
    assert_true(pb_map_put(map, "b", 1, 1));
    assert_true(pb_map_put(map, "", 0, 2));
    assert_true(pb_map_put(map, "b\0c", 3, 3));
    assert_true(pb_map_put(map, "a", 1, 4));
    assert_true(pb_map_put(map, "b", 1, 5)); /* replaced, in its old place */
    assert_true(pb_map_remove(map, "a", 1));
    assert_false(pb_map_remove(map, "a", 1));
    static const uint64_t expected[] = {5, 2, 3};
    size_t cursor = 0, n = 0;
    uint64_t value;
    while (pb_map_next(map, &cursor, NULL, NULL, &value))
        assert_int_equal(value, expected[n++]);
    assert_int_equal(n, 3);
    assert_false(pb_map_get(map, "b\0d", 3, NULL));
    pb_map_destroy(&map);
}

/* ---- sources ---- */

static void test_source_position(void **state)
{
    (void)state;
    const char text[] = "ab\r\n\xC3\xA9x\n\nlast";
    pb_source *source = pb_source_create("cell 1", text, sizeof text - 1);
    pb_source *kept = pb_source_retain(source);
    pb_source_release(&source);
    assert_null(source);
    assert_string_equal(pb_source_name(kept), "cell 1");
    assert_int_equal(pb_source_length(kept), sizeof text - 1);
    static const struct {
        size_t offset, line, column, start, end;
    } rows[] = {{0, 1, 1, 0, 2},  {2, 1, 3, 0, 2},   {4, 2, 1, 4, 7},
                {6, 2, 2, 4, 7},  {7, 2, 3, 4, 7},   {8, 3, 1, 8, 8},
                {9, 4, 1, 9, 13}, {13, 4, 5, 9, 13}, {99, 4, 5, 9, 13}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_position at = pb_source_position(kept, rows[i].offset);
        assert_int_equal(at.line, rows[i].line);
        assert_int_equal(at.column, rows[i].column);
        assert_int_equal(at.line_start, rows[i].start);
        assert_int_equal(at.line_end, rows[i].end);
    }
    pb_source_release(&kept);
}

/* ---- logs ---- */

static void count_line(void *user, pb_log_level level, const char *line)
{
    assert_int_equal(level, PB_LOG_WARNING);
    assert_string_equal(line, "7 of 9");
    ++*(int *)user;
}

static void test_log(void **state)
{
    (void)state;
    int lines = 0;
    pb_log log = {PB_LOG_WARNING, count_line, &lines};
    pb_log_write(NULL, PB_LOG_ERROR, "nobody");
    pb_log_write(&log, PB_LOG_DEBUG, "too quiet");
    pb_log_write(&log, PB_LOG_INFO, "too quiet");
    pb_log_write(&log, PB_LOG_WARNING, "%d of %d", 7, 9);
    assert_int_equal(lines, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_buffer),
        cmocka_unit_test(test_buffer_overflow),
        cmocka_unit_test(test_sort),
        cmocka_unit_test(test_sort_stops),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_map_against_array),
        cmocka_unit_test(test_map_order_and_keys),
        cmocka_unit_test(test_source_position),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
