/*
 * The cell that values are made for, as far as the making of them needs it: to hear that it is to
 * stop, and to let go later of what takes long to let go of. The interpreter of a cell is a keeper
 * and more; to all functions here NULL is one that never stops, but for want of
 * memory, and lets go at once.
 */
#ifndef PB_VALUE_KEEPER_H
#define PB_VALUE_KEEPER_H

#include "base/watch.h"

typedef struct pb_value pb_value;
typedef struct pb_keeper pb_keeper;

struct pb_keeper {
    pb_watch watch;
    /* PB_OK, or why the cell ends: it was stopped, it has taken its steps, memory runs out. */
    pb_status (*check)(pb_keeper *keeper, pb_error **error);
    void (*bury)(pb_keeper *keeper, pb_value **value); /* takes the reference, and nulls it */
};

/* Call it in every loop whose length the user decides. */
pb_status pb_keeper_check(pb_keeper *keeper, pb_error **error);
/* Releases a value; what a stopped cell leaves behind and takes long to let go of, such as a list
 * of millions of values, goes only when its reply is on its way. Nulls the pointer. */
void pb_keeper_bury(pb_keeper *keeper, pb_value **value);

#endif
