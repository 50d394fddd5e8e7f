/* The account of the memory that values hold. */
#include "base/budget.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/room.h"

#define USUAL_SHARE 0.75 /* of the machine's memory: the rest is for weights and other programs */
#define HEADER      8    /* bytes that the heap keeps beside a block */

const char pb_budget_hint[] = "give large names another value, x = None, or start Patchbay with "
                              "more: PATCHBAY_MEMORY=8G";

/* Of the process, as its heap is. */
static atomic_size_t most, held;

/* Of the thread, as errno is: bytes that were refused and of which nothing was said yet. */
static _Thread_local size_t refused;

void pb_budget_set(size_t bytes)
{
    atomic_store_explicit(&most, bytes, memory_order_relaxed);
}

size_t pb_budget_usual(void)
{
    double total = pb_room_total();
    return total > 0 ? (size_t)(total * USUAL_SHARE) : 0;
}

size_t pb_budget_held(void)
{
    return atomic_load_explicit(&held, memory_order_relaxed);
}

void *pb_hold(void *block)
{
    if (block)
        atomic_fetch_add_explicit(&held, malloc_usable_size(block) + HEADER, memory_order_relaxed);
    return block;
}

void pb_let_go(void *block)
{
    if (block)
        atomic_fetch_sub_explicit(&held, malloc_usable_size(block) + HEADER, memory_order_relaxed);
    free(block);
}

bool pb_budget_fits(size_t bytes)
{
    size_t bound = atomic_load_explicit(&most, memory_order_relaxed), now = pb_budget_held();
    if (bound == 0 || (now <= bound && bytes <= bound - now))
        return true;
    refused = bytes ? bytes : 1;
    return false;
}

bool pb_budget_over(void)
{
    size_t bound = atomic_load_explicit(&most, memory_order_relaxed);
    return bound > 0 && pb_budget_held() > bound;
}

bool pb_budget_allows(size_t bytes)
{
    return (bytes < PB_BUDGET_WORTH_ASKING || pb_budget_fits(bytes)) && pb_room_for(bytes);
}

/* "3.0 GB", "200 MB". */
static const char *amount(size_t bytes, char text[32])
{
    double mb = (double)bytes / (1024 * 1024);
    if (mb >= 1024)
        snprintf(text, 32, "%.1f GB", mb / 1024);
    else
        snprintf(text, 32, mb < 10 ? "%.1f MB" : "%.0f MB", mb);
    return text;
}

bool pb_budget_explain(char *text, size_t size)
{
    char needs[32], may[32], used[32];
    size_t asked = refused;
    refused = 0;
    if (asked == 0)
        return false;
    amount(atomic_load_explicit(&most, memory_order_relaxed), may);
    amount(pb_budget_held(), used);
    if (asked >= PB_BUDGET_WORTH_ASKING / 16)
        snprintf(text, size,
                 "this needs %s, and the session's values may hold %s in all (%s are in use); "
                 "PATCHBAY_MEMORY sets it",
                 amount(asked, needs), may, used);
    else
        snprintf(text, size,
                 "this needs more than the %s that the session's values may hold in all; "
                 "PATCHBAY_MEMORY sets it",
                 may);
    return true;
}
