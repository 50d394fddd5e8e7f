/* Drawing prompts, places, edits and metrics: the same seed draws the same. */
#ifndef PB_TESTS_STUDY_DRAWN_H
#define PB_TESTS_STUDY_DRAWN_H

#include "fixture.h"
#include "study/edit.h"

typedef struct drawing {
    pb_model *model;
    uint64_t state;
    pb_edit_spec last; /* the last edit drawn, without positions and source */
    pb_select last_layer, last_head, last_key;
} drawing;

/* Opens the model in a folder. */
void drawing_start(drawing *d, const char *folder, uint64_t seed);
void drawing_end(drawing *d);

/* 0 .. n - 1, each as likely. */
size_t draw(drawing *d, size_t n);

int32_t draw_token(drawing *d);
/* One that the model has. */
pb_site draw_site(drawing *d);

/* A prompt of that many tokens. */
pb_run *draw_run(drawing *d, size_t length);

/* Two prompts of one length, of which some tokens differ, or none; either may be edited. */
void draw_pair(drawing *d, size_t length, pb_run **into, pb_run **from);

/* Distinct heads of a site, 1 .. most of them; gives how many. */
size_t draw_heads(drawing *d, pb_site site, size_t most, pb_head *heads);

/* Places along an axis: all, one, a list or a slice. */
typedef struct drawn_select {
    pb_select select, items[3];
} drawn_select;

void draw_select(drawing *d, size_t length, bool all_too, drawn_select *drawn);
const pb_select *drawn_or_all(const drawn_select *drawn); /* NULL for all */

/* An edit; with `source` its values may come from there. `places` holds a position for each of n
 * prompts, or is NULL for all positions. */
pb_edit *draw_edit(drawing *d, pb_run *source, const pb_select *places, size_t n);
/* The last one, which had no source, at other places. */
pb_edit *draw_edit_again(drawing *d, const pb_select *places, size_t n);

typedef struct drawn_metric {
    int32_t targets[8], against[8];
    pb_select positions[8], per;
    pb_run *reference[8];
} drawn_metric;

/* A metric of n prompts (at most 8), each with a target and a position of its own. The metric
 * points into `kept`. */
void draw_metric(drawing *d, pb_run *const *runs, size_t n, drawn_metric *kept, pb_metric *metric);
void drawn_metric_free(drawn_metric *kept);

/* What it is for one of the prompts alone. */
pb_metric drawn_metric_of(const pb_metric *metric, size_t which);

#endif
