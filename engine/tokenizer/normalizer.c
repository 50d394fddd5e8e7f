/* A row for each kind of normaliser, and the steps that a file asks for, one after the other. */
#include "normalizer.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "added.h"
#include "base/memory.h"
#include "base/utf8.h"

/* The second is of bytes: steps that make longer texts of short ones end there. */
enum { MOST_STEPS = 64, MOST_MADE = 256 << 20 };

/* Appends to `out` what it makes of the text. */
typedef void normalizer_work(const normalizer_step *step, const char *text, size_t length,
                             pb_buffer *out);

struct normalizer_step {
    normalizer_work *work;
    int form;                    /* of the four Unicode forms: utf8proc's options */
    bool left, right;            /* Strip */
    const char *pattern;         /* Replace */
    size_t n_pattern, n_content; /* their lengths */
    const char *content;         /* Replace, Prepend */
};

/* ---- the kinds ---- */

static void to_form(const normalizer_step *step, const char *text, size_t length, pb_buffer *out)
{
    utf8proc_uint8_t *made = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length,
                                      &made, (utf8proc_option_t)step->form);
    if (n < 0) /* the text is UTF-8, so that memory alone can be missing */
        out->failed = true;
    else
        pb_buffer_append(out, made, (size_t)n);
    free(made);
}

static void lower(const normalizer_step *step, const char *text, size_t length, pb_buffer *out)
{
    (void)step;
    for (size_t at = 0; at < length;) {
        uint32_t code = pb_utf8_next(text, length, &at);
        if (code == 0x130) /* the one that becomes two, an i and a dot above */
            pb_buffer_text(out, "i\xCC\x87");
        else
            pb_buffer_code_point(out, (unsigned)utf8proc_tolower((utf8proc_int32_t)code));
    }
}

static bool is_mark(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
           category == UTF8PROC_CATEGORY_ME;
}

static void strip_accents(const normalizer_step *step, const char *text, size_t length,
                          pb_buffer *out)
{
    (void)step;
    for (size_t at = 0, start = 0; at < length; start = at) {
        if (!is_mark(pb_utf8_next(text, length, &at)))
            pb_buffer_append(out, text + start, at - start);
    }
}

static void strip(const normalizer_step *step, const char *text, size_t length, pb_buffer *out)
{
    size_t start = 0, end = length;
    for (size_t n; step->left && (n = added_space_at(text, end, start));)
        start += n;
    for (size_t n; step->right && end > start && (n = added_space_before(text, end));)
        end -= n;
    pb_buffer_append(out, text + start, end - start);
}

static void prepend(const normalizer_step *step, const char *text, size_t length, pb_buffer *out)
{
    if (length > 0)
        pb_buffer_append(out, step->content, step->n_content);
    pb_buffer_append(out, text, length);
}

static void replace(const normalizer_step *step, const char *text, size_t length, pb_buffer *out)
{
    for (size_t at = 0; at < length;) {
        bool here = step->n_pattern > 0 && length - at >= step->n_pattern &&
                    memcmp(text + at, step->pattern, step->n_pattern) == 0;
        if (here)
            pb_buffer_append(out, step->content, step->n_content);
        else
            pb_buffer_byte(out, text[at]);
        at += here ? step->n_pattern : 1;
        if (out->length > MOST_MADE)
            out->failed = true;
        if (out->failed)
            return;
    }
}

enum { NFD = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, NFC = UTF8PROC_STABLE | UTF8PROC_COMPOSE };

static const struct {
    const char *type;
    normalizer_step step;
} kinds[] = {
    {"NFC", {.work = to_form, .form = NFC}},
    {"NFD", {.work = to_form, .form = NFD}},
    {"NFKC", {.work = to_form, .form = NFC | UTF8PROC_COMPAT}},
    {"NFKD", {.work = to_form, .form = NFD | UTF8PROC_COMPAT}},
    {"Lowercase", {.work = lower}},
    {"StripAccents", {.work = strip_accents}},
    {"Strip", {.work = strip}},
    {"Prepend", {.work = prepend}},
    {"Replace", {.work = replace}},
};

/* ---- reading ---- */

static pb_status refuse(const char *path, pb_json value, pb_error **error)
{
    char shown[PB_JSON_SHOWN];
    return pb_fail(error, PB_UNSUPPORTED,
                   "'%s' normalises text by %s, which is not known here; NFC, NFD, NFKC, NFKD, "
                   "Lowercase, StripAccents, Strip, Prepend and Replace of a string are",
                   path, pb_json_show(value, shown));
}

static bool keep_text(pb_json value, pb_arena *arena, const char **text, size_t *length)
{
    pb_buffer read = PB_BUFFER_EMPTY;
    pb_json_append(value, &read);
    *length = read.length;
    *text = read.failed ? NULL : pb_arena_text(arena, read.data, read.length);
    pb_buffer_free(&read);
    return *text != NULL;
}

static pb_status read_step(const char *path, pb_json value, pb_arena *arena, normalizer *made,
                           pb_error **error)
{
    pb_json type = pb_json_get(value, "type"), pattern = pb_json_get(value, "pattern");
    normalizer_step *step = &made->steps[made->count];
    bool known = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !known; i++) {
        known = pb_json_says(type, kinds[i].type);
        *step = kinds[i].step;
    }
    if (!known || made->count == MOST_STEPS - 1 ||
        (step->work == replace && pb_json_kind_of(pb_json_get(pattern, "String")) != PB_JSON_TEXT))
        return refuse(path, value, error);
    step->left = pb_json_is_true(pb_json_get(value, "strip_left"));
    step->right = pb_json_is_true(pb_json_get(value, "strip_right"));
    pb_json content = pb_json_get(value, step->work == prepend ? "prepend" : "content");
    if (!keep_text(pb_json_get(pattern, "String"), arena, &step->pattern, &step->n_pattern) ||
        !keep_text(content, arena, &step->content, &step->n_content))
        return pb_fail_memory(error);
    made->count++;
    return PB_OK;
}

pb_status normalizer_read(const char *path, pb_json value, pb_arena *arena, normalizer *made,
                          pb_error **error)
{
    *made = (normalizer){NULL, 0};
    if (!value.at || pb_json_kind_of(value) == PB_JSON_NULL)
        return PB_OK;
    made->steps = pb_arena_array(arena, MOST_STEPS, sizeof *made->steps);
    if (!made->steps)
        return pb_fail_memory(error);
    if (!pb_json_says(pb_json_get(value, "type"), "Sequence"))
        return read_step(path, value, arena, made, error);
    pb_json each;
    pb_json_items items = pb_json_each(pb_json_get(value, "normalizers"));
    while (pb_json_next(&items, NULL, &each)) {
        pb_status status = read_step(path, each, arena, made, error);
        if (status)
            return status;
    }
    return PB_OK;
}

/* ---- applying ---- */

pb_status normalizer_apply(const normalizer *made, const char *text, size_t length,
                           pb_buffer *result, pb_error **error)
{
    pb_buffer next = PB_BUFFER_EMPTY;
    pb_buffer_clear(result);
    pb_buffer_append(result, text, length);
    for (size_t i = 0; i < made->count && !result->failed; i++) {
        pb_buffer_clear(&next);
        made->steps[i].work(&made->steps[i], result->data, result->length, &next);
        pb_buffer before = *result;
        *result = next;
        next = before;
    }
    pb_buffer_free(&next);
    return pb_buffer_status(result, error);
}
