/* A sorted list that is narrowed down byte by byte; see added.h for whose rules these are. */
#include "added.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* ---- the set ---- */

static int compare(const char *a, size_t n, const char *b, size_t m)
{
    int order = memcmp(a, b, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

static int by_text(const void *a, const void *b)
{
    const added_token *x = a, *y = b;
    int order = compare(x->text, x->length, y->text, y->length);
    return order ? order : (x->id > y->id) - (x->id < y->id);
}

void added_set_make(added_token *tokens, size_t count, added_set *set)
{
    *set = (added_set){.tokens = tokens};
    if (count > 0)
        qsort(tokens, count, sizeof *tokens, by_text);
    for (size_t i = 0; i < count; i++) {
        const added_token *last = set->count > 0 ? &tokens[set->count - 1] : NULL;
        if (tokens[i].length == 0 ||
            (last && !compare(last->text, last->length, tokens[i].text, tokens[i].length)))
            continue;
        set->begins[(unsigned char)tokens[i].text[0]] = true;
        tokens[set->count++] = tokens[i];
    }
}

void added_set_cut(added_set *set, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++)
        if (!set->tokens[i].implied || (size_t)set->tokens[i].id < count)
            set->tokens[kept++] = set->tokens[i];
    set->count = kept;
}

void added_set_free(added_set *set)
{
    free(set->tokens);
    *set = (added_set){.tokens = NULL};
}

/* The first of tokens[low .. high - 1], which agree in `depth` bytes, whose next byte is not less;
 * those that end there come before all others. */
static size_t lower_bound(const added_set *set, size_t low, size_t high, size_t depth, int byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const added_token *token = &set->tokens[middle];
        int next = token->length > depth ? (unsigned char)token->text[depth] : -1;
        if (next < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest token that text starts with; NULL if none does. */
static const added_token *longest(const added_set *set, const char *text, size_t length)
{
    const added_token *found = NULL;
    size_t low = 0, high = set->count;
    for (size_t depth = 0; low < high; depth++) {
        if (set->tokens[low].length == depth)
            found = &set->tokens[low];
        if (depth == length)
            break;
        int byte = (unsigned char)text[depth];
        low = lower_bound(set, low, high, depth, byte);
        high = lower_bound(set, low, high, depth, byte + 1);
    }
    return found;
}

/* ---- letters and spaces ---- */

static bool is_white(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

size_t added_space_at(const char *text, size_t length, size_t at)
{
    size_t end = at;
    return at < length && is_white(pb_utf8_next(text, length, &end)) ? end - at : 0;
}

/* Where the character before `at` starts. */
static size_t character_before(const char *text, size_t at)
{
    do
        at--;
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80);
    return at;
}

size_t added_space_before(const char *text, size_t at)
{
    if (at == 0)
        return 0;
    size_t start = character_before(text, at);
    return added_space_at(text, at, start);
}

/* Whether neither side of text[start .. end - 1] has a letter. */
static bool stands_alone(const added_walk *walk, size_t start, size_t end)
{
    const char *text = walk->text;
    return (start == 0 ||
            !word_cutter_is_letter(walk->cutter, text, start, character_before(text, start))) &&
           (end == walk->length || !word_cutter_is_letter(walk->cutter, text, walk->length, end));
}

/* ---- walking ---- */

/* Looks for the next token from `searched` on, and takes the spaces it strips. Spaces that the one
 * before has taken are not taken twice. */
static void search_from(added_walk *walk)
{
    const added_set *set = walk->set;
    while (walk->searched < walk->length) {
        size_t start = walk->searched;
        const added_token *token = set->begins[(unsigned char)walk->text[start]]
                                       ? longest(set, walk->text + start, walk->length - start)
                                       : NULL;
        if (!token) {
            walk->searched++;
            continue;
        }
        size_t end = start + token->length;
        walk->searched = end;
        if ((walk->skip_special && token->special) ||
            (token->single_word && !stands_alone(walk, start, end)))
            continue;
        for (size_t n; token->lstrip && (n = added_space_before(walk->text, start));)
            start -= n;
        if (token->lstrip && start < walk->taken)
            start = walk->taken;
        for (size_t n; token->rstrip && (n = added_space_at(walk->text, walk->length, end));)
            end += n;
        walk->is_found = true;
        walk->found = *token;
        walk->found_end = end;
        walk->found.text = walk->text + start;
        walk->found.length = end > start ? end - start : 0;
        return;
    }
}

bool added_walk_next(added_walk *walk, const added_token **token, const char **piece,
                     size_t *length, pb_status *status, pb_error **error)
{
    *token = NULL;
    for (;;) {
        if (!walk->is_found)
            search_from(walk);
        if ((*status = word_cutter_status(walk->cutter, error)))
            return false;
        size_t start = walk->is_found ? (size_t)(walk->found.text - walk->text) : walk->length;
        if (walk->taken < start) {
            *piece = walk->text + walk->taken;
            *length = start - walk->taken;
            walk->taken = start;
            return true;
        }
        if (!walk->is_found)
            return false;
        walk->is_found = false;
        walk->taken = walk->found_end;
        if (walk->found.length > 0) /* else the one before has taken all of it */
            break;
    }
    *token = &walk->found;
    *piece = walk->found.text;
    *length = walk->found.length;
    return true;
}
