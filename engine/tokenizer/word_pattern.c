/*
 * The patterns that families of tokenizers cut texts by, in PCRE2. They differ from the regular
 * expressions in tokenizer.json in two ways that do not change what they match. White space is
 * spelled out, since PCRE2's own \s holds U+180E, which Unicode took out of White_Space in 6.3. And
 * runs are possessive where giving back could not help, so that a long word needs no memory for
 * backtracking.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "word_pattern.h"

#include <pcre2.h>
#include <string.h>

#include "base/memory.h"

#define SPACE "\\p{Z}\\t-\\r\\x{85}"

#define SHORT_FORMS      "'(?:[stmd]|re|ve|ll)"
#define SIGN_AND_LETTERS "[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++"
#define SIGNS_AND_LINES                                                                            \
    " ?[^" SPACE "\\p{L}\\p{N}]++[\\r\\n]*+"                                                       \
    "|[" SPACE "]*[\\r\\n]++"
#define SPACES                                                                                     \
    "[" SPACE "]+(?![^" SPACE "])"                                                                 \
    "|[" SPACE "]++"

static const struct {
    const char *regex; /* NULL where another step of a tokenizer.json says it */
    const char *pattern;
} rows[N_WORDS_BY] = {
    [WORDS_BY_KIND] =
        {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
         SHORT_FORMS "| ?\\p{L}++| ?\\p{N}++| ?[^" SPACE "\\p{L}\\p{N}]++|" SPACES},
    /* Text ends before a digit, so that all spaces there are one word. */
    [WORDS_SINGLE_DIGITS] = {NULL,
                             "\\p{N}|" SHORT_FORMS "| ?\\p{L}++| ?[^" SPACE
                             "\\p{L}\\p{N}]++|[" SPACE "]+(?![^" SPACE "\\p{N}])|[" SPACE "]++"},
    [WORDS_THREE_DIGITS] =
        {"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
         " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
         "(?i:" SHORT_FORMS ")|" SIGN_AND_LETTERS "|\\p{N}{1,3}+|" SIGNS_AND_LINES "|" SPACES},
    [WORDS_SIGN_AND_LETTERS] = {"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                                " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                                "(?i:" SHORT_FORMS ")|" SIGN_AND_LETTERS "|\\p{N}|" SIGNS_AND_LINES
                                "|" SPACES},
};

words_by word_pattern_of_regex(const char *regex, size_t length)
{
    for (size_t i = 0; i < N_WORDS_BY; i++)
        if (rows[i].regex && strlen(rows[i].regex) == length &&
            memcmp(rows[i].regex, regex, length) == 0)
            return (words_by)i;
    return N_WORDS_BY;
}

/* https://www.unicode.org/reports/tr18/#Compatibility_Properties, which PCRE2's own \w is not. */
static const char letter_text[] = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}]";

struct word_pattern {
    pcre2_code *code, *letter;
};

struct word_cutter {
    const word_pattern *pattern;
    pcre2_match_data *match;
    int fault; /* PCRE2's number; 0 for none */
};

static pb_status compile(const char *text, pcre2_code **code, pb_error **error)
{
    int number;
    PCRE2_SIZE at;
    *code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                          PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &number, &at, NULL);
    if (*code) {
        /* Where machine code may not be made, matching goes on without it, only slower. */
        (void)pcre2_jit_compile(*code, PCRE2_JIT_COMPLETE);
        return PB_OK;
    }
    char reason[128] = "";
    pcre2_get_error_message(number, (PCRE2_UCHAR *)reason, sizeof reason);
    return number == PCRE2_ERROR_NOMEMORY
               ? pb_fail_memory(error)
               : pb_fail(error, PB_INTERNAL, "PCRE2 refuses the word pattern: %s", reason);
}

pb_status word_pattern_create(words_by way, word_pattern **pattern, pb_error **error)
{
    word_pattern *made = pb_calloc(1, sizeof *made);
    pb_status status =
        made ? compile(rows[way].pattern, &made->code, error) : pb_fail_memory(error);
    if (!status)
        status = compile(letter_text, &made->letter, error);
    if (status)
        word_pattern_destroy(&made);
    else
        *pattern = made;
    return status;
}

void word_pattern_destroy(word_pattern **pattern)
{
    if (!pattern || !*pattern)
        return;
    pcre2_code_free((*pattern)->code);
    pcre2_code_free((*pattern)->letter);
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

bool word_cutter_is_letter(word_cutter *cutter, const char *text, size_t length, size_t at)
{
    int found = pcre2_match(cutter->pattern->letter, (PCRE2_SPTR)text, length, at,
                            PCRE2_NO_UTF_CHECK, cutter->match, NULL);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH)
        cutter->fault = found;
    return found >= 0;
}

pb_status word_cutter_status(const word_cutter *cutter, pb_error **error)
{
    if (cutter->fault == 0)
        return PB_OK;
    return cutter->fault == PCRE2_ERROR_NOMEMORY
               ? pb_fail_memory(error)
               : pb_fail(error, PB_INTERNAL, "a letter cannot be told (PCRE2's %d)", cutter->fault);
}
