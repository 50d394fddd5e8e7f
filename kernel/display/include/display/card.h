/* Cards: a name, a few facts with units, and a strip of blocks that shows how a thing is built. */
#ifndef PB_DISPLAY_CARD_H
#define PB_DISPLAY_CARD_H

#include "display/view.h"

typedef struct pb_fact {
    const char *name;  /* "layers" */
    const char *value; /* "6" */
    const char *unit;  /* "tokens"; NULL for none */
} pb_fact;

/* One block of the strip, from left to right. Neighbours with the same group stand in one frame
 * with the group's text above ("layers 0-5, each"). */
typedef struct pb_block {
    const char *name;   /* "attention" */
    const char *detail; /* "8 heads" */
    const char *group;
    unsigned colour; /* an index into the colours of series */
} pb_block;

typedef struct pb_card_view {
    pb_words words; /* the title is the name of the thing */
    const char *subtitle;
    const pb_fact *facts;
    size_t n_facts;
    const pb_block *blocks;
    size_t n_blocks;
} pb_card_view;

pb_status pb_show_card(const pb_card_view *view, pb_bundle **bundle, pb_error **error);

#endif
