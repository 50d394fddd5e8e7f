/*
 * How much memory there is to be had. Systems promise more than they have and end the process that
 * uses it, so that an allocation which succeeds says little; what they have, they tell.
 */
#ifndef PB_BASE_ROOM_H
#define PB_BASE_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/* Below this an allocation is not worth asking for. */
#define PB_ROOM_WORTH_ASKING ((size_t)32 << 20)

/* Bytes left to the rest of the machine. */
#define PB_ROOM_RESERVE (192.0 * 1024 * 1024)

/* Bytes of memory there are in all, to the machine or to the control group; -1 if untold. */
double pb_room_total(void);

/* Bytes the machine, and the control group the process is in, can still give; -1 where the system
 * does not tell. Reads files of /proc and /sys: some ten microseconds. */
double pb_room_left(void);

/* Whether so many bytes fit and leave the reserve; true for a size not worth asking. */
bool pb_room_for(size_t bytes);

#endif
