/*
 * GPT-2's pattern, in PCRE2:
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * It differs in two ways that do not change what it matches. White space is spelled out, since
 * PCRE2's own \s holds U+180E, which Unicode took out of White_Space in 6.3. And runs are
 * possessive where giving back could not help, so that a long word needs no memory for
 * backtracking.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "word_pattern.h"

#include <pcre2.h>

#include "base/memory.h"

#define SPACE "\\p{Z}\\t-\\r\\x{85}"

static const char pattern_text[] = "'(?:[stmd]|re|ve|ll)"
                                   "| ?\\p{L}++"
                                   "| ?\\p{N}++"
                                   "| ?[^" SPACE "\\p{L}\\p{N}]++"
                                   "|[" SPACE "]+(?![^" SPACE "])"
                                   "|[" SPACE "]++";

struct word_pattern {
    pcre2_code *code;
};

struct word_cutter {
    const word_pattern *pattern;
    pcre2_match_data *match;
};

pb_status word_pattern_create(word_pattern **pattern, pb_error **error)
{
    int number;
    PCRE2_SIZE at;
    word_pattern *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    made->code = pcre2_compile((PCRE2_SPTR)pattern_text, sizeof pattern_text - 1,
                               PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &number, &at, NULL);
    if (!made->code) {
        char reason[128] = "";
        pcre2_get_error_message(number, (PCRE2_UCHAR *)reason, sizeof reason);
        word_pattern_destroy(&made);
        return number == PCRE2_ERROR_NOMEMORY
                   ? pb_fail_memory(error)
                   : pb_fail(error, PB_INTERNAL, "PCRE2 refuses the word pattern: %s", reason);
    }
    /* Where machine code may not be made, matching goes on without it, only slower. */
    (void)pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE);
    *pattern = made;
    return PB_OK;
}

void word_pattern_destroy(word_pattern **pattern)
{
    if (!pattern || !*pattern)
        return;
    pcre2_code_free((*pattern)->code);
    free(*pattern);
    *pattern = NULL;
}

word_cutter *word_cutter_create(const word_pattern *pattern)
{
    word_cutter *cutter = pb_calloc(1, sizeof *cutter);
    if (!cutter)
        return NULL;
    cutter->pattern = pattern;
    cutter->match = pcre2_match_data_create(1, NULL);
    if (!cutter->match)
        word_cutter_destroy(&cutter);
    return cutter;
}

void word_cutter_destroy(word_cutter **cutter)
{
    if (!cutter || !*cutter)
        return;
    pcre2_match_data_free((*cutter)->match);
    free(*cutter);
    *cutter = NULL;
}

pb_status word_cutter_next(word_cutter *cutter, const char *text, size_t length, size_t start,
                           size_t *end, pb_error **error)
{
    int found = pcre2_match(cutter->pattern->code, (PCRE2_SPTR)text, length, start,
                            PCRE2_NO_UTF_CHECK, cutter->match, NULL);
    if (found == PCRE2_ERROR_NOMEMORY)
        return pb_fail_memory(error);
    if (found < 0)
        return pb_fail(error, PB_INTERNAL, "the word at byte %zu cannot be matched (PCRE2's %d)",
                       start, found);
    *end = pcre2_get_ovector_pointer(cutter->match)[1];
    return PB_OK;
}
