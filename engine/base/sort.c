/* Runs that qsort() sorts in a moment, merged two by two, back and forth between two blocks. */
#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Items sorted or merged between two looks at the stop flag: about a ms. */
enum { RUN = 4096 };

typedef struct sorting {
    char *from, *to; /* blocks of the same length */
    size_t count, size;
    int (*compare)(const void *, const void *);
    const pb_watch *watch;
} sorting;

static size_t at_most(size_t value, size_t limit)
{
    return value < limit ? value : limit;
}

static bool sort_runs(const sorting *s)
{
    for (size_t start = 0; start < s->count; start += RUN) {
        if (pb_watch_stopped(s->watch))
            return false;
        qsort(s->from + start * s->size, at_most(RUN, s->count - start), s->size, s->compare);
    }
    return true;
}

/* Merges [start, middle) and [middle, end) of `from` into the same places of `to`. */
static bool merge(const sorting *s, size_t start, size_t middle, size_t end)
{
    size_t left = start, right = middle, size = s->size;
    for (size_t at = start; at < end; at++) {
        if (at % RUN == 0 && pb_watch_stopped(s->watch))
            return false;
        bool take_left = right == end || (left < middle && s->compare(s->from + left * size,
                                                                      s->from + right * size) <= 0);
        memcpy(s->to + at * size, s->from + (take_left ? left++ : right++) * size, size);
    }
    return true;
}

/* One pass over runs of `width`. */
static bool merge_runs(const sorting *s, size_t width)
{
    for (size_t start = 0; start < s->count; start += 2 * width) {
        size_t middle = start + at_most(width, s->count - start);
        if (!merge(s, start, middle, middle + at_most(width, s->count - middle)))
            return false;
    }
    return true;
}

pb_status pb_sort(void *items, size_t count, size_t size,
                  int (*compare)(const void *, const void *), const pb_watch *watch,
                  pb_error **error)
{
    char *scratch = pb_malloc(count > RUN ? count : 0, size);
    if (!scratch)
        return pb_fail_memory(error);
    sorting s = {items, scratch, count, size, compare, watch};
    bool goes_on = sort_runs(&s);
    for (size_t width = RUN; goes_on && width < count; width *= 2) {
        goes_on = merge_runs(&s, width);
        char *sorted = s.to;
        s.to = s.from;
        s.from = sorted;
    }
    if (goes_on && s.from == scratch)
        memcpy(items, scratch, count * size);
    free(scratch);
    return goes_on ? PB_OK : pb_watch_fail(error);
}
