/*
 * A log that nobody waits for. Whoever logs only queues a line; a thread of the journal's own
 * writes it, and may wait for as long as a full pipe or a stopped terminal likes.
 *
 * What a flood says stays small: a line that was said a moment ago is counted and said again with
 * its number; of the others so many a second are taken. What is left out is counted and said, too.
 */
#ifndef PB_PROTOCOL_JOURNAL_H
#define PB_PROTOCOL_JOURNAL_H

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"

#define PB_JOURNAL_BURST    100  /* lines at once, */
#define PB_JOURNAL_RATE     10   /* ... and then a second */
#define PB_JOURNAL_LINES    256  /* that wait to be written */
#define PB_JOURNAL_LINE     2000 /* bytes of one; the rest is cut off */
#define PB_JOURNAL_AGAIN_MS 5000 /* how long a line that is repeated is only counted */

typedef struct pb_journal pb_journal;

/* A journal in front of `log`, which is borrowed. */
pb_status pb_journal_start(const pb_log *log, pb_journal **journal, pb_error **error);

/* What to log to; borrowed from the journal. */
const pb_log *pb_journal_log(const pb_journal *journal);

/* Writes what is left and ends the thread; what is logged later is not written. False if that takes
 * longer than `patience_ms`: the thread still waits for whoever should read, and the journal may
 * not be destroyed. NULL is fine. */
bool pb_journal_end(pb_journal *journal, int patience_ms);

void pb_journal_destroy(pb_journal **journal); /* one that has ended */

#endif
