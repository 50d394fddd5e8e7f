/* Every view on sample data. */
#ifndef DISPLAY_SAMPLES_H
#define DISPLAY_SAMPLES_H

#include "display/bundle.h"

typedef struct sample {
    const char *name;
    pb_status (*make)(pb_bundle **bundle, pb_error **error);
} sample;

enum { N_SAMPLES = 23 };
extern const sample samples[N_SAMPLES];

/* Numbers in [-1, 1) that look random and are the same everywhere. */
float wobble(size_t i);

/* samples_facets.c */
pb_status sample_facets(pb_bundle **bundle, pb_error **error);
pb_status sample_facet_grid(pb_bundle **bundle, pb_error **error);
pb_status sample_hostile_facets(pb_bundle **bundle, pb_error **error);
pb_status sample_one_facet(pb_bundle **bundle, pb_error **error);
pb_status sample_long_facets(pb_bundle **bundle, pb_error **error);
pb_status sample_long_facets_of_48(pb_bundle **bundle, pb_error **error);

#endif
