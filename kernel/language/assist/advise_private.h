/* What the files of advice share: the holes of a row's line, and what is written for them. */
#ifndef PB_ASSIST_ADVISE_PRIVATE_H
#define PB_ASSIST_ADVISE_PRIVATE_H

#include "eval/habit.h"
#include "scan.h"

/* Texts by the names of holes, each malloc'ed. */
typedef struct pb_blanks {
    struct {
        const char *name;
        char *text;
    } items[40];
    size_t count;
} pb_blanks;

/* Takes the text; NULL leaves the hole open. */
void pb_blank(pb_blanks *blanks, const char *name, char *text);
void pb_blank_buffer(pb_blanks *blanks, const char *name, pb_buffer *text);
const char *pb_blank_text(const pb_blanks *blanks, const char *name); /* NULL: open */
void pb_blanks_free(pb_blanks *blanks);
/* The line with its holes filled. False where one stays open. */
bool pb_fill_line(const char *line, const pb_blanks *blanks, pb_buffer *out);

/* The text of tokens [start, end), malloc'ed; NULL for none. */
char *pb_scan_span_text(const pb_scan *scan, size_t start, size_t end);
/* The token that closes the bracket at token `open`; SIZE_MAX for none. */
size_t pb_scan_closing(const pb_scan *scan, size_t open);

/* Fills the holes that the whole cell fills. */
void pb_fill_page(const pb_scan *scan, const pb_snapshot *snapshot, pb_blanks *blanks);
/* The first row for code of which all names stand in it, with its line; NULL if none fits. */
const pb_habit *pb_find_idiom(const pb_scan *scan, const pb_snapshot *snapshot,
                              const pb_blanks *blanks, pb_buffer *line);

#endif
