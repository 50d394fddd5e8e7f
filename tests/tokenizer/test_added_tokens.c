/*
 * Folders with added tokens and switches against Hugging Face's libraries:
 * tests/golden/make_added_tokens.py wrote the folders, the texts and what those say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buffer.h"
#include "scratch.h"
#include "tokenizer/tokenizer.h"

static json_t *golden;

static int read_golden(void **state)
{
    (void)state;
    golden = json_load_file("tests/golden/tokenizer-added.json", JSON_ALLOW_NUL, NULL);
    return golden ? 0 : -1;
}

static int forget_golden(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

/* ---- the folder of a case ---- */

/* A file's text with the golden's vocabulary and merges for the marks in it. */
static char *fill_in(const char *text)
{
    pb_buffer filled = PB_BUFFER_EMPTY;
    while (*text) {
        const char *mark;
        json_t *value;
        size_t skip = 0;
        json_object_foreach(json_object_get(golden, "fill"), mark, value)
        {
            if (skip == 0 && strncmp(text, mark, strlen(mark)) == 0) {
                pb_buffer_text(&filled, json_string_value(value));
                skip = strlen(mark);
            }
        }
        if (skip == 0)
            pb_buffer_byte(&filled, text[skip++]);
        text += skip;
    }
    return pb_buffer_take(&filled);
}

static void write_folder(const char *folder, const json_t *files)
{
    static const char *const all[] = {"vocab.json",        "merges.txt",
                                      "tokenizer.json",    "tokenizer_config.json",
                                      "added_tokens.json", "special_tokens_map.json"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *text = json_string_value(json_object_get(files, all[i]));
        char *filled = text ? fill_in(text) : NULL;
        if (filled)
            scratch_text(folder, all[i], filled);
        else
            unlink(scratch_path(folder, all[i]));
        free(filled);
    }
}

/* ---- what it makes of the texts ---- */

static uint32_t crc_number(uint32_t crc, uint32_t number)
{
    for (int i = 0; i < 4; i++) {
        crc ^= number >> 8 * i & 0xFF;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return crc;
}

/* The ids of a text, which enter the CRC; compared one by one where the golden has them. */
static uint32_t check_text(const pb_tokenizer *t, const char *name, const json_t *text,
                           const json_t *expected, uint32_t crc)
{
    int32_t *ids = NULL;
    size_t count = 0;
    pb_error *error = NULL;
    assert_ok(pb_tokenizer_encode(t, json_string_value(text), json_string_length(text),
                                  PB_SPECIAL_ALLOWED, NULL, &ids, &count, &error),
              &error);
    bool same = !json_is_array(expected) || json_array_size(expected) == count;
    crc = crc_number(crc, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        crc = crc_number(crc, (uint32_t)ids[i]);
        same = same && (!json_is_array(expected) ||
                        json_integer_value(json_array_get(expected, i)) == ids[i]);
    }
    free(ids);
    if (!same)
        fail_msg("%s: the text '%s' has other tokens", name, json_string_value(text));
    return crc;
}

static void check_case(const char *folder, const json_t *each)
{
    const char *name = json_string_value(json_object_get(each, "name"));
    const json_t *ids = json_object_get(each, "ids");
    pb_tokenizer *t = NULL;
    pb_error *error = NULL;
    write_folder(folder, json_object_get(each, "files"));
    assert_ok(pb_tokenizer_open(folder, &t, &error), &error);
    if (pb_tokenizer_start(t) != json_integer_value(json_object_get(each, "start")))
        fail_msg("%s: a text starts with %d", name, (int)pb_tokenizer_start(t));
    uint32_t crc = ~0u;
    size_t index;
    json_t *text;
    json_array_foreach(json_object_get(golden, "texts"), index, text)
    {
        crc =
            check_text(t, name, text, json_is_array(ids) ? json_array_get(ids, index) : NULL, crc);
    }
    if (~crc != (uint32_t)json_integer_value(json_object_get(each, "crc")))
        fail_msg("%s: its texts have other tokens", name);
    pb_tokenizer_destroy(&t);
}

static void test_cases(void **state)
{
    size_t index;
    json_t *each;
    assert_true(json_array_size(json_object_get(golden, "cases")) > 300);
    json_array_foreach(json_object_get(golden, "cases"), index, each)
    {
        check_case(*state, each);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cases, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, read_golden, forget_golden);
}
