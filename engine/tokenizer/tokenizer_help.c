/* For people who wrote a text that is not one token: its pieces, and what they may have meant. */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "tokenizer_parts.h"

enum {
    LONGEST_HELPED = 64, /* bytes of a text that is compared with the vocabulary */
    SUGGESTIONS = 5,
    PIECES_SHOWN = 12,
    NAMES_SHOWN = 5
};

/* ---- the nearest tokens ---- */

typedef struct suggestions {
    const pb_tokenizer *tokenizer;
    int32_t *ids;
    size_t count, limit;
} suggestions;

/* Adds a token that a person could write, unless it is there or there are enough. */
static void suggest(suggestions *s, int32_t id)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->ids[i] == id)
            return;
    }
    const token *wanted = &s->tokenizer->tokens[id];
    if (s->count < s->limit && wanted->label == wanted->bytes && !wanted->pads)
        s->ids[s->count++] = id;
}

static void suggest_text(suggestions *s, const char *text, size_t length)
{
    int32_t id = pb_tokenizer_find(s->tokenizer, text, length);
    if (id != PB_NO_TOKEN && length > 0)
        suggest(s, id);
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* A word as it is, in lower case, capitalised, in capitals; each as its text has it (with or
 * without a leading space) and the other way round. */
static void suggest_variants(suggestions *s, const char *word, size_t length, bool spaced)
{
    char variant[LONGEST_HELPED + 1];
    variant[0] = ' ';
    for (int style = 0; style < 4; style++) {
        for (size_t i = 0; i < length; i++) {
            bool capital = style == 3 || (style == 2 && i == 0);
            variant[1 + i] = style == 0 ? word[i] : capital ? upper(word[i]) : lower(word[i]);
        }
        suggest_text(s, variant + (spaced ? 0 : 1), length + (spaced ? 1 : 0));
        suggest_text(s, variant + (spaced ? 1 : 0), length + (spaced ? 0 : 1));
    }
}

/* The shortest token that the text begins. */
static void suggest_longer(suggestions *s, const char *text, size_t length)
{
    const pb_tokenizer *t = s->tokenizer;
    int32_t best = PB_NO_TOKEN;
    for (size_t id = 0; id < t->n_words; id++) {
        const token *each = &t->tokens[id];
        if (each->length > length && memcmp(each->bytes, text, length) == 0 &&
            (best == PB_NO_TOKEN || each->length < t->tokens[best].length))
            best = (int32_t)id;
    }
    if (best != PB_NO_TOKEN)
        suggest(s, best);
}

/* The longest token that begins the text, if it is at least half of it. */
static void suggest_shorter(suggestions *s, const char *text, size_t length)
{
    for (size_t n = length - 1; 2 * n >= length && n >= 3; n--) {
        if (pb_tokenizer_find(s->tokenizer, text, n) != PB_NO_TOKEN) {
            suggest_text(s, text, n);
            return;
        }
    }
}

/* Tokens at the least distance, a third of the letters at most, lower ids (commoner ones) first. */
static void suggest_similar(suggestions *s, const char *text, size_t length)
{
    const pb_tokenizer *t = s->tokenizer;
    size_t limit = (2 * pb_utf8_count(text, length) + 1) / 3; /* in half edits */
    unsigned char *distance = pb_malloc(t->n_words, 1);
    if (!distance)
        return;
    for (size_t id = 0; id < t->n_words; id++) {
        const token *each = &t->tokens[id];
        size_t apart = each->length > length ? each->length - length : length - each->length;
        size_t found = UINT8_MAX;
        if (each->label == each->bytes && apart <= limit && text[0] == each->bytes[0])
            found = pb_edit_distance(text, each->bytes);
        distance[id] = found < UINT8_MAX ? (unsigned char)found : UINT8_MAX;
    }
    for (size_t wanted = 1; wanted <= limit && s->count < s->limit; wanted++) {
        for (size_t id = 0; id < t->n_words; id++) {
            if (distance[id] == wanted)
                suggest(s, (int32_t)id);
        }
    }
    free(distance);
}

size_t pb_tokenizer_nearest(const pb_tokenizer *tokenizer, const char *text, size_t length,
                            int32_t *ids, size_t limit)
{
    suggestions s = {tokenizer, ids, 0, limit};
    size_t start = 0, end = length;
    while (start < end && text[start] == ' ')
        start++;
    while (end > start && text[end - 1] == ' ')
        end--;
    size_t n = end - start;
    if (n == 0 || n > LONGEST_HELPED - 1 || memchr(text, '\0', length))
        return 0;
    char word[LONGEST_HELPED + 1] = " "; /* the text with at most one space before it */
    size_t spaces = start > 0;
    memcpy(word + spaces, text + start, n);
    word[spaces + n] = '\0';

    suggest_variants(&s, text + start, n, start > 0);
    if (n >= 3)
        suggest_longer(&s, word, spaces + n);
    suggest_similar(&s, word, spaces + n);
    suggest_shorter(&s, word, spaces + n);
    return s.count;
}

/* ---- one token, or an error that helps ---- */

/* "·great", pasted from a display: the text with spaces instead, if that is one token. */
static bool fix_pasted_dot(const pb_tokenizer *tokenizer, const char *text, size_t length,
                           pb_buffer *fixed)
{
    static const char dot[] = "\xC2\xB7";
    bool any = false;
    for (size_t at = 0; at < length;) {
        bool is_dot = length - at >= 2 && memcmp(text + at, dot, 2) == 0;
        pb_buffer_byte(fixed, is_dot ? ' ' : text[at]);
        any = any || is_dot;
        at += is_dot ? 2 : 1;
    }
    return any && !fixed->failed &&
           pb_tokenizer_find(tokenizer, fixed->data, fixed->length) != PB_NO_TOKEN;
}

static void add_hint(const pb_tokenizer *tokenizer, const char *text, size_t length,
                     pb_error *error)
{
    pb_buffer hint = PB_BUFFER_EMPTY, fixed = PB_BUFFER_EMPTY;
    int32_t ids[SUGGESTIONS];
    if (fix_pasted_dot(tokenizer, text, length, &fixed)) {
        pb_buffer_text(&hint, "displays show a leading space as \xC2\xB7; write ");
        pb_quoted_text(&hint, fixed.data, fixed.length);
    } else {
        size_t n = pb_tokenizer_nearest(tokenizer, text, length, ids, SUGGESTIONS);
        for (size_t i = 0; i < n; i++) {
            const token *each = &tokenizer->tokens[ids[i]];
            pb_buffer_text(&hint, i == 0 ? "near it, these are one token: " : ", ");
            pb_quoted_text(&hint, each->bytes, each->length);
        }
    }
    if (hint.length > 0 && !hint.failed)
        pb_error_hint(error, "%s", hint.data);
    pb_buffer_free(&hint);
    pb_buffer_free(&fixed);
}

/* `" fantastically" is 3 tokens, and one was expected: " fant" "ast" "ically"` */
static pb_status fail_pieces(const pb_tokenizer *tokenizer, const char *text, size_t length,
                             const int32_t *ids, size_t count, pb_error **error)
{
    pb_buffer message = PB_BUFFER_EMPTY;
    pb_quoted_text(&message, text, length < 80 ? length : pb_utf8_offset(text, length, 20));
    pb_buffer_format(&message, "%s is %zu tokens, and one was expected%s", length < 80 ? "" : "...",
                     count, count > 0 ? ":" : "");
    for (size_t i = 0; i < count && i < PIECES_SHOWN; i++) {
        const token *piece = &tokenizer->tokens[ids[i]];
        pb_buffer_byte(&message, ' ');
        pb_quoted_text(&message, piece->bytes, piece->length);
    }
    if (count > PIECES_SHOWN)
        pb_buffer_text(&message, " ...");
    char *taken = pb_buffer_take(&message);
    pb_status status = taken ? pb_fail(error, PB_VALUE, "%s", taken) : pb_fail_memory(error);
    free(taken);
    if (error)
        add_hint(tokenizer, text, length, *error);
    return status;
}

pb_status pb_tokenizer_need_one(const pb_tokenizer *tokenizer, const char *text, size_t length,
                                int32_t *id, pb_error **error)
{
    int32_t *ids = NULL;
    size_t count = 0;
    if (tokenizer->of_pieces && (*id = pb_tokenizer_find(tokenizer, text, length)) != PB_NO_TOKEN)
        return PB_OK;
    pb_status status =
        pb_tokenizer_encode(tokenizer, text, length, PB_SPECIAL_ALLOWED, NULL, &ids, &count, error);
    if (status)
        return status;
    if (count == 1)
        *id = ids[0];
    else
        status = fail_pieces(tokenizer, text, length, ids, count, error);
    free(ids);
    return status;
}

/* ---- what may surprise ---- */

static void note_label(const pb_tokenizer *t, int32_t id, pb_buffer *out)
{
    const token *each = &t->tokens[id];
    pb_quoted_text(out, each->bytes, each->length);
}

static void note_unused(const pb_tokenizer *t, pb_buffer *out)
{
    if (t->n_unmade > 0) {
        pb_buffer_format(out,
                         "%zu token%s of the vocabulary %s made by no merge, so that no text "
                         "has %s: ",
                         t->n_unmade, t->n_unmade == 1 ? "" : "s", t->n_unmade == 1 ? "is" : "are",
                         t->n_unmade == 1 ? "it" : "them");
        note_label(t, t->unmade, out);
        pb_buffer_text(out, t->n_unmade == 1 ? ".\n" : " ...\n");
    }
    size_t beyond = 0, first = 0;
    for (size_t id = t->n_known; id-- > t->n_tokens;) {
        if (t->tokens[id].pads || t->tokens[id].implied)
            continue;
        beyond++;
        first = id;
    }
    if (beyond > 0) {
        pb_buffer_format(out,
                         "%zu token%s of the vocabulary %s no row in the embedding and cannot "
                         "be used: ",
                         beyond, beyond == 1 ? "" : "s", beyond == 1 ? "has" : "have");
        note_label(t, (int32_t)first, out);
        pb_buffer_text(out, beyond == 1 ? ".\n" : " ...\n");
    }
}

void pb_tokenizer_notes(const pb_tokenizer *tokenizer, pb_buffer *out)
{
    const pb_tokenizer *t = tokenizer;
    if (t->adds_space)
        pb_buffer_format(out,
                         "A text that does not begin with a space gets one (add_prefix_space "
                         "in %s).\n",
                         t->space_file ? t->space_file : "the tokenizer");
    if (t->writes_spaces && t->prefix != PREFIX_NEVER)
        pb_buffer_format(out, "A space is put before %s (pre_tokenizer in tokenizer.json).\n",
                         t->prefix == PREFIX_FIRST ? "a text" : "each stretch of a text");
    if (t->normalizer.count > 0)
        pb_buffer_text(out,
                       "Text is normalised before it is cut (normalizer in tokenizer.json).\n");
    if (t->specials_as_text)
        pb_buffer_text(out, "Special tokens in a text are text (split_special_tokens in "
                            "tokenizer_config.json).\n");
    if (t->closes)
        pb_buffer_text(out, "The tokenizer is set to put a token behind every text; prompts go "
                            "without.\n");
    size_t listed = 0;
    pb_buffer names = PB_BUFFER_EMPTY;
    for (size_t id = 0; id < t->n_tokens; id++) {
        if (!t->tokens[id].added || (int32_t)id == t->start)
            continue;
        if (listed++ < NAMES_SHOWN) {
            pb_buffer_text(&names, listed > 1 ? ", " : "");
            note_label(t, (int32_t)id, &names);
        }
    }
    if (listed > 0 && !names.failed)
        pb_buffer_format(out,
                         listed == 1 ? "%s%s is a token wherever a text has it.\n"
                                     : "%s%s are tokens wherever a text has them.\n",
                         names.data, listed > NAMES_SHOWN ? " and others" : "");
    pb_buffer_free(&names);
    note_unused(t, out);
}
