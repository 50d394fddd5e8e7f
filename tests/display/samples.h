/* Every view on sample data. */
#ifndef DISPLAY_SAMPLES_H
#define DISPLAY_SAMPLES_H

#include "display/bundle.h"

typedef struct sample {
    const char *name;
    pb_status (*make)(pb_bundle **bundle, pb_error **error);
} sample;

enum { N_SAMPLES = 17 };
extern const sample samples[N_SAMPLES];

#endif
