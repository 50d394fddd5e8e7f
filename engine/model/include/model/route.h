/*
 * A route says which run each sequence of a batch stands for, and leads what a pass shows of the
 * sequence to that run's own edits: so runs that were edited, each in its way, go through one
 * batch.
 */
#ifndef PB_MODEL_ROUTE_H
#define PB_MODEL_ROUTE_H

#include "model/run.h"

/* `runs` is borrowed and may name a run several times. */
typedef struct pb_route {
    pb_run *const *runs; /* [n], one per sequence */
    size_t n;
} pb_route;

/* Is any of them edited? */
bool pb_route_edits(const pb_route *route);

/* Is the residual stream itself edited, which no component's output shows? */
bool pb_route_edits_stream(const pb_route *route);

/* Does any of their edits want all rows of its prompt in one view? */
bool pb_route_is_whole(const pb_route *route);

/* Hooks that show each sequence's rows to its own run's edits. `route` is borrowed. */
pb_hooks pb_route_hooks(pb_route *route);

#endif
