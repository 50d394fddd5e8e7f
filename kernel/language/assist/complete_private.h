/* What the files of completion share. */
#ifndef PB_ASSIST_COMPLETE_PRIVATE_H
#define PB_ASSIST_COMPLETE_PRIVATE_H

#include "scan.h"

/* What could stand at the place, by how well it fits there; the first come first. */
typedef enum pb_fit {
    PB_FIT_PLACE,     /* what only this place has: axes, arguments, members, choices; in order */
    PB_FIT_OWN,       /* the user's names, whose values fit */
    PB_FIT_WORDS,     /* words whose results fit */
    PB_FIT_OTHER_OWN, /* the user's other names */
    PB_FIT_OTHERS,    /* other words */
    PB_FIT_KEYWORDS,
    PB_N_FITS
} pb_fit;

typedef struct pb_completion {
    const pb_snapshot *snapshot;
    pb_scan scan;
    size_t end;    /* tokens before the word being completed */
    pb_span range; /* of the word */
    pb_names *names[PB_N_FITS];
} pb_completion;

/* Does an argument or an entry of an index begin at the place? */
bool pb_complete_starts_entry(const pb_completion *c, size_t open);
/* The names of arguments in f(...) and what they take. Gives the parameter at the place, of which
 * names that fit are told from others; NULL if it is not known. */
const pb_parameter *pb_complete_arguments(pb_completion *c, size_t open);
/* The axes or columns in x[...]. True if x has any, so that an entry is a place along them. */
bool pb_complete_axes(pb_completion *c, size_t open);
/* What a string may be: a choice, a place, a label, a column, a file. */
void pb_complete_string(pb_completion *c);

/* The row of the word called at bracket token `open`; NULL if it is no built-in. */
const pb_builtin *pb_called_row(const pb_scan *scan, const pb_snapshot *snapshot, size_t open);
/* The parameter an argument of that call is for; NULL if the word has none. */
const pb_parameter *pb_called_parameter(const pb_scan *scan, const pb_builtin *row, size_t open,
                                        const pb_scan_argument *argument);

#endif
