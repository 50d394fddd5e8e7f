/* Shell patterns over UTF-8 text, matched by remembering only the last star. */
#include "glob.h"

#include <stdint.h>

#include "base/utf8.h"

typedef struct {
    const char *text;
    size_t length, at;
} reader;

static uint32_t next(reader *from)
{
    return pb_utf8_next(from->text, from->length, &from->at);
}

/* Reads a set after its `[`; false (and nothing read) if no `]` closes it. */
static bool match_set(reader *pattern, uint32_t character, bool *matched)
{
    reader set = *pattern;
    bool negated = false, found = false, first = true;
    if (set.at < set.length && (set.text[set.at] == '^' || set.text[set.at] == '!')) {
        negated = true;
        set.at++;
    }
    while (set.at < set.length) {
        uint32_t low = next(&set);
        if (low == ']' && !first) {
            *pattern = set;
            *matched = found != negated;
            return true;
        }
        first = false;
        uint32_t high = low;
        bool range =
            set.at + 1 < set.length && set.text[set.at] == '-' && set.text[set.at + 1] != ']';
        if (range) {
            set.at++;
            high = next(&set);
        }
        found = found || (low <= character && character <= high);
    }
    return false;
}

/* Matches one pattern element other than a star against one character; both advance. */
static bool match_one(reader *pattern, reader *text)
{
    uint32_t character = next(text);
    uint32_t wanted = next(pattern);
    bool matched;
    if (wanted == '?')
        return true;
    if (wanted == '[' && match_set(pattern, character, &matched))
        return matched;
    return wanted == character;
}

bool pb_glob_match(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
    reader glob = {pattern, pattern_length, 0};
    reader subject = {text, text_length, 0};
    reader after_star = glob, retry = subject;
    bool starred = false;
    while (subject.at < subject.length || glob.at < glob.length) {
        if (glob.at < glob.length && glob.text[glob.at] == '*') {
            glob.at++;
            starred = true;
            after_star = glob;
            retry = subject;
            continue;
        }
        if (glob.at < glob.length && subject.at < subject.length && match_one(&glob, &subject))
            continue;
        if (!starred || retry.at >= retry.length)
            return false;
        next(&retry); /* let the last star take one more character */
        glob = after_star;
        subject = retry;
    }
    return true;
}
