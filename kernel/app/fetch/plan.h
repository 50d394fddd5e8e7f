/* Which files make a model, as the hub describes them at one commit. */
#ifndef PB_FETCH_PLAN_H
#define PB_FETCH_PLAN_H

#include "hub.h"

typedef struct fetch_plan {
    const char *id, *revision; /* borrowed */
    char commit[FETCH_COMMIT + 1];
    fetch_file *files;
    size_t count;
} fetch_plan;

/*
 * Asks the hub for a file and adds it; *missing instead, where the model has none of that name. The
 * first question decides on the commit, and all others are about that one.
 */
pb_status fetch_plan_add(fetch_plan *plan, fetch_http *http, const char *name, bool *missing,
                         pb_error **error);
/* The same; PB_UNSUPPORTED where it is missing. */
pb_status fetch_plan_need(fetch_plan *plan, fetch_http *http, const char *name, pb_error **error);

/* Adds the files of the tokenizer: tokenizer.json, or vocab.json and merges.txt, and the settings
 * beside them. */
pb_status fetch_plan_tokenizer(fetch_plan *plan, fetch_http *http, pb_error **error);

/* Adds the files of weights that an index, read from `path`, names. */
pb_status fetch_plan_shards(fetch_plan *plan, fetch_http *http, const char *path, pb_error **error);

void fetch_plan_free(fetch_plan *plan);

#endif
