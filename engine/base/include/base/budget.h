/*
 * What values may hold in all. A process has one heap, and so one account of what of it is in
 * values: what allocates for a value holds the block, and frees it by letting it go. A model's
 * weights are not in it.
 *
 * What is large is asked for before it is allocated, which pb_malloc() and its like do for all that
 * go through them (memory.h); they return NULL, and pb_fail_memory() then says how much was asked
 * for, and of what. What is small adds up, and is looked at by what makes much of it.
 */
#ifndef PB_BASE_BUDGET_H
#define PB_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

/* Below this an allocation is never refused: a session that has spent everything still runs
 * `x = None`, and says what it has to say. */
#define PB_BUDGET_WORTH_ASKING ((size_t)1 << 20)

void pb_budget_set(size_t bytes); /* 0: no bound but the machine's */
/* A share of the machine's memory, or of what its control group may take; 0 if neither is told. */
size_t pb_budget_usual(void);
size_t pb_budget_held(void);

/* Counts a block from malloc and its like, and gives it back; NULL is fine. It is not to be
 * reallocated from here on. */
void *pb_hold(void *block);
void pb_let_go(void *block); /* counts it no longer, and frees it; NULL is fine */
bool pb_budget_over(void);   /* more is held than may be */

/* Whether so many bytes more may be held. If not, the thread's next pb_fail_memory() says so. */
bool pb_budget_fits(size_t bytes);
/* Whether whatever a person decides the size of may be allocated: it fits, and the machine has room
 * for it (room.h). What is not worth asking always may. */
bool pb_budget_allows(size_t bytes);

/* For pb_fail_memory(): writes the sentence about the thread's last refusal, and forgets it. False
 * if there is none to speak of. */
bool pb_budget_explain(char *text, size_t size);
/* What helps, for a hint. */
extern const char pb_budget_hint[];

#endif
