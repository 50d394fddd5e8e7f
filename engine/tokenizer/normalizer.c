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

/* Characters that came after Unicode 9 and that a form changes, moves or joins: to `tokenizers`
 * they are letters like any other, which nothing joins and nothing passes. (Found by comparing its
 * forms of each character, alone and beside marks, with those of utf8proc 2.8, Unicode 15.) */
static const struct {
    uint32_t first, last;
} newer[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},
    {0xA82C, 0xA82C},   {0xAB69, 0xAB69},   {0x10781, 0x10785}, {0x10787, 0x107B0},
    {0x107B2, 0x107BA}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B},
    {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11930, 0x11930}, {0x11938, 0x11938},
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45},
    {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1}, {0x1E030, 0x1E06D},
    {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF},
    {0x1E4EC, 0x1E4EF}, {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9},
};

static bool is_newer(uint32_t code)
{
    size_t low = 0, high = sizeof newer / sizeof *newer;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (newer[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof newer / sizeof *newer && newer[low].first <= code;
}

static void append_form(int form, const char *text, size_t length, pb_buffer *out)
{
    utf8proc_uint8_t *made = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length,
                                      &made, (utf8proc_option_t)form);
    if (n < 0) /* the text is UTF-8, so that memory alone can be missing */
        out->failed = true;
    else
        pb_buffer_append(out, made, (size_t)n);
    free(made);
}

/* Stretch by stretch, with the newer characters between them as they are. */
static void to_form(const normalizer_step *step, const char *text, size_t length, pb_buffer *out)
{
    size_t start = 0;
    for (size_t at = 0, here = 0; at < length && !out->failed; here = at) {
        if (!is_newer(pb_utf8_next(text, length, &at)))
            continue;
        append_form(step->form, text + start, here - start, out);
        pb_buffer_append(out, text + here, at - here);
        start = at;
    }
    if (!out->failed)
        append_form(step->form, text + start, length - start, out);
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
