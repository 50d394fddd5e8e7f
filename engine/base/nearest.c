/*
 * Damerau-Levenshtein distance (optimal string alignment), counted in half edits so that a letter
 * of the other case can cost less than another letter.
 */
#include "base/nearest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

enum { LONGEST = 128, EDIT = 2, CASE_EDIT = 1 };

typedef struct word {
    uint32_t letters[LONGEST];
    size_t length;
} word;

static void read_word(const char *text, word *out)
{
    size_t bytes = strlen(text);
    out->length = 0;
    for (size_t at = 0; at < bytes && out->length < LONGEST;)
        out->letters[out->length++] = pb_utf8_next(text, bytes, &at);
}

static uint32_t lower(uint32_t letter)
{
    return letter >= 'A' && letter <= 'Z' ? letter + ('a' - 'A') : letter;
}

static size_t replace_cost(uint32_t a, uint32_t b)
{
    if (a == b)
        return 0;
    return lower(a) == lower(b) ? CASE_EDIT : EDIT;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const word *a, const word *b)
{
    size_t rows[3][LONGEST + 1]; /* row i of the table, and the two before it */
    for (size_t j = 0; j <= b->length; j++)
        rows[0][j] = j * EDIT;
    for (size_t i = 1; i <= a->length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3], *above_that = rows[(i + 1) % 3];
        row[0] = i * EDIT;
        for (size_t j = 1; j <= b->length; j++) {
            uint32_t x = a->letters[i - 1], y = b->letters[j - 1];
            row[j] = least(above[j], row[j - 1]) + EDIT;
            row[j] = least(row[j], above[j - 1] + replace_cost(x, y));
            if (i > 1 && j > 1 && x == b->letters[j - 2] && a->letters[i - 2] == y)
                row[j] = least(row[j], above_that[j - 2] + EDIT);
        }
    }
    return rows[a->length % 3][b->length];
}

size_t pb_edit_distance(const char *a, const char *b)
{
    word first, second;
    read_word(a, &first);
    read_word(b, &second);
    return distance(&first, &second);
}

static bool differ_in_case_only(const word *a, const word *b)
{
    bool same = a->length == b->length;
    for (size_t i = 0; same && i < a->length; i++)
        same = lower(a->letters[i]) == lower(b->letters[i]);
    return same;
}

/* The shortest name that goes on where `wanted` stops: somebody typed only the beginning. */
static const char *shortest_longer(const char *wanted, const char *const *names, size_t count)
{
    size_t length = strlen(wanted);
    const char *best = NULL;
    for (size_t i = 0; length >= 3 && i < count; i++) {
        if (strncmp(names[i], wanted, length) == 0 && (!best || strlen(names[i]) < strlen(best)))
            best = names[i];
    }
    return best;
}

const char *pb_nearest(const char *wanted, const char *const *names, size_t count)
{
    word target, other;
    read_word(wanted, &target);
    size_t limit = (target.length * EDIT + 1) / 3; /* about a third of the letters */
    const char *best = NULL;
    size_t best_distance = limit + 1;
    for (size_t i = 0; i < count; i++) {
        read_word(names[i], &other);
        size_t apart = other.length > target.length ? other.length - target.length
                                                    : target.length - other.length;
        if (apart * EDIT >= best_distance)
            continue;
        size_t found = distance(&target, &other);
        if (differ_in_case_only(&target, &other) && found > CASE_EDIT)
            found = CASE_EDIT; /* "LOAD" is meant for "load", however many letters differ */
        if (found < best_distance) {
            best = names[i];
            best_distance = found;
        }
    }
    return best ? best : shortest_longer(wanted, names, count);
}
