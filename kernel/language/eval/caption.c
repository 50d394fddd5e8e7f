/*
 * The caption of a difference or a sum. Where the two captions differ in one phrase alone, the rest
 * is said once: `What each head adds to the logit of "great" after "A" minus "B", in logits`.
 */
#include "caption.h"

#include <stdbool.h>
#include <string.h>

/* One step through a caption: a quoted text, a word, or what stands between. */
static size_t step_over(const char *text)
{
    if (*text == '"') {
        const char *end = strchr(text + 1, '"');
        return end ? (size_t)(end - text) + 1 : strlen(text);
    }
    size_t word = strcspn(text, " \",;:.");
    return word ? word : 1;
}

/* How much of both is the same from the start, in whole steps. */
static size_t same_start(const char *a, const char *b)
{
    size_t at = 0;
    while (a[at] && b[at]) {
        size_t step = step_over(a + at);
        if (step != step_over(b + at) || memcmp(a + at, b + at, step) != 0)
            break;
        at += step;
    }
    return at;
}

/* The first place from `start` on where a step of `a` begins and the rest of it ends `b`, which is
 * past `start`, too. */
static size_t same_end(const char *a, const char *b, size_t start)
{
    size_t length = strlen(b), at = start;
    while (a[at] &&
           (strlen(a + at) > length - start || strcmp(b + length - strlen(a + at), a + at)))
        at += step_over(a + at);
    return at;
}

/* Whether a phrase can stand in a sentence beside another of its kind. */
static bool is_phrase(const char *text, size_t length)
{
    char last = length ? text[length - 1] : '\0';
    for (size_t i = 0; i < length; i += step_over(text + i))
        if (text[i] == ';' || text[i] == ':' || (text[i] == '.' && text[i + 1] == ' '))
            return false;
    return length > 0 && last != ' ' && last != '.';
}

static size_t without_stop(const char *caption)
{
    size_t length = strlen(caption);
    return length > 0 && caption[length - 1] == '.' ? length - 1 : length;
}

void pb_join_captions(const char *a, const char *sign, const char *b, pb_buffer *out)
{
    size_t start = same_start(a, b);
    size_t end = same_end(a, b, start), other = strlen(b) - strlen(a + end);
    size_t common = start + strlen(a + end);
    size_t longer = end > other ? end - start : other - start;
    bool alike = is_phrase(a + start, end - start) && is_phrase(b + start, other - start);
    if (alike && common > longer) {
        pb_buffer_append(out, a, end);
        pb_buffer_format(out, " %s ", sign);
        pb_buffer_append(out, b + start, other - start);
        pb_buffer_text(out, a + end);
        return;
    }
    pb_buffer_append(out, a, without_stop(a));
    if (strcmp(a, b) == 0)
        pb_buffer_format(out, "; %s another that is called the same", sign);
    else
        pb_buffer_format(out, "; %s: %s", sign, b);
}
